#!/usr/bin/env bash
# The CUDA path without a GPU: kernels as CUDA C++, launches, recorded steps and their replays, against PyTorch's values.
#   tests/cuda.sh [FILTERS OF THE SUITE]
# CUDA's driver is one in software (tests/cuda/driver.cpp), which compiles each kernel for the CPU; NVIDIA's own run-time
# compiler has to accept every kernel as well, for GPUs of generation 7.5 and, without running them, 9.0. That compiler and
# CUDA's headers come from PyPI. Needs g++ and Python's pip. Half an hour, and as long again to build.
set -euo pipefail
cd "$(dirname "$0")/.."
filters=("$@")
[ $# -gt 0 ] || filters=(logits_equal_pytorchs every_step_of_every_training bf16_stays recordings::)

folder=$(pwd)/target/cuda-in-software
mkdir -p "$folder"/{driver,kernels,packages}
g++ -std=c++17 -O2 -shared -fPIC -o "$folder/driver/libcuda.so" tests/cuda/driver.cpp -ldl
ln -sf libcuda.so "$folder/driver/libnvrtc.so"
[ -e "$folder/packages/nvidia" ] || python3 -m pip install -q --no-deps --target "$folder/packages" \
    "nvidia-cuda-nvrtc~=13.2.0" "nvidia-cuda-runtime~=13.2.0" "nvidia-cuda-crt~=13.2.0" "nvidia-cuda-cccl~=13.2.0"
# What was compiled for an older driver in software is of no use.
stamp=$(cat tests/cuda/* | sha256sum | cut -c1-16)
[ -e "$folder/kernels/$stamp" ] || { rm -rf "$folder/kernels"; mkdir -p "$folder/kernels/$stamp"; }

cargo build --release --locked --features cuda
cargo test --release --locked --features cuda --test suite --no-run
export LD_LIBRARY_PATH=$folder/driver CUDA_PATH=$folder/packages/nvidia/cu13
export SOFT_CUDA_FOLDER=$folder/kernels/$stamp SOFT_CUDA_UNIT=$(pwd)/tests/cuda/unit.h
SOFT_CUDA_NVRTC=$(echo "$CUDA_PATH"/lib/libnvrtc.so.*)
export SOFT_CUDA_NVRTC XDG_CACHE_HOME=$folder/kernels/$stamp/cache CUBECL_AUTOTUNE_LEVEL=minimal

echo "== every kernel for generation 9.0"
for precision in fp32 tf32 bf16; do
    for accumulated in 1 2; do
        SOFT_CUDA_SKIP=1 SOFT_CUDA_CAPABILITY=90 target/release/gluepot bench experiments/quickstart.toml --device cuda \
            --steps 12 --set "training.precision=$precision" --set "training.gradient_accumulation=$accumulated"
    done
done
echo "== against PyTorch"
SOFT_CUDA_CAPABILITY=75 GLUEPOT_TEST_DEVICE=cuda:0 \
    cargo test --release --locked --features cuda --test suite -- --test-threads=1 --nocapture "${filters[@]}"
