"""Writes tests/golden/submission.json: files of a submission to GLUE as Python writes them.

  python make_submission.py GLUE OUT.json

GLUE is the folder of GLUE's own files (CoLA, MRPC, QNLI, RTE, SST-2, STS-B, WNLI, diagnostic). Needs: torch.

For each file: its number of rows, counted in the test split where GLUE has it, the constant prediction that `--fill` writes, taken
from the training split where GLUE has it, and the SHA-256 of the text. And outputs of made-up models with the cells that belong to
them, in jiant's format (nyu-mll/jiant, scripts/benchmarks/benchmarks.py): lower case, and three decimals.
"""
import collections, hashlib, json, pathlib, sys
import torch

glue = pathlib.Path(sys.argv[1])


def table(path):
    # No quoting: a quotation mark is a part of the text.
    return [line.rstrip("\n").split("\t") for line in (glue / path).open(encoding="utf-8-sig", newline="\n")]


def most_frequent(path, column, header=True):
    return collections.Counter(row[column] for row in table(path)[header:]).most_common(1)[0][0]


def rows(path):
    return len(table(path)) - 1


scores = [float(row[9]) for row in table("STS-B/train.tsv")[1:]]
# Rows of QQP and MNLI: sizes of the test splits in the data card of nyu-mll/glue. Their majority, and that of QNLI: no training
# split here, see src/submission/file.rs.
files = {
    "CoLA.tsv": (rows("CoLA/test.tsv"), most_frequent("CoLA/train.tsv", 1, header=False)),
    "SST-2.tsv": (rows("SST-2/test.tsv"), most_frequent("SST-2/train.tsv", 1)),
    "MRPC.tsv": (rows("MRPC/test.tsv"), most_frequent("MRPC/train.tsv", 0)),
    "QQP.tsv": (390965, "0"),
    "STS-B.tsv": (rows("STS-B/test.tsv"), "%.3f" % (sum(scores) / len(scores))),
    "MNLI-m.tsv": (9796, "contradiction"),
    "MNLI-mm.tsv": (9847, "contradiction"),
    "QNLI.tsv": (rows("QNLI/test.tsv"), most_frequent("QNLI/dev.tsv", 3)),
    "RTE.tsv": (rows("RTE/test.tsv"), most_frequent("RTE/train.tsv", 3)),
    "WNLI.tsv": (rows("WNLI/test.tsv"), most_frequent("WNLI/train.tsv", 3)),
    "AX.tsv": (rows("diagnostic/diagnostic.tsv"), "contradiction"),
}


def described(rows, majority):
    text = "index\tprediction\n" + "".join(f"{index}\t{majority}\n" for index in range(rows))
    return dict(rows=rows, majority=majority, sha256=hashlib.sha256(text.encode()).hexdigest())


# The outputs are repeated until the file is full.
torch.manual_seed(1)
models = []
for file, task, labels, cells in [
    ("WNLI.tsv", "wnli", ["not_entailment", "entailment"], ["0", "1"]),
    ("RTE.tsv", "rte", ["entailment", "not_entailment"], ["entailment", "not_entailment"]),
    ("AX.tsv", "mnli", ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"], ["contradiction", "neutral", "entailment"]),
    ("STS-B.tsv", "stsb", None, None),
]:
    if labels:
        outputs = torch.randn(16, len(labels))
        outputs[3] = 0.5  # of equal ones, the first
        expected = [cells[index] for index in outputs.argmax(dim=-1)]
    else:
        outputs = torch.tensor([[-0.0], [-0.2], [5.25], [5.0], [2.0005], [0.0005], [4.9994], [4.9996], [3.14159], [1e-9]])
        expected = ["%.3f" % (min(max(value, 0.0), 5.0) + 0.0) for value in outputs.flatten().tolist()]
    models.append(dict(file=file, task=task, labels=labels, outputs=outputs.tolist(), expected=expected))

result = dict(files={name: described(*facts) for name, facts in files.items()}, models=models)
with open(sys.argv[2], "w") as out:
    json.dump(result, out, indent=1)
    out.write("\n")
