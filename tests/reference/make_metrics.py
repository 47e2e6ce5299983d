"""Scores of random predictions by scikit-learn and scipy: tests/golden/metrics.json."""

import json
import sys
import warnings

import numpy as np
from scipy.special import expit, softmax
from sklearn import metrics as sk

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)


def rates(truth, predicted, **how):
    found = {}
    for average in ["macro", "micro", "weighted"]:
        p, r, f, _ = sk.precision_recall_fscore_support(truth, predicted, average=average, zero_division=0, **how)
        found |= {f"{average}_precision": p, f"{average}_recall": r, f"{average}_f1": f}
    return found


def ece(truth, p, bins=15):
    """Guo et al. 2017, bin by bin, as in the authors' temperature_scaling."""
    confidence, right = p.max(1), p.argmax(1) == truth
    edges = np.linspace(0, 1, bins + 1)
    total = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total


def classes(truth, logits, positive):
    """One of several classes."""
    count = logits.shape[1]
    # The difference in the logits' own precision, the rest in double precision.
    p = softmax((logits - logits.max(1, keepdims=True)).astype(np.float64), axis=1)
    predicted = logits.argmax(1)
    scores = {
        "accuracy": sk.accuracy_score(truth, predicted),
        "matthews": sk.matthews_corrcoef(truth, predicted),
        "log_loss": sk.log_loss(truth, p, labels=range(count)),
        "brier": sk.brier_score_loss(truth, p[:, 1], pos_label=1) if count == 2 else sk.brier_score_loss(truth, p, labels=range(count), scale_by_half=False),
        "ece": ece(truth, p),
        "roc_auc": None,
        "average_precision": None,
    } | rates(truth, predicted)
    if count == 2:
        binary = (truth == positive).astype(int)
        each, _ = [sk.precision_recall_fscore_support(truth, predicted, pos_label=positive, average="binary", zero_division=0), 0]
        scores |= {"precision": each[0], "recall": each[1], "f1": each[2]}
        if 0 < binary.sum() < len(binary):
            scores["roc_auc"] = sk.roc_auc_score(binary, p[:, positive])
        if binary.any():
            scores["average_precision"] = sk.average_precision_score(binary, p[:, positive])
    elif len(set(truth)) == count:
        scores["roc_auc"] = sk.roc_auc_score(truth, p, multi_class="ovr", average="macro", labels=range(count))
        one_hot = np.eye(count, dtype=int)[truth]
        scores["average_precision"] = sk.average_precision_score(one_hot, p, average="macro")
    each = sk.precision_recall_fscore_support(truth, predicted, labels=range(count), zero_division=0)
    return {
        "head": {"classes": [f"c{i}" for i in range(count)]},
        "positive": positive,
        "targets": truth.tolist(),
        "outputs": logits.tolist(),
        "scores": scores,
        "confusion": sk.confusion_matrix(truth, predicted, labels=range(count)).tolist(),
        "each": [list(map(float, column)) for column in zip(*each)],
    }


def labels(truth, logits):
    """Any number of labels."""
    p = expit(logits.astype(np.float64))
    predicted = (logits >= 0).astype(int)
    scores = {"accuracy": sk.accuracy_score(truth, predicted), "roc_auc": None, "average_precision": None} | rates(truth, predicted)
    sums = truth.sum(0)
    if (sums > 0).all() and (sums < len(truth)).all():
        scores["roc_auc"] = sk.roc_auc_score(truth, p, average="macro")
    if (sums > 0).all():
        scores["average_precision"] = sk.average_precision_score(truth, p, average="macro")
    each = sk.precision_recall_fscore_support(truth, predicted, zero_division=0)
    return {
        "head": {"labels": [f"l{i}" for i in range(truth.shape[1])]},
        "targets": truth.astype(bool).tolist(),
        "outputs": logits.tolist(),
        "scores": scores,
        "each": [list(map(float, column)) for column in zip(*each)],
    }


def values(truth, output):
    return {
        "head": "value",
        "targets": truth.tolist(),
        "outputs": [[value] for value in output.tolist()],
        "scores": {"mae": sk.mean_absolute_error(truth.astype(np.float64), output), "mse": sk.mean_squared_error(truth.astype(np.float64), output)},
    }


def logits(shape, digits):
    # Few digits make ties.
    return np.round(rng.normal(size=shape) * 1.5, digits).astype(np.float32)


cases = []
for count in [2, 2, 2, 3, 4]:
    for examples, digits in [(1, 2), (7, 0), (24, 1), (40, 2)]:
        truth = rng.integers(count, size=examples)
        cases.append(classes(truth, logits((examples, count), digits), int(rng.integers(2)) if count == 2 else 1))
# A class that does not occur, one that is never predicted, one class alone.
cases.append(classes(rng.integers(2, size=20), logits((20, 4), 1), 1))
never = logits((20, 3), 1)
never[:, 2] = -9
cases.append(classes(rng.integers(3, size=20), never, 1))
for only in [0, 1]:
    cases.append(classes(np.full(8, only), logits((8, 2), 1), 1))
    cases.append(classes(np.full(8, only), np.float32([[2, 0]] * 8), 1))
cases.append(classes(np.array([0, 1, 2] * 4), np.float32([[0, 0, 1]] * 12), 1))
sure = np.float32([[60, -60], [-60, 60], [60, -60]])
cases.append(classes(np.array([0, 1, 1]), sure, 1))
for count, examples, digits in [(2, 9, 0), (3, 24, 1), (3, 24, 2), (5, 40, 1)]:
    cases.append(labels(rng.integers(2, size=(examples, count)), logits((examples, count), digits)))
rare = np.zeros((12, 3), dtype=int)
rare[3, 0] = rare[4, 1] = 1
cases.append(labels(rare, logits((12, 3), 1)))
for examples in [1, 5, 30]:
    cases.append(values(logits(examples, 2), logits(examples, 2)))

json.dump({"cases": cases}, open(sys.argv[1], "w"), separators=(",", ":"))
print(len(cases), "cases", sum(len(case["scores"]) for case in cases), "scores")
