"""Writes tests/golden/bf16.json: how far PyTorch's autocast to bf16 takes the trainings of tests/golden/encoders from f32.

  python make_bf16.py QUICKSTART_DIR ENCODERS_DIR OUT_FILE

For each family and training: the largest and the mean difference of a step's loss from that in f32. Needs: torch, transformers.
"""
import json, sys, os
import torch
import transformers
from transformers import AutoTokenizer
from make_encoders import FAMILIES, TRAININGS, train
from make_golden import rows

source, folders, out = sys.argv[1:]
data, dev = rows(source, "train"), rows(source, "dev")[:32]
result = {"torch": torch.__version__, "transformers": transformers.__version__, "families": {}}
for family, (_, model_class, _) in FAMILIES.items():
    folder = os.path.join(folders, family)
    golden = json.load(open(os.path.join(folder, "golden.json")))
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
    result["families"][family] = {}
    for name in ["pairs", "single", "dropout"]:
        # The cache of rounded weights lasts as long as this context, in which they are updated.
        with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
            ours = train(folder, getattr(transformers, model_class), tokenizer, data, dev, **TRAININGS[name])["trajectory"]
        apart = [abs(a["loss"] - b["loss"]) for a, b in zip(ours, golden["trainings"][name]["trajectory"])]
        result["families"][family][name] = {"largest": max(apart), "mean": sum(apart) / len(apart)}
with open(out, "w") as f:
    json.dump(result, f, indent=1); f.write("\n")
