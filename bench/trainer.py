"""Fine-tunes on MRPC with Hugging Face's Trainer, as run_glue does: evaluates and saves after each epoch.

  python trainer.py CHECKPOINT GLUE_DIR OUT --epochs 3 --batch 16 [--bf16] [--fused]

Prints JSON with the scores of the last epoch. Needs: torch, transformers, accelerate, scikit-learn.
"""
import argparse, json, os
import torch
from sklearn.metrics import accuracy_score, f1_score
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

p = argparse.ArgumentParser()
p.add_argument("checkpoint"); p.add_argument("glue"); p.add_argument("out")
p.add_argument("--epochs", type=int, default=3); p.add_argument("--batch", type=int, default=16)
p.add_argument("--bf16", action="store_true"); p.add_argument("--fused", action="store_true")
a = p.parse_args()
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
tokenizer = AutoTokenizer.from_pretrained(a.checkpoint)
model = AutoModelForSequenceClassification.from_pretrained(a.checkpoint, num_labels=2)


def split(name):
    with open(os.path.join(a.glue, "MRPC", f"{name}.tsv"), encoding="utf-8-sig") as f:
        rows = [line.rstrip("\n").split("\t") for line in f][1:]
    encoded = tokenizer([r[3] for r in rows], [r[4] for r in rows], truncation=True)
    return [{"labels": int(r[0]), **{key: encoded[key][i] for key in encoded}} for i, r in enumerate(rows)]


def scores(result):
    predictions = result.predictions.argmax(-1)
    return {"accuracy": accuracy_score(result.label_ids, predictions), "f1": f1_score(result.label_ids, predictions)}


arguments = TrainingArguments(
    a.out, num_train_epochs=a.epochs, per_device_train_batch_size=a.batch, per_device_eval_batch_size=64, learning_rate=5e-5,
    eval_strategy="epoch", save_strategy="epoch", save_total_limit=1, logging_steps=50, use_cpu=True, bf16=a.bf16, report_to=[], disable_tqdm=True,
    optim="adamw_torch_fused" if a.fused else "adamw_torch")
trainer = Trainer(model, arguments, train_dataset=split("train"), eval_dataset=split("dev"), processing_class=tokenizer, compute_metrics=scores)
trainer.train()
print(json.dumps(trainer.evaluate()))
