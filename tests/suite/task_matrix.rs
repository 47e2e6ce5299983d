//! Experiments over several tasks: sweeps whose task varies, and tables with a column for each task.

use gluepot::task::glue;
use serde_json::{Value, json};

use crate::made::{Made, close, json_of, shell};
use crate::redactor::{Redactor, snapshot};
use crate::shell::{Done, Shell};
use crate::support::{golden, project};
use crate::sweeps::{assert_each_finished_once, planned, sweeps};

const TASKS: [(&str, &str, u64); 3] = [("cola", "matthews", 5), ("mrpc", "f1", 3), ("stsb", "pearson", 3)];

/// Three variants on three tasks, six seeds each, with the scores of tests/reference/make_task_matrix.py.
fn runs() -> Vec<Made> {
    let reference = golden("task_matrix.json");
    let mut runs = Vec::new();
    for (index, variant) in reference["variants"].as_array().unwrap().iter().enumerate() {
        for (task, metric, epochs) in TASKS {
            for (place, score) in variant["tasks"][task]["scores"].as_array().unwrap().iter().enumerate() {
                let seed = place as u64 + 1;
                let id = format!("{}{}{seed}", ["a", "b", "c"][index], &task[..1]);
                let made = Made::new(&id, seed, score.as_f64().unwrap()).on(task, metric);
                runs.push(made.set("learning_rate", variant["learning_rate"].clone()).set("epochs", epochs));
            }
        }
    }
    runs
}

fn tasks_of(shell: &Shell, arguments: &[&str]) -> Value {
    json_of(&shell.gluepot(&[&["compare", "--tasks", "--format", "json"], arguments].concat()))
}

#[test]
fn means_and_tests_over_tasks_are_numpys_and_scipys() {
    let shell = shell(&runs());
    let (ours, reference) = (tasks_of(&shell, &["--sort", "learning_rate"]), golden("task_matrix.json"));
    let names: Vec<&str> = ours["tasks"].as_array().unwrap().iter().map(|task| task["task"].as_str().unwrap()).collect();
    assert_eq!(names, ["cola", "mrpc", "stsb"]);
    // The number of epochs belongs to the task, and so do its metric and data.
    assert_eq!((&ours["columns"], &ours["reference"]), (&json!(["learning_rate"]), &json!(0)));
    let theirs = reference["variants"].as_array().unwrap();
    assert_eq!(ours["rows"].as_array().unwrap().len(), theirs.len());
    for (ours, theirs) in ours["rows"].as_array().unwrap().iter().zip(theirs) {
        close(&ours["mean"], theirs["mean"].as_f64().unwrap());
        for task in names.iter().copied() {
            for what in ["mean", "sd"] {
                close(&ours["scores"][task][what], theirs["tasks"][task][what].as_f64().unwrap());
            }
        }
        let Some(difference) = theirs["difference"].as_object() else {
            assert!(ours["difference"].is_null());
            continue;
        };
        let figure = |name: &str| difference[name].as_f64().unwrap();
        close(&ours["difference"]["mean"], figure("mean"));
        close(&ours["difference"]["interval"][0], figure("low"));
        close(&ours["difference"]["interval"][1], figure("high"));
        close(&ours["difference"]["p"], figure("p"));
        close(&ours["adjusted_p"], figure("adjusted_p"));
    }
}

#[test]
fn tables_over_tasks_in_every_format() {
    let shell = shell(&runs());
    for format in ["text", "markdown", "latex", "csv"] {
        let done = shell.gluepot(&["compare", "--tasks", "--format", format]);
        assert_eq!(done.code, 0, "{done:?}");
        snapshot!(format!("tasks-{format}"), &done.out);
    }
    // Without --tasks, each task's comparison follows.
    let done = shell.gluepot(&["compare", "--format", "markdown", "--filter", "learning_rate > 1e-5"]);
    snapshot!("tasks-and-comparisons", &done.out);
    let page = shell.gluepot(&["report", "-o", "-"]).out;
    assert!(page.contains("mean of tasks") && page.contains("<strong>0.8938 ± 0.0085</strong>"));
    // Formats for programs stay what they were, one comparison for each task.
    assert_eq!(json_of(&shell.gluepot(&["compare", "--format", "json"])).as_array().unwrap().len(), 3);
}

