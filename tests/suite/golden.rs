//! The tiny BERT against values from PyTorch, transformers and scikit-learn (tests/reference/make_golden.py).

use std::path::Path;

use gluepot::architecture::Architecture;
use gluepot::checkpoint::{Classifier, Files, Weights, initialize};
use gluepot::machine::input_file::{InputFile, MIB};
use gluepot::plan::Steps;
use gluepot::settings::ScheduleKind;
use gluepot::task::metrics::{Metric, Scores};
use gluepot::task::{Example, Output, Prediction, Target, Text, glue};
use gluepot::tokens::{Encoded, Tokens};
use gluepot::train::{Start, Trainer, learning_rate, train};
use serde_json::Value;

use crate::support::{Bench, Heard, assert_trajectory, cases, device, difference, golden, logits, project, relative};

const NO_NOISE: &str = "learning_rate = 1e-3\nepochs = 1\n[data]\nshuffle = false\n[model]\ndropout = 0.0\n";

#[test]
fn the_parameter_table_is_that_of_transformers() {
    let bench = Bench::tiny();
    let names: Vec<(String, Vec<usize>)> = serde_json::from_value(golden("tiny/golden.json")["names"].clone()).unwrap();
    let ours: Vec<(String, Vec<usize>)> = bench.wanted.iter().map(|p| (p.name.clone(), p.shape.clone())).collect();
    assert_eq!(ours, names);
    let parameters: usize = bench.wanted.iter().map(gluepot::architecture::Parameter::elements).sum();
    assert_eq!(Some(parameters as u64), golden("tiny/golden.json")["parameters"].as_u64());
}

#[test]
fn tokens_equal_those_of_transformers() {
    let bench = Bench::tiny();
    let tokenizer = InputFile::read(&project("tests/golden/tiny/fast/tokenizer.json"), MIB).unwrap();
    let fast = Files { tokenizer, ..bench.files.clone() };
    for (kind, files) in [("vocab.txt", &bench.files), ("tokenizer.json", &fast)] {
        for case in &cases("tiny/golden.json", "tokens") {
            let text: Vec<String> = serde_json::from_value(case["text"].clone()).unwrap();
            let text = match text.as_slice() {
                [first, second] => Text::Pair(first.clone(), second.clone()),
                other => Text::Single(other[0].clone()),
            };
            let max_length = usize::try_from(case["max_length"].as_u64().unwrap()).unwrap();
            let example = Example { text, target: None };
            let encoded = Tokens::read(files, &bench.architecture)
                .unwrap()
                .encode(std::slice::from_ref(&example), max_length)
                .unwrap()
                .remove(0);
            let ids = |key: &str| -> Vec<u32> { serde_json::from_value(case[key].clone()).unwrap() };
            assert_eq!(encoded.tokens, ids("input_ids"), "{kind}: {example:?}");
            assert_eq!(encoded.segments, ids("token_type_ids"), "{kind}: {example:?}");
        }
    }
}

#[test]
fn logits_equal_pytorchs_from_every_form_of_weights() {
    let bench = Bench::tiny();
    let trial = bench.trial(NO_NOISE);
    let (_, validation) = bench.encode(&trial);
    let full = bench.parameters();
    let device = device();
    let cases = [
        ("model.safetensors", "eval", 0),
        ("half/model.safetensors", "eval_half", 0),
        ("bfloat/model.safetensors", "eval_bfloat", 0),
        ("pickled/pytorch_model.bin", "eval", 0),
        // Without the prefix `bert.` and without a classifier, which is therefore initialized randomly.
        ("bare/model.safetensors", "eval", 2),
    ];
    for (file, key, drawn) in cases {
        let weights = Weights::read(&project("tests/golden/tiny").join(file), &bench.architecture).unwrap();
        let mut initial = initialize(&bench.wanted, Some(weights), &Classifier::default(), 1).unwrap();
        assert_eq!(initial.drawn.len(), drawn, "{file}");
        assert!(initial.unused.is_empty(), "{file}: {:?}", initial.unused);
        let count = full.len();
        if drawn > 0 {
            initial.parameters[count - 2..].clone_from_slice(&full[count - 2..]);
        }
        let predictions = Trainer::new(&trial, &initial.parameters, &device).predict(&validation).unwrap();
        let difference = difference(&predictions, &logits(&golden("tiny/golden.json")[key]));
        println!("{file}: {difference:.1e}");
        assert!(difference <= 1e-5, "{file}: logits differ by {difference:e}");
    }
}

