"""Fine-tunes a checkpoint on a whole GLUE task in PyTorch, with gluepot's defaults, and prints the scores of each epoch.

  python fine_tune.py CHECKPOINT GLUE_DIR TASK --seeds 1 2 3 [--epochs 3] [--batch 16] [--rate 5e-5]

A new head, drawn as transformers draws it; random order in each epoch; AdamW with weight decay 0.01 on everything; linear
decay without warmup; dropout as the checkpoint says; batches padded to their longest example. Scores by scikit-learn and
SciPy. Prints a JSON object per seed: the validation metrics of each epoch. What to compare them with:

  gluepot sweep TASK.toml --data-source GLUE_DIR   (batch_size = 16, otherwise the defaults)

Needs: torch, transformers, scikit-learn, scipy.
"""
import argparse, json, os, time
import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from transformers import AutoModelForSequenceClassification, AutoTokenizer, get_scheduler

RTE = {"entailment": 0, "not_entailment": 1}
# Folder, columns of text, column of the label, what its cell means, number of outputs, lines before the first row.
TASKS = {
    "cola": ("CoLA", (3,), 1, int, 2, 0),
    "mrpc": ("MRPC", (3, 4), 0, int, 2, 1),
    "rte": ("RTE", (1, 2), 3, RTE.get, 2, 1),
    "sst2": ("SST-2", (0,), 1, int, 2, 1),
    "stsb": ("STS-B", (7, 8), 9, float, 1, 1),
}

p = argparse.ArgumentParser()
p.add_argument("checkpoint"); p.add_argument("glue"); p.add_argument("task", choices=sorted(TASKS))
p.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3]); p.add_argument("--epochs", type=int, default=3)
p.add_argument("--batch", type=int, default=16); p.add_argument("--rate", type=float, default=5e-5)
a = p.parse_args()
folder, columns, label, meaning, outputs, header = TASKS[a.task]
tokenizer = AutoTokenizer.from_pretrained(a.checkpoint)


def read(split):
    with open(os.path.join(a.glue, folder, split + ".tsv"), encoding="utf-8-sig", newline="\n") as f:
        rows = [line.rstrip("\r\n").split("\t") for line in f][header:]
    encoded = tokenizer(*[[row[c] for row in rows] for c in columns], truncation=True, max_length=512)
    return encoded, torch.tensor([meaning(row[label]) for row in rows])


def batch(encoded, part):
    return tokenizer.pad([{k: encoded[k][i] for k in encoded} for i in part], return_tensors="pt")


def scores(model, encoded, labels):
    model.eval()
    order = sorted(range(len(labels)), key=lambda i: len(encoded["input_ids"][i]))
    logits = torch.zeros(len(labels), outputs)
    with torch.no_grad():
        for i in range(0, len(order), 32):
            part = order[i : i + 32]
            logits[part] = model(**batch(encoded, part)).logits
    if outputs == 1:
        values = logits[:, 0].numpy()
        return {"pearson": float(pearsonr(values, labels)[0]), "spearman": float(spearmanr(values, labels)[0])}
    predicted = logits.argmax(-1)
    return {"accuracy": accuracy_score(labels, predicted), "f1": f1_score(labels, predicted), "matthews": float(matthews_corrcoef(labels, predicted))}


train, train_labels = read("train")
dev, dev_labels = read("dev")
for seed in a.seeds:
    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        a.checkpoint, num_labels=outputs, problem_type="regression" if outputs == 1 else "single_label_classification")
    per_epoch = -(-len(train_labels) // a.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=a.rate, weight_decay=0.01)
    scheduler = get_scheduler("linear", optimizer, 0, per_epoch * a.epochs)
    begun, epochs = time.time(), []
    for epoch in range(a.epochs):
        model.train()
        order = torch.randperm(len(train_labels)).tolist()
        for i in range(0, len(order), a.batch):
            part = order[i : i + a.batch]
            model(**batch(train, part), labels=train_labels[part]).loss.backward()
            optimizer.step(); scheduler.step(); optimizer.zero_grad()
        epochs.append(scores(model, dev, dev_labels))
    print(json.dumps({"task": a.task, "seed": seed, "torch": torch.__version__, "seconds": round(time.time() - begun), "epochs": epochs}), flush=True)
