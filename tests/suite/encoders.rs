//! Encoder configurations against transformers: parameters, their initial values, and the written config.json.

use std::collections::BTreeSet;

use gluepot::architecture::{Architecture, Draw, ModelPart};
use gluepot::checkpoint::{Classifier, initialize};
use gluepot::task::Head;
use serde_json::{Value, json};
use syn::visit::Visit;

use crate::support::golden;

fn reference() -> Value {
    golden("architecture.json")
}

fn head(outputs: usize) -> Head {
    Head::Classes((0..outputs).map(|class| class.to_string()).collect())
}

fn architecture(config: &Value) -> Architecture {
    Architecture::parse(&config.to_string()).unwrap()
}

#[test]
fn parameters_are_those_of_torch_in_its_order() {
    let reference = reference();
    let shapes = reference["parameters"].as_object().unwrap();
    assert_eq!(shapes.len(), 2);
    for (name, shape) in shapes {
        let outputs = usize::try_from(shape["outputs"].as_u64().unwrap()).unwrap();
        let ours = architecture(&shape["config"]).parameters(&head(outputs));
        let ours: Vec<Value> = ours.iter().map(|ours| json!([ours.name, ours.shape, ours.decays])).collect();
        assert_eq!(Value::Array(ours), shape["parameters"], "{name}");
    }
}

#[test]
fn missing_parameters_are_drawn_as_transformers_draws_them() {
    let reference = reference();
    let cases = reference["drawn"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let wanted = architecture(&case["config"]).parameters(&head(2));
        let initial = initialize(&wanted, None, &Classifier::default(), 1).unwrap();
        assert_eq!(case["parameters"].as_object().unwrap().len(), wanted.len());
        for (parameter, tensor) in wanted.iter().zip(&initial.parameters) {
            let theirs = &case["parameters"][&parameter.name];
            match parameter.draw {
                Draw::Zeros => assert_eq!(theirs["constant"], 0.0, "{}", parameter.name),
                Draw::Ones => assert_eq!(theirs["constant"], 1.0, "{}", parameter.name),
                // The standard deviation is that before the truncation at two of them: `scipy.stats.truncnorm(-2, 2).std()`.
                Draw::TruncatedNormal { std, cutoff } => {
                    assert_eq!(cutoff, 2.0);
                    let (theirs, largest) = (theirs["std"].as_f64().unwrap(), theirs["largest"].as_f64().unwrap());
                    assert!((theirs / (std * 0.879_626) - 1.0).abs() < 0.1, "{}: {theirs}", parameter.name);
                    assert!(largest <= cutoff * std && largest > 1.8 * std, "{}: {largest}", parameter.name);
                    let ours = tensor.values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                    assert!(f64::from(ours) <= cutoff * std * 1.000_001, "{}: {ours}", parameter.name);
                }
                Draw::Normal { std, .. } => {
                    // Within the random deviation of a few hundred samples.
                    assert!((theirs["std"].as_f64().unwrap() / std - 1.0).abs() < 0.2, "{}", parameter.name);
                    let rows = tensor.values.chunks_exact(tensor.shape[1]);
                    let zero_rows = rows.enumerate().filter(|(_, row)| row.iter().all(|value| *value == 0.0));
                    let zero_rows: Vec<usize> = zero_rows.map(|(row, _)| row).collect();
                    assert_eq!(json!(zero_rows), theirs["zero_rows"], "{}", parameter.name);
                }
            }
        }
    }
}

#[test]
fn operations_are_those_that_torch_counts() {
    let reference = reference();
    let cases = reference["operations"].as_array().unwrap();
    assert_eq!(cases.len(), 9);
    for case in cases {
        let length = usize::try_from(case["length"].as_u64().unwrap()).unwrap();
        let operations = architecture(&case["config"]).operations(length);
        assert_eq!(operations, case["count"].as_f64().unwrap(), "{length} tokens");
    }
}

