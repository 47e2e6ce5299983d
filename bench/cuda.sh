#!/usr/bin/env bash
# Checks gluepot on an NVIDIA GPU with one command: first the smallest part that can fail, then the model, then
# training, each against PyTorch's values in tests/golden; then BERT-base training runs, twice each, and the difference between
# two runs with the same seed; then speed, alternating with PyTorch (bench/gpu.py).
#
#   bench/cuda.sh [OUT]       results go to OUT (default: bench/out)
#
# Without Rust, name prebuilt programs: GLUEPOT=path/to/gluepot SUITE=path/to/suite. They come from
#   cargo build --release --features cuda
#   cargo test  --release --features cuda --no-run        (target/release/deps/suite-*)
# GLUEPOT_GLUE and GLUEPOT_CHECKPOINT add the checks on real data. SPEED_SECONDS is the time for the speed comparison; by
# default it is the rest of nine minutes, some of which the first use of a GPU spends on compiling kernels. To rehearse
# without a GPU:
#   DEVICE=cpu STEPS=4 SHAPE=small bench/cuda.sh
set -uo pipefail
cd "$(dirname "$0")/.."
out=${1:-bench/out}; mkdir -p "$out"
device=${DEVICE:-cuda:0}; steps=${STEPS:-1377}; shape=${SHAPE:-base}
if [ -z "${GLUEPOT:-}" ]; then
    cargo build --release --features cuda && GLUEPOT=target/release/gluepot || exit 1
fi
if [ -z "${SUITE:-}" ]; then
    SUITE=$(cargo test --release --features cuda --no-run --message-format=json | sed -n 's/.*"executable":"\([^"]*suite-[^"]*\)".*/\1/p' | tail -1) || exit 1
fi
export GLUEPOT_TEST_PROJECT=$PWD GLUEPOT_TEST_DEVICE=$device
failed=0
part() { # name, command...
    local name=$1; shift
    echo "== $name"
    local begun=$SECONDS
    if "$@" >"$out/$name.txt" 2>&1; then echo "passed in $((SECONDS - begun)) s"; else echo "FAILED in $((SECONDS - begun)) s"; tail -20 "$out/$name.txt"; failed=1; fi
}
part devices "$GLUEPOT" devices
part logits "$SUITE" --nocapture logits_equal_pytorchs
part trajectories "$SUITE" --nocapture every_step_of_every_training
[ "$device" = cpu ] || part recordings "$SUITE" --nocapture --test-threads=1 recordings::
part bf16 "$SUITE" --nocapture bf16_stays_close
part tf32 "$SUITE" --nocapture tf32_stays_close
[ -z "${GLUEPOT_GLUE:-}" ] || part real "$SUITE" --nocapture --test-threads=1 equals_pytorch

# The settings of experiments/mrpc.toml on a model of BERT-base's shape with random weights: the scores
# mean nothing, but the cost is realistic.
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mkdir "$work/bert"; cp experiments/quickstart/bert/vocab.txt "$work/bert/"
if [ "$shape" = base ]; then size='"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072'
else size='"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536'; fi
echo "{\"model_type\": \"bert\", \"vocab_size\": 30522, \"max_position_embeddings\": 512, $size}" >"$work/bert/config.json"
data=${GLUEPOT_GLUE:-$PWD/experiments/quickstart}
for precision in fp32 bf16; do
    [ "$device" = cpu ] && [ "$precision" = bf16 ] && continue
    for repeat in 1 2; do # the second run shows what the first spent on compiling kernels
        part "train-$precision-$repeat" env -u GLUEPOT_CHECKPOINT "$GLUEPOT" run experiments/mrpc.toml --runs "$work/runs" --device "$device" \
            --set "name=$precision-$repeat" --set "checkpoint=$work/bert" --set model.initialize=random --set "data.source=$data" \
            --set "training.precision=$precision" --set "training.max_steps=$steps" --set "checkpoints.keep=[]"
    done
done
"$GLUEPOT" list --runs "$work/runs" | tee "$out/runs.txt"
for run in "$work"/runs/*/; do
    name=$(basename "$run")
    mkdir -p "$out/$name"; cp "$run/summary.json" "$run/metrics/train.csv" "$run/metrics/speed.csv" "$out/$name/" 2>/dev/null
done
# The difference between two runs with the same seed: 0 if the device always adds in the same order.
difference() { # precision
    paste -d, "$work"/runs/*_"$1-1"_*/metrics/train.csv "$work"/runs/*_"$1-2"_*/metrics/train.csv | awk -F, '
        NR == 1 { n = NF / 2; for (i = 1; i <= n; i++) { if ($i == "loss") l = i; if ($i == "grad_norm") g = i } next }
        $1 != $(n + 1) { print "the runs have other steps"; exit bad = 1 }
        { a = apart($l, $(n + l)); if (a > loss) loss = a; a = apart($g, $(n + g)); if (a > norm) norm = a; rows++ }
        function apart(x, y) { return (x > y ? x - y : y - x) / (x > 0 ? x : 1) }
        END { if (bad || !rows) exit 1; printf "%d rows; largest relative difference of loss %.2g, of the gradient norm %.2g\n", rows, loss, norm }'
}
for precision in fp32 bf16; do
    [ "$device" = cpu ] && [ "$precision" = bf16 ] && continue
    part "repeat-$precision" difference "$precision"
    cat "$out/repeat-$precision.txt"
done
# BERT-base's matrix products use other kernels than the tests: loss and gradient norm must start in bf16 as in fp32.
closeness() {
    paste -d, "$work"/runs/*_fp32-1_*/metrics/train.csv "$work"/runs/*_bf16-1_*/metrics/train.csv | awk -F, '
        NR == 1 { n = NF / 2; for (i = 1; i <= n; i++) { if ($i == "loss") l = i; if ($i == "grad_norm") g = i } next }
        NR > 3 { exit }
        { a = apart($l, $(n + l)); if (a > loss) loss = a; a = apart($g, $(n + g)); if (a > norm) norm = a; rows++ }
        function apart(x, y) { return (x > y ? x - y : y - x) / (x > 0 ? x : 1) }
        END { if (!rows) exit 1
              printf "%d rows; largest relative difference of loss %.2g, of the gradient norm %.2g\n", rows, loss, norm
              exit !(loss <= 0.05 && norm <= 0.2) }'
}
[ "$device" = cpu ] || { part bf16-to-fp32 closeness; cat "$out/bf16-to-fp32.txt"; }
# If PyTorch is available, the same fine-tuning, alternating with it.
left=$((480 - SECONDS)); [ "$left" -ge 60 ] || left=60
python=${PYTHON:-python3}
if [ -n "${GLUEPOT_GLUE:-}" ] && "$python" -c 'import torch, transformers' 2>/dev/null; then
    [ "$device" = cpu ] && less=(--small --rounds 1 --steps 2) || less=()
    part speed "$python" bench/gpu.py "$GLUEPOT" "$GLUEPOT_GLUE" "${GLUEPOT_CHECKPOINT:-experiments/quickstart/bert}" "$out" --device "$device" --seconds "${SPEED_SECONDS:-$left}" "${less[@]}"
    cat "$out/speed.md" 2>/dev/null
else
    echo "== speed: left out; it takes PyTorch, transformers and GLUEPOT_GLUE"
fi
exit $failed
