//! Runs that are killed, interrupted, damaged and resumed end with the same files, byte for byte, as an undisturbed
//! run.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use gluepot::random::{Purpose, Stream};
use serde_json::Value;

use crate::shell::{Done, Shell};
use crate::support::project;

/// 27 steps in 3 epochs: accumulation with an incomplete last step, dropout, clipping, evaluations and states between epochs, and
/// rows of the log across both.
const EXPERIMENT: &str = r#"
task = "mrpc"
checkpoint = "./tiny"
learning_rate = 2e-3
epochs = 3
metric = "accuracy"
[data]
source = "./data"
train_limit = 140
eval_limit = 64
batch_size = 8
[training]
gradient_accumulation = 2
[optimizer]
max_grad_norm = 1.0
[evaluation]
every = 4
[checkpoints]
every = 3
keep = ["best", "last", 1]
[logging]
every = 5
"#;

fn shell() -> Shell {
    with(EXPERIMENT)
}

/// A folder with the tiny model in `tiny`, data in `data`, and an experiment in `x.toml`.
pub fn with(experiment: &str) -> Shell {
    let shell = Shell::new();
    shell.copy(&project("tests/golden/tiny"), "tiny");
    shell.copy(&project("experiments/quickstart/MRPC"), "data/MRPC");
    shell.write("x.toml", experiment);
    shell
}

fn ok(done: Done) -> Done {
    assert_eq!(done.code, 0, "{done:?}");
    done
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Returns every file whose bytes are determined by the seed.
pub fn outcome(run: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<PathBuf> =
        ["metrics/train.csv", "metrics/eval.csv", "predictions/validation.csv"].iter().map(|name| run.join(name)).collect();
    for entry in std::fs::read_dir(run.join("checkpoints")).unwrap().flatten().map(|entry| entry.path()) {
        if entry.is_dir() { files.push(entry.join("model.safetensors")) } else { files.push(entry) }
    }
    files.sort();
    let name = |path: &Path| path.strip_prefix(run).unwrap().display().to_string();
    files.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

pub fn assert_same(ours: &Path, theirs: &[(String, Vec<u8>)], what: &str) {
    let ours = outcome(ours);
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&ours), names(theirs), "{what}");
    for ((name, ours), (_, theirs)) in ours.iter().zip(theirs) {
        assert!(ours == theirs, "{what}: {name} differs from the undisturbed run's");
    }
}

/// Returns the files of an undisturbed run.
fn undisturbed() -> Vec<(String, Vec<u8>)> {
    let shell = shell();
    ok(shell.gluepot(&["run", "x.toml", "--quiet"]));
    let found = outcome(&shell.run());
    // One more checkpoint, the best and the last, the two files that name those, and three tables.
    assert!(found.len() >= 7, "{:?}", found.iter().map(|(name, _)| name).collect::<Vec<_>>());
    found
}

/// Returns the run directories, oldest first.
pub fn runs(shell: &Shell) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(shell.path("runs")).into_iter().flatten().flatten();
    let mut runs: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.join("run.json").exists()).collect();
    // Sorted by the recorded start, because names have a resolution of one second.
    runs.sort_by_key(|run| json(&run.join("run.json"))["started"].as_str().unwrap().to_string());
    runs
}

pub fn states(run: &Path) -> usize {
    std::fs::read_dir(run.join("states"))
        .map_or(0, |entries| entries.flatten().filter(|entry| !entry.file_name().to_string_lossy().ends_with(".partial")).count())
}

