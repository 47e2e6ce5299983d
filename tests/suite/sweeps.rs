//! Sweeps as a user runs them: real trials of a tiny model, killed, edited, shared and reported.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use gluepot::random::{Purpose, Stream};
use serde_json::Value;

use crate::redactor::{Redactor, snapshot};
use crate::shell::{Done, Shell, next_second};
use crate::support::project;

pub const BASE: &str = r#"
task = "mrpc"
checkpoint = "./tiny"
learning_rate = 1e-3
epochs = 1
metric = "accuracy"
[data]
source = "./data"
train_limit = 64
eval_limit = 64
[checkpoints]
keep = []
every = 2
"#;

pub const SWEEP: &str = r#"
base = "base.toml"
[sweep]
seeds = [1, 2, 3]
[sweep.axes]
learning_rate = [1e-3, 5e-3]
"#;

/// A folder with a tiny model, data, `base.toml`, and a sweep in `x.toml`, by default over two learning rates and three seeds.
pub fn shell(sweep: &str) -> Shell {
    let shell = Shell::new();
    shell.copy(&project("tests/golden/tiny"), "tiny");
    shell.copy(&project("experiments/quickstart"), "data");
    shell.copy(&project("experiments/quickstart/MRPC"), "data/MRPC");
    shell.write("base.toml", BASE);
    shell.write("x.toml", sweep);
    shell
}

pub fn sweeps(shell: &Shell) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(shell.path("runs"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("plan.jsonl").exists())
        .collect();
    found.sort();
    found
}