/// Converts the options of a reference training to settings.
pub fn settings(options: &Value) -> String {
    let number = |key: &str, default: f64| options[key].as_f64().unwrap_or(default);
    let beta = |index: usize, default: f64| options["betas"][index].as_f64().unwrap_or(default);
    let optional = |name: &str, key: &str| options[key].as_f64().map_or(String::new(), |value| format!("{name} = {value}\n"));
    let kind = options["schedule"].as_str().unwrap_or("linear").split('_').next().unwrap().to_string();
    let dropout = if options["dropout"].as_bool() == Some(true) { "" } else { "[model]\ndropout = 0.0\n" };
    let no_decay = if options["no_decay"].as_bool() == Some(true) { "no_decay = [\"bias\", \"LayerNorm\"]\n" } else { "" };
    format!(
        "learning_rate = {:e}\n[data]\nshuffle = false\nbatch_size = {}\nmax_length = {}\n{}{dropout}\
         [schedule]\nkind = \"{kind}\"\nwarmup_steps = {}\n\
         [optimizer]\nweight_decay = {}\nbeta1 = {}\nbeta2 = {}\nepsilon = {:e}\n{no_decay}{}\
         [training]\ngradient_accumulation = {}\nmax_steps = {}\n",
        number("learning_rate", 1e-3),
        number("batch_size", 8.0),
        number("max_length", 64.0),
        optional("train_limit", "limit"),
        number("warmup", 0.0),
        number("weight_decay", 0.01),
        beta(0, 0.9),
        beta(1, 0.999),
        number("eps", 1e-8),
        optional("max_grad_norm", "max_grad_norm"),
        number("accumulation", 1.0),
        number("steps", 24.0),
    )
}

#[test]
fn every_step_of_every_training_equals_pytorchs() {
    let golden = golden("tiny/golden.json");
    let trainings = golden["trainings"].as_object().unwrap();
    assert!(!trainings.is_empty());
    for (name, training) in trainings {
        let mut bench = Bench::tiny();
        if let Some(pad) = training["options"].get("pad_token_id") {
            let mut config = crate::support::golden("tiny/config.json");
            config["pad_token_id"] = pad.clone();
            bench.architecture = Architecture::parse(&config.to_string()).unwrap();
        }
        let trial = bench.trial(&settings(&training["options"]));
        let (examples, validation) = bench.encode(&trial);
        for (kernels, device) in [("own", device()), ("reference", device().with_reference_kernels())] {
            let mut heard = Heard::default();
            assert!(
                train(&trial, Start::Fresh(&bench.parameters()), &examples, &validation, &device, &mut [&mut heard])
                    .unwrap()
                    .is_continue()
            );
            assert_trajectory(&format!("{name}, {kernels} kernels"), &heard.steps, &training["trajectory"]);
            let difference = difference(&heard.predictions, &logits(&training["final"]));
            println!("{name}, {kernels} kernels: final logits {difference:.1e}");
            assert!(difference <= 5e-3, "{name}: final logits differ by {difference:e}");
        }
    }
}

#[test]
fn scores_equal_those_of_scikit_learn() {
    let mrpc = glue::task("mrpc").unwrap();
    for case in &cases("tiny/golden.json", "scores") {
        let numbers = |key: &str| -> Vec<u32> { serde_json::from_value(case[key].clone()).unwrap() };
        let prediction =
            |(label, class): (u32, u32)| Prediction { target: Target::Class(label), output: Output::one_hot(class as usize, 2) };
        let predictions: Vec<Prediction> = numbers("labels").into_iter().zip(numbers("predictions")).map(prediction).collect();
        for metric in [Metric::ACCURACY, Metric::F1] {
            let score = (metric.score)(&mrpc, &predictions).unwrap();
            assert!((score - case[metric.name].as_f64().unwrap()).abs() < 1e-12, "{}: {score} {case}", metric.name);
        }
    }
}

#[test]
fn learning_rates_equal_those_of_get_scheduler() {
    for case in &cases("tiny/golden.json", "schedules") {
        let kind = match case["kind"].as_str().unwrap() {
            "linear" => ScheduleKind::Linear,
            "cosine" => ScheduleKind::Cosine,
            _ => ScheduleKind::Constant,
        };
        let (warmup, total) = (case["warmup"].as_u64().unwrap(), case["total"].as_u64().unwrap());
        let steps = Steps { batches_per_epoch: 1, per_epoch: 1, total, warmup };
        for (done, expected) in case["rates"].as_array().unwrap().iter().enumerate() {
            let rate = learning_rate(3e-4, kind, steps, done as u64);
            let expected = expected.as_f64().unwrap();
            assert!(
                relative(rate, expected) <= 1e-9,
                "{kind:?}, warmup {warmup} of {total}, step {done}: {rate:e}, expected {expected:e}"
            );
        }
    }
}

