"""Writes the bundled demonstration: experiments/quickstart/.

  python make_quickstart.py OUT_DIR

Pairs of made-up sentences in GLUE's layout for MRPC. A pair is equivalent if the second sentence says the
same as the first in other words: another word for what was done, perhaps in the passive. Otherwise it tells
of another deed. Train and validation share no pair. Beside them lies the shape of a small BERT and the
vocabulary of these sentences. Needs nothing but Python.
"""
import json, os, random, sys

DEEDS = [  # words for the same deed: past tense, which serves as participle too
    ["bought", "purchased"], ["sold", "traded"], ["repaired", "fixed"], ["destroyed", "wrecked"],
    ["painted", "coloured"], ["cleaned", "washed"],
]
PEOPLE = ["the farmer", "the teacher", "her brother", "a tall sailor", "the old doctor", "my neighbour", "the baker", "two students"]
THINGS = ["the red car", "a wooden boat", "the bicycle", "an old clock", "the piano", "a small house", "the lamp", "their bridge"]
WHEN = ["", "yesterday", "last week", "in spring", "on Monday", "before noon", "at the market"]


def sentence(rng, deed, who, what, when):
    word = rng.choice(deed)
    core = f"{what} was {word} by {who}" if rng.random() < 0.4 else f"{who} {word} {what}"
    text = f"{core} {when}" if when and rng.random() < 0.7 else f"{when} {core}".strip()
    return text[0].upper() + text[1:] + " ."


def pairs(rng, n):
    seen, rows = set(), []
    while len(rows) < n:
        deed, who, what, when = rng.choice(DEEDS), rng.choice(PEOPLE), rng.choice(THINGS), rng.choice(WHEN)
        # Some deeds are told again more often than others. Without that no single word says anything about
        # the label, and a small model takes long to find out that it has to compare.
        place = DEEDS.index(deed)
        same = rng.random() < 0.15 + 0.7 * place / (len(DEEDS) - 1)
        other = deed if same else rng.choice(DEEDS[:place] + DEEDS[place + 1 :])
        pair = sentence(rng, deed, who, what, when), sentence(rng, other, who, what, when)
        if pair in seen or pair[0] == pair[1]:
            continue
        seen.add(pair)
        rows.append((int(same), *pair))
    return rows


def main():
    out = sys.argv[1]
    rng = random.Random(20261123)
    rows = pairs(rng, 3300)
    number = 0
    for name, part in [("train", rows[:3000]), ("dev", rows[3000:])]:
        with open(os.path.join(out, "MRPC", name + ".tsv"), "w", encoding="utf-8", newline="\n") as f:
            f.write("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n")
            for label, first, second in part:
                f.write(f"{label}\t{number}\t{number + 1}\t{first}\t{second}\n")
                number += 2
    words = sorted({w for _, a, b in rows for w in (a + " " + b).lower().split()})
    with open(os.path.join(out, "bert", "vocab.txt"), "w", encoding="utf-8", newline="\n") as f:
        f.write("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + words) + "\n")
    config = {
        "model_type": "bert", "vocab_size": 5 + len(words), "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 128, "max_position_embeddings": 64, "type_vocab_size": 2, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.05, "attention_probs_dropout_prob": 0.05, "layer_norm_eps": 1e-12, "initializer_range": 0.05, "pad_token_id": 0,
    }
    with open(os.path.join(out, "bert", "config.json"), "w", encoding="utf-8", newline="\n") as f:
        f.write(json.dumps(config, indent=2) + "\n")
    with open(os.path.join(out, "bert", "tokenizer_config.json"), "w", encoding="utf-8", newline="\n") as f:
        f.write(json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64}) + "\n")


main()
