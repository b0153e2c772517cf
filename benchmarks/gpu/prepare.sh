#!/usr/bin/env bash
# Make build/gpu ready to travel to a GPU machine without a network: modules for its Python, the commit, data in two parts.
#   benchmarks/gpu/prepare.sh [PYTHON]     the interpreter of the version that the GPU machine has, e.g. python3.12
# At most 64 MiB travel at a time, so MNIST and part of CIFAR-10 lie in first/, the rest in second/ (QUEUE.md).
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${1:-python3}
data=${WXB_DATA:-../shared/data}
pybind11=$(python3 -m pybind11 --cmakedir)

cmake -S . -B build/gpu/make-here -G Ninja -DCMAKE_BUILD_TYPE=Release -DWXB_CUDA=ON -DWXB_CUDA_ARCHS=90a-real \
  -DPython_EXECUTABLE="$(command -v "$python")" -Dpybind11_DIR="$pybind11" >/dev/null
cmake --build build/gpu/make-here

rm -rf build/gpu/first build/gpu/second
mkdir -p build/gpu/first/data/cifar10 build/gpu/second/data/cifar10
for module in build/gpu/make-here/*.so; do strip -s "$module"; done
tar -C build/gpu/make-here -cJf build/gpu/first/modules.tar.xz $(cd build/gpu/make-here && echo *.so)
{ git rev-parse --short HEAD && git status --porcelain; } >build/gpu/first/commit
cp -rL "$data/mnist" build/gpu/first/data/
cp -L "$data"/cifar10/{labels.npz,test_*.webp,train_0*.webp,train_1[0-4].webp} build/gpu/first/data/cifar10/
cp -L "$data"/cifar10/train_{1[5-9],[2-4]?}.webp build/gpu/second/data/cifar10/
chmod -R u+w build/gpu/first build/gpu/second

for part in first second; do
  size=$(($(git ls-files -z | xargs -0 cat | wc -c) + $(find build/gpu/$part -type f -exec cat {} + | wc -c)))
  echo "build/gpu/$part: $((size >> 20)) MiB with the tree, of 64"
  [ "$size" -lt $((64 << 20)) ]
done
