#!/usr/bin/env bash
# Some minutes on a machine with an NVIDIA GPU: what PyTorch makes of a ResNet-18 and how fast, then igd on the same card. In the folder
# that pack.sh packed, or in the repository. Settings: PYTHON, DEVICES, BATCHES, IMAGES, WIDTH, ITERATIONS, OUT.
set -uo pipefail
cd "$(dirname "$0")"
out=${OUT:-$PWD/results}
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
mkdir -p "$out"
sizes=(--batches "${BATCHES:-64,250,500}" --images "${IMAGES:-1000}" --width "${WIDTH:-64}" --iterations "${ITERATIONS:-20}")
if [ -f bench.mjs ]; then bench=(./node bench.mjs); else bench=(npx tsx index.ts); fi

# The driver's own Vulkan, where it says where that is: another may be found first.
for manifest in /usr/share/vulkan/icd.d/nvidia_icd.json /etc/vulkan/icd.d/nvidia_icd.json; do
  [ -n "${VK_ICD_FILENAMES:-}" ] || [ ! -f "$manifest" ] || export VK_ICD_FILENAMES=$manifest
done
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}

step() {
  echo "== $1"
  shift
  timeout "${LIMIT:-180}" "$@" 2>&1 | tee -a "$out/log.txt"
  [ "${PIPESTATUS[0]}" = 0 ] || echo "== failed (${PIPESTATUS[0]})"
}

nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm --format=csv,noheader 2>/dev/null | tee "$out/gpu.txt"
step PyTorch "${PYTHON:-python3}" torch_side.py "$data" "${sizes[@]}"
for device in ${DEVICES:-cuda webgpu}; do
  step "igd on $device" "${bench[@]}" --device "$device" --folder "$data" "${sizes[@]}"
done
grep '^{' "$out/log.txt" > "$out/results.jsonl"
