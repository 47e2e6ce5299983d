"""Writes tests/golden/task_matrix.json: scores of three variants on three tasks, with NumPy's and SciPy's answers.

  python make_task_matrix.py OUT_FILE
"""
import json, sys
import numpy as np
from scipy import stats

rng = np.random.default_rng(19)
tasks = {"cola": 0.55, "mrpc": 0.88, "stsb": 0.86}
variants = {"1e-5": -0.02, "2e-5": 0.0, "5e-5": 0.012}
seeds = [1, 2, 3, 4, 5, 6]
scores = {v: {t: np.round(rng.normal(base + shift, 0.008, len(seeds)), 6) for t, base in tasks.items()} for v, shift in variants.items()}

# A seed's mean over tasks, and the paired differences of these from the first variant.
by_seed = {v: np.mean([scores[v][t] for t in tasks], axis=0) for v in variants}
reference = next(iter(variants))
out = {"seeds": seeds, "variants": []}
for v in variants:
    row = {"learning_rate": float(v), "mean": float(np.mean([scores[v][t].mean() for t in tasks])),
           "tasks": {t: {"scores": x.tolist(), "mean": x.mean(), "sd": x.std(ddof=1)} for t, x in scores[v].items()}}
    if v != reference:
        d = by_seed[v] - by_seed[reference]
        test = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided")
        low, high = stats.t.interval(0.95, len(d) - 1, d.mean(), stats.sem(d))
        row["difference"] = {"mean": d.mean(), "low": low, "high": high, "p": float(test.pvalue)}
    out["variants"].append(row)
# Holm by hand: the smaller p-value is doubled, the larger one is at least that.
tested = sorted((row["difference"] for row in out["variants"] if "difference" in row), key=lambda d: d["p"])
tested[0]["adjusted_p"] = min(1.0, 2 * tested[0]["p"])
tested[1]["adjusted_p"] = max(tested[0]["adjusted_p"], tested[1]["p"])
json.dump(out, open(sys.argv[1], "w"), indent=1, default=float)
