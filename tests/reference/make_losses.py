"""Writes tests/golden/losses.json: label smoothing and class weights by PyTorch and scikit-learn.

  python make_losses.py GOLDEN_DIR

Losses and gradients of given logits, in float64 and float32; scikit-learn's "balanced" weights; and trainings of the tiny BERT
(GOLDEN_DIR/tiny) on the three classes of GOLDEN_DIR/own_tasks/verdicts and on its labels, with the initial head from there, step
by step in float32 on the CPU with dropout 0.
Needs: torch, transformers, scikit-learn.
"""
import csv, json, os, sys, tempfile
import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from transformers import AutoTokenizer, BertForSequenceClassification
from make_golden import train

VERDICTS = ["entailed", "unknown", "contradicted"]
TAGS = ["farm", "sale", "music"]

TRAININGS = {
    "smoothed": dict(task="verdicts", label_smoothing=0.1),
    "weighted": dict(task="verdicts", class_weights=[0.5, 2.0, 1.25]),
    "both": dict(task="verdicts", label_smoothing=0.1, class_weights=[0.5, 2.0, 1.25]),
    # The weights of the first 44 examples; the last batch of an epoch is smaller, and its step has one batch.
    "balanced": dict(task="verdicts", label_smoothing=0.1, class_weights="balanced", limit=44, accumulation=2, max_grad_norm=1.0),
    "labels": dict(task="tags"),
}


def rows(folder, texts, read):
    parts = []
    for name in ("train.tsv", "dev.tsv"):
        with open(os.path.join(folder, name), encoding="utf-8", newline="") as f:
            parts.append([(tuple(row[t] for t in texts), read(row)) for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE)])
    return parts


def losses():
    rng, found = np.random.default_rng(7), []
    for classes, examples, scale in [(2, 1, 1), (2, 7, 3), (3, 5, 2), (5, 6, 30), (77, 2, 4)]:
        logits = (scale * rng.normal(size=(examples, classes))).astype(np.float32)
        targets = rng.integers(0, classes, examples)
        weights = rng.uniform(0.1, 5.0, classes).astype(np.float32)
        for smoothing in (0.0, 0.1, 0.75):
            for weight in (None, weights):
                case = {"logits": logits.flatten().tolist(), "targets": targets.tolist(), "classes": classes, "label_smoothing": smoothing,
                        "class_weights": None if weight is None else weight.tolist()}
                for name, dtype in (("f64", torch.float64), ("f32", torch.float32)):
                    z = torch.tensor(logits, dtype=dtype, requires_grad=True)
                    w = None if weight is None else torch.tensor(weight, dtype=dtype)
                    loss = torch.nn.CrossEntropyLoss(weight=w, label_smoothing=smoothing)(z, torch.tensor(targets))
                    loss.backward()
                    case[name] = {"loss": loss.item(), "gradient": z.grad.flatten().tolist()}
                found.append(case)
    return found


def balanced():
    found = []
    for counts in ([3, 1], [1, 1, 1], [2, 40, 7], [1194, 2474]):
        y = np.repeat(np.arange(len(counts)), counts)
        found.append({"counts": counts, "weights": compute_class_weight("balanced", classes=np.arange(len(counts)), y=y).tolist()})
    return found


def main():
    out, = sys.argv[1:]
    golden = {"torch": torch.__version__, "transformers": __import__("transformers").__version__, "scikit-learn": __import__("sklearn").__version__}
    golden["losses"], golden["balanced"], golden["trainings"] = losses(), balanced(), {}
    tiny = os.path.join(out, "tiny")
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    with open(os.path.join(out, "own_tasks", "golden.json")) as f: own = json.load(f)
    of_task = {
        "verdicts": ("single_label_classification", *rows(os.path.join(out, "own_tasks", "verdicts"), ["premise", "hypothesis"], lambda r: VERDICTS.index(r["verdict"]))),
        "tags": ("multi_label_classification", *rows(os.path.join(out, "own_tasks", "tags"), ["sentence"], lambda r: [float(r[t]) for t in TAGS])),
    }
    for name, options in TRAININGS.items():
        task, smoothing, weights = options["task"], options.get("label_smoothing", 0.0), options.get("class_weights")
        problem, data, dev = of_task[task]
        rest = {k: v for k, v in options.items() if k not in ("task", "label_smoothing", "class_weights")} | dict(steps=40)
        if weights == "balanced":
            weights = compute_class_weight("balanced", classes=np.arange(3), y=np.array([y for _, y in data[: rest["limit"]]]))
        if weights is not None: weights = torch.tensor(weights, dtype=torch.float32)
        criterion = torch.nn.CrossEntropyLoss(weight=weights, label_smoothing=smoothing) if task == "verdicts" else None
        model = BertForSequenceClassification.from_pretrained(tiny, num_labels=3, problem_type=problem, ignore_mismatched_sizes=True)
        with torch.no_grad():
            model.classifier.weight.copy_(torch.tensor(own[task]["head"]["weight"]))
            model.classifier.bias.copy_(torch.tensor(own[task]["head"]["bias"]))
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            trained = train(folder, tokenizer, data, dev, criterion=criterion, **rest)
        golden["trainings"][name] = {"options": options | dict(steps=40), **trained}
    with open(os.path.join(out, "losses.json"), "w") as f:
        json.dump(golden, f, indent=0); f.write("\n")


main()
