//! `[loss]`: label smoothing and class weights, against PyTorch's values (tests/reference/make_losses.py), and what is said about
//! settings that do not fit the task.

use gluepot::train::{Device, Start, train};
use serde_json::Value;

use crate::failures::sound;
use crate::golden::settings;
use crate::made::json_of;
use crate::own_tasks::{bench, parameters, reference, tags, verdicts};
use crate::redactor::{Redactor, snapshot};
use crate::shell::Shell;
use crate::support::{Heard, assert_trajectory, device, difference, golden, logits};

/// The `[loss]` table of a training's options.
fn table(options: &Value) -> String {
    let labels = ["entailed", "unknown", "contradicted"];
    let weights = match &options["class_weights"] {
        Value::Null => String::new(),
        Value::Array(weights) => {
            let entries: Vec<String> = labels.iter().zip(weights).map(|(label, weight)| format!("{label} = {weight}")).collect();
            format!("class_weights = {{ {} }}\n", entries.join(", "))
        }
        word => format!("class_weights = {word}\n"),
    };
    format!("[loss]\nlabel_smoothing = {}\n{weights}", options["label_smoothing"].as_f64().unwrap_or(0.0))
}

/// Compares each of 40 steps, and the outputs after the last one.
fn assert_trains_like_pytorch(kind: &str, device: &Device, kernels: &str) {
    let training = &golden("losses.json")["trainings"][kind];
    let options = &training["options"];
    let task = if options["task"] == "tags" { tags() } else { verdicts() };
    let head = reference(&task);
    let bench = bench(task);
    let trial = bench.trial(&(settings(options) + &table(options)));
    let (examples, validation) = bench.encode(&trial);
    let mut heard = Heard::default();
    let start = Start::Fresh(&parameters(&bench, &head));
    assert!(train(&trial, start, &examples, &validation, device, &mut [&mut heard]).unwrap().is_continue());
    let name = format!("{kind}, {kernels} kernels");
    assert_eq!(heard.steps.len(), 40, "{name}");
    assert_trajectory(&name, &heard.steps, &training["trajectory"]);
    let difference = difference(&heard.predictions, &logits(&training["final"]));
    println!("{name}: final outputs {difference:.1e}");
    assert!(difference <= 5e-3, "{name}: final outputs differ by {difference:e}");
    // A GPU replays recorded steps, the loss included.
    if device.is_gpu() && kernels == "fused" && options["accumulation"].is_null() {
        assert!(heard.replays.replayed > 10, "{name}: {:?}", heard.replays);
    }
}

fn trains_like_pytorch(kind: &str) {
    assert_trains_like_pytorch(kind, &device(), "fused");
    assert_trains_like_pytorch(kind, &device().with_reference_kernels(), "reference");
}

#[test]
fn smoothed_labels_train_like_pytorch() {
    trains_like_pytorch("smoothed");
}

#[test]
fn weighted_classes_train_like_pytorch() {
    trains_like_pytorch("weighted");
}

#[test]
fn weighted_classes_with_smoothed_labels_train_like_pytorch() {
    trains_like_pytorch("both");
}

#[test]
fn balanced_classes_over_several_batches_a_step_train_like_pytorch() {
    trains_like_pytorch("balanced");
}

#[test]
fn several_labels_train_40_steps_like_pytorch() {
    trains_like_pytorch("labels");
}

/// A shell with an experiment that has this `[loss]` table; 64 training examples.
fn with_loss(table: &str) -> Shell {
    let shell = sound();
    let text = std::fs::read_to_string(shell.path("x.toml")).unwrap();
    shell.write("x.toml", format!("{text}[loss]\n{table}"));
    shell
}

