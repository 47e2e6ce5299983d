"""Writes tests/golden/relative_positions.json: the bucket of each distance in transformers' DeBERTa.

  python make_relative_positions.py OUT.json

Each case is position_buckets, the longest distance, and the row of the table for distances from 0 on, then from -1 on downwards.
Needs: torch, transformers.
"""
import json, sys
import torch
import transformers
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

CASES = [(256, 512), (6, 70), (2, 20), (7, 33), (32, 512), (64, 128), (-1, 9)]
out = {"torch": torch.__version__, "transformers": transformers.__version__, "cases": []}
for buckets, longest in CASES:
    def rows(distances):
        found = make_log_bucket_position(distances, buckets, longest).long() if buckets > 0 else distances
        span = buckets if buckets > 0 else longest
        return torch.clamp(found + span, 0, span * 2 - 1).tolist()
    far = 2 * longest
    out["cases"].append({"position_buckets": buckets, "max_relative_positions": longest, "after": rows(torch.arange(far)), "before": rows(-torch.arange(1, far))})
with open(sys.argv[1], "w") as f:
    json.dump(out, f, separators=(",", ":")); f.write("\n")
