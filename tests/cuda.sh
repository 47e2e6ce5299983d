#!/usr/bin/env bash
# Tests the CUDA path without a GPU: kernels as CUDA C++, launches, recorded steps and their replays, against PyTorch's values.
#   tests/cuda.sh [FILTERS OF THE SUITE]
# The CUDA driver is a software implementation (tests/cuda/driver.cpp) that compiles each kernel for the CPU. NVIDIA's own
# runtime compiler must accept every kernel as well: for compute capability 7.5 and, without running them, the kernels of
# BERT-base for 9.0, with the number of kernels per step and the compile time reported; no recording of theirs may fail. That
# compiler and CUDA's headers come from PyPI. Then come GPUs that fail, run out of memory, or are several. Needs g++, Python's pip
# and 12 GB of memory. Takes a little more than half an hour, and as long again to build.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(pwd)/target/cuda-in-software
mkdir -p "$folder"/{driver,kernels,packages}
g++ -std=c++17 -O2 -shared -fPIC -o "$folder/driver/libcuda.so" tests/cuda/driver.cpp -ldl
ln -sf libcuda.so "$folder/driver/libnvrtc.so"
[ -e "$folder/packages/nvidia" ] || python3 -m pip install -q --no-deps --target "$folder/packages" \
    "nvidia-cuda-nvrtc~=13.2.0" "nvidia-cuda-runtime~=13.2.0" "nvidia-cuda-crt~=13.2.0" "nvidia-cuda-cccl~=13.2.0"
# Kernels compiled for an older version of the software driver are useless.
stamp=$(cat tests/cuda/* | sha256sum | cut -c1-16)
[ -e "$folder/kernels/$stamp" ] || { rm -rf "$folder/kernels"; mkdir -p "$folder/kernels/$stamp"; }

# The build looks for CUDA; the path must be the same before and after.
export CUDA_PATH=$folder/packages/nvidia/cu13
cargo build --release --locked --features cuda
suite=$(cargo test --release --locked --features cuda --test suite --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*suite-[^"]*\)".*/\1/p' | tail -1)
export LD_LIBRARY_PATH=$folder/driver GLUEPOT_TEST_PROJECT=$PWD GLUEPOT_TEST_DEVICE=cuda:0
export SOFT_CUDA_FOLDER=$folder/kernels/$stamp SOFT_CUDA_UNIT=$(pwd)/tests/cuda/unit.h
SOFT_CUDA_NVRTC=$(echo "$CUDA_PATH"/lib/libnvrtc.so.*)
export SOFT_CUDA_NVRTC XDG_CACHE_HOME=$folder/kernels/$stamp/cache CUBECL_AUTOTUNE_LEVEL=minimal

echo "== every kernel for generation 9.0"
base=$folder/base
mkdir -p "$base" && cp experiments/quickstart/bert/vocab.txt "$base/"
echo '{"model_type": "bert", "vocab_size": 30522, "max_position_embeddings": 512, "hidden_size": 768, "num_hidden_layers": 12,
    "num_attention_heads": 12, "intermediate_size": 3072}' >"$base/config.json"
for setting in "fp32 1" "tf32 1" "bf16 1" "bf16 2"; do
    read -r precision accumulated <<<"$setting"
    echo "$precision, batches of a step: $accumulated"
    report=$(SOFT_CUDA_SKIP=1 SOFT_CUDA_CAPABILITY=90 XDG_CACHE_HOME=$folder/kernels/$stamp/cache-$precision-$accumulated \
        CUBECL_AUTOTUNE_LEVEL=balanced target/release/gluepot bench experiments/quickstart.toml --device cuda --steps 12 \
        --set "checkpoint=$base" --set model.initialize=random --set data.batch_size=8 \
        --set "training.precision=$precision" --set "training.gradient_accumulation=$accumulated")
    echo "$report"
    [[ $report != *"failed"* ]] || { echo "a recording failed" >&2; exit 1; }
done
against() { # generation, filters...
    local generation=$1; shift
    SOFT_CUDA_CAPABILITY=$generation XDG_CACHE_HOME=$folder/kernels/$stamp/cache-$generation \
        "$suite" --test-threads=1 --nocapture --include-ignored "$@"
}
echo "== against PyTorch"
if [ $# -gt 0 ]; then against 75 "$@"; exit; fi
against 75 logits_equal_pytorchs every_step_of_every_training like_pytorch recordings::
echo "== on tensor cores"
against 80 bf16_stays tf32_stays
echo "== GPUs that fail, are full or are several"
against 75 gpus::