/// Cross-entropy and probabilities by hand: logits (0, ln 3) give 1/4 and 3/4.
#[test]
fn loss_and_collapse_are_those_of_the_predictions() {
    let mrpc = glue::task("mrpc").unwrap();
    let prediction = |label| Prediction { target: Target::Class(label), output: Output(vec![0.0, 3.0_f32.ln()]) };
    let scores = Scores::of(&mrpc, &[prediction(0), prediction(1)]);
    assert!((scores.loss - f64::midpoint(4.0_f64.ln(), (4.0_f64 / 3.0).ln())).abs() < 1e-7);
    assert!(scores.collapsed);
    assert!(!Scores::of(&mrpc, &[prediction(1)]).collapsed);
    let probabilities = prediction(0).output.probabilities();
    assert!((probabilities[0] - 0.25).abs() < 1e-7 && (probabilities[1] - 0.75).abs() < 1e-7);
}

#[test]
fn a_written_checkpoint_reads_back_bit_by_bit() {
    let bench = Bench::tiny();
    let parameters = bench.parameters();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("step-000001");
    let template = bench.template(bench.files.clone());
    template.write(&path, &parameters).unwrap();
    let again = Bench {
        files: Files::find(&gluepot::checkpoint::CheckpointName::Folder(path.clone()), true, &gluepot::hub::Hub::offline())
            .unwrap(),
        ..bench
    };
    assert_eq!(again.parameters(), parameters);
    assert_eq!(std::fs::read(path.join("vocab.txt")).unwrap(), std::fs::read(project("tests/golden/tiny/vocab.txt")).unwrap());
    let config: Value = serde_json::from_str(&std::fs::read_to_string(path.join("config.json")).unwrap()).unwrap();
    assert_eq!(config["id2label"]["1"], "equivalent");
    assert!(!Path::new(&path).with_extension("partial").exists());
}

/// bf16 has 8 bits of precision: a step's loss may be off by a few thousandths, but training takes the same course.
#[test]
#[cfg_attr(feature = "webgpu", ignore = "needs bf16, which WebGPU does not have")]
fn bf16_stays_close_to_pytorchs_f32() {
    stays_close("bf16", 0.05);
}

/// TF32 has 10 bits of precision. On devices without it, the products are computed in f32.
#[test]
fn tf32_stays_close_to_pytorchs_f32() {
    stays_close("tf32", 0.01);
}

fn stays_close(precision: &str, bound: f64) {
    let bench = Bench::tiny();
    let golden = golden("tiny/golden.json");
    for name in ["plain", "everything"] {
        let training = &golden["trainings"][name];
        let trial = bench.trial(&(settings(&training["options"]) + &format!("precision = \"{precision}\"\n")));
        let (examples, validation) = bench.encode(&trial);
        let mut heard = Heard::default();
        assert!(
            train(&trial, Start::Fresh(&bench.parameters()), &examples, &validation, &device(), &mut [&mut heard])
                .unwrap()
                .is_continue()
        );
        for (step, (ours, theirs)) in heard.steps.iter().zip(training["trajectory"].as_array().unwrap()).enumerate() {
            let apart = (ours.loss - theirs["loss"].as_f64().unwrap()).abs();
            println!("{name}, {precision} step {}: loss {:.4}, apart {apart:.4}", step + 1, ours.loss);
            assert!(apart <= bound, "step {}: loss {} is {apart} apart", step + 1, ours.loss);
        }
    }
}

/// Batches of one example have no padding; batches of eight are padded to their longest example. Both must train as PyTorch does.
#[test]
fn padding_changes_nothing() {
    let bench = Bench::tiny();
    let golden = golden("tiny/golden.json");
    let training = &golden["trainings"]["plain"];
    let padded = settings(&training["options"]);
    let alone = padded
        .replace("batch_size = 8\n", "batch_size = 1\neval_batch_size = 1\n")
        .replace("gradient_accumulation = 1\n", "gradient_accumulation = 8\n");
    assert_eq!(alone.matches("= 1\n").count(), 2);
    let trial = bench.trial(&padded);
    let (examples, validation) = bench.encode(&trial);
    let has_padding = |batch: &[Encoded]| batch.iter().any(|example| example.tokens.len() != batch[0].tokens.len());
    assert!(examples.chunks(8).take(24).all(has_padding) && has_padding(&validation));
    for (name, settings) in [("padded", padded), ("alone", alone)] {
        let trial = bench.trial(&settings);
        let mut heard = Heard::default();
        let device = device().with_reference_kernels();
        assert!(
            train(&trial, Start::Fresh(&bench.parameters()), &examples, &validation, &device, &mut [&mut heard])
                .unwrap()
                .is_continue()
        );
        assert_trajectory(name, &heard.steps, &training["trajectory"]);
        assert!(difference(&heard.predictions, &logits(&training["final"])) <= 5e-3, "{name}");
    }
}
