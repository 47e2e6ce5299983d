//! Run directories that are changed, moved, pruned or taken over while a run exists.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::resume::{assert_same, outcome, runs, states, with};
use crate::shell::{Done, Shell};

/// Two epochs with two states and dropout in between.
const EXPERIMENT: &str = r#"
task = "mrpc"
checkpoint = "./tiny"
learning_rate = 2e-3 # a word on it
epochs = 2
metric = "accuracy"
[data]
source = "./data"
train_limit = 64
eval_limit = 32
[evaluation]
every = 3
[checkpoints]
keep = ["best", "last", 1]
[logging]
every = 1
"#;

fn shell() -> Shell {
    with(EXPERIMENT)
}

fn ok(done: Done) -> Done {
    assert_eq!(done.code, 0, "{done:?}");
    done
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn finished() -> Shell {
    let shell = shell();
    ok(shell.gluepot(&["run", "x.toml", "--quiet"]));
    shell
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}

/// Starts a run of many epochs and waits until it has saved a state.
fn going(shell: &Shell, epochs: &str) -> Child {
    let mut command =
        shell.command(&["run", "x.toml", "--set", &format!("epochs={epochs}"), "--set", "evaluation.every=\"epoch\""]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lists_a_state = |run: &PathBuf| fs::read_to_string(run.join("manifest.json")).is_ok_and(|text| text.contains("states/"));
    while !runs(shell).last().is_some_and(lists_a_state) {
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn stopped_by(name: &str, epochs: &str) -> Shell {
    let shell = shell();
    let child = going(&shell, epochs);
    signal(&child, name);
    let output = child.wait_with_output().unwrap();
    assert_ne!(output.status.code(), Some(0), "it was faster than the test");
    shell
}

fn all_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if entry.is_dir() { all_files(&entry, found) } else { found.push(entry) }
    }
}

fn verified(shell: &Shell) -> i32 {
    shell.gluepot(&["verify", "latest"]).code
}

/// Damages each file in every way; only the lock and the heartbeat are not verified.
fn every_change_shows(shell: &Shell) {
    let run = shell.run();
    assert_eq!(verified(shell), 0);
    let mut files = Vec::new();
    all_files(&run, &mut files);
    files.retain(|path| !["lock", "heartbeat"].contains(&path.file_name().unwrap().to_str().unwrap()));
    assert!(files.len() > 15, "{files:?}");
    for path in files {
        let (name, bytes) = (path.strip_prefix(&run).unwrap().display().to_string(), fs::read(&path).unwrap());
        let shows = |what: &str| assert_eq!(verified(shell), 8, "{what}: {name}");
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        fs::write(&path, flipped).unwrap();
        shows("a bit");
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        shows("the last byte");
        fs::write(&path, [&bytes[..], b"\n"].concat()).unwrap();
        shows("a byte more");
        fs::remove_file(&path).unwrap();
        if name != "run.json" {
            shows("all of it");
        }
        fs::write(shell.path("elsewhere"), &bytes).unwrap();
        symlink(shell.path("elsewhere"), &path).unwrap();
        shows("a link to the same");
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    for name in ["metrics/more.csv", "checkpoints/notes", "checkpoints/step-000009/pytorch_model.bin"] {
        let path = run.join(name);
        if path.parent().unwrap().is_dir() {
            fs::write(&path, "?").unwrap();
            assert_eq!(verified(shell), 8, "{name}");
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(verified(shell), 0);
}

#[test]
#[ignore = "slow"]
fn verify_finds_every_change_to_a_finished_run() {
    let shell = finished();
    every_change_shows(&shell);
    let run = shell.run();
    let best = fs::read_to_string(run.join("checkpoints/best")).unwrap();
    fs::rename(run.join("checkpoints").join(best.trim()), shell.path("best")).unwrap();
    assert_eq!(verified(&shell), 8);
    fs::rename(shell.path("best"), run.join("checkpoints").join(best.trim())).unwrap();
    // For programs, of several runs.
    let reports = ok(shell.gluepot(&["verify", "latest", run.to_str().unwrap(), "--format", "json"]));
    let reports: Value = serde_json::from_str(&reports.out).unwrap();
    assert_eq!(reports.as_array().unwrap().len(), 2);
    assert!(reports[0]["intact"] == true && reports[0]["not_checked"].as_array().unwrap().is_empty(), "{reports}");
}

#[test]
#[ignore = "slow"]
fn verify_finds_every_change_to_an_interrupted_run() {
    every_change_shows(&stopped_by("INT", "3000"));
}

#[test]
fn a_run_whose_files_were_edited_does_not_go_on() {
    for with_manifest in [true, false] {
        for kill in ["INT", "KILL"] {
            let shell = stopped_by(kill, "3000");
            let run = shell.run();
            let edit = |name: &str, from: &str, to: &str| {
                let text = fs::read_to_string(run.join(name)).unwrap();
                assert!(text.contains(from), "{name}: {text}");
                fs::write(run.join(name), text.replacen(from, to, 1)).unwrap();
                text
            };
            if !with_manifest {
                fs::remove_file(run.join("manifest.json")).unwrap();
                edit("run.json", "\"format_version\": 2", "\"format_version\": 1");
            }
            let identity = json(&run.join("run.json"))["trial"].clone();
            let first_row = fs::read_to_string(run.join("metrics/train.csv")).unwrap().lines().nth(1).unwrap().to_string();
            let mut edits = vec![
                ("resolved.toml", "learning_rate = 0.002", "learning_rate = 0.02 "),
                ("resolved.toml", "seed = 42", "seed = 43"),
                ("run.json", "\"seed\": 42", "\"seed\": 43"),
                ("run.json", "\"weights\": \"", "\"weights\": \"0"),
                ("run.json", "\"steps\": ", "\"steps\": 1"),
            ];
            if with_manifest {
                edits.push(("resolved.toml", "eval_batch_size = 32", "eval_batch_size = 16"));
                edits.push(("experiment.toml", "a word", "a ward"));
                edits.push(("run.json", "\"kernels\": \"fused\"", "\"kernels\": \"reference\""));
                edits.push(("metrics/train.csv", &first_row, "1,0.125,8,0.1,0.002,1.0"));
            }
            for (name, from, to) in edits {
                let text = edit(name, from, to);
                let refused = shell.gluepot(&["resume", "latest", "--quiet"]);
                assert_ne!(refused.code, 0, "{kill}, {name}: {to}: {refused:?}");
                assert!([2, 4].contains(&refused.code), "{kill}, {name}: {to}: {refused:?}");
                fs::write(run.join(name), text).unwrap();
            }
            assert_eq!(json(&run.join("run.json"))["trial"], identity);
            assert_eq!(verified(&shell), 0);
            // A state with a file that is missing from its manifest does not count.
            if with_manifest {
                // A process that was killed may leave another folder, with a state that it was writing.
                let listed = json(&run.join("manifest.json"));
                let states_listed = listed["files"].as_object().unwrap().keys().filter(|name| name.starts_with("states/"));
                let newest = run.join(states_listed.max().unwrap()).parent().unwrap().to_path_buf();
                let mut manifest = json(&newest.join("manifest.json"));
                manifest["files"].as_object_mut().unwrap().remove("predictions.csv");
                fs::write(newest.join("manifest.json"), serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
                assert_eq!(verified(&shell), 8);
                let none = states(&run) == 1;
                let resumed = shell.gluepot(&["resume", "latest", "--epochs", "1"]);
                assert!(resumed.err.contains(newest.file_name().unwrap().to_str().unwrap()) || !none, "{resumed:?}");
            }
        }
    }
}

#[test]
fn origins_survive_a_resume() {
    let shell = stopped_by("INT", "20");
    let run = shell.run();
    let line = |key: &str| {
        let text = fs::read_to_string(run.join("resolved.toml")).unwrap();
        text.lines().find(|line| line.starts_with(key)).unwrap().split_once("# ").unwrap().1.to_string()
    };
    let before = ["learning_rate", "checkpoint", "epochs", "seed", "batch_size"].map(|key| (key, line(key)));
    assert_eq!(line("learning_rate"), "x.toml:4");
    ok(shell.gluepot(&["resume", "latest", "--quiet", "--set", "logging.every=2"]));
    for (key, origin) in before {
        assert_eq!(line(key), origin, "{key}");
    }
    assert_eq!(json(&run.join("run.json"))["resumed"][0]["changed"], serde_json::json!(["logging.every: 1 → 2"]));
    assert_eq!(verified(&shell), 0);
}

#[test]
#[ignore = "slow"]
fn a_project_may_move_and_so_may_its_parts() {
    let reference = shell();
    ok(reference.gluepot(&["run", "x.toml", "--quiet", "--set", "epochs=40", "--set", "evaluation.every=\"epoch\""]));
    let expected = outcome(&reference.run());
    let killed = || {
        let shell = stopped_by("KILL", "40");
        let resolved = fs::read_to_string(shell.run().join("resolved.toml")).unwrap();
        assert!(
            resolved.contains("checkpoint = \"../../tiny\"") && resolved.contains("source = \"../../data/MRPC\""),
            "{resolved}"
        );
        shell
    };
    let end = |shell: &Shell, script: &str| {
        let done = ok(shell.sh(script));
        let run = fs::read_dir(shell.path("there/runs")).unwrap().next().unwrap().unwrap().path();
        assert_same(&run, &expected, script);
        (run, done)
    };
    // Everything is moved together.
    let shell = killed();
    end(&shell, "mkdir there; mv tiny data runs there; cd there; \"$GLUEPOT\" resume latest --quiet");
    // Only the runs are moved; everything else stays in place.
    let shell = killed();
    end(&shell, "mkdir -p there; mv runs there; cd there; \"$GLUEPOT\" resume latest --quiet");
    // Everything else is moved: the user gives the new paths, and hashes are compared.
    let shell = killed();
    let moved = "mkdir -p there a/b; mv runs there; mv tiny data a/b; cd there; ";
    ok(shell.sh(&format!("{moved} true")));
    let lost = shell.sh("cd there; \"$GLUEPOT\" resume latest --quiet --set checkpoint=../a/b/tiny");
    assert!(lost.code == 4 && lost.err.contains("--set data.source="), "{lost:?}");
    ok(shell.sh("cp -r a/b/tiny other; echo '{\"do_lower_case\": true}' > other/tokenizer_config.json"));
    let given = "cd there; \"$GLUEPOT\" resume latest --quiet --set data.source=../a/b/data --set checkpoint=";
    let other = shell.sh(&format!("{given}../other"));
    assert!(other.code == 4 && other.err.contains("tokenizer_config.json"), "{other:?}");
    let (run, _) = end(&shell, &format!("{given}../a/b/tiny"));
    let resolved = fs::read_to_string(run.join("resolved.toml")).unwrap();
    assert!(resolved.contains("checkpoint = \"../../../a/b/tiny\""), "{resolved}");
    ok(shell.sh("\"$GLUEPOT\" verify there/runs/*"));
    // The checkpoint is gone: the weights come from a state, and the rest from the run's own checkpoints.
    let shell = killed();
    let (run, _) = end(&shell, "mkdir there; mv data runs there; rm -r tiny; cd there; \"$GLUEPOT\" resume latest --quiet");
    let resolved = fs::read_to_string(run.join("resolved.toml")).unwrap();
    assert!(resolved.contains("checkpoint = \"../../tiny\""), "{resolved}");
    ok(shell.sh("\"$GLUEPOT\" verify there/runs/*"));
}

#[test]
fn prune_keeps_what_is_named_and_says_afterwards_what_it_took() {
    let shell = finished();
    let run = shell.run();
    let checkpoints = |run: &Path| {
        let names = fs::read_dir(run.join("checkpoints")).unwrap().flatten();
        let mut names: Vec<String> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let before = checkpoints(&run);
    assert_eq!(shell.gluepot(&["prune"]).code, 2);
    assert_eq!(states(&run), 1);
    ok(shell.gluepot(&["prune", "--all"]));
    assert_eq!((states(&run), checkpoints(&run)), (0, before));
    assert_eq!(verified(&shell), 0);
    for arguments in [&["resume", "latest"][..], &["resume", "latest", "--epochs", "4"]] {
        let gone = shell.gluepot(arguments);
        assert!(gone.code == 2 && gone.err.contains("prune"), "{gone:?}");
    }
    let shell = stopped_by("INT", "3000");
    let run = shell.run();
    let saved = states(&run);
    ok(shell.gluepot(&["prune", "--all"]));
    assert!(saved > 0 && states(&run) == saved);
    ok(shell.gluepot(&["prune", "--all", "--unfinished"]));
    assert_eq!((states(&run), verified(&shell)), (0, 0));
    assert!(shell.gluepot(&["resume", "latest"]).err.contains("prune"));
    ok(shell.gluepot(&["prune", "--all", "--delete-unfinished", "--dry-run"]));
    assert!(run.exists());
    ok(shell.gluepot(&["prune", "--all", "--delete-unfinished"]));
    assert!(!run.exists());
}

#[test]
fn the_disk_that_a_run_takes_is_the_one_that_was_announced() {
    let shell = shell();
    let three = ["--set", "checkpoints.keep=[\"last\", 2]"];
    let plan = ok(shell.gluepot(&[&["check", "x.toml", "--format", "json"], &three[..]].concat())).out;
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let (peak, kept) = (plan[0]["disk"]["peak_bytes"].as_u64().unwrap(), plan[0]["disk"]["kept_bytes"].as_u64().unwrap());
    ok(shell.gluepot(&[&["run", "x.toml", "--quiet"], &three[..]].concat()));
    let mut files = Vec::new();
    all_files(&shell.run(), &mut files);
    let weights = files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"));
    let found: u64 = weights.map(|path| fs::metadata(path).unwrap().len()).sum();
    // Files have headers.
    assert!(found >= kept && found < kept + kept / 5 && kept < peak, "{found}, {kept}, {peak}");
}

#[test]
#[ignore = "slow"]
fn nohup_is_obeyed_and_the_first_ctrl_c_is_answered_at_once() {
    let shell = shell();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$GLUEPOT\" run x.toml --set epochs=60 --quiet"]);
    command.env("GLUEPOT", shell.command(&[]).get_program());
    shell.surround(&mut command);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while runs(&shell).last().is_none_or(|run| states(run) < 1) {
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, "HUP");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    // The acknowledgment does not wait for the step.
    let shell = self::shell();
    let child = going(&shell, "3000");
    signal(&child, "INT");
    let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    let (answer, saved) = (said.find("press Ctrl-C again").unwrap(), said.find("everything is saved").unwrap());
    assert!(answer < saved, "{said}");
}

#[test]
#[ignore = "slow"]
fn a_stopped_process_that_lost_its_run_writes_nothing_more() {
    let reference = shell();
    ok(reference.gluepot(&["run", "x.toml", "--quiet", "--set", "epochs=60", "--set", "evaluation.every=\"epoch\""]));
    let expected = outcome(&reference.run());
    let shell = shell();
    let stopped = going(&shell, "60");
    signal(&stopped, "STOP");
    let run = shell.run();
    // As if the lock were visible only on another machine.
    fs::remove_file(run.join("lock")).unwrap();
    ok(shell.gluepot(&["resume", run.to_str().unwrap(), "--quiet"]));
    let mut before = Vec::new();
    all_files(&run, &mut before);
    let before: Vec<(PathBuf, Vec<u8>)> = before.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    std::thread::sleep(Duration::from_millis(1100));
    signal(&stopped, "CONT");
    let output = stopped.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("taken over"), "{said}");
    assert_same(&run, &expected, "taken over");
    for (path, bytes) in before {
        assert!(path.ends_with("heartbeat") || fs::read(&path).unwrap() == bytes, "{}", path.display());
    }
    assert_eq!(verified(&shell), 0);
}
