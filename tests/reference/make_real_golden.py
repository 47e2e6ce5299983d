"""Writes the reference values of tests/golden/minilm from PyTorch and transformers, on real GLUE data.

  python make_real_golden.py CHECKPOINT_DIR GLUE_DIR OUT_DIR [TASK…]

For each task: a hash of the ids of every validation example, the logits of the whole validation split
before training and after some steps (dropout 0, file order, batch 8, learning rate 5e-5, linear decay), and
loss, gradient norm and learning rate of each step. Numbers alone; no text of the data sets.
Needs: torch, transformers.
"""
import hashlib, json, os, struct, sys
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, get_scheduler

RTE = {"entailment": 0, "not_entailment": 1}
# Folder, columns of text, column of the label, what the label's cell means, number of outputs, lines before the first row, steps.
TASKS = {
    "mrpc": ("MRPC", (3, 4), 0, int, 2, 1, 60),
    "sst2": ("SST-2", (0,), 1, int, 2, 1, 60),
    "cola": ("CoLA", (3,), 1, int, 2, 0, 40),
    "stsb": ("STS-B", (7, 8), 9, float, 1, 1, 40),
    "rte": ("RTE", (1, 2), 3, RTE.get, 2, 1, 40),
    # Three classes on real text: less than 2, less than 4, and the rest.
    "stsb3": ("STS-B", (7, 8), 9, lambda score: min(int(float(score) // 2), 2), 3, 1, 40),
}
BATCH, RATE = 8, 5e-5


def read(glue, task, split):
    folder, text, label, meaning, _, header, _ = TASKS[task]
    with open(os.path.join(glue, folder, split + ".tsv"), encoding="utf-8-sig", newline="\n") as f:
        fields = [line.rstrip("\r\n").split("\t") for line in f][header:]
    return [([r[c] for c in text], meaning(r[label])) for r in fields]


def encode(tokenizer, part):
    columns = [list(column) for column in zip(*[text for text, _ in part])]
    return tokenizer(*columns, truncation=True, max_length=512, padding=True, return_tensors="pt")


def logits(model, tokenizer, examples):
    model.eval()
    with torch.no_grad():
        return [row for i in range(0, len(examples), 32) for row in model(**encode(tokenizer, examples[i : i + 32])).logits.tolist()]


def main():
    checkpoint, glue, out, *tasks = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    for task in tasks or TASKS:
        outputs, steps = TASKS[task][4], TASKS[task][6]
        torch.manual_seed(7)
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        model = AutoModelForSequenceClassification.from_pretrained(
            checkpoint, num_labels=outputs, problem_type="regression" if outputs == 1 else "single_label_classification", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager")
        with torch.no_grad():
            model.classifier.weight.normal_(0.0, 0.02); model.classifier.bias.zero_()
        golden = {"torch": torch.__version__, "head": {"weight": model.classifier.weight.tolist(), "bias": model.classifier.bias.tolist()}}
        train, dev = read(glue, task, "train"), read(glue, task, "dev")
        ids = [tokenizer(*text, truncation=True, max_length=512) for text, _ in dev]
        pack = lambda e: struct.pack(f"<{2 * len(e['input_ids'])}I", *e["input_ids"], *e["token_type_ids"])
        golden["ids"] = [hashlib.sha256(pack(e)).hexdigest()[:12] for e in ids]
        golden["eval"] = logits(model, tokenizer, dev)
        optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
        scheduler = get_scheduler("linear", optimizer, 0, steps)
        golden["trajectory"] = []
        model.train()
        for step in range(steps):
            part = train[step * BATCH : (step + 1) * BATCH]
            loss = model(**encode(tokenizer, part), labels=torch.tensor([label for _, label in part])).loss
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), float("inf"))
            golden["trajectory"].append({"loss": loss.item(), "grad_norm": norm.item(), "learning_rate": optimizer.param_groups[0]["lr"]})
            optimizer.step(); scheduler.step(); optimizer.zero_grad()
        golden["final"] = logits(model, tokenizer, dev)
        with open(os.path.join(out, task + ".json"), "w") as f:
            json.dump(golden, f, indent=None, separators=(",", ":")); f.write("\n")


main()
