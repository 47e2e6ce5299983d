"""gluepot against PyTorch on a GPU: the same fine-tuning in turn, several times, as ratios.

  python gpu.py GLUEPOT GLUE_DIR TOKENIZER_DIR OUT [--device cuda:0] [--steps 300] [--rounds 2] [--seconds 300] [--small]

Models of BERT-base's shape (12 x 768) and of MiniLM's (6 x 384) with random weights, MRPC's lengths, batches of 8 and 32.
PyTorch: eager in fp32, TF32 and bf16 (autocast, scaled dot-product attention), and compiled in bf16, with CUDA graphs too.
Then 1, 2, 4 and 8 trainings at once, and the kernels that take the time. Stops beginning new measurements after --seconds. Writes speed.csv and speed.md below OUT. Needs: torch, transformers.
"""
import argparse, csv, json, os, shutil, statistics, subprocess, sys, tempfile, time

p = argparse.ArgumentParser()
p.add_argument("gluepot"); p.add_argument("glue"); p.add_argument("tokenizer"); p.add_argument("out")
p.add_argument("--device", default="cuda:0"); p.add_argument("--steps", type=int, default=300); p.add_argument("--rounds", type=int, default=2)
p.add_argument("--seconds", type=float, default=300); p.add_argument("--small", action="store_true")
a = p.parse_args()
begun, here = time.monotonic(), os.path.dirname(os.path.abspath(__file__))
on_gpu = a.device != "cpu"
shapes = {"base": (768, 12, 12, 3072), "small": (384, 6, 12, 1536)}
cases = [("small", 8)] if a.small else [("base", 8), ("base", 32), ("small", 8), ("small", 32)]
ours = {"fp32": []} | ({name: ["--set", f"training.precision={name}"] for name in ("tf32", "bf16")} if on_gpu else {})
# What fused kernels are worth, and replaying recorded steps: once, on the first case.
extras = {"fp32-reference": ["--kernels", "reference"]} | ({"fp32-launched": ["--no-graphs"], "bf16-launched": ["--set", "training.precision=bf16", "--no-graphs"]} if on_gpu else {})
theirs = {"fp32": []} | ({"tf32": ["--precision", "tf32"], "bf16": ["--precision", "bf16"], "bf16-compiled": ["--precision", "bf16", "--compile", "default"],
                          "bf16-graphs": ["--precision", "bf16", "--compile", "reduce-overhead"]} if on_gpu else {})
work = tempfile.mkdtemp()
for shape, (d, layers, heads, wide) in shapes.items():
    shutil.copytree(a.tokenizer, f"{work}/{shape}", ignore=shutil.ignore_patterns("*.safetensors", "*.bin", "config.json"))
    json.dump({"model_type": "bert", "architectures": ["BertModel"], "vocab_size": 30522, "max_position_embeddings": 512, "hidden_size": d, "num_hidden_layers": layers,
               "num_attention_heads": heads, "intermediate_size": wide}, open(f"{work}/{shape}/config.json", "w"))
    open(f"{work}/{shape}.toml", "w").write(f'task = "mrpc"\ncheckpoint = "{work}/{shape}"\nlearning_rate = 5e-5\nepochs = 1\nmetric = "f1"\n'
                                            f'[model]\ninitialize = "random"\n[data]\nsource = "{os.path.abspath(a.glue)}"\n')

# Kernels and tuning are kept in the user's cache, as for any training.
surroundings = dict(os.environ)
# As many before: each shape of a batch is compiled for when it is met first, by gluepot and by PyTorch, and recorded behind that.
counts = ["--warm-up", str(a.steps), "--steps", str(a.steps)]

def ours_on(shape, batch):
    return [a.gluepot, "bench", f"{work}/{shape}.toml", "--device", a.device, "--set", f"data.batch_size={batch}", "--json"]

