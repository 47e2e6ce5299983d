"""A fine-tuning loop in PyTorch, timed as `gluepot bench` times its own.

  python pytorch.py CHECKPOINT GLUE_DIR --batch 16 --steps 20 [--task mrpc|sst2] [--max-length 64] [--random]
                    [--device cuda] [--precision fp32|tf32|bf16] [--compile default|reduce-overhead] [--fused]

The task's training split in random order, batches padded to their longest example (compiled: to a multiple of 32, so that
few shapes exist), AdamW, dropout as the checkpoint says; on the CPU as many threads as OMP_NUM_THREADS says. On a GPU
nothing is read back between steps. Prints JSON. Needs: torch, transformers.
"""
import argparse, json, os, time
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers.trainer_pt_utils import get_length_grouped_indices

p = argparse.ArgumentParser()
p.add_argument("checkpoint"); p.add_argument("glue")
p.add_argument("--batch", type=int, default=16); p.add_argument("--steps", type=int, default=20); p.add_argument("--warm-up", type=int, default=3)
p.add_argument("--task", choices=["mrpc", "sst2"], default="mrpc"); p.add_argument("--max-length", type=int); p.add_argument("--random", action="store_true")
p.add_argument("--device", default="cpu"); p.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32")
p.add_argument("--train-limit", type=int); p.add_argument("--group-by-length", action="store_true")
p.add_argument("--compile", choices=["default", "reduce-overhead"]); p.add_argument("--fused", action="store_true")
a = p.parse_args()
on_gpu = a.device != "cpu"
torch.set_float32_matmul_precision("high" if a.precision == "tf32" else "highest")
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
torch.manual_seed(42)
tokenizer = AutoTokenizer.from_pretrained(a.checkpoint)
make = AutoModelForSequenceClassification
model = make.from_config(AutoConfig.from_pretrained(a.checkpoint, num_labels=2)) if a.random else make.from_pretrained(a.checkpoint, num_labels=2)
folder, text, label = {"mrpc": ("MRPC", [3, 4], 0), "sst2": ("SST-2", [0], 1)}[a.task]
with open(os.path.join(a.glue, folder, "train.tsv"), encoding="utf-8-sig") as f:
    rows = [line.rstrip("\n").split("\t") for line in f][1 :][: a.train_limit]
# Tokenized beforehand, as gluepot's splits are.
encoded = tokenizer(*([r[column] for r in rows] for column in text), truncation=True, max_length=a.max_length)
labels = torch.tensor([int(r[label]) for r in rows])
lengths = [len(ids) for ids in encoded["input_ids"]]
order = get_length_grouped_indices(lengths, a.batch) if a.group_by_length else torch.randperm(len(rows)).tolist()
order = order * (1 + (a.steps + a.warm_up) * a.batch // len(order))
model.to(a.device).train()
labels = labels.to(a.device)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, fused=on_gpu or a.fused)
run = torch.compile(model, mode=a.compile, dynamic=False) if a.compile else model
finished = torch.cuda.synchronize if on_gpu else lambda: None
seconds = []
for step in range(a.steps + a.warm_up):
    part = order[step * a.batch : (step + 1) * a.batch]
    if step == a.warm_up:
        finished()
    begun = time.perf_counter()
    batch = tokenizer.pad([{k: encoded[k][i] for k in encoded} for i in part], pad_to_multiple_of=32 if a.compile else None, return_tensors="pt")
    batch = {k: v.to(a.device, non_blocking=True) for k, v in batch.items()}
    with torch.autocast(a.device, torch.bfloat16, enabled=a.precision == "bf16"):
        loss = run(**batch, labels=labels[part]).loss
    loss.backward()
    optimizer.step(); optimizer.zero_grad()
    if not on_gpu:
        loss.item()
    if step == a.warm_up + a.steps - 1:
        finished()
    seconds.append(time.perf_counter() - begun)
seconds = seconds[a.warm_up :]
memory = next((int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")), None) if os.path.exists("/proc/self/status") else None
print(json.dumps({"examples_per_second": a.batch * len(seconds) / sum(seconds), "step_ms_p50": sorted(seconds)[len(seconds) // 2] * 1e3, "examples_per_step": a.batch,
                  "peak_memory_mib": memory}))