/// 1e-5 has no run on stsb, and 2e-5 one seed less on mrpc.
#[test]
fn a_mean_needs_every_task_and_what_is_missing_is_said() {
    let mut made = runs();
    made.retain(|run| !run.id.starts_with("as") && run.id != "bm6");
    made.push(Made::new("as1", 1, 0.9).on("stsb", "pearson").set("learning_rate", 1e-5).set("epochs", 3).status("failed"));
    let shell = shell(&made);
    let matrix = tasks_of(&shell, &["--sort", "learning_rate"]);
    let rows = matrix["rows"].as_array().unwrap();
    assert_eq!((&rows[0]["mean"], &rows[0]["missing"]), (&Value::Null, &json!(["stsb"])));
    // The first variant with a mean is the reference; only the five seeds that both have on every task count.
    assert_eq!((&matrix["reference"], &rows[2]["difference"]["n"]), (&json!(1), &json!(5)));
    let score = |row: &Value, task: &str, seed: u64| row["seeds"][task][seed.to_string()].as_f64().unwrap();
    let mean = |row: &Value, seed: u64| TASKS.map(|(task, ..)| score(row, task, seed)).iter().sum::<f64>() / 3.0;
    let differences: Vec<f64> = (1..=5).map(|seed| mean(&rows[2], seed) - mean(&rows[1], seed)).collect();
    close(&rows[2]["difference"]["mean"], differences.iter().sum::<f64>() / 5.0);
    snapshot!("tasks-missing", &shell.gluepot(&["compare", "--tasks"]).out);
}

