//! Every metric against scikit-learn's, on random predictions with ties, rare classes and classes that do not occur.

use std::collections::BTreeSet;

use gluepot::task::metrics::{ALL, ClassScores, ConfusionMatrix, Metric};
use gluepot::task::{ClassCells, ColumnName, Head, Output, Prediction, Splits, Target, Task, TextColumns};
use serde_json::Value;

use crate::support::golden;

fn task(case: &Value) -> Task {
    Task {
        name: "random".into(),
        text: TextColumns::Single(ColumnName::named("text")),
        target: ColumnName::named("label"),
        head: serde_json::from_value(case["head"].clone()).unwrap(),
        class_cells: ClassCells::Ids,
        positive: case["positive"].as_u64().map(|class| u32::try_from(class).unwrap()),
        metrics: Vec::new(),
        splits: Splits::default(),
    }
}

fn predictions(case: &Value) -> Vec<Prediction> {
    let target = |value: &Value| match value {
        Value::Array(bits) => Target::Labels(bits.iter().map(|bit| bit.as_bool().unwrap()).collect()),
        Value::Number(number) if number.is_f64() => Target::Value(number.as_f64().unwrap() as f32),
        other => Target::Class(u32::try_from(other.as_u64().unwrap()).unwrap()),
    };
    let outputs = case["outputs"].as_array().unwrap().iter();
    let output = |value: &Value| Output(serde_json::from_value(value.clone()).unwrap());
    let pair = |(right, said): (&Value, &Value)| Prediction { target: target(right), output: output(said) };
    case["targets"].as_array().unwrap().iter().zip(outputs).map(pair).collect()
}

#[test]
fn every_metric_equals_scikit_learns() {
    let golden = golden("metrics.json");
    let mut seen = BTreeSet::new();
    for (number, case) in golden["cases"].as_array().unwrap().iter().enumerate() {
        let (task, predictions) = (task(case), predictions(case));
        for (name, expected) in case["scores"].as_object().unwrap() {
            let metric = Metric::named(name).unwrap();
            assert!((metric.fits)(&task.head), "{name}");
            let found = (metric.score)(&task, &predictions);
            match (found, expected.as_f64()) {
                (Some(found), Some(expected)) => {
                    assert!((found - expected).abs() <= 1e-12, "{name}: {found}, expected {expected} in case {number}");
                    assert!((metric.range.0..=metric.range.1).contains(&found), "{name}: {found}");
                }
                (found, expected) => {
                    assert!(found.is_none() && expected.is_none(), "{name}: {found:?}, expected {expected:?} in case {number}");
                }
            }
            seen.insert(name.clone());
        }
    }
    // Pearson's and Spearman's are held to scipy's elsewhere, and the mean of a task's metrics below.
    let all: BTreeSet<String> = ALL.iter().map(|metric| metric.name.to_string()).collect();
    let left: Vec<&String> = all.difference(&seen).collect();
    assert_eq!(left, ["combined", "pearson", "spearman"]);
}

#[test]
fn confusion_matrix_and_scores_of_each_class_equal_scikit_learns() {
    for case in golden("metrics.json")["cases"].as_array().unwrap() {
        let (task, predictions) = (task(case), predictions(case));
        let matrix = ConfusionMatrix::of(&task.head, &predictions);
        assert_eq!(serde_json::to_value(matrix.map(|matrix| matrix.counts)).unwrap(), case["confusion"]);
        let scores = ClassScores::of(&task.head, &predictions);
        assert_eq!(scores.is_some(), task.head != Head::Value);
        for (class, expected) in scores.iter().flatten().zip(case["each"].as_array().into_iter().flatten()) {
            let found = [class.precision, class.recall, class.f1, class.support as f64];
            let expected: [f64; 4] = serde_json::from_value(expected.clone()).unwrap();
            assert!(
                found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() <= 1e-12),
                "{class:?} {expected:?}"
            );
        }
    }
}

/// By hand: two of three right, one of one positive found among two predicted.
#[test]
fn combined_is_the_mean_of_the_others_and_undefined_with_one_of_them() {
    let prediction = |right, said| Prediction { target: Target::Class(right), output: Output::one_hot(said, 2) };
    let predictions = [prediction(0, 0), prediction(0, 1), prediction(1, 1)];
    let metrics = |names: &[&str]| names.iter().map(|name| Metric::named(name).unwrap()).collect();
    let mut task = gluepot::task::glue::task("mrpc").unwrap();
    task.metrics = metrics(&["accuracy", "combined", "f1"]);
    let combined = Metric::named("combined").unwrap();
    assert!(((combined.score)(&task, &predictions).unwrap() - 2.0 / 3.0).abs() < 1e-15);
    task.metrics = metrics(&["accuracy", "roc_auc", "combined"]);
    assert_eq!((combined.score)(&task, &predictions[..2]), None);
    task.metrics = metrics(&["combined"]);
    assert_eq!((combined.score)(&task, &predictions), None);
}
