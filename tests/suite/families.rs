//! A tiny model of each family of encoders against PyTorch and transformers (tests/reference/make_encoders.py).

use std::path::{Path, PathBuf};

use gluepot::architecture::{Architecture, Encoder, EncoderKind};
use gluepot::task::{Example, Text};
use gluepot::train::{Start, Trainer, train};
use serde_json::{Value, json};

use crate::redactor::{Redactor, aligned, snapshot};
use crate::shell::Shell;
use crate::support::{Bench, Heard, assert_trajectory, device, difference, golden, logits, project};

/// Names and folders of the families, in a fixed order.
pub fn families() -> Vec<(String, PathBuf)> {
    let folders = std::fs::read_dir(project("tests/golden/encoders")).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = folders.map(|folder| (folder.file_name().unwrap().to_str().unwrap().to_string(), folder)).collect();
    all.sort();
    assert!(all.len() >= 8, "{all:?}");
    all
}

pub fn bench(folder: &Path) -> Bench {
    let mut bench = Bench::new("mrpc", folder, &project("experiments/quickstart"));
    bench.validation.truncate(32);
    bench
}

pub fn reference(family: &str) -> Value {
    golden(&format!("encoders/{family}/golden.json"))
}

/// Only the first sentence of each pair.
pub fn singles(examples: &mut [Example]) {
    for example in examples {
        if let Text::Pair(first, _) = &example.text {
            example.text = Text::Single(first.clone());
        }
    }
}

#[test]
fn parameters_of_each_family_are_those_of_torch_in_its_order() {
    for (family, folder) in families() {
        let ours: Vec<Value> = bench(&folder).wanted.iter().map(|ours| json!([ours.name, ours.shape, ours.decays])).collect();
        assert_eq!(Value::Array(ours), reference(&family)["parameters"], "{family}");
    }
}

#[test]
fn the_kind_of_each_family_is_that_of_its_encoder() {
    for (family, folder) in families() {
        let architecture = bench(&folder).architecture;
        let kind = match architecture.encoder() {
            Encoder::PostNorm(_) => EncoderKind::PostNorm,
            Encoder::PreNorm(_) => EncoderKind::PreNorm,
        };
        assert_eq!(architecture.kind(), kind, "{family}");
    }
}

/// A checkpoint of the pretrained model and its head, but for the output layer.
#[test]
fn check_says_what_is_special_of_modernbert() {
    let shell = Shell::new();
    shell.write("x.toml", "task = \"mrpc\"\ncheckpoint = \"./bert\"\nlearning_rate = 2e-5\nepochs = 3\nmetric = \"f1\"\n[data]\nsource = \"./glue\"\n");
    shell.copy(&project("tests/golden/encoders/modernbert-mean"), "bert");
    shell.copy(&project("experiments/quickstart/MRPC"), "glue/MRPC");
    let redactor = Redactor::new(&shell).measured();
    snapshot!("check-modernbert", &aligned(&redactor.redact(&shell.gluepot(&["check", "x.toml"]).out), "origin"));
}

#[test]
fn logits_of_each_family_equal_pytorchs() {
    for (family, folder) in families() {
        for kind in ["pairs", "single"] {
            let mut bench = bench(&folder);
            if kind == "single" {
                singles(&mut bench.validation);
            }
            let trial = bench.trial("learning_rate = 1e-3\nepochs = 1\n");
            let (_, validation) = bench.encode(&trial);
            for (kernels, device) in [("own", device()), ("reference", device().with_reference_kernels())] {
                let predictions = Trainer::new(&trial, &bench.parameters(), &device).predict(&validation).unwrap();
                let difference = difference(&predictions, &logits(&reference(&family)[kind]));
                println!("{family}, {kind}, {kernels} kernels: {difference:.1e}");
                assert!(difference <= 1e-5, "{family}, {kind}, {kernels} kernels: logits differ by {difference:e}");
            }
        }
    }
}

#[test]
fn every_step_of_every_family_equals_pytorchs() {
    for (family, folder) in families() {
        let golden = reference(&family);
        for (name, options) in golden["options"].as_object().unwrap() {
            let mut bench = bench(&folder);
            if options["single"] == true {
                singles(&mut bench.train);
                singles(&mut bench.validation);
            }
            if let Some(padding) = options.get("pad_token_id") {
                let mut config = crate::support::golden(&format!("encoders/{family}/config.json"));
                config["pad_token_id"] = padding.clone();
                bench.architecture = Architecture::parse(&config.to_string()).unwrap();
                bench.wanted = bench.architecture.parameters(&bench.task.head);
            }
            let trial = bench.trial(&crate::golden::settings(&with_steps(options)));
            let (examples, validation) = bench.encode(&trial);
            for (kernels, device) in [("own", device()), ("reference", device().with_reference_kernels())] {
                let mut heard = Heard::default();
                let end = train(&trial, Start::Fresh(&bench.parameters()), &examples, &validation, &device, &mut [&mut heard]);
                assert!(end.unwrap().is_continue());
                let training = &golden["trainings"][name];
                assert_trajectory(&format!("{family}, {name}, {kernels} kernels"), &heard.steps, &training["trajectory"]);
                let difference = difference(&heard.predictions, &logits(&training["final"]));
                println!("{family}, {name}, {kernels} kernels: final logits {difference:.1e}");
                assert!(difference <= 5e-3, "{family}, {name}: final logits differ by {difference:e}");
            }
        }
    }
}

/// The script's default is 60 steps.
pub fn with_steps(options: &Value) -> Value {
    let mut options = options.clone();
    let fields = options.as_object_mut().unwrap();
    fields.entry("steps").or_insert(json!(60));
    options
}
