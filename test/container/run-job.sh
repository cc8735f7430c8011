#!/bin/sh
# Runs a command in an image's files as the job definitions do (infra/jobs.ts): root read-only, user 1000, an empty /scratch.
#   unshare --mount --pid --fork --kill-child sh run-job.sh ROOT COMMAND...
set -eu
root=$1
shift
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs -o uid=1000,gid=1000,mode=700 tmpfs "$root/scratch"
# Not by exec: process 1 is this shell, as it is Batch's init there.
chroot --userspec=1000:1000 "$root" "$@"
