//! What the commands print and write on success.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::redactor::{Redactor, aligned, snapshot};
use crate::shell::Shell;
use crate::support::project;

fn quickstart(shell: &Shell, more: &[&str]) -> crate::shell::Done {
    let experiment = project("experiments/quickstart.toml").display().to_string();
    let mut arguments = vec!["run", &experiment, "--device", "cpu", "--set", "data.train_limit=320", "--set", "epochs=2"];
    arguments.extend(more);
    let done = shell.gluepot(&arguments);
    assert_eq!(done.code, 0, "{done:?}");
    done
}

fn snapshot(name: &str, shell: &Shell, text: &str) {
    let redactor = Redactor::new(shell).identities(shell).measured().trained();
    snapshot!(name, &redactor.redact(text));
}

#[test]
fn a_run_tells_how_it_goes_and_ends_with_what_to_type_next() {
    let shell = Shell::new();
    // Next to the runs, so that its path is relative.
    shell.copy(&project("experiments"), "");
    shell.copy(&project("experiments/quickstart/bert"), "quickstart/bert");
    shell.copy(&project("experiments/quickstart/MRPC"), "quickstart/MRPC");
    let done =
        shell.gluepot(&["run", "quickstart.toml", "--device", "cpu", "--set", "data.train_limit=320", "--set", "epochs=2"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(!done.err.contains('\r') && !done.err.contains('\u{1b}'), "control characters outside of a terminal");
    snapshot("run-progress", &shell, &done.err);
    snapshot("run-closing", &shell, &done.out);
    snapshot("list", &shell, &shell.gluepot(&["list"]).out);
    snapshot("show", &shell, &shell.gluepot(&["show", "latest"]).out);
    let id = shell.run().file_name().unwrap().to_string_lossy().rsplit('_').next().unwrap().to_string();
    for name in [&id[..4], "20", &shell.run().display().to_string(), "demonstration"] {
        assert_eq!(shell.gluepot(&["show", name]).code, 0, "{name}");
    }
}

#[test]
fn a_run_directory_holds_what_the_manual_says() {
    let shell = Shell::new();
    quickstart(&shell, &["--quiet", "--set", "logging.every=7"]);
    let run = shell.run();
    let mut found = BTreeSet::new();
    for entry in walk(&run) {
        found.insert(entry.strip_prefix(&run).unwrap().display().to_string());
    }
    let expected = [
        "experiment.toml",
        "resolved.toml",
        "run.json",
        "summary.json",
        "log.txt",
        "metrics/train.csv",
        "metrics/speed.csv",
        "metrics/eval.csv",
        "predictions/validation.csv",
        "checkpoints/best",
        "checkpoints/last",
    ];
    for name in expected {
        assert!(found.contains(name), "{name} is missing: {found:?}");
    }
    let text = |name: &str| std::fs::read_to_string(run.join(name)).unwrap();
    let header = |name: &str| text(name).lines().next().unwrap().to_string();
    assert_eq!(header("metrics/train.csv"), "step,epoch,examples,loss,learning_rate,grad_norm");
    assert_eq!(header("metrics/speed.csv"), "step,seconds,examples_per_second,tokens_per_second");
    assert_eq!(header("metrics/eval.csv"), "step,epoch,split,loss,accuracy,f1");
    assert_eq!(header("predictions/validation.csv"), "index,label,prediction,p0,p1");
    let steps: Vec<String> =
        text("metrics/train.csv").lines().skip(1).map(|row| row.split(',').next().unwrap().to_string()).collect();
    assert_eq!(steps, ["7", "14", "20"]);
    assert_eq!(text("experiment.toml"), std::fs::read_to_string(project("experiments/quickstart.toml")).unwrap());

    // The scores in the summary follow from the predictions.
    let summary: Value = serde_json::from_str(&text("summary.json")).unwrap();
    let rows: Vec<Vec<String>> =
        text("predictions/validation.csv").lines().skip(1).map(|row| row.split(',').map(String::from).collect()).collect();
    assert_eq!(rows.len(), 300);
    let right = rows.iter().filter(|row| row[1] == row[2]).count() as f64 / 300.0;
    assert!((summary["best"]["scores"]["accuracy"].as_f64().unwrap() - right).abs() < 1e-12);
    assert!(rows.iter().all(|row| (row[3].parse::<f64>().unwrap() + row[4].parse::<f64>().unwrap() - 1.0).abs() < 1e-12));

    // The resolved settings reproduce the run as an experiment.
    let resolved = run.join("resolved.toml").display().to_string();
    let again = Shell::new();
    assert_eq!(again.gluepot(&["run", &resolved, "--quiet"]).code, 0);
    for name in ["metrics/train.csv", "metrics/eval.csv", "predictions/validation.csv"] {
        assert_eq!(text(name), std::fs::read_to_string(again.run().join(name)).unwrap(), "{name}");
    }

    // A checkpoint of the run can be the start of another run, which keeps its head.
    let best = run.join("checkpoints/best").display().to_string();
    let next = Shell::new();
    let done = quickstart(&next, &["--set", &format!("checkpoint={best}"), "--set", "model.initialize=pretrained"]);
    assert!(!done.err.contains("randomly initialized"), "{}", done.err);
}

/// A process that no longer exists is not running, whatever status it last recorded.
#[test]
#[cfg(target_os = "linux")]
fn a_run_whose_process_is_gone_has_died() {
    let shell = Shell::new();
    quickstart(&shell, &["--quiet"]);
    let path = shell.run().join("run.json");
    let mut facts: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let status = |facts: &Value| {
        std::fs::write(&path, facts.to_string()).unwrap();
        let list = shell.gluepot(&["list"]).out;
        ["finished", "running", "died"].into_iter().find(|status| list.contains(status)).map(str::to_string)
    };
    assert_eq!(status(&facts).as_deref(), Some("finished"));
    facts["status"] = "running".into();
    assert_eq!(status(&facts).as_deref(), Some("died"));
    let lock = std::fs::File::open(shell.run().join("lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(status(&facts).as_deref(), Some("running"));
    drop(lock);
    // The lock of another machine is not visible, but its heartbeat is.
    facts["host"]["name"] = "elsewhere".into();
    assert_eq!(status(&facts).as_deref(), Some("running"));
    let heartbeat = std::fs::File::options().write(true).open(shell.run().join("heartbeat")).unwrap();
    heartbeat.set_modified(std::time::SystemTime::now() - std::time::Duration::from_hours(1)).unwrap();
    assert_eq!(status(&facts).as_deref(), Some("died"));
}

#[test]
#[ignore = "slow"]
fn kept_checkpoints_are_those_asked_for() {
    let kept = |keep: &str| {
        let shell = Shell::new();
        quickstart(&shell, &["--quiet", "--set", "evaluation.every=4", "--set", &format!("checkpoints.keep={keep}")]);
        let mut names: Vec<String> = std::fs::read_dir(shell.run().join("checkpoints"))
            .unwrap()
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(kept("[]"), Vec::<String>::new());
    assert_eq!(kept("[\"last\"]"), ["last", "step-000020"]);
    assert_eq!(kept("[\"last\", 2]"), ["last", "step-000012", "step-000016", "step-000020"]);
    let both = kept("[\"best\", \"last\"]");
    assert!(both.contains(&"best".to_string()) && both.len() <= 4, "{both:?}");
}

#[test]
fn check_prints_the_plan_and_leaves_nothing_behind() {
    let shell = Shell::new();
    shell.write("base.toml", "task = \"mrpc\"\ncheckpoint = \"./bert\"\nepochs = 3\nmetric = \"f1\"\n[optimizer]\nmax_grad_norm = 1.0\nno_decay = [\"bias\"]\n");
    shell.write(
        "x.toml",
        "base = \"base.toml\"\nlearning_rate = 2e-5\n[data]\nsource = \"./glue\"\n[optimizer]\nno_decay = [\"LayerNorm\"]\n",
    );
    shell.copy(&project("tests/golden/tiny"), "bert");
    shell.copy(&project("experiments/quickstart/MRPC"), "glue/MRPC");
    let mut shell = shell;
    shell.set("GLUEPOT_SCHEDULE_WARMUP_RATIO", "0.1");
    let arguments = ["check", "x.toml", "--set", "data.batch_size=16"];
    let redactor = Redactor::new(&shell).measured();
    snapshot!("check", &aligned(&redactor.redact(&shell.gluepot(&arguments).out), "origin"));
    let json = shell.gluepot(&[&arguments[..], &["--json"]].concat()).out;
    let plans: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(plans[0]["steps"]["total"], 3 * 188);
    assert_eq!(plans[0]["steps"]["warmup"], 57);
    assert!(!shell.path("runs").exists());
}

/// The run with the default settings: 3 epochs over 3,668 examples in batches of 8 are 1,377 steps.
#[test]
fn the_defaults_on_mrpc_take_1377_steps() {
    let shell = Shell::new();
    shell.copy(&project("tests/golden/tiny"), "bert");
    let header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
    shell.write("glue/train.tsv", format!("{header}{}", "1\t1\t2\tone\ttwo\n".repeat(3668)));
    shell.write("glue/dev.tsv", format!("\u{feff}{header}0\t1\t2\t\" one\ttwo \"\r\n"));
    let experiment = project("experiments/mrpc.toml").display().to_string();
    let done = shell.gluepot(&["check", &experiment, "--json", "--set", "checkpoint=./bert", "--set", "data.source=./glue"]);
    let plans: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"));
    assert_eq!(plans[0]["steps"]["total"], 1377);
    assert_eq!(plans[0]["steps"]["per_epoch"], 459);
}

#[test]
#[ignore = "slow"]
fn the_quickstart_learns_its_task() {
    let shell = Shell::new();
    let experiment = project("experiments/quickstart.toml").display().to_string();
    let done = shell.gluepot(&["run", &experiment, "--quiet"]);
    assert_eq!(done.code, 0, "{done:?}");
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(shell.run().join("summary.json")).unwrap()).unwrap();
    assert!(summary["best"]["scores"]["accuracy"].as_f64().unwrap() >= 0.9, "{summary}");
    assert!(done.out.contains("demonstration"));
}

#[test]
fn help_teaches_by_example() {
    let shell = Shell::new();
    snapshot("help", &shell, &shell.gluepot(&["--help"]).out);
    assert!(shell.gluepot(&["--version"]).out.starts_with("gluepot "));
    assert_eq!(serde_json::from_str::<Value>(&shell.gluepot(&["schema"]).out).unwrap(), *gluepot::experiment::schema());
    assert!(shell.gluepot(&["devices"]).out.starts_with("cpu "));
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn bench_measures_a_training_and_leaves_nothing_behind() {
    let shell = crate::resume::with(
        "task = \"mrpc\"\ncheckpoint = \"./tiny\"\nlearning_rate = 2e-3\nepochs = 1\nmetric = \"f1\"\n[data]\nsource = \"./data\"\nbatch_size = 8\n",
    );
    for kernels in ["fused", "reference"] {
        let done = shell.gluepot(&["bench", "x.toml", "--steps", "4", "--warm-up", "1", "--kernels", kernels, "--json"]);
        assert_eq!(done.code, 0, "{done:?}");
        let figures: Value = serde_json::from_str(&done.out).unwrap();
        let figure = |key: &str| figures[key].as_f64().unwrap_or_else(|| panic!("{key} in {figures}"));
        assert_eq!(figure("steps"), 4.0);
        assert!(figure("step_ms_p50") > 0.0 && figure("step_ms_p90") >= figure("step_ms_p50"), "{figures}");
        let shares: f64 = ["data", "forward", "backward", "update"].map(|part| figure(&format!("share_{part}"))).iter().sum();
        assert!((0.5..=1.001).contains(&shares), "{figures}");
        // 8 examples per step, at the mean step time; the median of four steps cannot be far above the mean.
        let mean_ms = 8e3 / figure("examples_per_second");
        assert!(mean_ms >= figure("step_ms_p50") * 0.5 && mean_ms <= figure("step_ms_p90") * 1.001, "{figures}");
        assert!(figure("padded_tokens_per_second") > figure("tokens_per_second"), "{figures}");
        let share = figure("model_gflops") / figure("matmul_peak_gflops");
        assert!((share - figure("share_of_peak")).abs() <= 1e-9 * share && share > 0.0, "{figures}");
        assert!(figure("peak_memory_mib") > 1.0);
    }
    let said = shell.gluepot(&["bench", "x.toml", "--steps", "2", "--warm-up", "0"]).out;
    assert!(said.starts_with("2 steps of 8.0 examples on cpu\n"), "{said}");
    assert!(!shell.path("runs").exists());
}
