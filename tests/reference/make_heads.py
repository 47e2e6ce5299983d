"""Writes tests/golden/heads.json: losses and gradients of a number, labels and three classes as a model's head, from
transformers' BertForSequenceClassification over the BERT of tests/golden/tiny, without dropout.

  python make_heads.py GOLDEN_DIR

Needs: torch, transformers.
"""
import json, os, sys
import torch
from transformers import BertForSequenceClassification

LENGTHS = [5, 17, 1, 9, 30]


def main(out):
    folder = os.path.join(out, "tiny")
    torch.manual_seed(3)
    vocab = json.load(open(os.path.join(folder, "config.json")))["vocab_size"]
    tokens = [torch.randint(1, vocab, (n,)).tolist() for n in LENGTHS]
    segments = [[int(at > n // 2) for at in range(n)] for n in LENGTHS]
    longest = max(LENGTHS)
    pad = lambda rows: torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    inputs = dict(input_ids=pad(tokens), token_type_ids=pad(segments), attention_mask=pad([[1] * n for n in LENGTHS]))
    heads = {
        "value": ("regression", 1, torch.tensor([2.5, 0.0, 4.75, 1.2, -1.0])),
        "labels": ("multi_label_classification", 3, torch.randint(0, 2, (len(LENGTHS), 3)).float()),
        "classes": ("single_label_classification", 3, torch.tensor([2, 0, 1, 1, 2])),
    }
    golden = {"tokens": tokens, "segments": segments, "heads": {}}
    for name, (problem, outputs, targets) in heads.items():
        model = BertForSequenceClassification.from_pretrained(folder, num_labels=outputs, ignore_mismatched_sizes=True, attn_implementation="eager")
        model.config.problem_type = problem
        torch.nn.init.normal_(model.classifier.weight, std=0.5)
        torch.nn.init.normal_(model.classifier.bias, std=0.5)
        model.eval()
        out = model(**inputs, labels=targets)
        out.loss.backward()
        golden["heads"][name] = {
            "targets": targets.tolist(),
            "classifier": {"weight": model.classifier.weight.flatten().tolist(), "bias": model.classifier.bias.tolist()},
            "outputs": out.logits.flatten().tolist(),
            "loss": out.loss.item(),
            # The last numbers: of the words' embeddings, which are many, they show little.
            "gradients": {n: {"norm": p.grad.norm().item(), "last": p.grad.flatten()[-4:].tolist()} for n, p in model.named_parameters()},
        }
    with open(os.path.join(out, "heads.json"), "w") as f:
        json.dump(golden, f, indent=1)


main(*sys.argv[1:])