def measured(who, shape, batch, options):
    if who == "gluepot":
        command = ours_on(shape, batch)
    else:
        command = [sys.executable, f"{here}/pytorch.py", f"{work}/{shape}", a.glue, "--random", "--batch", str(batch), "--device", a.device.split(":")[0]]
    done = subprocess.run(command + options + counts, capture_output=True, text=True, env=surroundings)
    if done.returncode:
        print(f"{who} {shape}-{batch} {' '.join(options)} failed: {done.stderr.strip()[-400:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout if who == "gluepot" else done.stdout.strip().splitlines()[-1])

def at_once(shape, batch, options, number):
    """Examples a second of so many trainings beside each other, as each measures its own, together."""
    running = [subprocess.Popen(ours_on(shape, batch) + options + counts, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=surroundings) for _ in range(number)]
    figures = [json.loads(out) for out in (process.communicate()[0] for process in running) if out.strip()]
    return sum(f["examples_per_second"] for f in figures) if len(figures) == number else None

rows = []
for round in range(1, a.rounds + 1):
    for shape, batch in cases:
        more = extras if (round, (shape, batch)) == (1, cases[0]) else {}
        for who, variants in (("gluepot", ours | more), ("pytorch", theirs)):
            for name, options in variants.items():
                # A quarter of the time is for trainings at once.
                if time.monotonic() - begun > 0.75 * a.seconds:
                    continue
                figures = measured(who, shape, batch, options)
                if figures:
                    rows.append({"case": f"{shape}-{batch}", "who": who, "variant": name, "round": round, **figures})
                    print(f"{who} {shape}-{batch} {name}: {figures['examples_per_second']:.1f} examples/s", file=sys.stderr)
# Trainings beside each other, which keep a GPU busy that one alone cannot.
together = []
shape, batch = cases[0]
fastest = list(ours)[-1]
for number in (1, 2) if a.small else (1, 2, 4, 8):
    if time.monotonic() - begun <= a.seconds:
        rate = at_once(shape, batch, ours[fastest], number)
        together.append((number, rate))
        print(f"{number} at once, {shape}-{batch} {fastest}: {'failed' if rate is None else f'{rate:.1f} examples/s'}", file=sys.stderr)
# Which kernels take the time.
kernels = []
for name, options in ((name, ours[name]) for name in ("fp32", "tf32", "bf16") if on_gpu):
    log = f"{work}/kernels-{name}.log"
    short = ["--warm-up", "5", "--steps", "5", "--no-graphs"]
    done = subprocess.run([sys.executable, f"{here}/kernels.py", "--run", log] + ours_on(*cases[0]) + options + short, capture_output=True, text=True, env=surroundings)
    kernels.append((name, done.stdout if done.returncode == 0 else f"failed: {done.stderr.strip()[-400:]}\n"))
shutil.rmtree(work)
if not rows:
    sys.exit("nothing could be measured")
os.makedirs(a.out, exist_ok=True)
with open(f"{a.out}/speed.csv", "w", newline="") as f:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(f, columns); writer.writeheader(); writer.writerows(rows)
with open(f"{a.out}/speed.md", "w") as f:
    f.write("| case | who | variant | examples/s | of gluepot's matrix products' peak | gluepot's best / this |\n|---|---|---|---:|---:|---:|\n")
    for case in dict.fromkeys(row["case"] for row in rows):
        of_case = [row for row in rows if row["case"] == case]
        rate = lambda who, variant: statistics.median(row["examples_per_second"] for row in of_case if (row["who"], row["variant"]) == (who, variant))
        kinds = list(dict.fromkeys((row["who"], row["variant"]) for row in of_case))
        best = max((rate(*kind) for kind in kinds if kind[0] == "gluepot"), default=float("nan"))
        for who, variant in kinds:
            shares = [row["share_of_peak"] for row in of_case if (row["who"], row["variant"]) == (who, variant) and "share_of_peak" in row]
            share = f"{100 * statistics.median(shares):.0f} %" if shares else ""
            f.write(f"| {case} | {who} | {variant} | {rate(who, variant):.1f} | {share} | {best / rate(who, variant):.2f} |\n")
    f.write(f"\n| trainings at once ({shape}-{batch}, {fastest}) | examples/s together | of one alone |\n|---:|---:|---:|\n")
    for number, rate in together:
        alone = together[0][1]
        f.write(f"| {number} | {rate:.1f} | {rate / alone:.2f} |\n" if rate and alone else f"| {number} | failed | |\n")
    for name, text in kernels:
        f.write(f"\nKernels of 10 steps, {cases[0][0]}-{cases[0][1]}, {name}:\n\n{text}")
print(open(f"{a.out}/speed.md").read())