#[test]
fn there_is_no_mean_of_metrics_without_a_common_scale_and_no_table_of_unlike_runs() {
    let on = |id: &str, task, metric, rate: f64| Made::new(id, 1, 0.5).on(task, metric).set("learning_rate", rate);
    let runs = [on("a1", "cola", "matthews", 1e-5), on("a2", "stsb", "mse", 1e-5), on("b1", "cola", "matthews", 2e-5)];
    let definition = |task: &str, metrics: Value| {
        let mut task = serde_json::to_value(glue::task(task).unwrap()).unwrap();
        task["metrics"] = metrics;
        json!({ "task_definition": task })
    };
    let mse = runs[1].clone().facts(definition("stsb", json!(["pearson", "mse"])));
    let both = shell(&[runs[0].clone(), mse, runs[2].clone()]);
    let done = both.gluepot(&["compare", "--tasks"]);
    assert!(done.out.contains("no common scale: matthews (cola), mse (stsb)") && !done.out.contains("mean of"), "{done:?}");
    // The same metric has a common scale on every task, even one without bounds.
    assert!(both.gluepot(&["compare", "--tasks", "--metric", "loss"]).out.contains("mean of tasks"));
    let one = shell(&[runs[0].clone(), runs[2].clone()]);
    let refused = one.gluepot(&["compare", "--tasks"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("all of these runs are of one task"), "{refused:?}");
    // Runs of one task on other data cannot share its column.
    let other = runs[2].clone().facts(json!({ "hashes": { "data": { "validation": "other" } } }));
    let unlike = shell(&[runs[0].clone(), runs[1].clone().judged_by("loss"), other]);
    for (arguments, code) in [(&["compare", "--tasks"][..], 2), (&["compare"], 0)] {
        let done = unlike.gluepot(arguments);
        assert_eq!(done.code, code);
        assert!((done.out + &done.err).contains("the runs of cola were scored on different data"));
    }
}

const PAIRED: &str = r#"
name = "tasks"
checkpoint = "./bert"
[data]
source = "glue"
batch_size = 4
[checkpoints]
keep = []
[sweep]
seeds = [1, 2]
[sweep.axes]
learning_rate = [1e-3, 3e-3]
[[sweep.paired]]
task = "cola"
metric = "matthews"
epochs = 2
[[sweep.paired]]
task = "stsb"
metric = "combined"
epochs = 1
"#;

/// A folder with a tiny model, and with data of CoLA and STS-B.
fn benchmark() -> Shell {
    let shell = Shell::new();
    shell.copy(&project("tests/golden/tiny"), "bert");
    let cola: String = (0..12).map(|row| format!("gj04\t{}\t*\tthe farmer sold {row} .\n", row % 2)).collect();
    let stsb: String =
        (0..12).map(|row| format!("{row}\ta\tb\tc\td\te\tf\tcar {row} .\tcar .\t{:.3}\n", f64::from(row) * 0.4)).collect();
    let names = ["index", "genre", "filename", "year", "old_index", "source1", "source2", "sentence1", "sentence2", "score"];
    for split in ["train", "dev"] {
        shell.write(&format!("glue/CoLA/{split}.tsv"), &cola);
        shell.write(&format!("glue/STS-B/{split}.tsv"), format!("{}\n{stsb}", names.join("\t")));
    }
    shell.write("x.toml", PAIRED);
    shell
}

fn ok(done: Done) -> Done {
    assert_eq!(done.code, 0, "{done:?}");
    done
}

#[test]
fn a_sweep_over_tasks_ranks_each_task_by_its_own_metric() {
    let shell = benchmark();
    let redacted = |text: &str| Redactor::new(&shell).identities(&shell).measured().trained().redact(text);
    let plan = ok(shell.gluepot(&["sweep", "x.toml", "--dry-run"])).out;
    snapshot!("tasks-plan", &redacted(&plan));
    let done = ok(shell.gluepot(&["sweep", "x.toml"]));
    for ended in ["metric matthews, task cola, seed 2: matthews ", "metric combined, task stsb, seed 1: combined "] {
        assert!(done.err.contains(ended), "{ended}: {}", done.err);
    }
    let sweep = &sweeps(&shell)[0];
    assert_each_finished_once(sweep, 8);
    let mut ids = planned(sweep);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8);
    assert!(done.out.starts_with("2 tasks, mean ± sd over seeds\n"), "{}", done.out);
    for task in ["cola", "stsb"] {
        let best = done.out.lines().filter(|line| line.starts_with("best run") && line.contains(&format!("task {task}")));
        assert_eq!(best.count(), 1, "{}", done.out);
    }
    let again = ok(shell.gluepot(&["sweep", "x.toml"]));
    assert!(again.err.contains("8 trials: 4 variants, 2 seeds; 8 done"), "{}", again.err);
    let shown = json_of(&shell.gluepot(&["show", "tasks", "--format", "json"]));
    assert!(shown["best"].is_null() && shown["best_by_task"]["cola"].is_string(), "{shown}");
    assert!(shown["sweep"]["metric"].is_null());
    let listed = json_of(&shell.gluepot(&["list", "--sweeps", "--format", "json"]));
    assert_eq!(listed[0]["best_by_task"]["stsb"]["metric"], "combined");
    assert!(listed[0]["best_by_task"]["stsb"]["score"].is_number() && listed[0]["best"].is_null());
    let list = ok(shell.gluepot(&["list", "--sweeps"])).out;
    assert!(list.contains("cola matthews 0.") && list.contains("stsb combined "), "{list}");
    let matrix = tasks_of(&shell, &["tasks"]);
    assert_eq!((&matrix["columns"], matrix["rows"].as_array().unwrap().len()), (&json!(["learning_rate"]), 2));
    // The whole name of the experiment means the sweep, whatever a run's id begins with.
    Made::new("tasks99", 1, 0.5).write(&shell, 0);
    assert_eq!(json_of(&shell.gluepot(&["show", "tasks", "--format", "json"]))["counts"]["done"], 8);
    // A metric that every task has can rank all, each task on its own.
    shell.write("x.toml", PAIRED.replace("[sweep]\n", "[sweep]\nmetric = \"loss\"\n"));
    let by_loss = ok(shell.gluepot(&["sweep", "x.toml"]));
    assert!(
        by_loss.out.contains("cola loss") && by_loss.out.contains("best run") && by_loss.err.contains("8 done"),
        "{by_loss:?}"
    );
    ok(shell.gluepot(&["verify", sweep.to_str().unwrap()]));
}

