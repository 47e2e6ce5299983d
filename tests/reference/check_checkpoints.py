"""Loads the best checkpoint of runs in transformers, and compares its predictions with those that the runs recorded.

  python check_checkpoints.py RUN…

RUN: a run directory with predictions/validation.csv and a checkpoint, whose data is where resolved.toml says: a folder with GLUE's
files, or tables (.tsv, .csv) of a task of one's own. Prints a Markdown row for each: how many examples have the same prediction,
and the largest difference of a probability or a value. Fails if a prediction differs, a number differs by more than 1e-5, or
problem_type, id2label or label2id of config.json are not the task's. All arithmetic is float32 on the CPU.
Needs: torch, transformers.
"""
import csv, json, os, sys, tomllib
import torch
import transformers
from transformers import AutoModelForSequenceClassification, AutoTokenizer

BOUND = 1e-5
# Columns of text in GLUE's own files, and the lines before the first row.
GLUE = {"cola": ((3,), 0), "mrpc": ((3, 4), 1), "qnli": ((1, 2), 1), "rte": ((1, 2), 1), "sst2": ((0,), 1), "stsb": ((7, 8), 1), "wnli": ((1, 2), 1)}
PROBLEMS = {"classes": "single_label_classification", "labels": "multi_label_classification", "value": "regression"}


def texts(run, task, settings):
    """The texts of the validation split, a list for each column."""
    if task["name"] in GLUE:
        columns, header = GLUE[task["name"]]
        path = os.path.join(run, settings["data"]["source"], task["splits"]["validation"]["tsv"])
        with open(path, encoding="utf-8-sig", newline="\n") as f: rows = [line.rstrip("\r\n").split("\t") for line in f][header:]
    else:
        path = os.path.join(run, settings["task"]["validation"])
        with open(path, encoding="utf-8-sig", newline="") as f: rows = list(csv.reader(f, delimiter="\t" if path.endswith(".tsv") else ","))
        named = task["text"].get("pair") or [task["text"]["single"]]
        columns, rows = [rows[0].index(column["name"]) for column in named], rows[1:]
    rows = rows[: settings["data"].get("eval_limit")]
    return [[row[column] for row in rows] for column in columns]


def head(task):
    """The kind of head, and its labels."""
    if task["head"] == "value": return "value", []
    return next(iter(task["head"].items()))


def check(run):
    task = json.load(open(os.path.join(run, "run.json")))["task_definition"]
    settings = tomllib.load(open(os.path.join(run, "resolved.toml"), "rb"))
    best = open(os.path.join(run, "checkpoints", "best")).read().strip()
    folder = os.path.join(run, "checkpoints", best)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    kind, labels = head(task)
    config = model.config
    assert config.problem_type == PROBLEMS[kind], (run, config.problem_type)
    if labels: assert config.id2label == dict(enumerate(labels)) and config.label2id == {name: id for id, name in enumerate(labels)}, (run, config.id2label)
    else: assert config.num_labels == 1, run

    recorded = list(csv.DictReader(open(os.path.join(run, "predictions", "validation.csv"))))
    columns = texts(run, task, settings)
    assert len(columns[0]) == len(recorded), f"{run}: {len(columns[0])} texts and {len(recorded)} predictions"
    logits = []
    with torch.no_grad():
        for at in range(0, len(recorded), 32):
            batch = tokenizer(*[column[at : at + 32] for column in columns], truncation=True, max_length=settings["data"]["max_length"], padding=True, return_tensors="pt")
            logits.append(model(**batch).logits.double())
    logits = torch.cat(logits)
    if kind == "value": theirs, names = logits, ["prediction"]
    else: theirs, names = (logits.softmax(-1) if kind == "classes" else logits.sigmoid()), [f"p{output}" for output in range(len(labels))]
    ours = torch.tensor([[float(row[name]) for name in names] for row in recorded], dtype=torch.float64)
    if kind == "classes": same = sum(int(row["prediction"]) == int(found) for row, found in zip(recorded, theirs.argmax(-1)))
    elif kind == "labels": same = int(((ours >= 0.5) == (theirs >= 0.5)).all(-1).sum())
    else: same = int(((ours - theirs).abs() <= BOUND).all(-1).sum())
    apart = float((ours - theirs).abs().max())
    print(f"| {task['name']} | {PROBLEMS[kind]} | {same} of {len(recorded)} | {apart:.1e} |", flush=True)
    return same == len(recorded) and apart <= BOUND


transformers.logging.set_verbosity_error()
print(f"torch {torch.__version__}, transformers {transformers.__version__}\n\n| task | problem_type | same predictions | largest difference |\n|---|---|---:|---:|")
failed = [run for run in sys.argv[1:] if not check(run)]
if failed: sys.exit("not the same: " + ", ".join(failed))
