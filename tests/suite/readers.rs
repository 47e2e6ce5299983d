//! Tables and checkpoints as other programs write them (tests/reference/make_readers.py), and files that change.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use gluepot::architecture::Architecture;
use gluepot::checkpoint::{CheckpointName, Classifier, Files, Weights, initialize, read_tensors};
use gluepot::experiment::Environment;
use gluepot::hub::Hub;
use gluepot::inputs::{ReadFor, TrialInputs};
use gluepot::task::{Example, Head, Origin, Reads, Source, Target, Text, glue};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::failures::sound;
use crate::support::{Bench, project};

const READERS: &str = "tests/golden/readers";

fn sha256(path: &Path) -> String {
    let digest = Sha256::digest(fs::read(path).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn find(folder: &Path) -> anyhow::Result<Files> {
    Files::find(&CheckpointName::Folder(folder.to_path_buf()), true, &Hub::offline())
}

/// Reads a parquet file as MRPC's training split.
fn rows(file: &str) -> anyhow::Result<Vec<Example>> {
    let folder = tempfile::tempdir().unwrap();
    for split in ["train", "validation"] {
        fs::copy(project(READERS).join("parquet").join(file), folder.path().join(format!("{split}.parquet"))).unwrap();
    }
    let task = &glue::task("mrpc").unwrap();
    let source = Source::find(&Origin::Folder(folder.path().to_path_buf()), task, &Hub::offline()).unwrap();
    let rows = source.train.read(task, Reads::Labeled)?;
    assert_eq!(rows.sha256, sha256(&folder.path().join("train.parquet")));
    Ok(rows.examples)
}

#[test]
fn parquet_is_read_with_every_compression_and_type_of_whole_number_and_text() {
    let labels = [1, 0, 1, 1, 0, 0, 1, 0];
    let expected: Vec<Example> = labels
        .into_iter()
        .enumerate()
        .map(|(row, label)| Example {
            text: Text::Pair(format!("first {row} – “é”"), format!("second {row}")),
            target: Some(Target::Class(label)),
        })
        .collect();
    let (mut read, mut refused) = (0, 0);
    for entry in fs::read_dir(project(READERS).join("parquet")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        match rows(&name) {
            Ok(found) => {
                assert!(!name.starts_with("refused"), "{name} is read");
                assert_eq!(found, expected, "{name}");
                read += 1;
            }
            Err(error) => {
                assert!(name.starts_with("refused"), "{name}: {error:#}");
                assert!(format!("{error:#}").len() < 400, "{name}: {error:#}");
                refused += 1;
            }
        }
    }
    assert_eq!((read, refused), (19, 5));
}

#[test]
fn weights_in_parts_are_the_whole_ones() {
    let bench = Bench::tiny();
    let whole = bench.parameters();
    let half = Weights::read(&project("tests/golden/tiny/half/model.safetensors"), &bench.architecture).unwrap();
    let half = initialize(&bench.wanted, Some(half), &Classifier::default(), 1).unwrap().parameters;
    for (folder, expected, parts) in [("sharded", whole, 3), ("sharded-pickled", half, 2)] {
        let files = find(&project(READERS).join(folder)).unwrap();
        assert_eq!(files.weights.len(), parts, "{folder}");
        let weights = Weights::read_all(&files.weights, &bench.architecture).unwrap();
        let together: Vec<u8> = files.weights.iter().flat_map(|path| fs::read(path).unwrap()).collect();
        let hash: String = Sha256::digest(together).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(weights.sha256(), hash);
        let initial = initialize(&bench.wanted, Some(weights), &Classifier::default(), 1).unwrap();
        assert!(initial.drawn.is_empty() && initial.unused.is_empty(), "{folder}");
        assert!(initial.parameters == expected, "{folder}");
    }
}

/// One pickle with pretraining heads and without a pooler, as microsoft/deberta-v3-base.
#[test]
fn a_deberta_in_16_bit_floats_is_widened() {
    let folder = project(READERS).join("half-deberta");
    let architecture = Architecture::parse(&fs::read_to_string(folder.join("config.json")).unwrap()).unwrap();
    let wanted = architecture.parameters(&Head::Value);
    let weights = Weights::read(&folder.join("pytorch_model.bin"), &architecture).unwrap();
    let initial = initialize(&wanted, Some(weights), &Classifier::default(), 1).unwrap();
    assert_eq!(initial.drawn, ["pooler.dense.weight", "pooler.dense.bias", "classifier.weight", "classifier.bias"]);
    assert_eq!(initial.unused, ["lm_predictions.lm_head.bias", "mask_predictions.dense.bias"]);
    let read = wanted.len() - initial.drawn.len();
    assert_eq!(initial.cast["float16"].len(), read);
    // The script counts through all tensors.
    let mut expected: Vec<f32> = (0..724).map(|number| ((number * 37 % 2048) as f32 - 1024.0) / 1024.0).collect();
    expected[..2].copy_from_slice(&[2.0_f32.powi(-24), 65504.0]);
    let found: Vec<f32> = initial.parameters[..read].iter().flat_map(|tensor| tensor.values.clone()).collect();
    assert!(found == expected, "{} values: {found:?}", found.len());
}

#[test]
fn a_part_that_is_missing_is_named() {
    let shell = sound();
    fs::remove_file(shell.path("bert/model.safetensors")).unwrap();
    shell.copy(&project(READERS).join("sharded"), "bert");
    let done = shell.gluepot(&["check", "x.toml"]);
    assert_eq!(done.code, 0, "{done:?}");
    fs::remove_file(shell.path("bert/model-00002-of-00003.safetensors")).unwrap();
    let done = shell.gluepot(&["check", "x.toml"]);
    assert!(done.code == 5 && done.err.contains("model-00002-of-00003.safetensors"), "{done:?}");
    let index = shell.path("bert/model.safetensors.index.json");
    fs::rename(&index, shell.path("index")).unwrap();
    let done = shell.gluepot(&["check", "x.toml"]);
    assert!(done.code == 5 && done.err.contains("index"), "{done:?}");
    fs::rename(shell.path("index"), &index).unwrap();
    // An index may come from an untrusted source.
    let index = fs::read_to_string(shell.path("bert/model.safetensors.index.json")).unwrap();
    shell.write("bert/model.safetensors.index.json", index.replace("model-00002", "../model-00002"));
    assert_eq!(shell.gluepot(&["check", "x.toml"]).code, 5);
}

/// Files replaced after they were found are recorded as they were read; so are the weights.
#[test]
fn hashes_are_of_what_was_parsed_when_files_change_afterwards() {
    let shell = sound();
    let names = ["bert/config.json", "bert/vocab.txt", "glue/MRPC/train.tsv", "glue/MRPC/dev.tsv"];
    let before = names.map(|name| sha256(&shell.path(name)));
    let path = shell.path("x.toml");
    let inputs = TrialInputs::read(&path, ReadFor::Training, &[], &Environment::default(), &Hub::offline()).unwrap();
    for name in names {
        shell.write(name, "changed");
    }
    fs::copy(project("tests/golden/tiny/half/model.safetensors"), shell.path("bert/model.safetensors")).unwrap();
    let initial = inputs.initial().unwrap();
    let half = sha256(&project("tests/golden/tiny/half/model.safetensors"));
    assert_eq!(initial.sha256.as_ref(), Some(&half));
    let tensors = read_tensors(&project("tests/golden/tiny/half/model.safetensors")).unwrap();
    let words = tensors.iter().find(|(name, _)| name == "bert.embeddings.word_embeddings.weight").unwrap();
    assert!(initial.parameters[0] == words.1);
    let hashes = inputs.loaded.hashes_without_weights();
    let found = [&hashes.config, &hashes.tokenizer["vocab.txt"], &hashes.data["train"], &hashes.data["validation"]];
    assert_eq!(found, before.each_ref());
    assert_eq!(inputs.loaded.hashes().unwrap().weights, Some(half));
}

#[test]
fn a_checkpoint_holds_the_tokenizer_of_the_start_whatever_became_of_its_files() {
    let shell = sound();
    let files = find(&shell.path("bert")).unwrap();
    let before = fs::read(shell.path("bert/vocab.txt")).unwrap();
    let bench = Bench::tiny();
    let template = bench.template(files);
    shell.write("bert/vocab.txt", "changed");
    fs::remove_file(shell.path("bert/tokenizer_config.json")).unwrap();
    let written = shell.path("written");
    template.write(&written, &bench.parameters()).unwrap();
    assert_eq!(fs::read(written.join("vocab.txt")).unwrap(), before);
    let original = fs::read(project("tests/golden/tiny/tokenizer_config.json")).unwrap();
    assert_eq!(fs::read(written.join("tokenizer_config.json")).unwrap(), original);
}

/// Special files, endless files and files that announce too much lead to an error message quickly.
#[cfg(unix)]
#[test]
fn files_that_have_no_end_are_refused_at_once() {
    type Damage<'a> = Box<dyn Fn(&Path) + 'a>;
    let header = [&10_u64.pow(18).to_le_bytes()[..], b"{}"].concat();
    let link =
        |target: &'static str| -> Damage<'static> { Box::new(move |path| std::os::unix::fs::symlink(target, path).unwrap()) };
    let long = |bytes: u64| -> Damage<'static> { Box::new(move |path| fs::File::create(path).unwrap().set_len(bytes).unwrap()) };
    let terabyte = 1 << 40;
    let cases: Vec<(&str, i32, Damage<'_>)> = vec![
        ("bert/config.json", 5, link("/dev/zero")),
        ("bert/config.json", 5, long(500 << 20)),
        ("bert/vocab.txt", 5, link("/dev/urandom")),
        ("bert/vocab.txt", 5, long(terabyte)),
        ("bert/tokenizer_config.json", 5, Box::new(|path| fs::create_dir(path).unwrap())),
        ("bert/model.safetensors", 5, link("/dev/zero")),
        ("bert/model.safetensors", 5, long(terabyte)),
        ("bert/model.safetensors", 5, Box::new(|path| fs::write(path, &header).unwrap())),
        ("bert/pytorch_model.bin", 5, long(terabyte)),
        ("glue/MRPC/dev.tsv", 4, link("/dev/zero")),
        ("glue/MRPC/dev.tsv", 4, long(terabyte)),
    ];
    for (name, code, damage) in cases {
        let shell = sound();
        if name == "bert/pytorch_model.bin" {
            fs::remove_file(shell.path("bert/model.safetensors")).unwrap();
        } else {
            fs::remove_file(shell.path(name)).unwrap();
        }
        damage(&shell.path(name));
        let begun = Instant::now();
        let done = shell.gluepot(&["run", "x.toml"]);
        assert_eq!(done.code, code, "{name}: {done:?}");
        assert!(done.err.len() < 500, "{name}: {done:?}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{name} took {:?}", begun.elapsed());
    }
}

/// Files sorted by label: the first rows all have the same one.
#[test]
fn one_label_in_a_split_is_warned_about_before_and_after() {
    let shell = sound();
    for split in ["train", "dev"] {
        let table = fs::read_to_string(shell.path(&format!("glue/MRPC/{split}.tsv"))).unwrap();
        let mut rows: Vec<&str> = table.lines().skip(1).collect();
        rows.sort_by_key(|row| !row.starts_with('1'));
        let header = table.lines().next().unwrap();
        shell.write(&format!("glue/MRPC/{split}.tsv"), format!("{header}\n{}\n", rows.join("\n")));
    }
    let done = shell.gluepot(&["check", "x.toml", "--json"]);
    let plan: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(plan[0]["label_counts"], serde_json::json!({ "train": [0, 64], "validation": [0, 32] }));
    assert_eq!(plan[0]["warnings"].as_array().unwrap().len(), 2);
    let done = shell.gluepot(&["run", "x.toml"]);
    assert_eq!((done.code, done.err.matches("warning: ").count()), (0, 2), "{done:?}");
    let run = fs::read_dir(shell.path("runs")).unwrap().flatten().find(|run| run.path().join("summary.json").exists()).unwrap();
    let summary: Value = serde_json::from_slice(&fs::read(run.path().join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["labels"]["validation"], serde_json::json!([0, 32]));
    assert_eq!(summary["collapsed"], false);
    // Both labels are present.
    let done = sound().gluepot(&["check", "x.toml", "--json"]);
    let plan: Value = serde_json::from_str(&done.out).unwrap();
    assert!(plan[0]["warnings"].as_array().unwrap().is_empty(), "{}", done.out);
}