#[test]
fn what_does_not_fit_the_labels_is_said_where_it_stands() {
    for (name, table) in [
        ("class-weights-of-other-labels", "class_weights = { not_equivalent = 1.0, equivalnt = 2.0, maybe = 3 }\n"),
        ("class-weights-of-some-labels", "[loss.class_weights]\nequivalent = 2.0\n"),
        (
            "class-weights-that-are-no-weights",
            "class_weights = { not_equivalent = 0, equivalent = \"2.0\" }\nlabel_smoothing = 1.0\n",
        ),
        ("class-weights-by-another-word", "class_weights = \"balance\"\nlabel_smoothing_factor = 0.1\n"),
    ] {
        let shell = with_loss(table);
        let done = shell.gluepot(&["check", "x.toml"]);
        assert_eq!(done.code, 3, "{name}: {done:?}");
        snapshot!(name, &Redactor::new(&shell).redact(&done.err));
    }
    // All of the first examples are of one class.
    let shell = with_loss("class_weights = \"balanced\"\n");
    let header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
    shell.write("glue/MRPC/train.tsv", format!("{header}1\t1\t2\ta b\ta b\n1\t3\t4\tc d\tc d\n0\t5\t6\ta b\tc d\n"));
    let done = shell.gluepot(&["check", "x.toml", "--set", "data.train_limit=2"]);
    assert_eq!(done.code, 3, "{done:?}");
    snapshot!("class-without-examples", &Redactor::new(&shell).redact(&done.err));
    let all = shell.gluepot(&["check", "x.toml", "--set", "data.train_limit=3"]);
    assert_eq!(all.code, 0, "{all:?}");
}

/// The weights of the examples that are used. By hand: 3 examples, 2 of them equivalent.
#[test]
fn the_plan_shows_balanced_weights() {
    let shell = with_loss("class_weights = \"balanced\"\n");
    let header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
    let rows = "1\t1\t2\ta b\ta b\n1\t3\t4\tc d\tc d\n0\t5\t6\ta b\tc d\n0\t7\t8\ta c\tc d\n";
    shell.write("glue/MRPC/train.tsv", format!("{header}{rows}"));
    let arguments = ["check", "x.toml", "--set", "data.train_limit=3"];
    let text = shell.gluepot(&arguments).out;
    assert!(text.contains("\nweights     not_equivalent 1.5000, equivalent 0.7500\n"), "{text}");
    let json = json_of(&shell.gluepot(&[&arguments[..], &["--format", "json"]].concat()));
    assert_eq!(json[0]["class_weights"], serde_json::json!([1.5, 0.75]));
    let plain = json_of(&shell.gluepot(&["check", "x.toml", "--set", "loss.class_weights=none", "--format", "json"]));
    assert_eq!(plain[0]["class_weights"], Value::Null);
}

/// Runs with weights are recorded, resumed and compared by them; the validation loss is the plain one.
#[test]
fn a_run_keeps_its_loss() {
    let shell = with_loss("label_smoothing = 0.1\nclass_weights = { equivalent = 2, not_equivalent = 0.5 }\n");
    let done = shell.gluepot(&["run", "x.toml", "--quiet"]);
    assert_eq!(done.code, 0, "{done:?}");
    let run = shell.run();
    let resolved = std::fs::read_to_string(run.join("resolved.toml")).unwrap();
    assert!(resolved.contains("class_weights = { equivalent = 2.0, not_equivalent = 0.5 }"), "{resolved}");
    let id = run.file_name().unwrap().to_str().unwrap().split('_').next_back().unwrap().to_string();
    assert_eq!(shell.gluepot(&["verify", &id]).code, 0, "{id}");
    let longer = shell.gluepot(&["resume", run.to_str().unwrap(), "--epochs", "2", "--quiet"]);
    assert_eq!(longer.code, 0, "{longer:?}");
    // The mean negative logarithm of the probability of the correct class, by the run's own predictions.
    let predictions = std::fs::read_to_string(run.join("predictions/validation.csv")).unwrap();
    let losses: Vec<f64> = predictions
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            -cells[3 + cells[1].parse::<usize>().unwrap()].parse::<f64>().unwrap().ln()
        })
        .collect();
    let mean = losses.iter().sum::<f64>() / losses.len() as f64;
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(run.join("summary.json")).unwrap()).unwrap();
    let recorded = summary["best"]["scores"]["loss"].as_f64().unwrap();
    assert!((recorded - mean).abs() < 1e-5, "{recorded} and {mean}");
}

/// Both settings can vary in a sweep, the words of class weights beside tables.
#[test]
fn smoothing_and_weights_can_be_swept() {
    let shell = with_loss("");
    let axes = [
        "--axis",
        "loss.label_smoothing=[0, 0.1]",
        "--axis",
        "loss.class_weights=[\"none\", \"balanced\", { equivalent = 2.0, not_equivalent = 1.0 }]",
    ];
    let planned = json_of(&shell.gluepot(&[&["sweep", "x.toml", "--dry-run", "--format", "json"][..], &axes].concat()));
    let trials = planned["trials"].as_array().unwrap_or_else(|| panic!("{planned}"));
    assert_eq!(trials.len(), 6, "{planned}");
}
