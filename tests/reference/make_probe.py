"""Writes tests/golden/tokenizer/probe.json: the ids that transformers gives the texts of the probe (src/tokens/probe.rs).

  python make_probe.py TINY_CHECKPOINT OUT_FILE

Needs: transformers.
"""
import json, sys
from transformers import AutoTokenizer

TEXTS = [
    ("unicode", ["Café naïve cafe\u0301 — “Straße” ﬁ ½ 東京 Привет 🙂"], None),
    ("spaces", ["  two  spaces\ta tab\na line\u00a0end "], None),
    ("case", ["iPhone ISTANBUL McDonald's U.S. $3,000.50"], None),
    ("pair", ["A man is playing a guitar.", "Somebody makes music."], None),
    ("truncation", ["The committee postponed its decision until next week.",
                    "The committee did not decide today, because two of its members were ill."], 16),
]


def probe(tokenizer):
    rows = []
    for name, texts, length in TEXTS:
        encoded = tokenizer(*texts, truncation=length is not None, max_length=length)
        row = {"name": name, "texts": texts, "ids": encoded["input_ids"]}
        if length is not None: row["max_length"] = length
        if any(encoded.get("token_type_ids", [])): row["segments"] = encoded["token_type_ids"]
        rows.append(row)
    return rows


tiny, out = sys.argv[1:]
with open(out, "w", encoding="utf-8") as f:
    json.dump({"bert": probe(AutoTokenizer.from_pretrained(tiny))}, f, ensure_ascii=False); f.write("\n")