#[test]
fn what_cannot_vary_with_the_task_is_said() {
    let shell = benchmark();
    let head = "checkpoint = \"./bert\"\nlearning_rate = 1e-3\nepochs = 1\n";
    let data = "[data]\nsource = \"glue\"\n";
    let mut text = String::new();
    for (name, metric, sweep) in [
        ("no metric", "", "[sweep.axes]\ntask = [\"cola\", \"stsb\"]\n"),
        ("a metric that some task does not have", "metric = \"matthews\"\n", "[sweep.axes]\ntask = [\"cola\", \"stsb\"]\n"),
        ("the metric as an axis", "task = \"cola\"\n", "[sweep.axes]\nmetric = [\"matthews\", \"accuracy\"]\n"),
        (
            "the metric without the task",
            "task = \"cola\"\n",
            "[[sweep.paired]]\nmetric = \"matthews\"\n[[sweep.paired]]\nmetric = \"accuracy\"\n",
        ),
        (
            "another task's metric",
            "",
            "[[sweep.paired]]\ntask = \"cola\"\nmetric = \"matthews\"\n[[sweep.paired]]\ntask = \"stsb\"\nmetric = \"f1\"\n",
        ),
        ("pruning", "metric = \"loss\"\n", "[sweep.axes]\ntask = [\"cola\", \"stsb\"]\n[sweep.prune]\n"),
        (
            "a ranking that some task does not have",
            "metric = \"loss\"\n",
            "[sweep]\nmetric = \"accuracy\"\n[sweep.axes]\ntask = [\"cola\", \"stsb\"]\n",
        ),
    ] {
        shell.write("x.toml", format!("{head}{metric}{data}{sweep}"));
        let done = shell.gluepot(&["sweep", "x.toml"]);
        assert_eq!(done.code, 3, "{name}: {done:?}");
        text += &format!("── {name}\n{}\n", done.err);
    }
    snapshot!("tasks-mistakes", &Redactor::new(&shell).redact(&text));
}

/// Two tasks of a user's own that share their name, and differ in their labels or in the column that holds them.
#[test]
fn tasks_of_one_name_and_different_definitions_are_different() {
    let definition = |change: fn(&mut Value)| {
        let mut task = serde_json::to_value(glue::task("mrpc").unwrap()).unwrap();
        task["name"] = "reviews".into();
        change(&mut task);
        json!({ "task": "reviews", "task_definition": task })
    };
    let run = |id: &str, change: fn(&mut Value)| Made::new(id, 1, 0.8).facts(definition(change));
    let same = |_: &mut Value| {};
    let labels = |task: &mut Value| task["head"]["classes"][0] = "other".into();
    let column = |task: &mut Value| task["target"]["name"] = "stars".into();
    let positive = |task: &mut Value| task["positive"] = 0.into();
    for (change, reason) in [
        (labels as fn(&mut Value), "different tasks of the name reviews, with other labels"),
        (column, "different tasks of the name reviews, with another column of labels (label and stars)"),
        (positive, "different tasks of the name reviews, with another positive label (equivalent and not_equivalent)"),
        (same, ""),
    ] {
        let shell = shell(&[run("aa", same), run("bb", change)]);
        let json = json_of(&shell.gluepot(&["diff", "aa", "bb", "--format", "json"]));
        let said = json["not_comparable"].as_str().map_or(String::new(), |text| text.replace("they learned ", ""));
        assert_eq!(said, reason);
        let tables = json_of(&shell.gluepot(&["compare", "--format", "json"]));
        assert_eq!(tables.as_array().unwrap().len(), if reason.is_empty() { 1 } else { 2 }, "{reason}");
    }
}

#[test]
fn an_exact_name_comes_before_an_ids_prefix() {
    let named = Made::new("77", 1, 0.9).facts(json!({ "name": "abc" }));
    let shell = shell(&[named, Made::new("abc1", 1, 0.8)]);
    let id = |name: &str| json_of(&shell.gluepot(&["show", name, "--format", "json"]))["run"]["id"].clone();
    assert_eq!((id("abc"), id("abc1"), id("ab")), (json!("77"), json!("abc1"), json!("abc1")));
}
