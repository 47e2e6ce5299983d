#!/usr/bin/env bash
# Compares gluepot on the CPU with every way to make PyTorch faster there, in turn, several times.
#   bench/ladder.sh CHECKPOINT GLUE_DIR [ROUNDS]
# CHECKPOINT: a folder with a small BERT, such as all-MiniLM-L6-v2. Optional variables: PYTHON (with torch and transformers),
# GLUEPOT, THREADS (2), STEPS (10), ONLY (names of cases: see ours() below) and RUNGS. Compiling needs a C++ compiler. Writes a
# Markdown table to standard output: examples per second by the median step, since PyTorch compiles anew for some batches; of cases
# that end in -grouped, which group batches by length on both sides, over an epoch.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,7p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
checkpoint=$(realpath "$1") glue=$(realpath "$2") rounds=${3:-3}
python=${PYTHON:-python3} gluepot=${GLUEPOT:-$here/../target/release/gluepot} threads=${THREADS:-2} steps=${STEPS:-10}
only=${ONLY:-mrpc-16 sst2-32 dense-32 base-16 base-32}
rungs=${RUNGS:-gluepot gluepot-bf16 eager tuned compiled bf16 bf16-compiled}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=$threads RAYON_NUM_THREADS=$threads XDG_CACHE_HOME=$work/cache
"$python" "$here/encoders.py" "$checkpoint" "$glue" "$work"
printf 'task = "mrpc"\ncheckpoint = "%s"\nlearning_rate = 5e-5\nepochs = 1\nmetric = "f1"\n[data]\nsource = "%s"\n' "$checkpoint" "$glue" > "$work/x.toml"

. "$here/preload.sh"
# Each case: gluepot's settings, then PyTorch's.
ours() {
    case $1 in
        mrpc-8|mrpc-16|mrpc-32) echo "--set data.batch_size=${1#mrpc-}" ;;
        sst2-32) echo "--set task=sst2 --set metric=accuracy --set data.batch_size=32" ;;
        dense-32) echo "--set data.source=$work/dense --set data.max_length=64 --set data.batch_size=32" ;;
        mrpc-16-grouped) echo "$(ours mrpc-16) --set data.group_by_length=true" ;;
        sst2-32-grouped) echo "$(ours sst2-32) --set data.train_limit=4096 --set data.group_by_length=true" ;;
        base-16) echo "--set checkpoint=$work/bert --set model.initialize=random --set data.batch_size=16" ;;
        base-32) echo "--set checkpoint=$work/base --set model.initialize=random --set data.source=$work/dense --set data.max_length=64 --set data.batch_size=32" ;;
    esac
}
theirs() {
    case $1 in
        mrpc-8|mrpc-16|mrpc-32) echo "$checkpoint $glue --batch ${1#mrpc-}" ;;
        sst2-32) echo "$checkpoint $glue --task sst2 --batch 32" ;;
        dense-32) echo "$checkpoint $work/dense --max-length 64 --batch 32" ;;
        mrpc-16-grouped) echo "$(theirs mrpc-16) --group-by-length" ;;
        sst2-32-grouped) echo "$(theirs sst2-32) --train-limit 4096 --group-by-length" ;;
        base-16) echo "$work/bert $glue --random --batch 16" ;;
        base-32) echo "$work/base $work/dense --random --max-length 64 --batch 32" ;;
    esac
}
run() { # rung, case
    local n=$steps
    case $2 in
        base-*) n=$(( (steps + 1) / 2 )) ;;
        # A whole epoch with its warm-up, as batches grouped by length take very different times.
        mrpc-16-grouped) n=226 ;;
        sst2-32-grouped) n=125 ;;
    esac
    # shellcheck disable=SC2046
    case $1 in
        gluepot) "$gluepot" bench "$work/x.toml" $(ours "$2") --steps "$n" --json ;;
        gluepot-bf16) "$gluepot" bench "$work/x.toml" $(ours "$2") --set training.precision=bf16 --steps "$n" --json ;;
        *)
            local flags=() with=""
            [ "$1" = eager ] || { flags+=(--fused); with=$preload; }
            [[ $1 != *compiled ]] || flags+=(--compile default --warm-up 12)
            [[ $1 != bf16* ]] || flags+=(--precision bf16)
            LD_PRELOAD=$with "$python" "$here/pytorch.py" $(theirs "$2") "${flags[@]}" --steps "$n" 2>/dev/null | tail -1 ;;
    esac
}
for round in $(seq "$rounds"); do
    for case in $only; do
        for rung in $rungs; do
            run "$rung" "$case" > "$work/$case-$rung-$round.json" || echo "$case, $rung: failed" >&2
            echo "round $round, $case, $rung: done" >&2
        done
    done
done
"$python" - "$work" "$rounds" "$threads" "$only" "$rungs" <<'PY'
import json, statistics as st, sys
work, rounds, threads = sys.argv[1], int(sys.argv[2]), sys.argv[3]
cases, rungs = sys.argv[4].split(), sys.argv[5].split()
import torch, transformers
print(f"{threads} threads, {rounds} rounds in turn, PyTorch {torch.__version__}, transformers {transformers.__version__}; examples/s\n")
print("| case | " + " | ".join(rungs) + " | gluepot's best to PyTorch's best |")
print("|---|" + "---:|" * (len(rungs) + 1))
for case in cases:
    batch = int(case.split("-")[1])
    def rate(rung, round):
        figures = json.load(open(f"{work}/{case}-{rung}-{round}.json"))
        return figures["examples_per_second"] if case.endswith("-grouped") else batch * 1e3 / figures["step_ms_p50"]
    rates = {rung: [rate(rung, round) for round in range(1, rounds + 1)] for rung in rungs}
    median = {rung: st.median(rates[rung]) for rung in rungs}
    ours = max((rung for rung in rungs if rung.startswith("gluepot")), key=median.get)
    theirs = max((rung for rung in rungs if not rung.startswith("gluepot")), key=median.get)
    ratios = [a / b for a, b in zip(rates[ours], rates[theirs])]
    print(f"| {case} | " + " | ".join(f"{median[rung]:.1f}" for rung in rungs) + f" | **{st.median(ratios):.2f}** ({min(ratios):.2f}–{max(ratios):.2f}; {theirs}) |")
PY
