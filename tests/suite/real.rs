//! Real data and a real checkpoint against PyTorch (tests/reference/make_real_golden.py).
//!
//! `GLUEPOT_GLUE` names a folder with GLUE's folders, `GLUEPOT_CHECKPOINT` one with all-MiniLM-L6-v2.

use std::path::PathBuf;

use gluepot::checkpoint::HostTensor;
use gluepot::task::metrics::Metric;
use gluepot::task::{ClassCells, ColumnName, Head, Splits, Task, TextColumns};
use gluepot::train::{Start, train};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Bench, Heard, assert_trajectory, device, difference, golden, logits};

/// Returns the folder that an environment variable names.
fn folder(name: &str) -> PathBuf {
    std::env::var_os(name).filter(|value| !value.is_empty()).map_or_else(|| panic!("{name} is not set"), PathBuf::from)
}

fn head(golden: &Value) -> [HostTensor; 2] {
    let weight: Vec<Vec<f32>> = serde_json::from_value(golden["head"]["weight"].clone()).unwrap();
    let bias: Vec<f32> = serde_json::from_value(golden["head"]["bias"].clone()).unwrap();
    [
        HostTensor { shape: vec![weight.len(), weight[0].len()], values: weight.concat() },
        HostTensor { shape: vec![bias.len()], values: bias },
    ]
}

fn equals_pytorch(task: &str, steps: usize) {
    let bench = Bench::new(task, &folder("GLUEPOT_CHECKPOINT"), &folder("GLUEPOT_GLUE"));
    bench_equals_pytorch(task, &bench, steps);
}

fn bench_equals_pytorch(task: &str, bench: &Bench, steps: usize) {
    let golden = golden(&format!("minilm/{task}.json"));
    let trial = bench.trial(&format!(
        "learning_rate = 5e-5\n[data]\nshuffle = false\n[model]\ndropout = 0.0\n[training]\nmax_steps = {steps}\n[evaluation]\nevery = 1000\n"
    ));
    let (examples, validation) = bench.encode(&trial);

    let ids: Vec<String> = serde_json::from_value(golden["ids"].clone()).unwrap();
    assert_eq!(ids.len(), validation.len());
    for (index, (example, expected)) in validation.iter().zip(&ids).enumerate() {
        let bytes: Vec<u8> = example.tokens.iter().chain(&example.segments).flat_map(|id| id.to_le_bytes()).collect();
        let hash: String = Sha256::digest(&bytes).iter().take(6).fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"));
        assert_eq!(&hash, expected, "the tokens of validation example {index} differ");
    }

    let mut parameters = bench.parameters();
    let encoder = parameters.len() - 2;
    parameters.truncate(encoder);
    parameters.extend(head(&golden));
    let device = device();
    let before = gluepot::train::Trainer::new(&trial, &parameters, &device).predict(&validation).unwrap();
    let apart = difference(&before, &logits(&golden["eval"]));
    println!("{task}: logits {apart:.1e}");
    assert!(apart <= 1e-4, "{task}: logits differ by {apart:e}");

    let mut heard = Heard::default();
    assert!(train(&trial, Start::Fresh(&parameters), &examples, &validation, &device, &mut [&mut heard]).unwrap().is_continue());
    assert_trajectory(task, &heard.steps, &golden["trajectory"]);
    let apart = difference(&heard.predictions, &logits(&golden["final"]));
    println!("{task}: final logits {apart:.1e}");
    assert!(apart <= 5e-3, "{task}: final logits differ by {apart:e}");
}

#[test]
#[ignore = "needs GLUEPOT_GLUE and GLUEPOT_CHECKPOINT"]
fn mrpc_equals_pytorch() {
    equals_pytorch("mrpc", 60);
}

#[test]
#[ignore = "needs GLUEPOT_GLUE and GLUEPOT_CHECKPOINT"]
fn sst2_equals_pytorch() {
    equals_pytorch("sst2", 60);
}

#[test]
#[ignore = "needs GLUEPOT_GLUE and GLUEPOT_CHECKPOINT"]
fn cola_equals_pytorch() {
    equals_pytorch("cola", 40);
}

#[test]
#[ignore = "needs GLUEPOT_GLUE and GLUEPOT_CHECKPOINT"]
fn stsb_equals_pytorch() {
    equals_pytorch("stsb", 40);
}

#[test]
#[ignore = "needs GLUEPOT_GLUE and GLUEPOT_CHECKPOINT"]
fn rte_equals_pytorch() {
    equals_pytorch("rte", 40);
}

/// Three classes of STS-B's scores, from tables of one's own.
#[test]
#[ignore = "needs GLUEPOT_GLUE and GLUEPOT_CHECKPOINT"]
fn three_classes_of_real_text_equal_pytorch() {
    let tables = tempfile::tempdir().unwrap();
    for split in ["train", "dev"] {
        let text = std::fs::read_to_string(folder("GLUEPOT_GLUE").join(format!("STS-B/{split}.tsv"))).unwrap();
        let row = |line: &str| {
            let cells: Vec<&str> = line.split('\t').collect();
            let class = (cells[9].parse::<f64>().unwrap() / 2.0).floor().min(2.0) as usize;
            format!("{}\t{}\t{}\n", cells[7], cells[8], ["apart", "related", "close"][class])
        };
        let table: String = ["first\tsecond\tlabel\n".to_string()].into_iter().chain(text.lines().skip(1).map(row)).collect();
        std::fs::write(tables.path().join(format!("{split}.tsv")), table).unwrap();
    }
    let task = Task {
        name: "closeness".into(),
        text: TextColumns::Pair(ColumnName::named("first"), ColumnName::named("second")),
        target: ColumnName::named("label"),
        head: Head::Classes(["apart", "related", "close"].map(String::from).into()),
        class_cells: ClassCells::NamesOrIds,
        positive: None,
        metrics: vec![Metric::ACCURACY],
        splits: Splits::default(),
    };
    bench_equals_pytorch("stsb3", &Bench::of(task, &folder("GLUEPOT_CHECKPOINT"), tables.path()), 40);
}
