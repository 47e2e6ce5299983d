"""Writes tests/golden/encoders: a tiny model of each family of encoders, made by transformers, and how it trains in PyTorch.

  python make_encoders.py QUICKSTART_DIR OUT_DIR [FAMILY…]

Each folder is a checkpoint with odd sizes and random weights, and golden.json: its parameters in torch's order, the logits of
pairs and of single sentences, and several trainings of 60 steps. Tokens are words of the demonstration's vocabulary for every
family; tokenizers of other kinds are compared elsewhere. All arithmetic is float32 on the CPU.
Needs: torch, transformers, safetensors.
"""
import json, os, shutil, sys
import torch
import transformers
from transformers import AutoTokenizer, get_scheduler
from transformers.trainer import Trainer
from make_golden import Dropout, rows

LAYERS, WIDTH, HEADS, WIDE, POSITIONS = 2, 30, 3, 52, 70
BERT_KEYS = dict(hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=WIDE, max_position_embeddings=POSITIONS)
ROBERTA = dict(**BERT_KEYS, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)
# Class of the configuration and of the model, keys of the configuration, and the dropout probabilities other than 0.1.
FAMILIES = {
    "roberta": ("RobertaConfig", "RobertaForSequenceClassification", dict(ROBERTA, classifier_dropout=0.2)),
    "xlm-roberta": ("XLMRobertaConfig", "XLMRobertaForSequenceClassification", ROBERTA),
    "camembert": ("CamembertConfig", "CamembertForSequenceClassification", ROBERTA),
    "distilbert": ("DistilBertConfig", "DistilBertForSequenceClassification",
                   dict(dim=WIDTH, n_layers=LAYERS, n_heads=HEADS, hidden_dim=WIDE, max_position_embeddings=POSITIONS)),
    "electra": ("ElectraConfig", "ElectraForSequenceClassification", dict(BERT_KEYS, embedding_size=14)),
    "mpnet": ("MPNetConfig", "MPNetForSequenceClassification", dict(BERT_KEYS, layer_norm_eps=1e-5, pad_token_id=1)),
    # Three layers by two groups, each of two layers. Wider weights would amplify rounding: torch's own f32 and f64 would differ.
    "albert": ("AlbertConfig", "AlbertForSequenceClassification",
               dict(BERT_KEYS, num_hidden_layers=3, num_hidden_groups=2, inner_group_num=2, embedding_size=14, hidden_dropout_prob=0.1,
                    attention_probs_dropout_prob=0.1, classifier_dropout_prob=0.2, initializer_range=0.15)),
    "electra-base": ("ElectraConfig", "ElectraForSequenceClassification", dict(BERT_KEYS, embedding_size=WIDTH)),
}
NO_DROPOUT = ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "classifier_dropout_prob", "dropout", "attention_dropout", "seq_classif_dropout"]
TRAININGS = {
    "pairs": {},
    "single": dict(single=True, batch_size=5, accumulation=2),
    "dropout": dict(dropout=True, accumulation=2, seed=42),
    # The padding token is the full stop, which most examples have.
    "padding": dict(pad_token_id=5, steps=20),
}


def encode(tokenizer, part):
    texts = [list(column) for column in zip(*[text for text, _ in part])]
    enc = tokenizer(*texts, truncation=True, max_length=64, padding=True, return_tensors="pt")
    return enc, torch.tensor([label for _, label in part])


def logits(model, tokenizer, part):
    model.eval()
    with torch.no_grad():
        return model(**encode(tokenizer, part)[0]).logits.tolist()


def train(folder, kind, tokenizer, data, dev, single=False, batch_size=8, accumulation=1, dropout=False, seed=0, pad_token_id=None, steps=60):
    masks, torch.nn.functional.dropout = Dropout(seed), (lambda *a, **k: masks(*a, **k))
    config = transformers.AutoConfig.from_pretrained(folder)
    off = {} if dropout else {key: 0.0 for key in NO_DROPOUT if hasattr(config, key)}
    if pad_token_id is not None: off["pad_token_id"] = pad_token_id
    model = kind.from_pretrained(folder, attn_implementation="eager", **off)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    scheduler = get_scheduler("linear", optimizer, 0, steps)
    if single: data, dev = [[((text[0],), label) for text, label in part] for part in (data, dev)]
    batches = [data[i : i + batch_size] for i in range(0, len(data), batch_size)]
    groups = [batches[i : i + accumulation] for i in range(0, len(batches), accumulation)]
    model.train()
    trajectory = []
    for step in range(steps):
        group = groups[step % len(groups)]
        count, total = sum(len(b) for b in group), 0.0
        for part in group:
            enc, y = encode(tokenizer, part)
            masks.next_batch(enc["attention_mask"].sum(1).tolist())
            if pad_token_id is not None: enc["input_ids"][enc["attention_mask"] == 0] = pad_token_id
            loss = model(**enc, labels=y).loss * (len(part) / count)
            loss.backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), float("inf"))
        rate = optimizer.param_groups[0]["lr"]
        optimizer.step(); scheduler.step(); optimizer.zero_grad()
        trajectory.append({"loss": total, "grad_norm": norm.item(), "learning_rate": rate})
    return {"trajectory": trajectory, "final": logits(model, tokenizer, dev)}


def main():
    source, out, *families = sys.argv[1:]
    data, dev = rows(source, "train"), rows(source, "dev")[:32]
    for family in families or FAMILIES:
        config_class, model_class, keys = FAMILIES[family]
        folder = os.path.join(out, family)
        shutil.rmtree(folder, ignore_errors=True); os.makedirs(folder)
        with open(os.path.join(source, "bert", "vocab.txt"), encoding="utf-8") as f:
            words = f.read().split()
        if keys.get("pad_token_id") == 1:  # in RoBERTa's order
            first = ["[CLS]", "[PAD]", "[SEP]", "[UNK]"]
            words = first + [word for word in words if word not in first]
        with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8", newline="\n") as f:
            f.write("\n".join(words) + "\n")
        with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
            names = ["input_ids", "attention_mask"] + (["token_type_ids"] if family.startswith(("electra", "albert")) else [])
            json.dump({"tokenizer_class": "BertTokenizer", "model_max_length": 64, "model_input_names": names}, f); f.write("\n")
        torch.manual_seed(sum(map(ord, family)))
        config = getattr(transformers, config_class)(vocab_size=len(words), num_labels=2, **{"initializer_range": 0.3, **keys})
        kind = getattr(transformers, model_class)
        model = kind(config)
        with torch.no_grad():  # biases and norms away from 0 and 1, so that their places show
            for name, p in model.named_parameters():
                if name.endswith("bias"): p.normal_(0.0, 0.1)
                if "norm.weight" in name.lower(): p.normal_(1.0, 0.1)
        model.save_pretrained(folder)
        model = kind.from_pretrained(folder, attn_implementation="eager")
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
        decayed = set(Trainer.get_decay_parameter_names(None, model))
        golden = {"torch": torch.__version__, "transformers": transformers.__version__, "options": TRAININGS}
        golden["parameters"] = [[n, list(p.shape), n in decayed] for n, p in model.named_parameters()]
        golden["pairs"] = logits(model, tokenizer, dev)
        golden["single"] = logits(model, tokenizer, [((text[0],), label) for text, label in dev])
        golden["trainings"] = {name: train(folder, kind, tokenizer, data, dev, **options) for name, options in TRAININGS.items()}
        with open(os.path.join(folder, "golden.json"), "w") as f:
            json.dump(golden, f, separators=(",", ":")); f.write("\n")


if __name__ == "__main__":
    main()
