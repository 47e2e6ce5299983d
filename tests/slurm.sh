#!/usr/bin/env bash
# slurm.sh [BINARY]: runs a sweep as a job array on a real Slurm, with kills, time limits and requeues; every trial must run
# exactly once.
# Starts its own munge, slurmctld and three slurmd on loopback, in a temporary folder, and stops them at the end.
# Needs root and Debian's packages slurm-wlm and munge. Takes about six minutes: Slurm's time limits are whole minutes.
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
binary=$(readlink -f "${1:-$project/target/release/gluepot}")
for tool in slurmctld slurmd munged sbatch; do
    PATH=$PATH:/usr/sbin command -v $tool >/dev/null || { echo "skipped: $tool is missing (packages slurm-wlm and munge)"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
export PATH=$PATH:/usr/sbin

work=$(mktemp -d); chmod 755 "$work"; host=$(hostname -s)
stop() {
    scancel --user=root 2>/dev/null || true; sleep 3
    for pid in "$work"/*.pid; do [ -f "$pid" ] && kill "$(cat "$pid")" 2>/dev/null; done; sleep 1
    if [ -n "${KEEP:-}" ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap stop EXIT

# Authentication.
mkdir -m 755 "$work/munge"; dd if=/dev/urandom of="$work/munge/key" bs=128 count=1 status=none; chmod 400 "$work/munge/key"
munged --force --socket="$work/munge/socket" --key-file="$work/munge/key" --pid-file="$work/munge.pid" \
    --log-file="$work/munge/log" --seed-file="$work/munge/seed"

# Three nodes with one processor each, all on this machine.
mkdir "$work"/{state,spool1,spool2,spool3}
cat > "$work/slurm.conf" <<C
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SchedulerParameters=batch_sched_delay=1,sched_interval=2,sched_min_interval=0
MinJobAge=3600
RequeueExit=12
KillWait=5
JobRequeue=1
NodeName=n[1-3] NodeHostname=$host NodeAddr=127.0.0.1 Port=[16821-16823] CPUs=1 Boards=1 SocketsPerBoard=1 CoresPerSocket=1 ThreadsPerCore=1 State=UNKNOWN
PartitionName=all Nodes=n[1-3] Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
C
sed -i 's/%n/%n/; s#spool%n#spool-%n#' "$work/slurm.conf"; mkdir "$work"/spool-n{1,2,3}
export SLURM_CONF=$work/slurm.conf
slurmctld -f "$SLURM_CONF" -c
for node in n1 n2 n3; do slurmd -f "$SLURM_CONF" -N $node; done
for _ in $(seq 30); do [ "$(sinfo -h -t idle -o %D | head -1)" = 3 ] && break; sleep 1; done
sinfo -N

# A project on the "shared" file system, with the script from docs/clusters.md.
mkdir "$work/project"; cd "$work/project"
cp -r "$project/experiments/quickstart" "$project/experiments/quickstart.toml" .
cat > rates.toml <<T
base = "quickstart.toml"
name = "rates"
[training]
max_steps = ${STEPS:-12000}
[evaluation]
every = 1000
[checkpoints]
every = 500
[sweep]
seeds = [1, 2, 3, 4]
[sweep.axes]
learning_rate = [5e-4, 1e-3]
T
sed -n '/^#!\/bin\/bash/,/^```/p' "$project/docs/clusters.md" | sed '/^```/d' > rates.sbatch
sed -i 's/^#SBATCH --time=.*/#SBATCH --time=00:03:00/; s/USR1@[0-9]*/USR1@60/; s/--array=.*/--array=1-3/; s/--cpus-per-task=.*/--cpus-per-task=1/' rates.sbatch
grep -q 'gluepot sweep' rates.sbatch || { echo "docs/clusters.md has no job script"; exit 1; }
mkdir "$work/bin"; ln -s "$binary" "$work/bin/gluepot"; export PATH=$work/bin:$PATH
export XDG_CACHE_HOME=$work/cache RAYON_NUM_THREADS=1
job=$(sbatch --parsable rates.sbatch); echo "submitted $job"

running() { squeue -h -j "$job" -t RUNNING -o %i 2>/dev/null | wc -l; }
for _ in $(seq 60); do [ "$(running)" = 3 ] && break; sleep 1; done
echo "tasks running at once: $(running)"; [ "$(running)" = 3 ]

sleep 10
# Kill a trial's process, as the kernel's out-of-memory killer would.
victim=$(pgrep -f 'gluepot[^ ]* trial' | head -1); kill -9 "$victim"; echo "killed trial process $victim"
sleep 5
# Kill a whole task, sweep and trial.
victim=$(pgrep -f '^[^ ]*gluepot[^ ]* sweep' | head -1); kill -9 "$victim" $(pgrep -P "$victim"); echo "killed sweep process $victim and its trial"
sleep 5
# Fail a node: Slurm requeues its task.
scontrol update nodename=n3 state=down reason=test; sleep 5; scontrol update nodename=n3 state=resume 2>/dev/null || true
# Requeue a task by hand.
task=$(squeue -h -j "$job" -t RUNNING -o %A | head -1); [ -z "$task" ] || scontrol requeue "$task"

while [ -n "$(squeue -h -j "$job" 2>/dev/null)" ]; do sleep 3; [ $SECONDS -lt 1500 ] || { echo "did not end"; squeue; exit 1; }; done
scontrol show job "$job" | grep -E 'ArrayTaskId|JobState|Restarts|ExitCode' || true
tail -n 3 slurm-*.out

# Every trial must have exactly one finished run. Only runs killed before their first state may be left over.
sweep=$(ls -d runs/*_rates_sweep)
planned=$(wc -l < "$sweep/plan.jsonl"); resumed=0; left=0; : > "$work/trials"
for run in "$sweep"/*_rates_*; do
    if [ -f "$run/summary.json" ]; then
        sed -n 's/^  "trial": "\(.*\)",/\1/p' "$run/run.json" >> "$work/trials"
        grep -q '"resumed"' "$run/run.json" && resumed=$((resumed + 1))
    else
        left=$((left + 1))
        [ -z "$(ls "$run/states" 2>/dev/null)" ] || { echo "$run has a state, and was not resumed"; exit 1; }
    fi
done
finished=$(wc -l < "$work/trials"); distinct=$(sort -u "$work/trials" | wc -l)
echo "planned $planned, finished $finished, distinct trials $distinct, resumed at least once $resumed, killed before a state $left, $SECONDS s"
[ "$planned $finished $distinct" = "8 8 8" ] || { echo "not every trial exactly once"; exit 1; }
[ "$resumed" -ge 1 ] || { echo "nothing was resumed"; exit 1; }
for run in "$sweep"/*_rates_*; do
    [ -f "$run/summary.json" ] || continue
    rows=$(tail -n +2 "$run/metrics/eval.csv" | cut -d, -f1 | sort | uniq -d | wc -l)
    [ "$rows" = 0 ] || { echo "$run evaluated a step twice"; exit 1; }
done
# A run that was killed and requeued must equal an undisturbed one.
first=$(dirname "$(grep -l '"resumed"' "$sweep"/*/run.json | head -1)"); gluepot run "$first/resolved.toml" --runs alone --quiet >/dev/null
cmp "$first/metrics/train.csv" alone/*/metrics/train.csv
echo "bytes equal an undisturbed run's"
