#!/usr/bin/env bash
# Times whole runs on the CPU, from the command to its exit: three epochs of MRPC in batches of 16, evaluated and saved after each.
#   bench/whole_run.sh CHECKPOINT GLUE_DIR [ROUNDS]
# gluepot in fp32 and bf16, and Hugging Face's Trainer with its defaults and tuned (bf16, fused AdamW, tcmalloc, MKL's vector units on
# other processors than Intel's). Optional variables: PYTHON, GLUEPOT, THREADS (2), EPOCHS (3), KINDS. Prints seconds and the last F1.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,6p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
checkpoint=$(realpath "$1") glue=$(realpath "$2") rounds=${3:-1}
python=${PYTHON:-python3} gluepot=${GLUEPOT:-$here/../target/release/gluepot} threads=${THREADS:-2} epochs=${EPOCHS:-3}
kinds=${KINDS:-gluepot gluepot-bf16 trainer trainer-tuned}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=$threads RAYON_NUM_THREADS=$threads XDG_CACHE_HOME=$work/cache
printf 'task = "mrpc"\ncheckpoint = "%s"\nlearning_rate = 5e-5\nepochs = %s\nmetric = "f1"\n[data]\nsource = "%s"\nbatch_size = 16\n' "$checkpoint" "$epochs" "$glue" > "$work/x.toml"
. "$here/preload.sh"
train() { # kind, folder
    case $1 in
        gluepot) "$gluepot" run "$work/x.toml" -q --device cpu --runs "$2" ;;
        gluepot-bf16) "$gluepot" run "$work/x.toml" -q --device cpu --runs "$2" --set training.precision=bf16 ;;
        trainer) "$python" "$here/trainer.py" "$checkpoint" "$glue" "$2" --epochs "$epochs" ;;
        trainer-tuned) LD_PRELOAD=$preload "$python" "$here/trainer.py" "$checkpoint" "$glue" "$2" --epochs "$epochs" --bf16 --fused ;;
    esac
}
f1() { # kind, folder
    case $1 in
        gluepot*) python3 -c 'import csv, sys; rows = list(csv.DictReader(open(sys.argv[1]))); print(rows[-1]["f1"])' "$2"/*/metrics/eval.csv ;;
        *) tail -1 "$2.out" | python3 -c 'import json, sys; print(json.load(sys.stdin)["eval_f1"])' ;;
    esac
}
for round in $(seq "$rounds"); do
    for kind in $kinds; do
        folder=$work/$kind-$round begun=$(date +%s.%N)
        train "$kind" "$folder" > "$folder.out" 2> "$folder.err" || { tail -5 "$folder.err" >&2; exit 1; }
        ended=$(date +%s.%N)
        printf 'round %s, %s: %.1f s, F1 %.4f\n' "$round" "$kind" "$(awk "BEGIN { print $ended - $begun }")" "$(f1 "$kind" "$folder")"
    done
done
