//! What `check` and `run.json` say of tensors and of the model's input.

use std::fs;

use gluepot::checkpoint::{Classifier, Weights, initialize};
use serde_json::{Value, json};

use crate::failures::sound;
use crate::redactor::{Redactor, snapshot};
use crate::shell::Shell;
use crate::support::{Bench, golden, project};
use crate::sweeps::ok;

/// Rows with words that the vocabulary does not have, of which all but two are short.
fn unknown_words() -> Shell {
    let shell = sound();
    let header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
    let long = "the car was red . ".repeat(20);
    let train = format!("1\t1\t2\ta car\tthe ☃\n0\t1\t2\t☃ ☃\tcar\n1\t1\t2\t{long}\ta car\n0\t1\t2\ta\t{long}{long}\n");
    shell.write("glue/MRPC/train.tsv", format!("{header}{train}"));
    shell.write("glue/MRPC/dev.tsv", format!("{header}1\t1\t2\ta car\tthe car\n0\t1\t2\ta boat\tthe ☃\n"));
    shell
}

fn check(shell: &Shell) -> Value {
    let plans: Value = serde_json::from_str(&ok(shell.gluepot(&["check", "x.toml", "--json"])).out).unwrap();
    plans[0].clone()
}

#[test]
fn unknown_tokens_and_truncated_examples_are_counted() {
    let shell = unknown_words();
    let input = &check(&shell)["input"];
    // Rows 3 and 4 have 64 tokens, of which 3 are special; before truncation, they have 105 and 204.
    let train = json!({
        "examples": 4, "tokens": 4 + 3 + 61 + 61, "unknown": 3, "truncated": 2,
        "most_unknown": [{ "row": 2, "unknown": 2, "tokens": 3 }, { "row": 1, "unknown": 1, "tokens": 4 }],
        "longest": [{ "row": 4, "tokens": 204 }, { "row": 3, "tokens": 105 }],
    });
    assert_eq!(input["splits"]["train"], train);
    let validation = json!({
        "examples": 2, "tokens": 8, "unknown": 1, "truncated": 0, "most_unknown": [{ "row": 2, "unknown": 1, "tokens": 4 }],
    });
    assert_eq!(input["splits"]["validation"], validation);
}

/// Expected: `BertTokenizer` of transformers around the same vocabulary (tests/reference/make_probe.py).
#[test]
fn the_probe_has_the_ids_of_transformers() {
    let probe = &check(&sound())["input"]["probe"];
    assert_eq!(*probe, golden("tokenizer/probe.json")["bert"]);
}

#[test]
fn a_run_records_its_input_and_its_tensors() {
    let shell = unknown_words();
    let half = project("tests/golden/tiny/half/model.safetensors");
    fs::copy(half, shell.path("bert/model.safetensors")).unwrap();
    let checked = check(&shell);
    ok(shell.gluepot(&["run", "x.toml", "--quiet"]));
    let facts: Value = serde_json::from_str(&fs::read_to_string(shell.run().join("run.json")).unwrap()).unwrap();
    assert_eq!(facts["input"], checked["input"]);
    assert_eq!(facts["cast"], checked["tensors"]["cast"]);
    assert_eq!(facts["cast"]["float16"].as_array().unwrap().len(), 41);
}

#[test]
fn check_shows_input_and_tensors_on_any_terminal() {
    let mut shell = unknown_words();
    fs::copy(project("tests/golden/tiny/bfloat/model.safetensors"), shell.path("bert/model.safetensors")).unwrap();
    let redactor = Redactor::new(&shell).measured();
    for columns in ["80", "140"] {
        shell.set("COLUMNS", columns);
        let out = ok(shell.gluepot(&["check", "x.toml"])).out;
        let text = redactor.redact(&out);
        let shown: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("parameters")).collect();
        snapshot!(format!("check-input-{columns}"), &shown.join("\n"));
    }
    let plan = check(&shell);
    let mut shown = json!({ "input": plan["input"], "tensors": plan["tensors"] });
    shown["tensors"]["cast"]["bfloat16"].as_array_mut().unwrap().truncate(2);
    snapshot!("check-input-json", &serde_json::to_string_pretty(&shown).unwrap());
}

#[test]
fn tokenizer_files_that_disagree_are_named() {
    let shell = sound();
    fs::copy(project("tests/golden/tiny/fast/tokenizer.json"), shell.path("bert/tokenizer.json")).unwrap();
    assert!(check(&shell)["input"].get("disagreements").is_none());
    let words = fs::read_to_string(shell.path("bert/vocab.txt")).unwrap();
    shell.write("bert/vocab.txt", words.replacen("a\nan\n", "an\na\n", 1));
    let found = &check(&shell)["input"]["disagreements"];
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["file"], "vocab.txt");
    let done = ok(shell.gluepot(&["check", "x.toml"]));
    let warning = done.out.lines().find(|line| line.starts_with("warning: ")).unwrap();
    snapshot!("tokenizers-that-disagree", warning);
    // The run's log says it, too.
    let done = ok(shell.gluepot(&["run", "x.toml"]));
    assert!(done.err.contains(warning), "{done:?}");
}

/// A contract that was recorded does not change which trial it is.
#[test]
fn a_leftover_tokenizer_does_not_change_the_identity() {
    let shell = sound();
    let identity = |shell: &Shell| {
        ok(shell.gluepot(&["run", "x.toml", "--quiet"]));
        let facts: Value = serde_json::from_str(&fs::read_to_string(shell.run().join("run.json")).unwrap()).unwrap();
        let identity = facts["trial"].clone();
        fs::remove_dir_all(shell.path("runs")).unwrap();
        identity
    };
    fs::copy(project("tests/golden/tiny/fast/tokenizer.json"), shell.path("bert/tokenizer.json")).unwrap();
    fs::remove_file(shell.path("bert/vocab.txt")).unwrap();
    let before = identity(&shell);
    shell.write("bert/vocab.json", "{\"a\": 0}");
    shell.write("bert/merges.txt", "#version: 0.2\na b\n");
    shell.write("bert/spm.model", "nothing");
    assert_eq!(identity(&shell), before);
}

/// The weights of another family are no beginning for this one, and transformers would train from random ones.
#[test]
fn weights_with_the_prefix_of_another_family_are_refused() {
    let shell = sound();
    let folder = project("tests/golden/encoders/roberta");
    for file in ["config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"] {
        fs::copy(folder.join(file), shell.path("bert").join(file)).unwrap();
    }
    assert_eq!(check(&shell)["tensors"]["new"], json!([]));
    let bert = project("tests/golden/tiny/model.safetensors");
    fs::copy(bert, shell.path("bert/model.safetensors")).unwrap();
    let done = shell.gluepot(&["check", "x.toml"]);
    assert_eq!(done.code, 5);
    snapshot!("weights-of-another-family", &Redactor::new(&shell).redact(&done.err));
    let architecture = Bench::tiny().architecture;
    let weights = Weights::read(&folder.join("model.safetensors"), &architecture).unwrap();
    let wanted = architecture.parameters(&gluepot::task::glue::task("mrpc").unwrap().head);
    let error = initialize(&wanted, Some(weights), &Classifier::default(), 1).unwrap_err().to_string();
    assert!(error.contains("bert.embeddings.word_embeddings.weight") && error.contains("roberta."), "{error}");
}
