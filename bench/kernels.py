"""The kernels that take a program's time on a GPU, as CubeCL measures them.

  python kernels.py LOG [--most 25]                     adds up a log of kernels into a Markdown table
  python kernels.py --run LOG COMMAND [ARGUMENT ...]    runs a command that writes such a log first

Each kernel is timed alone, so that the sum is more than they take one behind the other.
"""
import collections, os, re, subprocess, sys, tempfile

UNITS = {"ns": 1e-6, "µs": 1e-3, "us": 1e-3, "ms": 1.0, "s": 1e3}
LINE = re.compile(r"\|\s*([\d.]+)(ns|µs|us|ms|s)\s*\|\s*(.+)")

def table(log, most=25):
    total, count = collections.Counter(), collections.Counter()
    for line in open(log, encoding="utf-8", errors="replace"):
        if found := LINE.search(line):
            name = found[3].strip().splitlines()[0].rstrip("|").strip()
            total[name] += float(found[1]) * UNITS[found[2]]; count[name] += 1
    everything = sum(total.values()) or 1.0
    rows = ["| kernel | launches | ms | share |", "|---|---:|---:|---:|"]
    rows += [f"| {name} | {count[name]} | {ms:.2f} | {100 * ms / everything:.1f} % |" for name, ms in total.most_common(most)]
    return "\n".join(rows + [f"| all {len(total)} | {sum(count.values())} | {everything:.2f} | 100 % |"]) + "\n"

if __name__ == "__main__":
    if len(sys.argv) > 3 and sys.argv[1] == "--run":
        log, command = os.path.abspath(sys.argv[2]), sys.argv[3:]
        # CubeCL reads this file from the folder that it is started in.
        with tempfile.TemporaryDirectory() as folder:
            open(f"{folder}/cubecl.toml", "w").write(f'[profiling]\nlogger = {{ level = "basic", file = "{log}" }}\n')
            done = subprocess.run(command, cwd=folder, stdout=sys.stderr)
        if done.returncode or not os.path.exists(log):
            sys.exit(done.returncode or f"{log} was not written: did anything run on a GPU?")
    else:
        log = sys.argv[1]
    print(table(log, int(sys.argv[3]) if len(sys.argv) == 4 and sys.argv[2] == "--most" else 25), end="")
