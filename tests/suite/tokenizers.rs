//! The token ids of many kinds of tokenizers against those of transformers (tests/reference/make_tokenizers.py).

use gluepot::checkpoint::{CheckpointName, Files};
use gluepot::experiment::Environment;
use gluepot::hub::Hub;
use gluepot::inputs::EncodedInputs;
use gluepot::inputs::{ReadFor, TrialInputs};
use gluepot::plan::Provenance;
use gluepot::task::{Example, Text};
use gluepot::tokens::{TokenCache, Tokens};
use serde_json::Value;

use crate::failures::sound;
use crate::redactor::snapshot;
use crate::support::{golden, project};
use crate::sweeps::ok;

/// A file of reference values, or the one named by `GLUEPOT_TEST_TOKENIZERS`.
fn cases(name: &str) -> Value {
    match std::env::var("GLUEPOT_TEST_TOKENIZERS") {
        Ok(path) => serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap(),
        Err(_) => golden(name),
    }
}

fn numbers(text: &Value) -> Option<Vec<u32>> {
    Some(text.as_str()?.split_whitespace().map(|number| number.parse().unwrap()).collect())
}

/// Returns the files of a case.
fn files(case: &Value, contents: &[Value]) -> Vec<(String, Vec<u8>)> {
    let file = |(name, index): (&String, &Value)| {
        // Binary files are lists of bytes.
        let content = match &contents[usize::try_from(index.as_u64().unwrap()).unwrap()] {
            Value::String(text) => text.as_bytes().to_vec(),
            bytes => serde_json::from_value(bytes.clone()).unwrap(),
        };
        (name.clone(), content)
    };
    case["files"].as_object().unwrap().iter().map(file).collect()
}

fn tokens(case: &Value, contents: &[Value]) -> anyhow::Result<Tokens> {
    let folder = tempfile::tempdir()?;
    for (name, content) in files(case, contents) {
        std::fs::write(folder.path().join(name), content)?;
    }
    let files = Files::find(&CheckpointName::Folder(folder.path().to_path_buf()), false, &Hub::offline())?;
    Tokens::read(&files, &files.architecture()?)
}

/// Returns the ids and segments of each row of a case as computed here, or why there are none.
fn ours(case: &Value, contents: &[Value]) -> anyhow::Result<Vec<(Vec<u32>, Vec<u32>)>> {
    let tokens = tokens(case, contents)?;
    let rows = case["rows"].as_array().into_iter().flatten();
    let examples: Vec<Example> = rows
        .map(|row| {
            let text: Vec<String> = serde_json::from_value(row["text"].clone()).unwrap();
            let text = match text.as_slice() {
                [first, second] => Text::Pair(first.clone(), second.clone()),
                other => Text::Single(other[0].clone()),
            };
            Example { text, target: None }
        })
        .collect();
    let max_length = usize::try_from(case["max_length"].as_u64().unwrap())?;
    let encoded = tokens.encode(&examples, max_length)?;
    Ok(encoded.into_iter().map(|row| (row.tokens, row.segments)).collect())
}

#[test]
fn tokenizer_files_mean_what_they_mean_to_transformers() {
    equal_transformers("tokenizer/golden.json", 190, 2000);
}

/// Byte-level BPE and SentencePiece's Unigram models (tests/reference/make_subword_tokenizers.py).
#[test]
fn subword_tokenizer_files_mean_what_they_mean_to_transformers() {
    equal_transformers("tokenizer/subwords.json", 37, 2200);
}

/// ALBERT's, against transformers 4 (tests/reference/make_albert_tokenizers.py).
#[test]
fn alberts_tokenizer_files_mean_what_they_meant_to_transformers_4() {
    equal_transformers("tokenizer/albert.json", 8, 500);
}

/// DeBERTa's `spm.model` as in transformers 4, and its `tokenizer.json` as in 5 (tests/reference/make_deberta_tokenizers.py).
#[test]
fn debertas_tokenizer_files_mean_what_they_mean_to_transformers() {
    equal_transformers("tokenizer/deberta_v2.json", 9, 500);
}

#[test]
fn check_says_which_tokenizers_are_as_in_transformers_4() {
    let mut said = Vec::new();
    for (file, version_of_all) in [("tokenizer/albert.json", Some(4)), ("tokenizer/deberta_v2.json", None)] {
        let all = golden(file);
        let contents = all["contents"].as_array().unwrap();
        let cases = all["cases"].as_array().unwrap();
        for case in cases {
            let version = version_of_all.or(case["version"].as_u64()).unwrap();
            assert_eq!(tokens(case, contents).unwrap().remark().is_some(), version == 4, "{file}: {}", case["name"]);
        }
        let shell = sound();
        std::fs::remove_dir_all(shell.path("bert")).unwrap();
        for (name, content) in files(&cases[0], contents) {
            shell.write(&format!("bert/{name}"), content);
        }
        let done = ok(shell.gluepot(&["check", "x.toml", "--set", "model.initialize=random"]));
        said.extend(done.out.lines().find(|line| line.starts_with("tokenizer ")).map(String::from));
    }
    snapshot!("tokenizers-as-in-transformers-4", &said.join("\n"));
}

