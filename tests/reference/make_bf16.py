"""Writes tests/golden/bf16.json: how far PyTorch's autocast to bf16 takes the trainings of tests/golden/encoders from f32.

  python make_bf16.py QUICKSTART_DIR ENCODERS_DIR OUT_FILE

A single training tells little: where two trajectories part, a rounding decides how far. So each is repeated with its examples rotated
by each of STARTS. For each family, training and start: the mean difference of a step's loss from that in f32. Needs: torch, transformers.
"""
import json, sys, os
import torch
import transformers
from transformers import AutoTokenizer
from make_encoders import FAMILIES, TRAININGS, train
from make_golden import rows

STARTS = [0, 12, 25, 37, 50, 62, 75, 87]

source, folders, out = sys.argv[1:]
data, dev = rows(source, "train"), rows(source, "dev")[:32]
result = {"torch": torch.__version__, "transformers": transformers.__version__, "starts": STARTS, "families": {}}
for family, (_, model_class, _) in FAMILIES.items():
    folder = os.path.join(folders, family)
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
    result["families"][family] = {}
    for name in ["pairs", "single", "dropout"]:
        def losses(start):
            rotated = data[start:] + data[:start]
            end = train(folder, getattr(transformers, model_class), tokenizer, rotated, dev, **TRAININGS[name])
            return [step["loss"] for step in end["trajectory"]]

        means = []
        for start in STARTS:
            exact = losses(start)
            # The cache of rounded weights lasts as long as this context, in which they are updated.
            with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
                rounded = losses(start)
            means.append(sum(abs(a - b) for a, b in zip(exact, rounded)) / len(exact))
        result["families"][family][name] = means
        print(family, name, *(f"{mean:.5f}" for mean in means), flush=True)
with open(out, "w") as f:
    json.dump(result, f, indent=1); f.write("\n")
