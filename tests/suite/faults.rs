//! Makes every system call of saving and resuming fail once, and kills the process at each: the files stay valid.
//!
//! The faults are injected by strace, which must be installed and permitted to trace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::resume::{assert_same, outcome, runs, states, with};
use crate::shell::Shell;

/// Two evaluations and three states.
const EXPERIMENT: &str = r#"
task = "mrpc"
checkpoint = "./tiny"
learning_rate = 2e-3
epochs = 1
metric = "accuracy"
[data]
source = "./data"
train_limit = 48
eval_limit = 16
[evaluation]
every = 3
[checkpoints]
every = 2
[logging]
every = 1
"#;

/// The system calls that change files.
const CALLS: [&str; 10] =
    ["mkdir", "openat", "write", "fsync", "fdatasync", "rename", "unlink", "unlinkat", "rmdir", "ftruncate"];

/// Returns the stride through the calls; each chosen call fails once with an error and once by a kill. A soak tests all calls.
fn stride() -> usize {
    if std::env::var("GLUEPOT_TEST_FAULTS").is_ok_and(|which| which == "all") { 1 } else { 7 }
}

fn shell() -> Shell {
    with(EXPERIMENT)
}

/// Runs `gluepot` under strace with these options; returns the exit code and standard error.
fn traced(shell: &Shell, options: &[&str], arguments: &[&str]) -> (Option<i32>, String) {
    let program = shell.command(&[]).get_program().to_owned();
    let mut command = Command::new("strace");
    command.args(["-qq", "-o", "trace.txt", "-e", &format!("trace={}", CALLS.join(","))]).args(options).arg(program);
    command.args(arguments).stdout(Stdio::null());
    shell.surround(&mut command);
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Returns the calls from the first line that contains `marker`, each with its name and its count among calls of that name.
fn calls(trace: &Path, marker: &str) -> Vec<(String, usize)> {
    let text = std::fs::read_to_string(trace).unwrap();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (mut found, mut begun) = (Vec::new(), false);
    for line in text.lines() {
        let Some((name, _)) = line.split_once('(').filter(|(name, _)| CALLS.contains(name)) else { continue };
        let count = counts.entry(name.into()).or_insert(0);
        *count += 1;
        begun = begun || line.contains(marker);
        if begun {
            found.push((name.to_string(), *count));
        }
    }
    found
}

/// The ways in which a call can fail.
fn faults((name, count): &(String, usize)) -> [String; 2] {
    let error = if matches!(name.as_str(), "mkdir" | "openat" | "write" | "rename") { "ENOSPC" } else { "EIO" };
    [format!("inject={name}:error={error}:when={count}"), format!("inject={name}:signal=KILL:when={count}")]
}

/// Completes a run, however it ended before, and compares its files.
fn end_well(shell: &Shell, expected: &[(String, Vec<u8>)], fault: &str, (code, said): (Option<i32>, String)) {
    assert!(!said.contains("panicked"), "{fault}: {said}");
    assert!(matches!(code, None | Some(0 | 8 | 137)), "{fault}: {code:?}: {said}");
    let status = |run: &PathBuf| shell.gluepot(&["verify", run.to_str().unwrap()]);
    let last = runs(shell).pop();
    let finished =
        |run: &PathBuf| std::fs::read_to_string(run.join("run.json")).is_ok_and(|text| text.contains("\"status\": \"finished\""));
    if let Some(run) = last.filter(|run| states(run) > 0 && !finished(run)) {
        let resumed = shell.gluepot(&["resume", run.to_str().unwrap(), "--quiet"]);
        assert_eq!(resumed.code, 0, "{fault}: {said}, then {resumed:?}");
    } else if !runs(shell).last().is_some_and(finished) {
        let again = shell.gluepot(&["run", "x.toml", "--quiet"]);
        assert_eq!(again.code, 0, "{fault}: {said}, then {again:?}");
    }
    let run = runs(shell).pop().unwrap();
    assert_same(&run, expected, fault);
    let verified = status(&run);
    assert_eq!(verified.code, 0, "{fault}: {verified:?}");
}

fn undisturbed() -> Vec<(String, Vec<u8>)> {
    let shell = shell();
    let done = shell.gluepot(&["run", "x.toml", "--quiet"]);
    assert_eq!(done.code, 0, "{done:?}");
    outcome(&shell.run())
}

#[test]
#[ignore = "needs strace"]
fn no_failing_call_of_a_run_that_saves_loses_anything() {
    let expected = undisturbed();
    let quiet = ["run", "x.toml", "--quiet"];
    let reference = shell();
    assert_eq!(traced(&reference, &[], &quiet).0, Some(0));
    let calls = calls(&reference.path("trace.txt"), "/states");
    assert!(calls.len() > 80, "only {} calls", calls.len());
    let chosen = calls.iter().step_by(stride());
    let mut tried = 0;
    for fault in chosen.flat_map(faults) {
        let shell = shell();
        let ended = traced(&shell, &["-e", &fault], &quiet);
        end_well(&shell, &expected, &fault, ended);
        tried += 1;
    }
    println!("{tried} faults in {} calls", calls.len());
}

#[test]
#[ignore = "needs strace"]
fn no_failing_call_of_a_run_that_goes_on_loses_anything() {
    let expected = undisturbed();
    // A run that was killed while writing its last state.
    let killed = || {
        let shell = shell();
        let reference = traced(&shell, &["-e", "inject=rename:signal=KILL:when=15"], &["run", "x.toml", "--quiet"]);
        assert_ne!(reference.0, Some(0), "{reference:?}");
        assert!(states(&shell.run()) > 0);
        shell
    };
    let reference = killed();
    let run = reference.run();
    assert_eq!(traced(&reference, &[], &["resume", "latest", "--quiet"]).0, Some(0));
    assert_same(&run, &expected, "resumed");
    let calls = calls(&reference.path("trace.txt"), "run.partial");
    let mut tried = 0;
    for fault in calls.iter().step_by(stride()).flat_map(faults) {
        let shell = killed();
        let ended = traced(&shell, &["-e", &fault], &["resume", "latest", "--quiet"]);
        end_well(&shell, &expected, &fault, ended);
        tried += 1;
    }
    println!("{tried} faults in {} calls", calls.len());
}
