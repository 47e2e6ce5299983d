#!/usr/bin/env bash
# Does a change keep every number? Trains with two builds on this machine and compares their files byte by byte.
#   tests/same-bytes.sh OLD NEW          two gluepot binaries
# The quickstart, 60 steps of MRPC with a real checkpoint, and tiny encoders with dropout, gradient accumulation and
# clipping. Compares train.csv without its time columns, eval.csv, the predictions, the weights of every
# checkpoint, and the trial's identity. Bytes are equal only on the same kind of processor, so both builds must run here.
# MRPC needs GLUEPOT_GLUE (a folder with GLUE's MRPC/) and GLUEPOT_CHECKPOINT (a folder with all-MiniLM-L6-v2).
# Exit status: 0 all equal; 1 a difference, a missing file, a failed run, or nothing to compare; 2 wrong usage.
# Set KEEP=1 to keep the run directories. Takes about a minute on two cores.
set -euo pipefail
[ $# = 2 ] && [ -x "$1" ] && [ -x "$2" ] || { sed -n '2,9s/^# //p' "$0" >&2; exit 2; }
old=$(readlink -f "$1"); new=$(readlink -f "$2"); project=$(cd "$(dirname "$0")/.." && pwd)
glue=${GLUEPOT_GLUE:-}; checkpoint=${GLUEPOT_CHECKPOINT:-}
[ -z "$glue" ] || glue=$(readlink -e "$glue") || { echo "GLUEPOT_GLUE names no folder" >&2; exit 2; }
[ -z "$checkpoint" ] || checkpoint=$(readlink -e "$checkpoint") || { echo "GLUEPOT_CHECKPOINT names no folder" >&2; exit 2; }
# Environment variables with settings would change both runs.
for variable in $(compgen -e GLUEPOT_ || true); do unset "$variable"; done
export HF_HUB_OFFLINE=1 NO_COLOR=1
work=$(mktemp -d); trap '[ -n "${KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"' EXIT

cat >"$work/tiny.toml" <<T
task = "mrpc"
checkpoint = "./tiny"
learning_rate = 2e-3
epochs = 2
metric = "accuracy"
[data]
source = "./quickstart"
train_limit = 140
eval_limit = 64
[model]
dropout = 0.1
[optimizer]
max_grad_norm = 1.0
[training]
gradient_accumulation = 3
[logging]
every = 1
T
cp -r "$project/tests/golden/tiny" "$work/"
cp -r "$project"/experiments/quickstart{,.toml} "$work/"
trainings=(quickstart tiny)
for encoder in deberta-v3 deberta-c2p modernbert albert mpnet; do
    cp -r "$project/tests/golden/encoders/$encoder" "$work/"
    sed "s|./tiny|./$encoder|; s/^eval_limit = .*/&\nmax_length = 40/" "$work/tiny.toml" >"$work/$encoder.toml"
    trainings+=("$encoder")
done
if [ -n "$glue" ] && [ -n "$checkpoint" ]; then
    trainings+=(mrpc)
    cat >"$work/mrpc.toml" <<T
task = "mrpc"
checkpoint = "$checkpoint"
learning_rate = 5e-5
metric = "f1"
[data]
source = "$glue"
batch_size = 16
eval_limit = 100
[training]
max_steps = 60
[logging]
every = 5
T
else
    echo "mrpc: left out, GLUEPOT_GLUE and GLUEPOT_CHECKPOINT are not set"
fi

compared=0; bad=0
row() { printf '%-11s %-44s %-10s %s\n' "$@"; }
# Prints a CSV file without the columns for times and rates.
numbers() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i !~ /seconds|time|_per_second/) keep[++n] = i }
        { line = ""; for (i = 1; i <= n; i++) line = line (i > 1 ? "," : "") $keep[i]; print line }' "$1"
}
same() { # training, name, old file, new file
    local bytes
    compared=$((compared + 1))
    if [ ! -s "$3" ] || [ ! -s "$4" ]; then
        row "$1" "$2" "-" "MISSING in $([ -s "$3" ] || echo -n old) $([ -s "$4" ] || echo -n new)"; bad=$((bad + 1)); return
    fi
    bytes=$(wc -c <"$3")
    if cmp -s "$3" "$4"; then row "$1" "$2" "$bytes" same; else row "$1" "$2" "$bytes" DIFFERENT; bad=$((bad + 1)); fi
}
row training file bytes result
for training in "${trainings[@]}"; do
    for build in old new; do
        # A failed run leaves missing files; the log shows why.
        if ! XDG_CACHE_HOME=$work/cache-$build "${!build}" run "$work/$training.toml" --runs "$work/$build/$training" -q \
            >"$work/$build-$training.log" 2>&1; then
            row "$training" "(training with the $build build)" "-" FAILED; sed 's/^/    /' "$work/$build-$training.log"
        fi
        # One run each; its name contains the time, so it is renamed.
        mv "$work/$build/$training"/*_*_* "$work/$build/$training/run" 2>/dev/null || true
        run=$work/$build/$training/run
        mkdir -p "$run"
        [ ! -s "$run/metrics/train.csv" ] || numbers "$run/metrics/train.csv" >"$run/train.numbers"
        sed -n 's/^  "trial": *"\(.*\)",*$/\1/p' "$run/run.json" >"$run/identity" 2>/dev/null || true
    done
    before=$work/old/$training/run; after=$work/new/$training/run
    if [ -s "$before/metrics/train.csv" ] && ! cmp -s "$before/metrics/train.csv" "$before/train.numbers"; then
        echo "$training: columns of train.csv that hold times are left out"
    fi
    same "$training" metrics/train.csv "$before/train.numbers" "$after/train.numbers"
    for file in metrics/eval.csv predictions/validation.csv; do same "$training" $file "$before/$file" "$after/$file"; done
    weights=$(cd "$work" && find old/"$training"/run/checkpoints new/"$training"/run/checkpoints -name "*.safetensors" 2>/dev/null |
        sed "s#^[a-z]*/$training/run/##" | sort -u || true)
    [ -n "$weights" ] || weights=checkpoints/step-?/model.safetensors
    for file in $weights; do same "$training" "$file" "$before/$file" "$after/$file"; done
    same "$training" "identity of the trial" "$before/identity" "$after/identity"
done
[ $compared -gt 0 ] || { echo "nothing was compared"; exit 1; }
[ $bad = 0 ] || { echo "$bad of $compared files differ or are missing"; exit 1; }
echo "all $compared files are the same"
