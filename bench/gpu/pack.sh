#!/usr/bin/env bash
# Makes one file of what bench/gpu needs on a machine with a GPU that has neither Node nor a network: Node, onnxruntime with its CUDA
# and WebGPU providers as far as they are installed here, and the benchmark in one file.
#
#   bash bench/gpu/pack.sh [igd-gpu.tar.xz]      then, there: tar -xJf igd-gpu.tar.xz && bash igd-gpu/run.sh
set -euo pipefail
archive=$(realpath -m "${1:-igd-gpu.tar.xz}")
cd "$(dirname "$0")/../.."
modules=$(readlink -f node_modules)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/igd-gpu
binaries=onnxruntime-node/bin/napi-v6/linux/x64
mkdir -p "$root/node_modules/$binaries"
cp "$(command -v node)" "$root/node"
cp -r "$modules/onnxruntime-common" "$root/node_modules/"
cp -r "$modules/onnxruntime-node/dist" "$modules/onnxruntime-node/package.json" "$root/node_modules/onnxruntime-node/"
cp "$modules/$binaries"/*.so* "$modules/$binaries"/*.node "$root/node_modules/$binaries/"
find "$root" -name '*.map' -delete
"$modules/.bin/esbuild" bench/gpu/index.ts --bundle --minify --platform=node --format=esm --target=node20 \
  --external:onnxruntime-node --external:sharp '--external:@aws-sdk/*' --log-level=error --outfile="$root/bench.mjs" \
  --banner:js="import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
cp bench/gpu/run.sh bench/gpu/torch_side.py "$root/"
tar -C "$stage" -cJf "$archive" igd-gpu
du -h "$archive"
