//! Sweeps that are edited, shared, moved, damaged, stopped and killed at their very end: no trial is lost or done twice, and
//! the printed commands to continue work.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json as value};

use crate::shell::{Done, Shell};
use crate::sweeps::{SWEEP, assert_each_finished_once, children, json, ok, planned, shell, start, statuses, sweeps};

/// Two trials that take one or two seconds each.
const SLOW: &str = "base = \"base.toml\"\nepochs = 3\ndata.train_limit = 640\n[sweep]\nseeds = [1, 2]\n";

fn plan(sweep: &Path) -> String {
    std::fs::read_to_string(sweep.join("plan.jsonl")).unwrap()
}

/// Returns the run directories in a sweep.
fn runs(sweep: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(sweep).unwrap().flatten().map(|entry| entry.path());
    let mut runs: Vec<PathBuf> = entries.filter(|path| path.join("run.json").exists()).collect();
    runs.sort();
    runs
}

fn signal(name: &str, pid: &str) {
    assert!(Command::new("kill").args([name, pid]).status().unwrap().success());
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_there() {
        assert!(begun.elapsed() < Duration::from_mins(1), "waited for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs the command that a message says to continue with.
fn follow(shell: &Shell, text: &str) -> Done {
    let (_, command) = text.rsplit_once("continue that one with: ").or_else(|| text.rsplit_once("continue with: ")).unwrap();
    shell.sh(command.lines().next().unwrap())
}

#[test]
#[ignore = "slow"]
fn another_setting_is_another_sweep_also_while_the_first_one_runs() {
    let shell = shell(SLOW);
    let mut first = start(&shell);
    wait_for("a trial", || !children(&shell).is_empty());
    let sweep = sweeps(&shell).remove(0);
    let before = plan(&sweep);
    let second = ok(shell.gluepot(&["sweep", "x.toml", "--set", "data.batch_size=16", "--quiet"]));
    assert!(second.err.contains("data.batch_size 16, not 8"), "{}", second.err);
    assert!(first.wait().unwrap().success());
    assert_eq!(plan(&sweep), before);
    assert_eq!(sweeps(&shell).len(), 2);
    for sweep in sweeps(&shell) {
        assert_each_finished_once(&sweep, 2);
    }
}

#[test]
#[ignore = "slow"]
fn removed_values_are_another_sweep_and_the_first_is_continued_as_it_says() {
    let shell = shell(&SWEEP.replace("5e-3", "1e30"));
    let first = shell.gluepot(&["sweep", "x.toml", "--set", "sweep.on_failure=stop", "--quiet"]);
    assert_eq!(first.code, 11, "{first:?}");
    let sweep = sweeps(&shell).remove(0);
    let frozen = plan(&sweep);
    let done = runs(&sweep).len();
    assert!(done < 6);
    shell.write("x.toml", SWEEP.replace("5e-3", "2e-3"));
    let other = ok(shell.gluepot(&["sweep", "x.toml"]));
    assert_eq!(sweeps(&shell).len(), 2);
    assert!(other.err.contains("learning_rate 0.002, not 1e30"), "{}", other.err);
    let continued = follow(&shell, &other.err);
    assert_eq!(continued.code, 11, "{continued:?}");
    assert_eq!(plan(&sweep), frozen);
    let finished = |sweep: &Path| statuses(sweep).keys().filter(|(_, status)| status == "finished").count();
    assert_eq!(finished(&sweep), 2);
}

#[test]
#[ignore = "slow"]
fn seeds_added_while_it_runs_are_appended_and_every_trial_is_done_once() {
    let shell = shell(SLOW);
    let mut first = shell.command(&["sweep", "x.toml"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("a trial", || !children(&shell).is_empty());
    let sweep = sweeps(&shell).remove(0);
    let before = plan(&sweep);
    // The process that adds them is killed at once: the first process trains them.
    shell.write("x.toml", SLOW.replace("[1, 2]", "[3, 1, 2]"));
    let mut second = start(&shell);
    wait_for("the longer plan", || plan(&sweep).lines().count() == 3);
    second.kill().unwrap();
    second.wait().unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut first.stderr.take().unwrap(), &mut said).unwrap();
    assert!(first.wait().unwrap().success(), "{said}");
    assert!(said.contains("1 trial was added to the plan meanwhile"), "{said}");
    assert!(plan(&sweep).starts_with(&before));
    wait_for("trials of the process that was killed", || children(&shell).is_empty());
    ok(shell.gluepot(&["sweep", "x.toml", "--quiet"]));
    assert_eq!(sweeps(&shell).len(), 1);
    assert_each_finished_once(&sweep, 3);
}

#[test]
#[ignore = "slow"]
fn every_damage_of_a_sweeps_files_is_restored_from_the_experiment() {
    let shell = shell(SWEEP);
    ok(shell.gluepot(&["sweep", "x.toml", "--quiet"]));
    let sweep = sweeps(&shell).remove(0);
    let (whole, facts) = (plan(&sweep), std::fs::read(sweep.join("sweep.json")).unwrap());
    let lines: Vec<&str> = whole.lines().collect();
    let joined = |lines: &[&str]| lines.join("\n") + "\n";
    let half = &lines[3][..lines[3].len() / 2];
    let edited = lines[1].replacen("\"seed\":1", "\"seed\":7", 1);
    let renamed = lines[1].replacen(&planned(&sweep)[1], "0123456789ab", 1);
    assert!(edited != lines[1] && renamed != lines[1]);
    let mut again = lines.clone();
    again.push(lines[2]);
    let reversed: Vec<&str> = lines.iter().rev().copied().collect();
    let damages: [(&str, Option<String>, bool); 9] = [
        ("cut in a line", Some(joined(&lines[..3]) + half), true),
        ("without a line", Some(joined(&[&lines[..2], &lines[3..]].concat())), false),
        ("a line edited", Some(joined(&[&lines[..1], &[edited.as_str()], &lines[2..]].concat())), true),
        ("an id edited", Some(joined(&[&lines[..1], &[renamed.as_str()], &lines[2..]].concat())), true),
        ("a line twice", Some(joined(&again)), false),
        ("reversed", Some(joined(&reversed)), false),
        ("no text", Some("\u{0}\u{0}\u{0}".into()), true),
        ("empty", Some(String::new()), false),
        ("missing", None, true),
    ];
    for (what, damage, is_said) in damages {
        let path = sweep.join("plan.jsonl");
        match &damage {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let resumed = shell.gluepot(&["resume", sweep.to_str().unwrap(), "--quiet"]);
        assert!(resumed.code == 0 || resumed.err.contains("gluepot sweep"), "{what}: {resumed:?}");
        assert_eq!(
            is_said,
            resumed.err.contains("restores it") && !damage.as_ref().is_some_and(String::is_empty),
            "{what}: {resumed:?}"
        );
        let done = ok(shell.gluepot(&["sweep", "x.toml"]));
        assert!(done.err.contains("6 done"), "{what}: {}", done.err);
        let mut ids = planned(&sweep);
        ids.sort();
        let mut expected: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        expected.sort_by_key(|trial: &Value| trial["id"].as_str().unwrap().to_string());
        assert_eq!(ids, expected.iter().map(|trial| trial["id"].as_str().unwrap()).collect::<Vec<_>>(), "{what}");
        assert_eq!((sweeps(&shell).len(), runs(&sweep).len()), (1, 6), "{what}");
        std::fs::write(&path, &whole).unwrap();
    }
    for damage in [None, Some(&b"{"[..]), Some(&facts[..facts.len() / 2])] {
        let path = sweep.join("sweep.json");
        match damage {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let resumed = shell.gluepot(&["resume", sweep.to_str().unwrap(), "--quiet"]);
        assert!(resumed.code == 8 && resumed.err.contains("gluepot sweep"), "{resumed:?}");
        let done = ok(shell.gluepot(&["sweep", "x.toml"]));
        assert!(done.err.contains("6 done") && done.err.contains("restored: sweep.json"), "{}", done.err);
        assert_eq!((sweeps(&shell).len(), runs(&sweep).len()), (1, 6));
    }
    let verified = ok(shell.gluepot(&["verify", sweep.to_str().unwrap()]));
    assert!(verified.out.contains("6 trials"), "{}", verified.out);
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").args(["-r", from.to_str().unwrap(), to.to_str().unwrap()]).status().unwrap().success());
}

#[test]
#[ignore = "slow"]
fn a_project_that_moved_has_nothing_left_to_do_and_continues_what_is_left() {
    let shell = shell("");
    for file in ["tiny", "data", "base.toml"] {
        std::fs::create_dir_all(shell.path("a")).unwrap();
        std::fs::rename(shell.path(file), shell.path("a").join(file)).unwrap();
    }
    shell.write("a/x.toml", SWEEP);
    let sweep = ["sweep", "x.toml", "--runs", "runs"];
    let inside = |folder: &str, arguments: &[&str]| {
        let mut command = shell.command(arguments);
        let output = command.current_dir(shell.path(folder)).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    };
    ok(inside("a", &sweep));
    copy(&shell.path("a"), &shell.path("b"));
    let copied = ok(inside("b", &sweep));
    assert!(copied.err.contains("6 done"), "{}", copied.err);
    // Half of the runs are lost, and the rest of the project is elsewhere.
    std::fs::rename(shell.path("a"), shell.path("c")).unwrap();
    std::fs::remove_dir_all(shell.path("b")).unwrap();
    let directory = std::fs::read_dir(shell.path("c/runs")).unwrap().flatten().map(|entry| entry.path());
    let directory = directory.filter(|path| path.join("plan.jsonl").exists()).last().unwrap();
    for run in runs(&directory).iter().take(3) {
        std::fs::remove_dir_all(run).unwrap();
    }
    let name = directory.file_name().unwrap().to_str().unwrap().to_string();
    let resumed = ok(inside("c", &["resume", &name]));
    assert!(resumed.err.contains("3 done"), "{}", resumed.err);
    assert_each_finished_once(&directory, 6);
    // Plans of earlier versions contain absolute paths, which are now invalid.
    let old: String = plan(&directory)
        .lines()
        .map(|line| {
            let mut trial: Value = serde_json::from_str(line).unwrap();
            let trial = trial.as_object_mut().unwrap();
            trial.remove("check");
            trial.remove("absolute");
            for row in trial["settings"].as_array_mut().unwrap() {
                if matches!(row["key"].as_str(), Some("checkpoint" | "source")) {
                    row["value"] = value!(format!("/gone/{}", row["key"].as_str().unwrap()));
                }
            }
            serde_json::to_string(trial).unwrap() + "\n"
        })
        .collect();
    std::fs::write(directory.join("plan.jsonl"), old).unwrap();
    std::fs::remove_dir_all(&runs(&directory)[0]).unwrap();
    let again = ok(inside("c", &sweep));
    assert!(again.err.contains("5 done"), "{}", again.err);
    assert_each_finished_once(&directory, 6);
}

/// Returns the number of runs in the comparison of a sweep.
fn compared(shell: &Shell, root: &str) -> u64 {
    let sweep = std::fs::read_dir(shell.path(root)).unwrap().flatten().map(|entry| entry.path());
    let sweep = sweep.filter(|path| path.join("plan.jsonl").exists()).last().unwrap();
    let done = ok(shell.gluepot(&["compare", sweep.to_str().unwrap(), "--runs", root, "--format", "json"]));
    let json: Value = serde_json::from_str(&done.out).unwrap();
    let variants = json.as_array().unwrap().iter().flat_map(|comparison| comparison["variants"].as_array().unwrap());
    variants.map(|variant| variant["score"]["n"].as_u64().unwrap()).sum()
}

#[test]
#[ignore = "slow"]
fn reused_runs_move_with_the_folder_for_runs() {
    let shell = shell(SWEEP);
    ok(shell.gluepot(&["run", "base.toml", "--set", "seed=2", "--runs", "a", "--quiet"]));
    ok(shell.gluepot(&["sweep", "x.toml", "--reuse", "--runs", "a", "--quiet"]));
    assert_eq!(compared(&shell, "a"), 6);
    std::fs::rename(shell.path("a"), shell.path("b")).unwrap();
    assert_eq!(compared(&shell, "b"), 6);
    // As written by earlier versions.
    let sweep = std::fs::read_dir(shell.path("b")).unwrap().flatten().map(|entry| entry.path());
    let facts = sweep.map(|path| path.join("sweep.json")).find(|path| path.exists()).unwrap();
    let mut old = json(&facts);
    for path in old["reused"].as_object_mut().unwrap().values_mut() {
        assert!(Path::new(path.as_str().unwrap()).is_relative());
        let name = Path::new(path.as_str().unwrap()).file_name().unwrap().to_str().unwrap().to_string();
        *path = value!(format!("/gone/a/{name}"));
    }
    std::fs::write(&facts, serde_json::to_vec(&old).unwrap()).unwrap();
    assert_eq!(compared(&shell, "b"), 6);
    let again = ok(shell.gluepot(&["sweep", "x.toml", "--runs", "b"]));
    assert!(again.err.contains("6 done"), "{}", again.err);
}

#[test]
#[ignore = "slow"]
fn several_processes_reuse_and_join_one_sweep_at_once() {
    let shell = shell(&SWEEP.replace("[1, 2, 3]", "[1, 2]"));
    for _ in 0..4 {
        let mut all: Vec<_> = (0..3)
            .map(|_| shell.command(&["sweep", "x.toml", "--reuse", "--quiet"]).stdout(Stdio::null()).spawn().unwrap())
            .collect();
        assert!(all.iter_mut().all(|one| one.wait().unwrap().success()));
        assert_eq!(sweeps(&shell).len(), 1);
        assert_each_finished_once(&sweeps(&shell)[0], 4);
        std::fs::remove_dir_all(shell.path("runs")).unwrap();
    }
    // Two new sweeps in one second get separate directories.
    let mut all: Vec<_> = (0..2)
        .map(|_| shell.command(&["sweep", "x.toml", "--fresh", "--quiet"]).stdout(Stdio::null()).spawn().unwrap())
        .collect();
    assert!(all.iter_mut().all(|one| one.wait().unwrap().success()));
    assert_eq!(sweeps(&shell).len(), 2);
    // Two processes share the rest of one sweep.
    let sweep = sweeps(&shell).remove(0);
    for run in runs(&sweep) {
        std::fs::remove_dir_all(run).unwrap();
    }
    let name = sweep.to_str().unwrap();
    let mut all: Vec<_> =
        (0..2).map(|_| shell.command(&["resume", name, "--quiet"]).stdout(Stdio::null()).spawn().unwrap()).collect();
    assert!(all.iter_mut().all(|one| one.wait().unwrap().success()));
    assert_each_finished_once(&sweep, 4);
}

#[test]
fn all_trials_run_the_program_that_began_the_sweep() {
    let shell = shell(&SWEEP.replace("[1, 2, 3]", "[1, 2]"));
    let program = shell.path("gp");
    for deleted in [true, false] {
        std::fs::copy(env!("CARGO_BIN_EXE_gluepot"), &program).unwrap();
        let mut command = Command::new(&program);
        command.args(["sweep", "x.toml", "--fresh"]).stdout(Stdio::null()).stderr(Stdio::null());
        shell.surround(&mut command);
        // Another test's child process may hold the copy open for writing until it calls exec.
        let mut sweep = loop {
            match command.spawn() {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                spawned => break spawned.unwrap(),
            }
        };
        wait_for("a trial", || !children(&shell).is_empty());
        std::fs::remove_file(&program).unwrap();
        if !deleted {
            // Another program, which fails.
            std::fs::copy("/bin/false", &program).unwrap();
        }
        assert!(sweep.wait().unwrap().success());
        assert_each_finished_once(sweeps(&shell).last().unwrap(), 4);
        std::fs::remove_dir_all(shell.path("runs")).unwrap();
    }
}

#[test]
fn a_trial_that_was_killed_behind_its_summary_is_done() {
    let shell = shell(&SWEEP.replace("[1, 2, 3]", "[1]"));
    ok(shell.gluepot(&["sweep", "x.toml", "--quiet"]));
    let sweep = sweeps(&shell).remove(0);
    let run = runs(&sweep).remove(0);
    let mut facts = json(&run.join("run.json"));
    facts["status"] = value!("running");
    facts.as_object_mut().unwrap().remove("ended");
    facts.as_object_mut().unwrap().remove("exit");
    std::fs::write(run.join("run.json"), facts.to_string()).unwrap();
    std::fs::create_dir_all(run.join("states/step-000008")).unwrap();
    let again = ok(shell.gluepot(&["sweep", "x.toml"]));
    assert!(again.err.contains("2 done"), "{}", again.err);
    assert_each_finished_once(&sweep, 2);
    assert_eq!(std::fs::read_dir(run.join("states")).map_or(0, Iterator::count), 0);
}

/// Kills a trial at every rename and every removal at its end.
#[test]
#[ignore = "needs strace"]
fn killed_at_any_call_of_its_end_a_trial_takes_no_step_again() {
    let one = SWEEP.replace("[1, 2, 3]", "[1]").replace("[1e-3, 5e-3]", "[1e-3]");
    let traced = |shell: &Shell, options: &[&str]| {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "trace.txt", "-e", "trace=rename,unlink,unlinkat,rmdir"]).args(options);
        command
            .arg(env!("CARGO_BIN_EXE_gluepot"))
            .args(["sweep", "x.toml", "--quiet"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        shell.surround(&mut command);
        command.status().unwrap().code()
    };
    let reference = shell(&one);
    assert_eq!(traced(&reference, &[]), Some(0));
    let trace = std::fs::read_to_string(reference.path("trace.txt")).unwrap();
    let trial = trace.lines().find(|line| line.contains("summary.json")).unwrap().split(' ').next().unwrap();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut calls, mut begun) = (Vec::new(), false);
    for line in trace.lines().filter(|line| line.starts_with(trial)) {
        let call = line[trial.len()..].trim_start().split('(').next().unwrap();
        let count = counts.entry(call).or_insert(0);
        *count += 1;
        begun = begun || line.contains("summary.json");
        if begun {
            calls.push((call.to_string(), *count));
        }
    }
    assert!(calls.len() >= 4, "{calls:?}");
    for (call, count) in calls {
        let shell = shell(&one);
        traced(&shell, &["-e", &format!("inject={call}:signal=KILL:when={count}")]);
        let sweep = sweeps(&shell).remove(0);
        ok(shell.gluepot(&["sweep", "x.toml", "--quiet"]));
        assert_eq!(runs(&sweep).len(), 1, "{call} {count}");
        assert_each_finished_once(&sweep, 1);
        let facts = json(&runs(&sweep)[0].join("run.json"));
        for resumption in facts["resumed"].as_array().into_iter().flatten() {
            assert_eq!(resumption["step"], facts["steps"], "{call} {count}");
        }
    }
}

#[test]
#[ignore = "slow"]
fn a_sweep_that_was_stopped_continues_and_its_trials_wait_for_nobody() {
    let shell = shell(SLOW);
    let mut sweep = shell.command(&["sweep", "x.toml"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("a trial", || !children(&shell).is_empty());
    let parent = sweep.id().to_string();
    let trial = children(&shell).remove(0);
    signal("-STOP", &trial);
    signal("-STOP", &parent);
    std::thread::sleep(Duration::from_millis(300));
    signal("-CONT", &trial);
    // The trial finishes although nobody reads its messages.
    wait_for("the trial", || children(&shell).is_empty());
    let directory = sweeps(&shell).remove(0);
    assert_eq!(statuses(&directory).keys().filter(|(_, status)| status == "finished").count(), 1);
    signal("-CONT", &parent);
    assert!(sweep.wait().unwrap().success());
    assert_each_finished_once(&directory, 2);
}

#[test]
#[ignore = "slow"]
fn deleted_lock_files_let_no_trial_be_done_twice() {
    let shell = shell(SLOW);
    let mut first = start(&shell);
    wait_for("two trials", || children(&shell).len() == 2);
    let sweep = sweeps(&shell).remove(0);
    wait_for("their directories", || runs(&sweep).len() == 2);
    std::fs::remove_dir_all(sweep.join("locks")).unwrap();
    std::fs::remove_file(shell.path("runs/.sweeps.lock")).unwrap();
    let mut second = start(&shell);
    assert!(first.wait().unwrap().success() && second.wait().unwrap().success());
    assert_each_finished_once(&sweep, 2);
    assert_eq!(runs(&sweep).len(), 2);
}

#[test]
#[ignore = "slow"]
fn a_schedulers_two_signals_save_the_running_trial() {
    let shell = shell(SLOW);
    let sweep = shell.command(&["sweep", "x.toml"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let directory = || sweeps(&shell).remove(0);
    wait_for("a state", || {
        shell.path("runs").exists()
            && sweeps(&shell).len() == 1
            && runs(&directory())
                .first()
                .is_some_and(|run| run.join("metrics/train.csv").metadata().is_ok_and(|file| file.len() > 100))
    });
    let (parent, trial) = (sweep.id().to_string(), children(&shell).remove(0));
    // As at a time limit: first SIGUSR1, then SIGTERM to every process of the job.
    signal("-USR1", &parent);
    signal("-TERM", &parent);
    signal("-TERM", &trial);
    let output = sweep.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(12), "{said}");
    assert_eq!(json(&runs(&directory())[0].join("run.json"))["status"], "interrupted", "{said}");
    ok(follow(&shell, &said));
    assert_each_finished_once(&directory(), 2);
    let facts = json(&runs(&directory())[0].join("run.json"));
    assert!(facts["resumed"][0]["step"].as_u64().unwrap() > 0);
}

#[test]
fn absurd_sizes_are_refused_or_planned_at_once_in_little_memory() {
    let shell = shell("");
    let axes: Vec<String> = ["optimizer.weight_decay", "optimizer.beta1", "optimizer.beta2", "model.dropout", "learning_rate"]
        .iter()
        .chain(&["optimizer.epsilon", "schedule.warmup_ratio", "optimizer.max_grad_norm"])
        .map(|path| format!("\"{path}\" = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1]"))
        .collect();
    let steps = "max_steps = 9000000000000000000\n[evaluation]\nevery = 7\n[sweep]\nseeds = [1, 2, 3]\n";
    let cases = [
        ("a grid of 10^8", format!("[sweep.axes]\n{}\n", axes.join("\n")), 3),
        (
            "10^8 draws of which five count",
            format!("[sweep]\nstrategy = \"random\"\ntrials = 5\n[sweep.axes]\n{}\n", axes.join("\n")),
            0,
        ),
        ("a million draws", format!("[sweep]\nstrategy = \"random\"\ntrials = 1000000\n[sweep.axes]\n{}\n", axes.join("\n")), 3),
        ("steps", format!("[training]\n{steps}"), 0),
        ("pruned steps", format!("[training]\n{steps}[sweep.prune]\ngrace = 1e-300\n"), 0),
    ];
    let mut slowest = Duration::ZERO;
    for (what, text, code) in cases {
        shell.write("x.toml", format!("base = \"base.toml\"\n{text}"));
        let begun = Instant::now();
        let done = shell.sh("ulimit -v 3000000; exec $GLUEPOT sweep x.toml --dry-run");
        slowest = slowest.max(begun.elapsed());
        assert_eq!(done.code, code, "{what}: {done:?}");
        assert!(done.err.len() < 2000 && !done.err.contains("panicked"), "{what}: {}", done.err);
    }
    for seeds in ["1..1000000000000", "0..18446744073709551615"] {
        let done = shell.gluepot(&["sweep", "base.toml", "--seeds", seeds, "--dry-run"]);
        assert_eq!(done.code, 2, "{done:?}");
    }
    assert!(slowest < Duration::from_secs(20), "{slowest:?}");
}

#[test]
fn a_sweep_is_shown_and_ends_with_the_best_run_and_its_checkpoint() {
    let shell = shell(&format!("checkpoints.keep = [\"best\"]\n{SWEEP}"));
    let dry = ok(shell.gluepot(&["sweep", "x.toml", "--dry-run"]));
    assert!(dry.out.contains("would start a new sweep"), "{}", dry.out);
    let done = ok(shell.gluepot(&["sweep", "x.toml"]));
    let sweep = sweeps(&shell).remove(0);
    let scores: BTreeMap<String, f64> = runs(&sweep)
        .iter()
        .map(|run| {
            let id = json(&run.join("run.json"))["id"].as_str().unwrap().to_string();
            (id, json(&run.join("summary.json"))["best"]["scores"]["accuracy"].as_f64().unwrap())
        })
        .collect();
    let best = scores.values().copied().fold(f64::MIN, f64::max);
    let named = done.out.lines().find_map(|line| line.strip_prefix("best run    ")).unwrap().split(' ').next().unwrap();
    assert_eq!(scores[named], best, "{}", done.out);
    let checkpoint = done.out.lines().find_map(|line| line.strip_prefix("checkpoint  ")).unwrap();
    assert!(shell.path(checkpoint).join("model.safetensors").is_file(), "{checkpoint}");
    assert!(checkpoint.contains(named));
    // By the experiment's name, by a prefix of the directory's name, and by its path.
    let name = sweep.file_name().unwrap().to_str().unwrap();
    for meant in ["x", &name[..23], sweep.to_str().unwrap()] {
        let shown: Value = serde_json::from_str(&ok(shell.gluepot(&["show", meant, "--json"])).out).unwrap();
        assert_eq!(shown["counts"], value!({ "trials": 6, "done": 6, "failed": 0, "stopped": 0, "running": 0, "left": 0 }));
        assert_eq!(shown["best"], value!(named));
        assert_eq!(ok(shell.gluepot(&["verify", meant])).code, 0);
    }
    // New trials are reported before they are trained.
    shell.write("x.toml", format!("checkpoints.keep = [\"best\"]\n{}", SWEEP.replace("[1, 2, 3]", "[1, 2, 3, 4]")));
    let dry = ok(shell.gluepot(&["sweep", "x.toml", "--dry-run"]));
    assert!(dry.out.contains("6 done") && dry.out.contains("2 new trials would be added"), "{}", dry.out);
    assert_eq!(planned(&sweep).len(), 6);
}

#[test]
#[ignore = "slow"]
fn files_that_somebody_ruins_while_a_sweep_runs_are_made_again() {
    let shell = shell(&SWEEP.replace("[1, 2, 3]", "[1, 2]").replace("[sweep]", "data.train_limit = 320\n[sweep]"));
    let mut sweep = shell.command(&["sweep", "x.toml"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("a trial", || !children(&shell).is_empty());
    let directory = sweeps(&shell).remove(0);
    let before = plan(&directory);
    std::fs::write(directory.join("plan.jsonl"), &before[..before.len() / 3]).unwrap();
    std::fs::remove_file(directory.join("sweep.json")).unwrap();
    std::fs::remove_dir_all(directory.join("logs")).unwrap();
    assert!(sweep.wait().unwrap().success());
    assert_each_finished_once(&directory, 4);
    assert_eq!(runs(&directory).len(), 4);
    let again = ok(shell.gluepot(&["sweep", "x.toml"]));
    assert!(again.err.contains("4 done") && !again.err.contains("restored"), "{}", again.err);
}

#[test]
fn a_sweep_whose_directory_is_removed_ends_and_says_so() {
    let shell = shell(SLOW);
    let sweep = shell.command(&["sweep", "x.toml"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("a trial", || !children(&shell).is_empty());
    std::fs::rename(sweeps(&shell).remove(0), shell.path("elsewhere")).unwrap();
    let output = sweep.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(8) && said.contains("is gone"), "{:?}: {said}", output.status);
}

#[test]
fn a_renamed_experiment_names_the_sweep_that_has_its_trials() {
    let shell = shell(&SWEEP.replace("[1, 2, 3]", "[1]"));
    ok(shell.gluepot(&["sweep", "x.toml", "--quiet"]));
    std::fs::rename(shell.path("x.toml"), shell.path("y.toml")).unwrap();
    let other = ok(shell.gluepot(&["sweep", "y.toml", "--reuse", "--jobs", "1000000000000"]));
    assert!(other.err.contains("name y, not x") && other.err.contains("2 done"), "{}", other.err);
    assert!(runs(sweeps(&shell).iter().find(|path| path.to_str().unwrap().ends_with("_y_sweep")).unwrap()).is_empty());
}

/// Returns every file below a folder with its content.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// The lock files are removed, as if they belonged to another machine whose locks are not visible here.
#[test]
#[ignore = "slow"]
fn a_trial_that_slept_while_another_process_took_it_over_writes_nothing_more() {
    let shell =
        shell(&SLOW.replace("epochs = 3", "epochs = 8").replace("seeds = [1, 2]", "seeds = [1]\naxes.learning_rate = [1e-3]"));
    let mut first = shell.command(&["sweep", "x.toml"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let directory = || sweeps(&shell).remove(0);
    wait_for("rows", || {
        shell.path("runs").exists()
            && sweeps(&shell).len() == 1
            && runs(&directory())
                .first()
                .is_some_and(|run| run.join("metrics/train.csv").metadata().is_ok_and(|file| file.len() > 100))
    });
    let (sweep, sleeper) = (directory(), children(&shell).remove(0));
    // Its sweep sleeps as well: if it ended, the system would wake the trial and send it SIGHUP.
    signal("-STOP", &first.id().to_string());
    signal("-STOP", &sleeper);
    std::fs::remove_dir_all(sweep.join("locks")).unwrap();
    std::fs::remove_file(runs(&sweep)[0].join("lock")).unwrap();
    ok(shell.gluepot(&["sweep", "x.toml", "--quiet"]));
    assert_each_finished_once(&sweep, 1);
    let before = contents(&sweep);
    signal("-CONT", &sleeper);
    wait_for("its end", || children(&shell).is_empty());
    first.kill().unwrap();
    first.wait().unwrap();
    let mut after = contents(&sweep);
    let log = sweep.join(format!("logs/{}.txt", planned(&sweep)[0]));
    let said = String::from_utf8_lossy(&after.remove(&log).unwrap()).into_owned();
    assert!(said.contains("another process"), "{said}");
    after.insert(log.clone(), before[&log].clone());
    // It may have been suspended while removing a state that was already renamed for removal, and then finishes that first.
    let ends_a_removal = |path: &PathBuf| path.to_string_lossy().contains(".removed.partial/") && !after.contains_key(path);
    let changed: Vec<&PathBuf> =
        before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path) && !ends_a_removal(path)).collect();
    assert!(changed.is_empty(), "{changed:?}");
}
