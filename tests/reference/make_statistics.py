"""Writes tests/golden/statistics.json: fixed cases with scipy's and statsmodels' answers.

  python make_statistics.py OUT_FILE
"""
import json, math, sys, warnings
import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

warnings.filterwarnings("ignore")
number = lambda x: None if x is None or not math.isfinite(x) else float(x)
rng = np.random.default_rng(3)
scores = lambda n, mean=0.87, sd=0.01: np.round(rng.normal(mean, sd, n), 6).tolist()

out = {"descriptions": [], "pairs": [], "welch": [], "holm": [], "mcnemar": []}
for values in [[0.5], [0.5, 0.5], [0.1, 0.3], scores(3), scores(5), scores(8), scores(31), [0.812] * 6, [1e-9, 1e9, 5.0], scores(200)]:
    a = np.array(values)
    low, high = stats.t.interval(0.95, len(a) - 1, a.mean(), stats.sem(a)) if len(a) > 1 and a.std() > 0 else (None, None)
    if len(a) > 1 and a.std() == 0: low = high = a.mean()
    if len(a) < 3: low = high = None  # gluepot gives no interval from fewer than three scores
    out["descriptions"].append({"values": values, "mean": a.mean(), "sd": number(a.std(ddof=1)) if len(a) > 1 else None, "low": low, "high": high,
                                "median": float(np.median(a)), "min": a.min(), "max": a.max()})
pairs = [([0.8], [0.9]), ([0.8, 0.81], [0.8, 0.81]), ([0.1, 0.2, 0.3], [0.2, 0.3, 0.4]), ([0.5, 0.6, 0.7, 0.8], [0.6, 0.5, 0.8, 0.7])]
pairs += [(scores(n), scores(n, 0.875)) for n in (3, 5, 7, 12, 13, 20, 40)]
# Equal differences, within what can be enumerated and beyond it; none at all; and spread that is mere rounding.
pairs += [([0.8] * n, [0.81] * n) for n in (12, 13, 16)] + [([0.8] * 13, [0.8] * 13), ([0.8 + 0.001 * i for i in range(14)], [0.81 + 0.001 * i for i in range(14)])]
for a, b in pairs:
    d = np.array(b) - np.array(a)
    if np.ptp(d) < 1e-12: d[:] = np.median(d)
    n, case = len(d), {"a": a, "b": b, "mean": d.mean()}
    spread = n > 1 and d.std() > 1e-15
    if n <= 12 or not spread:
        case["p"] = 1.0 if not d.any() else float(stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue) if n > 1 else 1.0
        case["method"] = "sign-flip"
    else:
        case["p"], case["method"] = float(stats.ttest_rel(b, a).pvalue), "paired-t"
    ci = stats.ttest_rel(b, a).confidence_interval(0.95) if spread and n >= 3 else None
    case["low"], case["high"] = (ci.low, ci.high) if ci else (None, None)
    out["pairs"].append(case)
for a, b in [([0.8], [0.9]), ([0.8, 0.8], [0.9, 0.9]), ([0.8, 0.81], [0.9]), ([0.8, 0.8], [0.9, 0.91]), ([0.8] * 3, [0.9] * 3),
             ([0.8] * 4, [0.9] * 6), ([0.8] * 3, [0.8] * 5), ([0.8] * 3, [0.9, 0.91, 0.93])] + [
        (scores(n), scores(m, 0.88, 0.03)) for n, m in ((2, 2), (3, 5), (5, 5), (8, 3), (30, 12))]:
    r = stats.ttest_ind(b, a, equal_var=False)
    smaller, spread = min(len(a), len(b)), np.std(a) > 1e-15 or np.std(b) > 1e-15
    p, method = (number(r.pvalue) if smaller > 1 and spread else None), "welch"
    if smaller > 1 and not spread:  # without spread: every assignment of the scores to the samples
        method, away = "permutation", lambda x, y, axis: np.abs(x.mean(axis=axis) - y.mean(axis=axis))
        p = float(stats.permutation_test((np.array(b), np.array(a)), away, alternative="greater", n_resamples=np.inf, vectorized=True).pvalue)
    ci = r.confidence_interval(0.95) if spread and smaller >= 3 else None
    out["welch"].append({"a": a, "b": b, "mean": np.mean(b) - np.mean(a), "p": p, "method": method, "low": ci and ci.low, "high": ci and ci.high})
for p in [[0.04], [0.01, 0.04, 0.03], [0.5, 0.5, 0.5], [0.2, 0.001, 0.04, 0.04, 0.9], [0.0, 1.0]]:
    out["holm"].append({"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()})
for first, second in [(0, 0), (1, 0), (3, 9), (9, 3), (10, 10), (0, 30), (120, 180), (5, 5)]:
    p = mcnemar([[0, first], [second, 0]], exact=True).pvalue if first + second else 1.0
    out["mcnemar"].append({"first": first, "second": second, "p": float(p)})
with open(sys.argv[1], "w") as f:
    json.dump(out, f, indent=0); f.write("\n")
