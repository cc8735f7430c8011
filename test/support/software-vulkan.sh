#!/usr/bin/env bash
# A software Vulkan driver that onnxruntime's WebGPU provider accepts, unpacked into a folder of its own: lavapipe 25 of Debian's
# bookworm-backports, with the libraries that this machine lacks. Nothing is installed and no rights are needed.
#
#   software-vulkan.sh FOLDER      prints the environment to set, one NAME=value a line
set -euo pipefail
folder=$1
if [ ! -f "$folder/lvp.json" ]; then
  mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } | grep -v '^ *#' | grep -oE '(https?|file|copy|mirror)[^ ]*:/[^ ]*/debian/?( |$)' | head -n 1 || true)
  [ -n "$mirror" ] || { echo 'no Debian mirror is configured here' >&2; exit 1; }
  unpacked=$(mktemp -d "$folder.XXXXXX")
  trap 'rm -rf "$unpacked"' EXIT
  mkdir -p "$unpacked/lists/partial" "$unpacked/archives/partial"
  for suite in bookworm bookworm-backports; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
  done > "$unpacked/sources.list"
  options=(-qq -oDir::Etc::sourcelist="$unpacked/sources.list" -oDir::Etc::sourceparts=- -oDir::State::lists="$unpacked/lists"
    -oDir::Cache="$unpacked" -oDebug::NoLocking=1 -oAPT::Sandbox::User=root)
  apt-get "${options[@]}" update >&2
  apt-get "${options[@]}" --download-only --no-install-recommends --reinstall -y -t bookworm-backports install \
    mesa-vulkan-drivers libdrm2 libvulkan1 >&2
  for package in "$unpacked"/archives/*.deb; do dpkg -x "$package" "$unpacked/root"; done
  rm -rf "$unpacked/lists" "$unpacked/archives" "$unpacked"/*.bin
  manifest=$(ls "$unpacked"/root/usr/share/vulkan/icd.d/lvp_icd*.json | head -n 1)
  sed "s#\"[^\"]*libvulkan_lvp.so\"#\"$folder/root/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so\"#" "$manifest" > "$unpacked/lvp.json"
  # Two may do this at once; the first to be ready stays.
  mv -T "$unpacked" "$folder" 2>/dev/null || [ -f "$folder/lvp.json" ]
fi
echo "LD_LIBRARY_PATH=$folder/root/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
echo "VK_ICD_FILENAMES=$folder/lvp.json"
echo "XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}"