/// The number of kills in the test of random kills; higher in a soak.
fn kills() -> u64 {
    std::env::var("GLUEPOT_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

#[test]
#[ignore = "slow"]
fn killed_at_any_moment_and_resumed_it_leaves_the_same_bytes() {
    let expected = undisturbed();
    let stream = Stream::new(7, Purpose::Order, 0, 0);
    let (mut killed, mut resumed, mut rounds) = (0, 0, 0);
    while killed < kills() {
        let shell = shell();
        let mut arguments = vec!["run".to_string(), "x.toml".into(), "--quiet".into()];
        loop {
            let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let mut command = shell.command(&words);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(stream.below(killed * 31 + rounds, 450)));
            let _ = child.kill();
            let output = child.wait_with_output().unwrap();
            rounds += 1;
            if output.status.success() {
                break;
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), None, "it failed by itself: {said}");
            killed += 1;
            // Killed between its last file and its exit, the run is still finished.
            if runs(&shell).last().is_some_and(|run| json(&run.join("run.json"))["status"] == "finished") {
                break;
            }
            // A run that was killed before its first state starts over; a user would see it as died.
            if let Some(run) = runs(&shell).last().filter(|run| states(run) > 0) {
                resumed += 1;
                arguments = vec!["resume".into(), run.display().to_string(), "--quiet".into()];
            }
        }
        let run = runs(&shell).pop().unwrap();
        assert_same(&run, &expected, &format!("after {killed} kills"));
        assert_eq!(json(&run.join("run.json"))["status"], "finished");
        ok(shell.gluepot(&["verify", run.to_str().unwrap()]));
    }
    println!("killed {killed} times, resumed {resumed} times");
    assert!(resumed * 3 > killed, "only {resumed} of {killed} kills came between the first state and the end");
}