fn equal_transformers(file: &str, least_cases: usize, least_rows: usize) {
    let all = cases(file);
    let contents = all["contents"].as_array().unwrap();
    let cases = all["cases"].as_array().unwrap();
    assert!(cases.len() >= least_cases);
    let (mut rows, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let theirs = case["rows"].as_array();
        match (ours(case, contents), theirs) {
            (Err(error), _) => refused.push((name, theirs.is_some(), format!("{error:#}"))),
            // Accepted here, but refused by transformers.
            (Ok(_), None) => println!("{name}: transformers says {}", case["refused"]),
            (Ok(ours), Some(theirs)) => {
                assert_eq!(ours.len(), theirs.len(), "{name}");
                for ((ids, segments), row) in ours.iter().zip(theirs) {
                    rows += 1;
                    let expected = numbers(&row["ids"]).unwrap();
                    // Without segments from the tokenizer, a model uses 0 for all tokens.
                    let expected_segments = numbers(&row["segments"]).unwrap_or_else(|| vec![0; expected.len()]);
                    if (ids, segments) != (&expected, &expected_segments) {
                        wrong.push(format!("{name}: {}: {ids:?} {segments:?}, expected {row}", row["text"]));
                    }
                }
            }
        }
    }
    for (name, read_there, error) in &refused {
        println!("{name}: refused ({}): {error}", if *read_there { "here alone" } else { "there too" });
    }
    println!("{rows} rows of {} cases, {} refused", cases.len(), refused.len());
    let first: Vec<_> = wrong.iter().take(10).collect();
    assert!(wrong.is_empty(), "{} of {rows} rows: {first:#?}", wrong.len());
    if std::env::var_os("GLUEPOT_TEST_TOKENIZERS").is_none() {
        assert!(rows > least_rows, "{rows}");
        let names: Vec<&str> = refused.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names.len(), names.iter().filter(|name| name.starts_with("refused: ")).count(), "{refused:#?}");
    }
}

/// Runs whose token ids did not change keep their identities from tokenization 1; the others have new ones. All
/// expected values come from the program before its tokenization had a version number.
#[test]
fn identities_change_where_the_ids_do() {
    let long = ("the old doctor sold it . ".repeat(3) + "it .", "the farmer bought the red car . ".repeat(3));
    let back = (long.1.clone(), long.0.clone());
    let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
    let cased = [("tokenizer.json", "fast"), ("tokenizer_config.json", "{\"do_lower_case\": false}")];
    let added = [("added_tokens.json", "{\"e\": 140}")];
    let cases = [
        ("short", &[][..], pair("The farmer bought it .", "It was the farmer ."), 16, "2dd7543c48dc", 1),
        // Both sentences are longer than the limit, which leaves an odd number of tokens for them.
        ("long", &[], back, 16, "9813ce4797ce", 1),
        ("the longer first", &[], long.clone(), 16, "baeb92ca8240", 2),
        ("an even rest", &[], (long.1, long.0), 17, "832a01e12da4", 1),
        ("cased", &cased, pair("The Farmer .", "it ."), 16, "3b33a6410f52", 2),
        ("cased, of a text without capitals", &cased, pair("the farmer .", "it ."), 16, "68e0337d4065", 1),
        ("padding in a text", &[], pair("the [PAD] farmer", "it ."), 16, "7cdd2e67d16f", 2),
        ("an added token", &added, pair("the farmer", "it ."), 16, "f842853f547b", 2),
        (
            "an added token elsewhere",
            &[("added_tokens.json", "{\"tractor\": 140}")],
            pair("the farmer", "it ."),
            16,
            "c48d896027ef",
            1,
        ),
    ];
    for (name, files, (first, second), max_length, before, tokenization) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("bert")).unwrap();
        std::fs::create_dir_all(path("glue/MRPC")).unwrap();
        for file in ["config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"] {
            std::fs::copy(project("tests/golden/tiny").join(file), path("bert").join(file)).unwrap();
        }
        for (file, content) in files {
            let fast = || std::fs::read_to_string(project("tests/golden/tiny/fast/tokenizer.json")).unwrap();
            let content = if *content == "fast" { fast() } else { (*content).to_string() };
            std::fs::write(path("bert").join(file), content).unwrap();
        }
        let rows: String = (0..4).map(|row| format!("{}\t1\t2\t{first}\t{second}\n", row % 2)).collect();
        for split in ["train", "dev"] {
            let table = format!("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n{rows}");
            std::fs::write(path("glue/MRPC").join(format!("{split}.tsv")), table).unwrap();
        }
        let experiment = format!(
            "task = \"mrpc\"\ncheckpoint = \"./bert\"\nlearning_rate = 1e-3\nmetric = \"f1\"\n\
             [data]\nsource = \"./glue\"\nmax_length = {max_length}\n[training]\nmax_steps = 1\n"
        );
        std::fs::write(path("x.toml"), experiment).unwrap();
        let inputs =
            TrialInputs::read(&path("x.toml"), ReadFor::Training, &[], &Environment::default(), &Hub::offline()).unwrap();
        let encoded = EncodedInputs::new(&inputs, &TokenCache::default()).unwrap();
        assert_eq!(encoded.provenance.tokenization, tokenization, "{name}");
        let (rows, hashes) = (inputs.setting_rows(), encoded.provenance.hashes.clone());
        let identity = Provenance::new(&rows, &[], hashes, tokenization, 1).identity;
        assert_eq!(identity == before, tokenization == 1, "{name}: {identity}");
    }
}