pub fn json(path: &std::path::Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Returns the ids of the planned trials.
pub fn planned(sweep: &std::path::Path) -> Vec<String> {
    let text = std::fs::read_to_string(sweep.join("plan.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_string()).collect()
}

/// Counts how often each trial has ended with each status.
pub fn statuses(sweep: &std::path::Path) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for run in std::fs::read_dir(sweep).unwrap().flatten().map(|entry| entry.path().join("run.json")).filter(|path| path.exists())
    {
        let facts = json(&run);
        let text = |key: &str| facts[key].as_str().unwrap().to_string();
        *counts.entry((text("trial"), text("status"))).or_insert(0) += 1;
    }
    counts
}

pub fn assert_each_finished_once(sweep: &std::path::Path, trials: usize) {
    let (ids, counts) = (planned(sweep), statuses(sweep));
    assert_eq!(ids.len(), trials);
    for id in ids {
        assert_eq!(counts.get(&(id.clone(), "finished".into())), Some(&1), "{id}: {counts:?}");
    }
}

fn snapshot(name: &str, shell: &Shell, text: &str) {
    let redactor = Redactor::new(shell).identities(shell).measured().trained();
    snapshot!(name, &redactor.redact(text));
}

pub fn ok(done: Done) -> Done {
    assert_eq!(done.code, 0, "{done:?}");
    done
}

#[test]
fn a_sweep_is_shown_run_and_gone_on_with() {
    let shell = shell(SWEEP);
    let dry = ok(shell.gluepot(&["sweep", "x.toml", "--dry-run"]));
    snapshot("sweep-dry-run", &shell, &dry.out);
    assert!(!shell.path("runs").exists());
    let first = ok(shell.gluepot(&["sweep", "x.toml"]));
    snapshot("sweep-progress", &shell, &first.err);
    let sweep = sweeps(&shell).remove(0);
    assert_each_finished_once(&sweep, 6);
    let again = ok(shell.gluepot(&["sweep", "x.toml", "--jobs", "3"]));
    snapshot("sweep-again", &shell, &again.err);
    assert_eq!(first.out, again.out);
    assert_each_finished_once(&sweep, 6);
    // The table is the same as that of `compare`.
    let name = sweep.file_name().unwrap().to_string_lossy().into_owned();
    let compared = ok(shell.gluepot(&["compare", &name])).out;
    assert!(first.out.starts_with(compared.trim_end()), "{compared}\n{}", first.out);
    // Each split was tokenized once, however many trials there are.
    assert_eq!(std::fs::read_dir(sweep.join("tokens")).unwrap().count(), 2);
    // Each trial's resolved settings run as an experiment, with the same identity.
    let run = std::fs::read_dir(&sweep)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.join("run.json").exists())
        .unwrap();
    ok(shell.gluepot(&["run", &run.join("resolved.toml").display().to_string(), "--runs", "single"]));
    let single = std::fs::read_dir(shell.path("single")).unwrap().flatten().next().unwrap().path();
    assert_eq!(json(&single.join("run.json"))["trial"], json(&run.join("run.json"))["trial"]);
    let csv = |path: &std::path::Path| std::fs::read(path.join("metrics/train.csv")).unwrap();
    assert!(csv(&single) == csv(&run));
}

#[test]
#[ignore = "slow"]
fn an_edited_sweep_is_another_one_and_says_why() {
    let shell = shell(SWEEP);
    ok(shell.gluepot(&["sweep", "x.toml", "--quiet"]));
    next_second();
    shell.write("x.toml", SWEEP.replace("5e-3", "2e-3").replace("[1, 2, 3]", "[1, 2]"));
    let edited = ok(shell.gluepot(&["sweep", "x.toml"]));
    snapshot("sweep-edited", &shell, &edited.err);
    assert_each_finished_once(sweeps(&shell).iter().find(|sweep| planned(sweep).len() == 4).unwrap(), 4);
    // Other axes make another sweep, and so does --fresh.
    ok(shell.gluepot(&["sweep", "base.toml", "--axis", "data.batch_size=[8,16]", "--seeds", "1..2", "--quiet"]));
    assert_eq!(sweeps(&shell).len(), 3);
    ok(shell.gluepot(&["sweep", "x.toml", "--fresh", "--quiet"]));
    assert_eq!(sweeps(&shell).len(), 4);
}

#[test]
fn the_same_training_elsewhere_is_reused_on_request() {
    let shell = shell(SWEEP);
    ok(shell.gluepot(&["run", "base.toml", "--set", "seed=2", "--set", "learning_rate=0.005", "--set", "name=other"]));
    let done = ok(shell.gluepot(&["sweep", "x.toml", "--reuse"]));
    assert!(done.err.contains("6 trials: 2 variants, 3 seeds; 1 done"), "{}", done.err);
    assert!(done.out.contains("0.005") && !done.out.contains("repeat"), "{}", done.out);
    let finished: usize = statuses(&sweeps(&shell)[0]).values().sum();
    assert_eq!(finished, 5);
}

#[test]
fn a_trial_that_fails_is_known_with_its_reason_and_takes_no_other_with_it() {
    let diverging = SWEEP.replace("5e-3", "1e30");
    let shell = shell(&diverging);
    let done = shell.gluepot(&["sweep", "x.toml"]);
    assert_eq!(done.code, 11, "{done:?}");
    snapshot("sweep-failed", &shell, &format!("{}\n{}", done.err, done.out));
    let failed = |sweep: &std::path::Path| {
        statuses(sweep).iter().filter(|((_, status), _)| status == "diverged").map(|(_, n)| n).sum::<usize>()
    };
    let sweep = sweeps(&shell).remove(0);
    assert_eq!(failed(&sweep), 3);
    // A trial known to have failed is not retried unless requested.
    let again = shell.gluepot(&["sweep", "x.toml"]);
    assert_eq!((again.code, failed(&sweep)), (11, 3));
    let retried = shell.gluepot(&["sweep", "x.toml", "--retry-failed"]);
    assert_eq!((retried.code, failed(&sweep)), (11, 6));
    let stopped = shell.gluepot(&["sweep", "x.toml", "--fresh", "--runs", "other", "--set", "sweep.on_failure=stop"]);
    assert_eq!(stopped.code, 11);
    assert!(stopped.err.contains("a trial failed; no more trials will start"), "{}", stopped.err);
}

#[test]
fn pruning_stops_what_falls_behind_and_says_so() {
    let shell = shell(
        r#"
base = "base.toml"
data.train_limit = 256
data.batch_size = 16
[sweep]
seeds = [1, 2]
[sweep.axes]
learning_rate = [1e-2, 1e-7, 1e-8, 1e-9]
[sweep.prune]
grace = 0.5
factor = 4
"#,
    );
    let done = ok(shell.gluepot(&["sweep", "x.toml", "--set", "metric=loss"]));
    let stopped = statuses(&sweeps(&shell)[0]).iter().filter(|((_, status), _)| status == "pruned").count();
    assert_eq!(stopped, 3, "{done:?}");
    assert!(done.err.contains("stopped after step 8"), "{}", done.err);
    assert!(done.out.contains("1 stopped early") && done.out.contains("3 variants were stopped early"), "{}", done.out);
    // Rungs are steps at which every trial is evaluated.
    let finished = std::fs::read_dir(&sweeps(&shell)[0])
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("summary.json").exists());
    for run in finished {
        let eval = std::fs::read_to_string(run.join("metrics/eval.csv")).unwrap();
        assert_eq!(eval.lines().count(), 3, "{eval}");
    }
    let again = ok(shell.gluepot(&["sweep", "x.toml", "--set", "metric=loss"]));
    assert!(again.err.contains("2 done; 6 stopped early"), "{}", again.err);
}