/// Sends signals once the run has taken a few steps; returns the exit code and the messages.
pub fn interrupted(shell: &Shell, signals: &[&str]) -> (Option<i32>, String) {
    let mut command = shell.command(&["run", "x.toml", "--set", "epochs=3000", "--set", "checkpoints.every=\"never\""]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while runs(shell)
        .last()
        .is_none_or(|run| std::fs::read_to_string(run.join("metrics/train.csv")).is_ok_and(|t| t.lines().count() < 3))
    {
        std::thread::sleep(Duration::from_millis(2));
    }
    for signal in signals {
        let _ = std::process::Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    }
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn asked_to_stop_it_saves_and_says_how_to_go_on() {
    for signal in ["INT", "TERM", "USR1", "HUP", "XCPU"] {
        let shell = shell();
        let (code, said) = interrupted(&shell, &[signal]);
        assert_eq!(code, Some(12), "{signal}: {said}");
        let run = shell.run();
        let facts = json(&run.join("run.json"));
        assert_eq!(facts["status"], "interrupted", "{signal}");
        let id = facts["id"].as_str().unwrap();
        assert!(said.contains("continue with: ") && said.contains(&format!("resume {id}\n")), "{signal}: {said}");
        assert!(said.contains("everything is saved"), "{signal}: {said}");
        assert_eq!(states(&run), 1, "{signal}");
        ok(shell.gluepot(&["verify", id]));
    }
    // The second signal ends the run at once, and nothing looks finished.
    let shell = shell();
    let (code, _) = interrupted(&shell, &["INT", "INT"]);
    assert_eq!(code, Some(12));
    assert!(!shell.run().join("summary.json").exists());
}

#[test]
fn what_decides_the_outcome_does_not_change_and_what_does_not_may() {
    let shell = shell();
    let (code, _) = interrupted(&shell, &["INT"]);
    assert_eq!(code, Some(12));
    let refused = shell.gluepot(&["resume", "latest", "--set", "data.batch_size=16", "--set", "learning_rate=1e-4"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    for line in ["learning_rate: 0.002 → 1e-4", "data.batch_size: 8 → 16", "only name, device"] {
        assert!(refused.err.contains(line), "{}", refused.err);
    }
    let mut command = shell.command(&["resume", "latest", "--set", "logging.every=1", "--set", "checkpoints.every=100"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let run = shell.run();
    while json(&run.join("run.json"))["status"] != "running" {
        std::thread::sleep(Duration::from_millis(2));
    }
    let twice = shell.gluepot(&["resume", "latest"]);
    assert_eq!(twice.code, 2, "{twice:?}");
    assert!(twice.err.contains(&format!("is still running, as process {}", child.id())), "{}", twice.err);
    assert!(shell.gluepot(&["list"]).out.contains("running"));
    // Nothing of a running run is removed.
    assert_eq!(ok(shell.gluepot(&["prune", "--all", "--unfinished"])).out.trim(), "nothing to remove");
    let _ = std::process::Command::new("kill").args(["-KILL", &child.id().to_string()]).status();
    child.wait_with_output().unwrap();
    assert!(shell.gluepot(&["list"]).out.contains("died"));
    let shown = ok(shell.gluepot(&["show", "latest"])).out;
    assert!(shown.contains("its process is gone; the last it said: ") && shown.contains("continue with: "), "{shown}");
    let facts = json(&run.join("run.json"));
    assert_eq!(facts["resumed"][0]["after"], "interrupted");
    let changed: Vec<&str> = facts["resumed"][0]["changed"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    assert_eq!(changed, ["checkpoints.every: never → 100", "logging.every: 5 → 1"]);
}

#[test]
fn more_epochs_are_the_longer_training_where_the_schedule_is_the_same() {
    let constant = |epochs: &str| {
        let shell = shell();
        let epochs = format!("epochs={epochs}");
        ok(shell.gluepot(&[
            "run",
            "x.toml",
            "--quiet",
            "--set",
            &epochs,
            "--set",
            "schedule.kind=\"constant\"",
            "--set",
            "evaluation.every=\"epoch\"",
        ]));
        shell
    };
    let (short, long) = (constant("2"), constant("4"));
    let done = ok(short.gluepot(&["resume", "latest", "--epochs", "4"]));
    assert!(done.err.contains("18 steps become 36") && done.err.contains("this is the training that"), "{}", done.err);
    // The logs differ in one row, which the short run wrote at its end.
    let theirs = outcome(&long.run());
    let ours = outcome(&short.run());
    for (name, bytes) in theirs.iter().filter(|(name, _)| name != "metrics/train.csv") {
        assert!(ours.iter().any(|(other, same)| other == name && same == bytes), "{name}");
    }
    let identity = |shell: &Shell| json(&shell.run().join("run.json"))["trial"].as_str().unwrap().to_string();
    assert_eq!(identity(&short), identity(&long));
}

#[test]
fn more_epochs_under_another_schedule_are_said_to_be_another_training() {
    let shell = shell();
    ok(shell.gluepot(&["run", "x.toml", "--quiet"]));
    let before = json(&shell.run().join("run.json"))["trial"].clone();
    let finished = shell.gluepot(&["resume", "latest"]);
    assert_eq!(finished.code, 2);
    assert!(finished.err.contains("is finished;") && finished.err.contains(" --epochs N"), "{}", finished.err);
    let short = shell.gluepot(&["resume", "latest", "--epochs", "2"]);
    assert!(short.code == 2 && short.err.contains("has taken 27 steps already"), "{}", short.err);
    let done = ok(shell.gluepot(&["resume", "latest", "--epochs", "5"]));
    // 2e-3 · (1 - 26/27) and 2e-3 · (1 - 27/45).
    assert!(done.err.contains("the learning rate was 7.41e-5 at step 27 and continues at 8.00e-4"), "{}", done.err);
    assert!(done.err.contains("comparisons keep them apart"), "{}", done.err);
    let facts = json(&shell.run().join("run.json"));
    assert_eq!(facts["steps"], 45);
    assert_ne!(facts["trial"], before);
    assert_eq!(facts["resumed"][0]["changed"][0], "epochs: 3 → 5");
    ok(shell.gluepot(&["verify", "latest"]));
}

/// A run whose process was killed between two steps, with two states on disk.
fn killed_with_two_states(shell: &Shell) -> PathBuf {
    let mut child =
        shell.command(&["run", "x.toml", "--quiet", "--set", "logging.every=1"]).stderr(Stdio::null()).spawn().unwrap();
    while runs(shell).last().is_none_or(|run| states(run) < 2) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    let _ = child.wait();
    let run = shell.run();
    assert!(!run.join("summary.json").exists(), "it was faster than the test");
    run
}

fn newest_state(run: &Path) -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir(run.join("states"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_none())
        .collect();
    found.sort();
    found.pop().unwrap()
}

/// Damages a state.
type Damage = fn(&Path);

#[test]
#[ignore = "slow"]
fn a_damaged_state_is_reported_and_the_one_before_is_used() {
    let reference = shell();
    ok(reference.gluepot(&["run", "x.toml", "--quiet", "--set", "logging.every=1"]));
    let expected = outcome(&reference.run());
    let damages: [(&str, Damage); 4] = [
        ("parameters.safetensors has", |state| truncate(&state.join("parameters.safetensors"), 100)),
        ("progress.json is not what was written", |state| flip(&state.join("progress.json"))),
        ("first_moments.safetensors is not what was written", |state| flip(&state.join("first_moments.safetensors"))),
        ("manifest.json", |state| std::fs::remove_file(state.join("manifest.json")).unwrap()),
    ];
    for (reason, damage) in damages {
        let shell = shell();
        let run = killed_with_two_states(&shell);
        let newest = newest_state(&run);
        damage(&newest);
        let checked = shell.gluepot(&["verify", "latest"]);
        let is_reported = |line: &str| line.starts_with("DAMAGED") && line.contains(reason);
        assert!(checked.code == 8 && checked.out.lines().any(is_reported), "{}", checked.out);
        let done = ok(shell.gluepot(&["resume", "latest"]));
        let name = newest.file_name().unwrap().to_str().unwrap();
        assert!(done.err.contains(&format!("states/{name} cannot be used: ")) && done.err.contains(reason), "{}", done.err);
        assert_same(&run, &expected, reason);
    }
}

fn truncate(path: &Path, length: u64) {
    std::fs::File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

/// Flips one bit in the middle.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn with_nothing_to_go_on_from_it_says_why() {
    let shell = shell();
    let run = killed_with_two_states(&shell);
    for entry in std::fs::read_dir(run.join("states"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_none())
    {
        flip(&entry.join("second_moments.safetensors"));
    }
    let none_sound = shell.gluepot(&["resume", "latest"]);
    assert_eq!(none_sound.code, 2);
    assert!(none_sound.err.contains("has no intact state to resume from:"), "{}", none_sound.err);
    std::fs::remove_dir_all(run.join("states")).unwrap();
    let none = shell.gluepot(&["resume", "latest"]);
    assert!(none.code == 2 && none.err.contains("ended before its first state was saved"), "{}", none.err);
}

#[test]
fn a_run_goes_on_only_over_the_files_that_it_learnt_from() {
    let shell = shell();
    let _ = killed_with_two_states(&shell);
    let train = shell.path("data/MRPC/train.tsv");
    let text = std::fs::read_to_string(&train).unwrap();
    std::fs::write(&train, text.replacen("the", "The", 1)).unwrap();
    let refused = shell.gluepot(&["resume", "latest"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("these have changed since: train data"), "{}", refused.err);
    std::fs::write(&train, text).unwrap();
    ok(shell.gluepot(&["resume", "latest", "--quiet"]));
}

#[test]
fn verify_finds_what_was_changed_behind_its_back_and_prune_leaves_the_best() {
    let shell = shell();
    ok(shell.gluepot(&["run", "x.toml", "--quiet"]));
    let run = shell.run();
    ok(shell.gluepot(&["verify", "latest"]));
    let damaged = |name: &str, from: &str, to: &str, said: &str| {
        let path = run.join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name}: {text}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let checked = shell.gluepot(&["verify", "latest"]);
        assert!(checked.code == 8 && checked.out.contains(said), "{name}: {}", checked.out);
        std::fs::write(&path, text).unwrap();
    };
    damaged("metrics/train.csv", "\n27,", "\n26,", "ends at step 26, the summary at 27");
    damaged("metrics/eval.csv", "\n27,", "\n26,", "its last row is step 26, the summary says step 27");
    damaged("checkpoints/last", "step-000027", "step-000028", "names step-000028, which does not exist");
    damaged("summary.json", "\"accuracy\": 0.", "\"accuracy\": 1.", "give accuracy");
    let listed = ok(shell.gluepot(&["prune", "--dry-run"])).out;
    assert!(listed.contains("states/step-000027") && listed.contains("would be removed"), "{listed}");
    assert_eq!(ok(shell.gluepot(&["prune", "--older-than", "1d"])).out.trim(), "nothing to remove");
    assert_eq!(ok(shell.gluepot(&["prune", "--larger-than", "1GB"])).out.trim(), "nothing to remove");
    ok(shell.gluepot(&["prune", "--all"]));
    assert_eq!(states(&run), 0);
    let best = std::fs::read_to_string(run.join("checkpoints/best")).unwrap();
    assert!(run.join("checkpoints").join(best.trim()).join("model.safetensors").exists());
    ok(shell.gluepot(&["verify", "latest"]));
    assert_eq!(ok(shell.gluepot(&["prune", "--all"])).out.trim(), "nothing to remove");
    let gone = shell.gluepot(&["resume", "latest", "--epochs", "4"]);
    assert_eq!(gone.code, 2, "{gone:?}");
}
