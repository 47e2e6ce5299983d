"""Writes the reference values of tests/golden/tiny from PyTorch and transformers.

  python make_golden.py QUICKSTART_DIR OUT_DIR

A BERT of 2 layers, width 32 and random weights; its logits on the bundled demonstration data; several
trainings step by step with dropout 0; ids from transformers' tokenizer; scores from scikit-learn; learning
rates from get_scheduler. All arithmetic is float32 on the CPU.
Needs: torch, transformers, safetensors, scikit-learn, pyarrow.
"""
import json, os, random, shutil, sys
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import accuracy_score, f1_score
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, get_scheduler

TEXTS = [
    ["The farmer bought the red car ."], ["yesterday, HER BROTHER sold it!"], ["naïve café — “quoted”"], ["日本 and 한국"],
    ["tab\tand\u00a0space\u200bzero"], ["unbelievable purchases"], [""], ["[SEP] in the middle [MASK] here"], ["it 's a `` test '' \" ."],
    ["The lamp was painted .", "A small house was washed in spring ."], ["short", "the old doctor fixed the piano " * 8],
    ["the baker traded the bicycle " * 9, "two students"], ["one two three " * 10, "four five six " * 10], ["😀 emoji", "x" * 120],
]

TRAININGS = {
    "plain": {},
    "everything": dict(learning_rate=1e-3, accumulation=2, warmup=6, schedule="cosine", max_grad_norm=0.5, weight_decay=0.1, no_decay=True),
    "constant": dict(learning_rate=5e-4, schedule="constant_with_warmup", warmup=5, betas=(0.8, 0.95), eps=1e-6),
    "ragged": dict(learning_rate=1e-3, accumulation=3, limit=44, steps=12),
    "short": dict(max_length=16, batch_size=5),
    "dropout": dict(dropout=True, accumulation=2, seed=42),
    # The padding token is a word of most examples: torch learns nothing of it.
    "padding": dict(pad_token_id=5, steps=12),
}


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011) over arrays of counters: four words each."""
    mask = np.uint64(0xFFFFFFFF)
    c, k = [np.asarray(w, np.uint64) for w in counter], [np.uint64(w) for w in key]
    for round in range(10):
        if round: k = [(k[0] + np.uint64(0x9E3779B9)) & mask, (k[1] + np.uint64(0xBB67AE85)) & mask]
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ k[0], p1 & mask, (p0 >> np.uint64(32)) ^ c[3] ^ k[1], p0 & mask]
    return c


class Dropout:
    """Stands in for torch.nn.functional.dropout: masks as gluepot defines them, in the order of the calls."""

    def __init__(self, seed):
        self.key = (seed + 3 * 0x9E3779B97F4A7C15) % 2**64
        self.micro_batch, self.site = -1, 0

    def next_batch(self, lengths):
        self.micro_batch, self.site = self.micro_batch + 1, 0
        self.lengths, self.starts = lengths, np.concatenate([[0], np.cumsum(lengths)])

    def bits(self, place, first, n):
        """Random words of rows whose blocks begin at `first`: element 64g + 16w + i is word w of block 16g + i."""
        groups = (n + 63) // 64
        at = (np.asarray(first, np.uint64)[:, None] + np.arange(groups * 16, dtype=np.uint64)[None]).reshape(-1)
        high, low = at >> np.uint64(32), at & np.uint64(0xFFFFFFFF)
        words = philox([low, high, np.full_like(at, place % 2**32), np.full_like(at, place >> 32)], [self.key % 2**32, self.key >> 32])
        return np.stack(words, 0).reshape(4, len(first), groups, 16).transpose(1, 2, 0, 3).reshape(len(first), -1)[:, :n]

    def __call__(self, x, p=0.5, training=True, inplace=False):
        if not training: return x
        place, bits = (self.micro_batch << 16) | self.site, np.full(tuple(x.shape), 2**32 - 1, dtype=np.uint64)
        self.site += 1
        width = x.shape[-1]
        hidden_blocks = (width + 63) // 64 * 16
        if x.dim() == 2:  # pooled: a row an example
            bits[:] = self.bits(place, np.arange(x.shape[0]) * hidden_blocks, width)
        else:
            for e, length in enumerate(self.lengths):
                tokens = self.starts[e] + np.arange(length)
                if x.dim() == 3:  # hidden states: a row a token, padding not counted
                    bits[e, :length] = self.bits(place, tokens * hidden_blocks, width)
                else:  # attention probabilities: a row a query and head
                    heads = x.shape[1]
                    for h in range(heads):
                        bits[e, h, :length, :length] = self.bits(place, (tokens * heads + h) * 4096, length)
        kept = torch.from_numpy((bits >= np.uint64(int(p * 2**32))).astype(np.float32))
        return x * kept * np.float32(1 / (1 - p))


def rows(folder, name):
    with open(os.path.join(folder, "MRPC", name + ".tsv"), encoding="utf-8") as f:
        fields = [line.rstrip("\n").split("\t") for line in f][1:]
    return [((r[3], r[4]), int(r[0])) for r in fields]


def encode(tokenizer, part, max_length):
    texts = [list(column) for column in zip(*[r[0] for r in part])]
    enc = tokenizer(*texts, truncation=True, max_length=max_length, padding=True, return_tensors="pt")
    return enc, torch.tensor([r[1] for r in part])


def logits(model, tokenizer, part, max_length=64):
    model.eval()
    with torch.no_grad():
        return model(**encode(tokenizer, part, max_length)[0]).logits


def train(out, tokenizer, data, dev, learning_rate=1e-3, accumulation=1, warmup=0, schedule="linear", max_grad_norm=None, weight_decay=0.01,
          no_decay=False, dropout=False, seed=0, betas=(0.9, 0.999), eps=1e-8, limit=None, steps=24, batch_size=8, max_length=64, pad_token_id=0, criterion=None):
    p = 0.1 if dropout else 0.0
    masks, torch.nn.functional.dropout = Dropout(seed), (lambda *a, **k: masks(*a, **k))
    model = BertForSequenceClassification.from_pretrained(out, hidden_dropout_prob=p, attention_probs_dropout_prob=p, pad_token_id=pad_token_id, attn_implementation="eager")
    spared = lambda name: no_decay and ("bias" in name or "LayerNorm" in name)
    named = list(model.named_parameters())
    optimizer = torch.optim.AdamW(
        [{"params": [p for n, p in named if not spared(n)], "weight_decay": weight_decay},
         {"params": [p for n, p in named if spared(n)], "weight_decay": 0.0}],
        lr=learning_rate, betas=betas, eps=eps)
    scheduler = get_scheduler(schedule, optimizer, warmup, steps)
    data = data[:limit]
    batches = [data[i : i + batch_size] for i in range(0, len(data), batch_size)]
    groups = [batches[i : i + accumulation] for i in range(0, len(batches), accumulation)]
    model.train()
    trajectory = []
    for step in range(steps):
        group = groups[step % len(groups)]
        count, total = sum(len(b) for b in group), 0.0
        for part in group:
            enc, y = encode(tokenizer, part, max_length)
            masks.next_batch(enc["attention_mask"].sum(1).tolist())
            loss = criterion(model(**enc).logits, y) if criterion else model(**enc, labels=y).loss
            loss = loss * (len(part) / count)
            loss.backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm or float("inf"))
        rate = optimizer.param_groups[0]["lr"]
        optimizer.step(); scheduler.step(); optimizer.zero_grad()
        trajectory.append({"loss": total, "grad_norm": norm.item(), "learning_rate": rate})
    return {"trajectory": trajectory, "final": logits(model, tokenizer, dev, max_length).tolist()}


def main():
    source, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(11)
    with open(os.path.join(source, "bert", "vocab.txt"), encoding="utf-8") as f:
        words = f.read().split()
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    marks = list("!\"'`,.-—“”") + ["日", "é"]
    vocabulary = words + [c for c in list(letters) + marks if c not in words] + ["##" + c for c in letters]
    with open(os.path.join(out, "vocab.txt"), "w", encoding="utf-8", newline="\n") as f:
        f.write("\n".join(vocabulary) + "\n")
    with open(os.path.join(out, "tokenizer_config.json"), "w") as f:
        json.dump({"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64}, f); f.write("\n")
    config = BertConfig(vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                        max_position_embeddings=64, initializer_range=0.3, num_labels=2)
    model = BertForSequenceClassification(config)
    with torch.no_grad():  # biases and norms away from 0 and 1, so that their places show
        for name, p in model.named_parameters():
            if name.endswith("bias"): p.normal_(0.0, 0.1)
            if "LayerNorm.weight" in name: p.normal_(1.0, 0.1)
    model.save_pretrained(out)
    tokenizer = AutoTokenizer.from_pretrained(out)
    fast = os.path.join(out, "fast"); os.makedirs(fast, exist_ok=True)
    tokenizer.backend_tokenizer.save(os.path.join(fast, "tokenizer.json"))

    # The same weights in the other forms that are found in the wild.
    weights = load_file(os.path.join(out, "model.safetensors"))
    bare = {n.removeprefix("bert."): t for n, t in weights.items() if n.startswith("bert.")}
    old = {n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): t for n, t in weights.items()}
    for name, tensors in [("half", {n: t.half() for n, t in weights.items()}), ("bfloat", {n: t.bfloat16() for n, t in weights.items()}),
                          ("bare", bare)]:
        os.makedirs(os.path.join(out, name), exist_ok=True)
        save_file(tensors, os.path.join(out, name, "model.safetensors"), {"format": "pt"})
    os.makedirs(os.path.join(out, "pickled"), exist_ok=True)
    torch.save({**old, "bert.embeddings.position_ids": torch.arange(64)[None]}, os.path.join(out, "pickled", "pytorch_model.bin"))

    data, dev = rows(source, "train"), rows(source, "dev")[:64]
    # The first rows in the layout of the hub.
    import pyarrow as pa, pyarrow.parquet as pq
    os.makedirs(os.path.join(out, "parquet"), exist_ok=True)
    for split, part in (("train", data[:160]), ("validation", dev)):
        table = pa.table({"sentence1": [r[0][0] for r in part], "sentence2": [r[0][1] for r in part],
                          "label": pa.array([r[1] for r in part], pa.int64()), "idx": pa.array(range(len(part)), pa.int32())})
        pq.write_table(table, os.path.join(out, "parquet", split + "-00000-of-00001.parquet"))
    golden = {"torch": torch.__version__, "transformers": __import__("transformers").__version__}
    golden["tokens"] = []
    for text in TEXTS:
        for max_length in (64, 16):
            enc = tokenizer(*text, truncation=True, max_length=max_length)
            golden["tokens"].append({"text": text, "max_length": max_length, "input_ids": enc["input_ids"], "token_type_ids": enc["token_type_ids"]})
    golden["eval"] = logits(model, tokenizer, dev).tolist()
    for name, dtype in [("half", torch.float16), ("bfloat", torch.bfloat16)]:
        rounded = BertForSequenceClassification.from_pretrained(out)
        rounded.load_state_dict({n: t.to(dtype).float() for n, t in weights.items()})
        golden["eval_" + name] = logits(rounded, tokenizer, dev).tolist()
    golden["trainings"] = {}
    for name, options in TRAININGS.items():
        golden["trainings"][name] = {"options": options, **train(out, tokenizer, data, dev, **options)}
    golden["parameters"] = sum(p.numel() for p in model.parameters())
    golden["names"] = [[n, list(p.shape)] for n, p in model.named_parameters()]

    rng, golden["scores"] = random.Random(5), []
    for n, bias in [(40, 0.5), (40, 0.9), (7, 0.2), (12, 0.0), (12, 1.0)]:
        labels = [int(rng.random() < 0.6) for _ in range(n)]
        predictions = [int(rng.random() < bias) for _ in range(n)]
        golden["scores"].append({"labels": labels, "predictions": predictions, "accuracy": accuracy_score(labels, predictions),
                                 "f1": f1_score(labels, predictions, zero_division=0.0)})
    golden["schedules"] = []
    for kind in ("linear", "cosine", "constant_with_warmup"):
        for warmup, total in ((0, 10), (4, 23), (1, 7)):
            optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=3e-4)
            scheduler, rates = get_scheduler(kind, optimizer, warmup, total), []
            for _ in range(total):
                rates.append(optimizer.param_groups[0]["lr"]); optimizer.step(); scheduler.step()
            golden["schedules"].append({"kind": kind.split("_")[0], "warmup": warmup, "total": total, "rates": rates})
    with open(os.path.join(out, "golden.json"), "w") as f:
        json.dump(golden, f, indent=0); f.write("\n")


if __name__ == "__main__":
    main()
