"""Predicts a file with gluepot and with transformers' pipeline, in turn, and prints a Markdown table of ratios.

  python predict.py GLUEPOT CASE=CHECKPOINT,FILE … [--rounds 5] [--batch-sizes 1 8 16 32 64] [--threads 2]

FILE holds a text a line, or two separated by a tab. gluepot's time is that of the whole command, from its start to its last
row, loading included; the pipeline's is that of the call alone, tokenization included, with the model loaded and warm, at the
batch size that was fastest in that round. The last column compares processor seconds instead, which other work on the machine
changes less, at the batch size that took the fewest. Needs: torch, transformers.
"""
import argparse, os, statistics as st, subprocess, sys, time

p = argparse.ArgumentParser()
p.add_argument("gluepot"); p.add_argument("cases", nargs="+")
p.add_argument("--rounds", type=int, default=5); p.add_argument("--threads", type=int, default=2)
p.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 8, 16, 32, 64])
a = p.parse_args()
os.environ.update(OMP_NUM_THREADS=str(a.threads), RAYON_NUM_THREADS=str(a.threads), HF_HUB_OFFLINE="1")
import torch, transformers
from transformers import pipeline

torch.set_num_threads(a.threads)
transformers.logging.set_verbosity_error()
cases = {}
for case in a.cases:
    name, places = case.split("=", 1)
    checkpoint, file = places.rsplit(",", 1)
    rows = [line.rstrip("\n").split("\t") for line in open(file, encoding="utf-8")]
    inputs = [{"text": row[0], "text_pair": row[1]} if len(row) == 2 else row[0] for row in rows]
    cases[name] = (checkpoint, file, inputs, pipeline("text-classification", model=checkpoint, device="cpu"))


def ours(checkpoint, file):
    begun, before = time.perf_counter(), os.times()
    out = subprocess.run([a.gluepot, "predict", checkpoint, file], check=True, capture_output=True, text=True).stdout
    seconds, after = time.perf_counter() - begun, os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, busy, [line.split(",")[1] for line in out.splitlines()[1:]]


def theirs(classify, inputs, batch_size):
    begun, before = time.perf_counter(), time.process_time()
    found = classify(inputs, batch_size=batch_size, truncation=True, top_k=1)
    seconds, busy = time.perf_counter() - begun, time.process_time() - before
    return seconds, busy, [(one[0] if isinstance(one, list) else one)["label"] for one in found]


print(f"{a.threads} threads, {a.rounds} rounds in turn, PyTorch {torch.__version__}, transformers {transformers.__version__}\n")
results = {name: [] for name in cases}
for round in range(1, a.rounds + 1):
    for name, (checkpoint, file, inputs, classify) in cases.items():
        classify(inputs[:64], batch_size=16, truncation=True)
        own, own_busy, labels = ours(checkpoint, file)
        times, busy = {}, {}
        for batch_size in a.batch_sizes:
            times[batch_size], busy[batch_size], reference = theirs(classify, inputs, batch_size)
            differ = sum(x != y for x, y in zip(labels, reference, strict=True))
            if differ > len(labels) // 200: sys.exit(f"{name}: {differ} of {len(labels)} predictions differ")
        best = min(times, key=times.get)
        results[name].append((len(inputs) / own, len(inputs) / times[best], best, min(busy.values()) / own_busy))
        print(f"round {round}, {name}: gluepot {len(inputs) / own:.1f}/s, pipeline {len(inputs) / times[best]:.1f}/s at {best} "
              f"({', '.join(f'{size}: {len(inputs) / seconds:.1f}' for size, seconds in times.items())}), "
              f"processor seconds {own_busy:.2f} and {min(busy.values()):.2f}", file=sys.stderr, flush=True)

print("| case | gluepot texts/s | pipeline texts/s | its batch size | ratio (median) | spread | processor seconds (median) |")
print("|---|---:|---:|---:|---:|---:|---:|")
for name, rounds in results.items():
    ratios = [own / their for own, their, _, _ in rounds]
    sizes = sorted({size for _, _, size, _ in rounds})
    print(f"| {name} | {st.median(r[0] for r in rounds):.1f} | {st.median(r[1] for r in rounds):.1f} | {', '.join(map(str, sizes))} "
          f"| **{st.median(ratios):.2f}** | {min(ratios):.2f}–{max(ratios):.2f} | {st.median(r[3] for r in rounds):.2f} |")
