//! Tasks other than GLUE's, defined here and read from their own files, against PyTorch's values
//! (tests/reference/make_own_tasks.py): heads, targets and losses of every kind.

use gluepot::checkpoint::HostTensor;
use gluepot::execute::{Begin, RunOptions, execute};
use gluepot::experiment::{Environment, Experiment};
use gluepot::hub::Hub;
use gluepot::inputs::{EncodedInputs, InputCache, ReadFor, TrialInputs};
use gluepot::machine::signals::StopSignal;
use gluepot::progress::Loudness;
use gluepot::settings::TaskSetting;
use gluepot::task::metrics::{Metric, Scores};
use gluepot::task::{ClassCells, ColumnName, Head, Output, Prediction, Splits, Target, Task, TextColumns, glue};
use gluepot::tokens::TokenCache;
use gluepot::train::{Device, Start, Trainer, train};
use serde_json::{Value, json};

use crate::golden::settings;
use crate::made::{Made, json_of, shell};
use crate::shell::Shell;
use crate::support::{Bench, Heard, assert_trajectory, device, difference, golden, logits, project};

fn task(name: &str, text: TextColumns, target: &str, head: Head, metrics: &[Metric]) -> Task {
    let target = ColumnName::named(target);
    Task {
        name: name.into(),
        text,
        target,
        head,
        class_cells: ClassCells::NamesOrIds,
        positive: None,
        metrics: metrics.to_vec(),
        splits: Splits::default(),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// Three classes, given by name.
pub fn verdicts() -> Task {
    let text = TextColumns::Pair(ColumnName::named("premise"), ColumnName::named("hypothesis"));
    let head = Head::Classes(words(&["entailed", "unknown", "contradicted"]));
    task("verdicts", text, "verdict", head, &[Metric::ACCURACY])
}

/// A numeric value.
fn prices() -> Task {
    let text = TextColumns::Single(ColumnName::named("sentence"));
    task("prices", text, "price", Head::Value, &[Metric::PEARSON, Metric::SPEARMAN, Metric::MSE])
}

/// Any of three labels, each in its own column.
pub fn tags() -> Task {
    let text = TextColumns::Single(ColumnName::named("sentence"));
    task("tags", text, "", Head::Labels(words(&["farm", "sale", "music"])), &[])
}

/// The tiny BERT on a task's own files.
pub fn bench(task: Task) -> Bench {
    let data = project("tests/golden/own_tasks").join(&task.name);
    Bench::of(task, &project("tests/golden/tiny"), &data)
}

/// The tiny BERT's parameters with the initial head of the reference.
pub fn parameters(bench: &Bench, reference: &Value) -> Vec<HostTensor> {
    let mut parameters = bench.parameters();
    let weight: Vec<Vec<f32>> = serde_json::from_value(reference["head"]["weight"].clone()).unwrap();
    let bias: Vec<f32> = serde_json::from_value(reference["head"]["bias"].clone()).unwrap();
    for (name, values) in [("classifier.weight", weight.concat()), ("classifier.bias", bias)] {
        let place = bench.wanted.iter().position(|parameter| parameter.name == name).unwrap();
        assert_eq!(parameters[place].values.len(), values.len(), "{name}");
        parameters[place].values = values;
    }
    parameters
}

pub fn reference(task: &Task) -> Value {
    golden("own_tasks/golden.json")[&task.name].clone()
}

#[test]
fn files_are_read_as_the_task_says() {
    for (task, first) in
        [(verdicts(), Target::Class(1)), (prices(), Target::Value(-0.24)), (tags(), Target::Labels([true, true, false].into()))]
    {
        let bench = bench(task.clone());
        assert_eq!((bench.train.len(), bench.validation.len()), (64, 24));
        assert_eq!(bench.train[0].target, Some(first));
        assert!(bench.train.iter().chain(&bench.validation).all(|row| row.target.as_ref().unwrap().fits(&task.head)));
    }
}

#[test]
fn outputs_of_every_head_equal_pytorchs() {
    for task in [verdicts(), prices(), tags()] {
        let (reference, name) = (reference(&task), task.name.clone());
        let bench = bench(task);
        let trial = bench.trial("learning_rate = 1e-3\nepochs = 1\n[model]\ndropout = 0.0\n");
        let (_, validation) = bench.encode(&trial);
        for device in [device(), device().with_reference_kernels()] {
            let outputs = Trainer::new(&trial, &parameters(&bench, &reference), &device).predict(&validation).unwrap();
            let difference = difference(&outputs, &logits(&reference["eval"]));
            assert!(difference <= 1e-5, "{name}: outputs differ by {difference:e}");
        }
    }
}

/// Compares each step of both trainings of a task, and the outputs after the last step.
fn assert_trains_like_pytorch(task: Task, device: &Device, kernels: &str) {
    let (reference, name) = (reference(&task), task.name.clone());
    let bench = bench(task);
    let trainings = reference["trainings"].as_object().unwrap();
    assert_eq!(trainings.len(), 2);
    for (kind, training) in trainings {
        let trial = bench.trial(&settings(&training["options"]));
        let (examples, validation) = bench.encode(&trial);
        let mut heard = Heard::default();
        let start = Start::Fresh(&parameters(&bench, &reference));
        assert!(train(&trial, start, &examples, &validation, device, &mut [&mut heard]).unwrap().is_continue());
        let name = format!("{name}, {kind}, {kernels} kernels");
        assert_trajectory(&name, &heard.steps, &training["trajectory"]);
        let difference = difference(&heard.predictions, &logits(&training["final"]));
        println!("{name}: final outputs {difference:.1e}");
        assert!(difference <= 5e-3, "{name}: final outputs differ by {difference:e}");
        // A GPU replays recorded steps: with full batches, most steps are replays.
        if device.is_gpu() && kernels == "fused" && kind == "plain" {
            assert!(heard.replays.replayed > 10, "{name}: {:?}", heard.replays);
        }
    }
}

#[test]
fn three_classes_train_like_pytorch() {
    assert_trains_like_pytorch(verdicts(), &device(), "fused");
    assert_trains_like_pytorch(verdicts(), &device().with_reference_kernels(), "reference");
}

#[test]
fn a_number_trains_like_pytorch() {
    assert_trains_like_pytorch(prices(), &device(), "fused");
    assert_trains_like_pytorch(prices(), &device().with_reference_kernels(), "reference");
}

#[test]
fn any_of_several_labels_train_like_pytorch() {
    assert_trains_like_pytorch(tags(), &device(), "fused");
    assert_trains_like_pytorch(tags(), &device().with_reference_kernels(), "reference");
}

#[test]
fn scores_of_numbers_equal_those_of_scipy() {
    let golden = golden("own_tasks/golden.json");
    let cases = golden["scores"].as_array().unwrap();
    assert_eq!(cases.len(), 11);
    for case in cases {
        let values = |key: &str| -> Vec<f32> { serde_json::from_value(case[key].clone()).unwrap() };
        let pairs = values("targets").into_iter().zip(values("outputs"));
        let predictions: Vec<Prediction> =
            pairs.map(|(target, output)| Prediction { target: Target::Value(target), output: Output(vec![output]) }).collect();
        let scores = Scores::of(&prices(), &predictions);
        for metric in prices().metrics {
            match (scores.get(metric.name), case[metric.name].as_f64()) {
                (Some(ours), Some(theirs)) => {
                    assert!((ours - theirs).abs() <= 1e-12, "{}: {ours}, expected {theirs}", metric.name);
                }
                (ours, theirs) => assert!(ours.is_none() && theirs.is_none(), "{}: {ours:?}, {theirs:?}", metric.name),
            }
        }
        assert_eq!(Some(scores.loss), scores.get("mse"));
    }
}

/// By hand: an output of 0 is a probability of one half for either label, with a loss of ln 2 each.
#[test]
fn the_loss_of_labels_is_the_mean_over_labels() {
    let prediction =
        |outputs: &[f32]| Prediction { target: Target::Labels([true, false].into()), output: Output(outputs.to_vec()) };
    assert!((prediction(&[0.0, 0.0]).loss() - 2.0_f64.ln()).abs() < 1e-15);
    // ln(1 + e⁻¹) and ln(1 + e³).
    let expected = f64::midpoint((-1.0_f64).exp().ln_1p(), 3.0_f64.exp().ln_1p());
    assert!((prediction(&[1.0, 3.0]).loss() - expected).abs() < 1e-14);
    assert!((prediction(&[-500.0, 500.0]).loss() - 500.0).abs() < 1e-9);
}

/// Trains a task with two seeds into run directories, and runs every command that reads runs on them.
fn assert_runs_are_read(task: &Task, columns: &str) {
    let shell = Shell::new();
    let root = shell.path("runs");
    let (checkpoint, data) = (project("tests/golden/tiny"), project("tests/golden/own_tasks").join(&task.name));
    // Code that looked the task up by this name would find another task.
    let task = &Task { name: "mrpc".into(), ..task.clone() };
    for seed in [1, 2] {
        let file = shell.write(
            "x.toml",
            format!(
                "task = \"mrpc\"\ncheckpoint = \"{}\"\nlearning_rate = 1e-3\nepochs = 2\nmetric = \"loss\"\nseed = {seed}\n\
                 [data]\nsource = \"{}\"\n",
                checkpoint.display(),
                data.display()
            ),
        );
        let experiment = Experiment::load(&file, &[], &Environment::default());
        let (hub, mut cache) = (Hub::offline(), InputCache::default());
        let inputs = TrialInputs::of_task(
            experiment,
            Some(TaskSetting::Glue(Box::new(task.clone()))),
            ReadFor::Training,
            &hub,
            &mut cache,
        )
        .unwrap();
        let encoded = EncodedInputs::new(&inputs, &TokenCache::default()).unwrap();
        let options =
            RunOptions { loudness: Loudness::Quiet, stop: StopSignal::default(), runs: Some(root.clone()), keeps_state: false };
        let ended = execute(&encoded, &device(), Begin::New(&root), &options, &mut []).unwrap();
        let path = ended.directory.path("predictions/validation.csv");
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().next(), Some(columns));
        let checked = shell.gluepot(&["verify", &ended.id]);
        assert_eq!(checked.code, 0, "{checked:?}");
        let run = json_of(&shell.gluepot(&["show", &ended.id, "--json"]));
        let facts = if run["run"].is_object() { &run["run"] } else { &run };
        assert_eq!(facts["task"], *task.name);
        assert_eq!(serde_json::from_value::<Task>(facts["task_definition"].clone()).unwrap(), *task);
        assert_eq!(shell.gluepot(&["show", &ended.id]).code, 0);
        let best = std::fs::read_to_string(ended.directory.path("checkpoints/best")).unwrap();
        let config = ended.directory.path(&format!("checkpoints/{}/config.json", best.trim()));
        let config: Value = serde_json::from_str(&std::fs::read_to_string(config).unwrap()).unwrap();
        assert_eq!(config["problem_type"], task.head.problem_type());
        assert_eq!(config["id2label"].as_object().unwrap().len(), task.head.outputs());
    }
    let comparison = &json_of(&shell.gluepot(&["compare", "--format", "json"]))[0];
    let variant = &comparison["variants"][0];
    assert_eq!(variant["score"]["n"], 2, "{comparison}");
    for metric in &task.metrics {
        assert!(variant["others"][metric.name].is_number(), "{}: {variant}", metric.name);
    }
    assert_eq!(shell.gluepot(&["list", "--sort", "loss"]).code, 0);
    let examples = shell.gluepot(&["compare", "--examples"]);
    assert_eq!(examples.code == 0, matches!(task.head, Head::Classes(_)), "{examples:?}");
    assert_eq!(shell.gluepot(&["report", "-o", "page.html"]).code, 0);
}

#[test]
fn runs_of_three_classes_are_read_by_every_command() {
    assert_runs_are_read(&verdicts(), "index,label,prediction,p0,p1,p2");
}

#[test]
fn runs_of_a_number_are_read_by_every_command() {
    assert_runs_are_read(&prices(), "index,label,prediction");
}

#[test]
fn runs_of_labels_are_read_by_every_command() {
    assert_runs_are_read(&tags(), "index,label0,label1,label2,p0,p1,p2");
}

/// Two tasks of the same name are still two tasks.
#[test]
fn tasks_of_one_name_that_predict_other_classes_are_compared_apart() {
    let mut other = glue::task("mrpc").unwrap();
    other.head = Head::Classes(words(&["different", "same"]));
    let runs = [("a", json!({})), ("b", json!({ "task_definition": other }))];
    let runs = runs.map(|(id, facts)| Made::new(id, 1, 0.8).facts(facts));
    let compared = json_of(&shell(&runs).gluepot(&["compare", "--format", "json"]));
    let counts: Vec<usize> =
        compared.as_array().unwrap().iter().map(|one| one["variants"][0]["runs"].as_array().unwrap().len()).collect();
    assert_eq!(counts.iter().sum::<usize>(), 2, "{compared}");
    assert_eq!(counts.len(), 2, "{compared}");
}