#[test]
fn a_written_config_says_of_the_head_what_transformers_says() {
    let reference = reference();
    let architecture = architecture(&reference["drawn"][0]["config"]);
    let labels = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    for (name, head) in [
        ("classes", Head::Classes(labels(&["entailment", "neutral", "contradiction"]))),
        ("labels", Head::Labels(labels(&["joy", "anger"]))),
        ("value", Head::Value),
    ] {
        let (ours, theirs) = (architecture.config_json(&head), &reference["heads"][name]);
        for key in ["id2label", "label2id", "problem_type"] {
            assert_eq!(ours[key], theirs[key], "{name}");
        }
        assert_eq!(ours["num_labels"], theirs["outputs"], "{name}");
        let classifier = architecture.parameters(&head).pop().unwrap();
        assert_eq!(json!(classifier.shape[0]), theirs["outputs"], "{name}");
        // Read back, it is a checkpoint for the same kind of head.
        let again = Architecture::parse(&ours.to_string()).unwrap();
        assert_eq!((again.other_problem(&head), again.other_dtype()), (None, None), "{name}");
        assert_eq!(again.config_json(&head), ours, "{name}");
    }
}

#[test]
fn parts_and_layers_follow_each_other_from_the_tokens_to_the_head() {
    let reference = reference();
    let parameters = architecture(&reference["parameters"]["tiny"]["config"]).parameters(&head(2));
    let mut places: Vec<(ModelPart, Option<usize>)> =
        parameters.iter().map(|parameter| (parameter.part, parameter.layer)).collect();
    places.dedup();
    let layer = |index: usize| (ModelPart::Encoder, Some(index));
    assert_eq!(places, [(ModelPart::Embeddings, None), layer(0), layer(1), (ModelPart::Pooler, None), (ModelPart::Head, None)]);
    for parameter in parameters {
        let number = parameter.layer.map(|layer| format!("encoder.layer.{layer}."));
        assert!(number.is_none_or(|number| parameter.name.contains(&number)), "{}", parameter.name);
    }
}

/// Parameter names of google-bert/bert-base-uncased, whose weights were converted from TensorFlow.
#[test]
fn names_of_earlier_times_become_those_of_today() {
    let bert = Architecture::parse("{}").unwrap();
    for (before, now) in [
        ("bert.embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.weight"),
        ("encoder.layer.11.output.LayerNorm.beta", "encoder.layer.11.output.LayerNorm.bias"),
        ("bert.pooler.dense.weight", "bert.pooler.dense.weight"),
        ("cls.predictions.bias", "cls.predictions.bias"),
        ("gamma", "gamma"),
    ] {
        assert_eq!(Architecture::rename(before), now);
    }
    assert_eq!(bert.name_without_prefix("bert.pooler.dense.bias"), Some("pooler.dense.bias"));
    assert_eq!(bert.name_without_prefix("classifier.bias"), None);
}

/// What a source file names by a string or a field.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.0.insert(text.value());
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        self.0.extend(field.ident.as_ref().map(ToString::to_string));
    }
}

/// The keys of a family's `config.json` and the names of its modules are known only in `architecture/`, and its settings are used
/// only there and in the model: no other module depends on the family.
#[test]
fn nothing_else_knows_a_familys_configuration() {
    let mut names = Names::default();
    let (families, others): (Vec<_>, Vec<_>) = crate::architecture::code()
        .into_iter()
        .filter(|(file, _)| !file.starts_with("models/"))
        .partition(|(file, _)| file.starts_with("architecture/"));
    for (file, text) in &families {
        if text.contains("impl Family for") || file == "architecture/shape.rs" {
            names.visit_file(&syn::parse_file(text).unwrap());
        }
    }
    // An operation has this name, too.
    names.0.remove("layer_norm");
    // Shorter names mean other things elsewhere, and the rest are sentences or paths.
    let is_name = |name: &str| name.contains('_') && name.chars().all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '_'));
    let own: BTreeSet<&str> = names.0.iter().map(String::as_str).filter(|name| is_name(name)).collect();
    assert!(own.len() > 70, "only {own:?} were found");
    for (file, text) in others {
        // This file translates other tools' setting names for users.
        if file == "experiment/other_tools.rs" {
            continue;
        }
        let words: BTreeSet<&str> = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
        let found: Vec<_> = own.intersection(&words).collect();
        assert!(found.is_empty(), "{file} names {found:?}");
    }
}
