"""Writes tests/golden/checkpoints: fine-tuned checkpoints as transformers saves them, and what transformers predicts with them.

  python make_checkpoints.py TINY_DIR OUT_DIR

A BERT of one layer and width 16 with random weights and the tokenizer of TINY_DIR (see make_golden.py), with a head of each kind:
two classes, three classes, a number, any of three labels. Of each: its probabilities or values of some texts and pairs, and scores
of them against labels drawn at random. Floats are float32 on the CPU; scores are float64.
Needs: torch, transformers, scikit-learn, scipy.
"""
import json, os, shutil, sys
import numpy as np
import torch
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, f1_score, log_loss, mean_absolute_error, roc_auc_score
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForSequenceClassification

TEXTS = ["The farmer bought the red car .", "yesterday, HER BROTHER sold it!", "naïve café — “quoted”", "日本 and 한국", "[SEP] in the middle [MASK]",
         "unbelievable purchases", "it 's a `` test '' \" .", "the old doctor fixed the piano " * 12, "x", "Two students washed the lamp .",
         "a doctor painted a small house", "the baker traded the bicycle with her brother"]
PAIRS = [[first, TEXTS[(7 * index + 3) % len(TEXTS)]] for index, first in enumerate(TEXTS)]
KINDS = {
    "two": ("single_label_classification", ["negative", "positive"]),
    "three": ("single_label_classification", ["entailed", "unknown", "contradicted"]),
    "value": ("regression", None),
    "labels": ("multi_label_classification", ["farm", "sale", "music"]),
}


def scores(kind, outputs, targets):
    if kind == "value":
        values = outputs[:, 0]
        return {"mse": float(np.mean((values - targets) ** 2)), "mae": mean_absolute_error(targets, values), "pearson": pearsonr(targets, values).statistic}
    if kind == "labels":
        on = outputs >= 0.5
        return {"accuracy": accuracy_score(targets, on), "micro_f1": f1_score(targets, on, average="micro"), "roc_auc": roc_auc_score(targets, outputs, average="macro")}
    names = list(range(outputs.shape[1]))
    return {"accuracy": accuracy_score(targets, outputs.argmax(1)), "macro_f1": f1_score(targets, outputs.argmax(1), average="macro", labels=names),
            "log_loss": log_loss(targets, outputs / outputs.sum(1, keepdims=True), labels=names)}


def main(tiny, out):
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    rng = np.random.default_rng(11)
    golden = {"torch": torch.__version__, "transformers": __import__("transformers").__version__, "texts": TEXTS, "pairs": PAIRS, "kinds": {}}
    for seed, (kind, (problem, labels)) in enumerate(KINDS.items()):
        torch.manual_seed(seed)
        names = dict(id2label=dict(enumerate(labels)), label2id={name: index for index, name in enumerate(labels)}) if labels else dict(num_labels=1)
        config = BertConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
                            max_position_embeddings=64, initializer_range=0.3, problem_type=problem, **names)
        model = BertForSequenceClassification(config)
        with torch.no_grad():
            model.classifier.weight.normal_(0.0, 1.0); model.classifier.bias.normal_(0.0, 0.5)
        folder = os.path.join(out, kind)
        model.save_pretrained(folder)
        for file in ("vocab.txt", "tokenizer_config.json"):
            shutil.copy(os.path.join(tiny, file), folder)
        # Loaded again, as a user would.
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()

        def predicted(first, second=None):
            with torch.no_grad():
                logits = model(**AutoTokenizer.from_pretrained(folder)(first, second, padding=True, truncation=True, return_tensors="pt")).logits.double()
            return {"single_label_classification": logits.softmax(-1), "regression": logits, "multi_label_classification": logits.sigmoid()}[problem].numpy()

        texts, pairs = predicted(TEXTS), predicted([a for a, _ in PAIRS], [b for _, b in PAIRS])
        if kind == "value": targets = np.round(rng.uniform(-1, 4, len(TEXTS)), 2).astype(np.float32).astype(np.float64)
        elif kind == "labels": targets = np.array([[(index + label) % 3 == 0 or (index * label) % 5 == 1 for label in range(3)] for index in range(len(TEXTS))]).astype(int)
        else: targets = rng.permutation(np.arange(len(TEXTS)) % len(labels))
        golden["kinds"][kind] = {"labels": labels, "texts": texts.tolist(), "pairs": pairs.tolist(), "targets": targets.tolist(), "scores": scores(kind, texts, targets)}
    with open(os.path.join(out, "expected.json"), "w") as f:
        json.dump(golden, f, indent=0, ensure_ascii=False); f.write("\n")


main(*sys.argv[1:])
