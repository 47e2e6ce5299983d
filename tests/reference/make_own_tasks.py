"""Writes the reference values of tests/golden/own_tasks from PyTorch, transformers and scipy.

  python make_own_tasks.py TINY_DIR OUT_DIR

Tables of three tasks that are not GLUE's: one of three classes, a number, and any of three labels; the tiny BERT (TINY_DIR,
see make_golden.py) with a head for each, trained step by step with dropout 0; and scores of predicted numbers. All trainings
are float32 on the CPU, all scores float64.
Needs: torch, transformers, safetensors, scipy.
"""
import json, os, random, sys, tempfile
import numpy as np
import torch
from scipy.stats import pearsonr, spearmanr
from transformers import AutoTokenizer, BertForSequenceClassification
from make_golden import logits, train

PEOPLE = ["the farmer", "a doctor", "the old teacher", "her brother", "two students", "the baker"]
VERBS = ["bought", "sold", "fixed", "painted", "traded", "washed"]
THINGS = ["the red car", "a small house", "the piano", "a bicycle", "the lamp", "an apple"]
VERDICTS = ["entailed", "unknown", "contradicted"]
TAGS = ["farm", "sale", "music"]


def sentence(rng):
    return [rng.choice(PEOPLE), rng.choice(VERBS), rng.choice(THINGS)]


def verdict(rng):
    first = sentence(rng)
    verdict = rng.randrange(3)
    second = list(first)
    if verdict == 1: second = sentence(rng)
    if verdict == 2: second[1] = "never " + second[1]
    return (" ".join(first) + " .", " ".join(second) + " ."), verdict


def price(rng):
    words = sentence(rng)
    value = 0.5 * THINGS.index(words[2]) + (1.25 if words[1] == "bought" else 0.0) + round(rng.uniform(-0.5, 0.5), 2)
    return (" ".join(words) + " .",), float(np.float32(value))


def tags(rng):
    words = sentence(rng)
    return (" ".join(words) + " .",), [float("farmer" in words[0]), float(words[1] in ("bought", "sold", "traded")), float("piano" in words[2])]


TASKS = {
    "verdicts": dict(columns=["premise", "hypothesis", "verdict"], make=verdict, show=lambda y: [VERDICTS[y]], outputs=3,
                     problem="single_label_classification"),
    "prices": dict(columns=["sentence", "price"], make=price, show=lambda y: [f"{y:g}"], outputs=1, problem="regression"),
    "tags": dict(columns=["sentence"] + TAGS, make=tags, show=lambda y: [f"{b:.0f}" for b in y], outputs=3,
                 problem="multi_label_classification"),
}

TRAININGS = {"plain": {}, "accumulated": dict(accumulation=2, warmup=4, schedule="cosine", max_grad_norm=1.0, limit=44, steps=12)}


def scores():
    rng = np.random.default_rng(3)
    cases = [(rng.normal(size=n), rng.normal(size=n)) for n in (2, 5, 40, 1000)]
    noisy = rng.normal(size=60)
    cases += [(noisy, -2 * noisy + 0.1 * rng.normal(size=60)), (noisy + 100, 3 * noisy + 7)]
    # As STS-B's: many equal values.
    cases += [(np.round(rng.uniform(0, 5, 80)), rng.uniform(0, 5, 80)), (np.round(rng.uniform(0, 5, 80)), np.round(rng.uniform(0, 5, 80)))]
    cases += [(np.full(7, 2.1), rng.normal(size=7)), (rng.normal(size=7), np.full(7, 0.3)), (np.array([1.0]), np.array([2.0]))]
    found = []
    for targets, outputs in cases:
        targets, outputs = (a.astype(np.float32).astype(np.float64) for a in (targets, outputs))
        is_defined = len(targets) > 1 and len(set(targets)) > 1 and len(set(outputs)) > 1
        found.append({"targets": targets.tolist(), "outputs": outputs.tolist(), "mse": float(np.mean((targets - outputs) ** 2)),
                      "pearson": float(pearsonr(targets, outputs).statistic) if is_defined else None,
                      "spearman": float(spearmanr(targets, outputs).statistic) if is_defined else None})
    return found


def main():
    tiny, out = sys.argv[1:]
    golden = {"torch": torch.__version__, "transformers": __import__("transformers").__version__, "scipy": __import__("scipy").__version__}
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    for seed, (name, task) in enumerate(TASKS.items()):
        rng = random.Random(seed)
        data, dev = ([task["make"](rng) for _ in range(n)] for n in (64, 24))
        os.makedirs(os.path.join(out, name), exist_ok=True)
        for file, part in (("train.tsv", data), ("dev.tsv", dev)):
            with open(os.path.join(out, name, file), "w", encoding="utf-8", newline="\n") as f:
                for row in [task["columns"]] + [[*texts, *task["show"](y)] for texts, y in part]: f.write("\t".join(row) + "\n")
        torch.manual_seed(seed)
        model = BertForSequenceClassification.from_pretrained(tiny, num_labels=task["outputs"], problem_type=task["problem"],
                                                              ignore_mismatched_sizes=True)
        with torch.no_grad():
            model.classifier.weight.normal_(0.0, 0.3); model.classifier.bias.normal_(0.0, 0.1)
        head = {"weight": model.classifier.weight.tolist(), "bias": model.classifier.bias.tolist()}
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            trainings = {kind: {"options": options, **train(folder, tokenizer, data, dev, **options)} for kind, options in TRAININGS.items()}
        golden[name] = {"head": head, "eval": logits(model, tokenizer, dev).tolist(), "trainings": trainings}
    golden["scores"] = scores()
    with open(os.path.join(out, "golden.json"), "w") as f:
        json.dump(golden, f, indent=0); f.write("\n")


main()