pub fn start(shell: &Shell) -> Child {
    shell.command(&["sweep", "x.toml", "--jobs", "2"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Returns the processes that run trials in this folder.
pub fn children(shell: &Shell) -> Vec<String> {
    let ours = shell.path("").canonicalize().unwrap();
    let is_trial = |pid: &String| {
        let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let words = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        let here = std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == ours);
        words.contains(" trial ") && here
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(is_trial)
        .collect()
}

pub fn kill(pid: &str) {
    let _ = std::process::Command::new("kill").args(["-9", pid]).status();
}

/// Repeats the command until it succeeds: a killed child counts as failed in its sweep, and the same command retries it.
fn go_on_to_the_end(shell: &Shell) {
    let begun = Instant::now();
    while shell.gluepot(&["sweep", "x.toml", "--quiet"]).code != 0 {
        assert!(begun.elapsed() < Duration::from_mins(2));
    }
}

/// SIGKILL of the sweep, of a trial, or of both, at random moments; `GLUEPOT_TEST_KILLS` sets the number of rounds.
#[test]
#[ignore = "slow"]
fn killed_again_and_again_every_trial_is_done_exactly_once() {
    let slower = SWEEP.replace("[sweep]", "epochs = 3\ndata.train_limit = 640\ndata.eval_limit = 300\n[sweep]");
    let rounds: u64 = std::env::var("GLUEPOT_TEST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let chance = Stream::new(3, Purpose::Sweep, 0, 0);
    let mut shell = shell(&slower);
    let mut killed = 0;
    let mut parent = start(&shell);
    for round in 0..rounds {
        std::thread::sleep(Duration::from_millis(100 + chance.below(3 * round, 500)));
        if parent.try_wait().unwrap().is_some() {
            // The sweep ended before the next kill: start over.
            go_on_to_the_end(&shell);
            assert_each_finished_once(&sweeps(&shell)[0], 6);
            shell = self::shell(&slower);
            parent = start(&shell);
            continue;
        }
        let victim = chance.below(3 * round + 1, 3);
        if let Some(pid) = children(&shell).first().filter(|_| victim != 0) {
            kill(pid);
        }
        if victim != 1 {
            parent.kill().unwrap();
            parent.wait().unwrap();
            parent = start(&shell);
        }
        killed += 1;
    }
    parent.wait().unwrap();
    go_on_to_the_end(&shell);
    println!("killed {killed} times");
    assert_each_finished_once(&sweeps(&shell)[0], 6);
    assert!(children(&shell).is_empty());
}

#[test]
#[ignore = "slow"]
fn two_processes_share_a_sweep() {
    let shell = shell(SWEEP);
    let both = [start(&shell), start(&shell)];
    for mut one in both {
        assert!(one.wait().unwrap().success());
    }
    assert_eq!(sweeps(&shell).len(), 1);
    assert_each_finished_once(&sweeps(&shell)[0], 6);
}

#[test]
#[ignore = "slow"]
fn asked_to_stop_it_lets_the_running_trial_save_and_says_how_to_go_on() {
    let shell = shell(&SWEEP.replace("[sweep]", "data.train_limit = 1200\n[sweep]"));
    let mut command = shell.command(&["sweep", "x.toml"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while children(&shell).is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(12), "{text}");
    assert!(text.contains("stopping: 1 running trial is saving its state"), "{text}");
    // A trial stopped before it has a run directory ends at once; one stopped in its last step is done.
    assert!(text.contains("of 6 trials left; continue with: "), "{text}");
    ok(shell.gluepot(&["sweep", "x.toml", "--quiet"]));
    assert_each_finished_once(&sweeps(&shell)[0], 6);
}

#[test]
fn what_is_wrong_with_a_sweep_is_shown_where_it_is() {
    let shell = shell("");
    let mut text = String::new();
    for (name, sweep) in [
        (
            "keys and values",
            "[sweep]\nstrategy = \"gird\"\nseeds = [1, \"x\"]\n[sweep.axes]\nlearning_rate = [1e-3, 0]\nbatch_size = [8]\nseed = [1]\n\"data.max_length\" = { min = 8 }\n[[sweep.paired]]\nepoch = 3\n[sweep.prune]\ngrace = 2\n",
        ),
        (
            "between keys",
            "[sweep]\nseeds = [1, 1]\ntrials = 3\n[sweep.axes]\nlearning_rate = [1e-3, 1e-3]\n\"model.dropout\" = { min = 0.0, max = 1.5 }\n[[sweep.paired]]\nepochs = 3\n[[sweep.paired]]\ncheckpoint = \"a\"\n[[sweep.exclude]]\n\"data.batch_size\" = 8\n",
        ),
        ("nothing varies", "[sweep]\n"),
        ("nothing is left out", "[sweep.axes]\nepochs = [1, 2]\n[[sweep.exclude]]\nepochs = 3\n"),
        ("nothing is left", "[sweep.axes]\nepochs = [1, 2]\n[[sweep.exclude]]\nepochs = 1\n[[sweep.exclude]]\nepochs = 2\n"),
        ("too few", "[sweep]\nstrategy = \"random\"\ntrials = 7\n[sweep.axes]\nepochs = [1, 2]\n"),
        ("a trial that cannot be", "[sweep.axes]\n\"schedule.warmup_steps\" = [0, 500]\n"),
        (
            "an empty range",
            "[sweep]\nstrategy = \"random\"\ntrials = 7\n[sweep.axes]\nepochs = { min = 3, max = 2 }\nlearning_rate = { min = -1.0, max = 1.0, log = true }\n",
        ),
    ] {
        shell.write("x.toml", format!("base = \"base.toml\"\n{sweep}"));
        let done = shell.gluepot(&["sweep", "x.toml"]);
        text += &format!("── {name} ({})\n{}\n", done.code, done.err);
        assert_eq!(done.code, 3, "{done:?}");
    }
    for arguments in [
        &["sweep", "base.toml"][..],
        &["run", "x.toml"],
        &["sweep", "base.toml", "--axis", "learning_rate=1e-3"],
        &["sweep", "base.toml", "--axis", "learning_rate=[1e-3,0]"],
        &["sweep", "base.toml", "--axis", "learning_rate=[1e-3,1e-4]", "--set", "learning_rate=1"],
        &["sweep", "base.toml", "--seeds", "5..1"],
        &["compare", "x_sweep"],
    ] {
        let done = shell.gluepot(arguments);
        assert_ne!(done.code, 0);
        text += &format!("── {} ({})\n{}\n", arguments.join(" "), done.code, done.err);
    }
    assert!(!shell.path("runs").exists());
    snapshot("sweep-mistakes", &shell, &text);
}
