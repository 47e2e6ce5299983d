#!/usr/bin/env bash
# Compares `gluepot predict` with transformers' pipeline on the CPU, at the pipeline's best batch size.
#   bench/predict.sh CHECKPOINT GLUE_DIR [ROUNDS]
# CHECKPOINT: a folder with a small BERT, such as all-MiniLM-L6-v2, which is fine-tuned for a moment so that it has a head.
# Optional variables: PYTHON (with torch and transformers), GLUEPOT, THREADS (2) and TEXTS (872; a quarter of it
# of long ones). Writes a Markdown table to standard output.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,6p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
checkpoint=$(realpath "$1") glue=$(realpath "$2") rounds=${3:-5}
python=${PYTHON:-python3} gluepot=$(realpath "${GLUEPOT:-$here/../target/release/gluepot}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache
cd "$work"

for task in sst2 mrpc; do
    printf 'task = "%s"\ncheckpoint = "%s"\nlearning_rate = 5e-5\nepochs = 1\nmetric = "accuracy"\n[data]\nsource = "%s"\ntrain_limit = 64\neval_limit = 32\n' \
        "$task" "$checkpoint" "$glue" > "$task.toml"
    "$gluepot" run "$task.toml" --quiet >&2
    cp -rL "$(ls -d runs/*_"$task"_*)/checkpoints/step-"* "$task"
done
# SST-2's sentences; eight of them as one text; MRPC's pairs.
texts=${TEXTS:-872}
cut -f1 "$glue/SST-2/dev.tsv" | tail -n +2 > sentences
sed -n "1,${texts}p" sentences > short.txt
for shift in 1 2 3 4 5 6 7 8; do tail -n +"$shift" sentences | paste -d' ' - - - - - - - -; done | sed -n "1,$((texts / 4))p" > long.txt
tail -n +2 "$glue/MRPC/dev.tsv" | cut -f4,5 | sed -n "1,${texts}p" > pairs.txt
"$python" "$here/predict.py" "$gluepot" "sst2=$work/sst2,$work/short.txt" "sst2-long=$work/sst2,$work/long.txt" \
    "mrpc=$work/mrpc,$work/pairs.txt" --rounds "$rounds" --threads "${THREADS:-2}"
