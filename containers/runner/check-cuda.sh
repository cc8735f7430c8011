#!/bin/sh
# Does this image hold the libraries that onnxruntime's CUDA provider was built for? Run at build, where a mismatch costs a
# minute; at run time onnxruntime falls back to the CPU, or fails on every shard.
#   check-cuda.sh FOLDER_OF_libonnxruntime_providers_cuda.so
set -eu

folder=${1:?the folder of libonnxruntime_providers_cuda.so}
provider=$folder/libonnxruntime_providers_cuda.so
if [ ! -f "$provider" ]; then
  echo "check-cuda: there is no $provider: was onnxruntime-node's download step run?" >&2
  exit 1
fi

# The major version is part of a library's name: libcublas.so.13 is CUDA 13's.
needed=$(readelf -d "$provider" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p')
known=$(ldconfig -p)
cuda=$(printf '%s\n' "$needed" | sed -n 's/^lib\(cudart\|cublas\)\.so\.\([0-9]*\).*/\2/p' | sort -u)
if [ -z "$cuda" ]; then
  echo "check-cuda: $provider names neither libcudart nor libcublas: cannot tell which CUDA it was built for" >&2
  exit 1
fi

missing=
for library in $needed; do
  case $library in
    # The driver's, mounted from the host when the container starts; and the loader, which is no library.
    libcuda.so.* | ld-linux*) continue ;;
  esac
  [ -e "$folder/$library" ] && continue
  printf '%s\n' "$known" | grep -qF "	$library " || missing="$missing $library"
done
if [ -n "$missing" ]; then
  echo "check-cuda: onnxruntime was built for CUDA $cuda and needs what this image lacks:$missing" >&2
  echo "check-cuda: build with --build-arg CUDA_IMAGE=nvidia/cuda:$cuda.x.y-cudnn-runtime-ubuntu24.04" >&2
  exit 1
fi
echo "check-cuda: onnxruntime was built for CUDA $cuda, and all it needs is here"
