//! Fine-tuned checkpoints that transformers wrote, one with each kind of head (tests/reference/make_checkpoints.py): the same
//! probabilities, values and scores.

use serde_json::Value;

use crate::shell::{Done, Shell};
use crate::support::{golden, project};

const BOUND: f64 = 1e-5;

fn ok(done: Done) -> Done {
    assert_eq!(done.code, 0, "{done:?}");
    done
}

/// The working folder, and the reference for a kind of head.
fn shell(kind: &str) -> (Shell, Value) {
    let shell = Shell::new();
    shell.copy(&project("tests/golden/checkpoints").join(kind), "model");
    (shell, golden("checkpoints/expected.json"))
}

/// The numbers in a file of predictions: those of each label, or the value.
fn numbers(csv_text: &str) -> Vec<Vec<f64>> {
    let mut reader = csv::Reader::from_reader(csv_text.as_bytes());
    let first = if reader.headers().unwrap().len() == 2 { 1 } else { 2 };
    reader.records().map(|row| row.unwrap().iter().skip(first).map(|cell| cell.parse().unwrap()).collect()).collect()
}

fn assert_close(what: &str, found: &[Vec<f64>], expected: &Value) {
    let expected: Vec<Vec<f64>> = serde_json::from_value(expected.clone()).unwrap();
    assert_eq!(found.len(), expected.len(), "{what}");
    let pairs = || found.iter().flatten().zip(expected.iter().flatten());
    assert_eq!(pairs().count(), expected.concat().len(), "{what}");
    let apart = pairs().map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("{what}: {apart:.1e}");
    assert!(apart <= BOUND, "{what} differ by {apart:e}");
}

fn predicts_as_transformers(kind: &str, header: &str) {
    let (shell, golden) = shell(kind);
    let expected = &golden["kinds"][kind];
    let texts: Vec<String> = serde_json::from_value(golden["texts"].clone()).unwrap();
    let pairs: Vec<[String; 2]> = serde_json::from_value(golden["pairs"].clone()).unwrap();
    shell.write("texts.txt", texts.join("\n") + "\n");
    shell.write("pairs.txt", pairs.iter().map(|pair| pair.join("\t") + "\n").collect::<String>());
    for inputs in ["texts", "pairs"] {
        let predicted = ok(shell.gluepot(&["predict", "./model", &format!("{inputs}.txt")])).out;
        assert_eq!(predicted.lines().next(), Some(header));
        assert_close(&format!("{kind}, {inputs}"), &numbers(&predicted), &expected[inputs]);
    }
}

/// `task` is the rest of the table; `cells` are those of an example's label.
fn scores_as_transformers(kind: &str, task: &str, columns: &[&str], cells: impl Fn(&Value) -> Vec<String>) {
    let (shell, golden) = shell(kind);
    let expected = &golden["kinds"][kind];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([&["text"], columns].concat()).unwrap();
    for (text, target) in golden["texts"].as_array().unwrap().iter().zip(expected["targets"].as_array().unwrap()) {
        writer.write_record([vec![text.as_str().unwrap().to_string()], cells(target)].concat()).unwrap();
    }
    shell.write("data.csv", writer.into_inner().unwrap());
    let scores = expected["scores"].as_object().unwrap();
    let metrics: Vec<&String> = scores.keys().collect();
    shell.write(
        "x.toml",
        format!(
            "checkpoint = \"./model\"\nlearning_rate = 1e-3\nepochs = 1\nmetric = \"{}\"\n[task]\nname = \"own\"\ntext = \"text\"\n\
             metrics = {metrics:?}\ntrain = \"data.csv\"\nvalidation = \"data.csv\"\n{task}",
            metrics[0]
        ),
    );
    let done = ok(shell.gluepot(&["evaluate", "./model", "--task", "x.toml", "--format", "json", "--predictions", "out.csv"]));
    let predictions = std::fs::read_to_string(shell.path("out.csv")).unwrap();
    assert_close(&format!("{kind}, evaluated"), &numbers(&predictions), &expected["texts"]);
    let evaluation: Value = serde_json::from_str(&done.out).unwrap();
    for (metric, score) in scores {
        let (found, score) = (evaluation["metrics"][metric]["value"].as_f64().unwrap(), score.as_f64().unwrap());
        assert!((found - score).abs() <= BOUND * (1.0 + score.abs()), "{kind}: {metric} is {found} and {score}");
    }
}

#[test]
fn two_classes() {
    predicts_as_transformers("two", "index,prediction,probability_negative,probability_positive");
    let name = |target: &Value| vec![["negative", "positive"][target.as_u64().unwrap() as usize].to_string()];
    scores_as_transformers("two", "label = \"label\"\n", &["label"], name);
}

#[test]
fn three_classes() {
    predicts_as_transformers("three", "index,prediction,probability_entailed,probability_unknown,probability_contradicted");
    let name = |target: &Value| vec![["entailed", "unknown", "contradicted"][target.as_u64().unwrap() as usize].to_string()];
    let task = "label = \"label\"\nlabels = [\"entailed\", \"unknown\", \"contradicted\"]\n";
    scores_as_transformers("three", task, &["label"], name);
}

#[test]
fn a_number() {
    predicts_as_transformers("value", "index,prediction");
    scores_as_transformers("value", "kind = \"regression\"\nlabel = \"label\"\n", &["label"], |target| vec![target.to_string()]);
}

#[test]
fn any_of_three_labels() {
    predicts_as_transformers("labels", "index,prediction,probability_farm,probability_sale,probability_music");
    let cells = |target: &Value| target.as_array().unwrap().iter().map(ToString::to_string).collect();
    let task = "kind = \"multi_label\"\nlabel = [\"farm\", \"sale\", \"music\"]\n";
    scores_as_transformers("labels", task, &["farm", "sale", "music"], cells);
}
