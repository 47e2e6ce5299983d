#!/usr/bin/env bash
# Compares gluepot with PyTorch on the CPU: runs the same work alternately, several times, and prints ratios.
#   bench/compare.sh CHECKPOINT GLUE_DIR [ROUNDS]
# CHECKPOINT: a folder with a small BERT, such as all-MiniLM-L6-v2. Optional variables: PYTHON (with torch and transformers),
# GLUEPOT, THREADS (2), STEPS (15) and ONLY (names of cases). Writes a Markdown table to standard output.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,5p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
checkpoint=$(realpath "$1") glue=$(realpath "$2") rounds=${3:-4}
python=${PYTHON:-python3} gluepot=${GLUEPOT:-$here/../target/release/gluepot} threads=${THREADS:-2} steps=${STEPS:-15}
only=${ONLY:-dense-32 mrpc-8 mrpc-16 mrpc-32 base-32}  # also modernbert-16 modernbert-1024 deberta-16 deberta-512
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=$threads RAYON_NUM_THREADS=$threads XDG_CACHE_HOME=$work/cache

# Encoders of base's shape with random weights and the checkpoint's words, and MRPC with longer sentences.
"$python" "$here/encoders.py" "$checkpoint" "$glue" "$work"
printf 'task = "mrpc"\ncheckpoint = "%s"\nlearning_rate = 5e-5\nepochs = 1\nmetric = "f1"\n[data]\nsource = "%s"\n' "$checkpoint" "$glue" > "$work/x.toml"

# Each case: gluepot's settings, then PyTorch's.
ours() {
    case $1 in
        dense-32) echo "--set data.source=$work/dense --set data.max_length=64 --set data.batch_size=32" ;;
        base-32) echo "--set data.source=$work/dense --set data.max_length=64 --set data.batch_size=32 --set checkpoint=$work/base --set model.initialize=random" ;;
        mrpc-*) echo "--set data.batch_size=${1#mrpc-}" ;;
        modernbert-16) echo "--set data.batch_size=16 --set checkpoint=$work/modernbert --set model.initialize=random" ;;
        modernbert-1024) echo "--set data.batch_size=2 --set data.max_length=1024 --set data.source=$work/long --set checkpoint=$work/modernbert --set model.initialize=random" ;;
        deberta-16) echo "--set data.batch_size=16 --set checkpoint=$work/deberta-v2 --set model.initialize=random" ;;
        deberta-512) echo "--set data.batch_size=4 --set data.max_length=512 --set data.source=$work/long --set checkpoint=$work/deberta-v2 --set model.initialize=random" ;;
    esac
}
theirs() {
    case $1 in
        dense-32) echo "$checkpoint $work/dense --batch 32 --max-length 64" ;;
        base-32) echo "$work/base $work/dense --batch 32 --max-length 64 --random" ;;
        mrpc-*) echo "$checkpoint $glue --batch ${1#mrpc-}" ;;
        modernbert-16) echo "$work/modernbert $glue --batch 16 --random" ;;
        deberta-16) echo "$work/deberta-v2 $glue --batch 16 --random" ;;
        deberta-512) echo "$work/deberta-v2 $work/long --batch 4 --max-length 512 --random" ;;
        modernbert-1024) echo "$work/modernbert $work/long --batch 2 --max-length 1024 --random" ;;
    esac
}
for round in $(seq "$rounds"); do
    for case in $only; do
        n=$steps; [[ $case = base-32 || $case = *bert*-* ]] && n=$(( (steps + 2) / 3 ))
        # shellcheck disable=SC2046
        "$gluepot" bench "$work/x.toml" $(ours "$case") --steps "$n" --json > "$work/$case-$round-ours.json"
        # shellcheck disable=SC2046
        "$python" "$here/pytorch.py" $(theirs "$case") --steps "$n" 2>/dev/null | tail -1 > "$work/$case-$round-theirs.json"
        echo "round $round, $case: done" >&2
    done
done
"$python" - "$work" "$rounds" "$threads" $only <<'PY'
import json, statistics as st, sys
work, rounds, threads, cases = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
import torch, transformers
print(f"{threads} threads, {rounds} rounds in turn, PyTorch {torch.__version__}, transformers {transformers.__version__}\n")
print("| case | gluepot examples/s | PyTorch examples/s | ratio (median) | spread | memory |")
print("|---|---:|---:|---:|---:|---:|")
for case in cases:
    load = lambda who: [json.load(open(f"{work}/{case}-{r}-{who}.json")) for r in range(1, rounds + 1)]
    ours, theirs = load("ours"), load("theirs")
    rate = lambda runs: st.median(r["examples_per_second"] for r in runs)
    ratios = [a["examples_per_second"] / b["examples_per_second"] for a, b in zip(ours, theirs)]
    memory = st.median(r["peak_memory_mib"] for r in ours) / st.median(r["peak_memory_mib"] for r in theirs)
    print(f"| {case} | {rate(ours):.1f} | {rate(theirs):.1f} | **{st.median(ratios):.2f}** | {min(ratios):.2f}–{max(ratios):.2f} | {memory:.2f} |")
PY
