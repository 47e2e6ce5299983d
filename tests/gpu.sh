#!/usr/bin/env bash
# Tests the GPU kernels, forward and backward, against Burn's own operations on the CPU, then logits and training step by step
# against PyTorch. Uses WebGPU on any Vulkan driver; without a GPU, a software driver will do (Debian: mesa-vulkan-drivers).
set -euo pipefail
cd "$(dirname "$0")/.."
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}
cargo test --release --locked --features webgpu,fault-injection --lib -- gpu recordings kernels::ops models:: train::loss
GLUEPOT_TEST_DEVICE=webgpu cargo test --release --locked --features webgpu,fault-injection --test suite -- --test-threads=1 \
    --include-ignored --skip in_bf16 \
    logits_equal_pytorchs logits_of_each_family every_step_of_every_training outputs_of_every_head like_pytorch recordings::
