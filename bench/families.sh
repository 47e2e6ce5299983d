#!/usr/bin/env bash
# Compares the speed of encoder families with that of a BERT of the same shape, on the CPU: 6 layers of width 768, MRPC, batches of 16.
#   bench/families.sh CHECKPOINT GLUE_DIR [ROUNDS]
# CHECKPOINT: a folder with a BERT's tokenizer.json. Optional variables: PYTHON, GLUEPOT, THREADS (2), STEPS (5) and ONLY (families).
# Writes a Markdown table to standard output.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,5p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
checkpoint=$(realpath "$1") glue=$(realpath "$2") rounds=${3:-3}
python=${PYTHON:-python3} gluepot=${GLUEPOT:-$here/../target/release/gluepot} threads=${THREADS:-2} steps=${STEPS:-5}
only=${ONLY:-roberta distilbert electra mpnet albert deberta-v2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RAYON_NUM_THREADS=$threads XDG_CACHE_HOME=$work/cache
"$python" "$here/encoders.py" "$checkpoint" "$glue" "$work"
printf 'task = "mrpc"\ncheckpoint = "."\nlearning_rate = 5e-5\nepochs = 1\nmetric = "f1"\n[data]\nsource = "%s"\nbatch_size = 16\n[model]\ninitialize = "random"\n' "$glue" > "$work/x.toml"
for round in $(seq "$rounds"); do
    for family in bert $only; do
        "$gluepot" bench "$work/x.toml" --set checkpoint="$work/$family" --steps "$steps" --json > "$work/$family-$round.json"
        echo "round $round, $family: done" >&2
    done
done
"$python" - "$work" "$rounds" "$threads" $only <<'PY'
import json, statistics as st, sys
work, rounds, threads, families = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
rates = lambda family: [json.load(open(f"{work}/{family}-{r}.json"))["examples_per_second"] for r in range(1, rounds + 1)]
bert = rates("bert")
print(f"{threads} threads, {rounds} rounds in turn; BERT: {st.median(bert):.1f} examples/s\n")
print("| family | examples/s | to BERT's (median) | spread |")
print("|---|---:|---:|---:|")
for family in families:
    ratios = [a / b for a, b in zip(rates(family), bert)]
    print(f"| {family} | {st.median(rates(family)):.1f} | **{st.median(ratios):.2f}** | {min(ratios):.2f}–{max(ratios):.2f} |")
PY
