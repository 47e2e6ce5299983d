//! The ids of tokenizers of many kinds against those of transformers (tests/reference/make_tokenizers.py).

use gluepot::checkpoint::{CheckpointName, Config, Files};
use gluepot::hub::Hub;
use gluepot::tasks::{Example, Text};
use gluepot::tokens::Tokens;
use serde_json::Value;

use crate::support::golden;

/// The cases of the suite, or of the file that `GLUEPOT_TEST_TOKENIZERS` names.
fn cases() -> Value {
    match std::env::var("GLUEPOT_TEST_TOKENIZERS") {
        Ok(path) => serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap(),
        Err(_) => golden("tokenizer/golden.json"),
    }
}

fn numbers(text: &Value) -> Option<Vec<u32>> {
    Some(text.as_str()?.split_whitespace().map(|number| number.parse().unwrap()).collect())
}

/// Ids and segments of each row of a case, as they are here; or why there are none.
fn ours(case: &Value, contents: &[Value]) -> anyhow::Result<Vec<(Vec<u32>, Vec<u32>)>> {
    let folder = tempfile::tempdir()?;
    for (name, index) in case["files"].as_object().unwrap() {
        let content = contents[usize::try_from(index.as_u64().unwrap())?].as_str().unwrap();
        std::fs::write(folder.path().join(name), content)?;
    }
    let files = Files::find(&CheckpointName::Folder(folder.path().to_path_buf()), false, &Hub::offline())?;
    let config = Config::read(&folder.path().join("config.json"))?;
    let tokens = Tokens::read(&files, &config)?;
    let rows = case["rows"].as_array().into_iter().flatten();
    let examples: Vec<Example> = rows
        .map(|row| {
            let text: Vec<String> = serde_json::from_value(row["text"].clone()).unwrap();
            let text = match text.as_slice() {
                [first, second] => Text::Pair(first.clone(), second.clone()),
                other => Text::Single(other[0].clone()),
            };
            Example { text, label: 0 }
        })
        .collect();
    let max_length = usize::try_from(case["max_length"].as_u64().unwrap())?;
    let encoded = tokens.encode(&examples, max_length, &config)?;
    Ok(encoded.into_iter().map(|row| (row.tokens, row.segments)).collect())
}

#[test]
fn tokenizer_files_mean_what_they_mean_to_transformers() {
    let all = cases();
    let contents = all["contents"].as_array().unwrap();
    let cases = all["cases"].as_array().unwrap();
    assert!(cases.len() >= 190);
    let (mut rows, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let theirs = case["rows"].as_array();
        match (ours(case, contents), theirs) {
            (Err(error), _) => refused.push((name, theirs.is_some(), format!("{error:#}"))),
            // More is read here than there.
            (Ok(_), None) => println!("{name}: transformers says {}", case["refused"]),
            (Ok(ours), Some(theirs)) => {
                for ((ids, segments), row) in ours.iter().zip(theirs) {
                    rows += 1;
                    let expected = numbers(&row["ids"]).unwrap();
                    // A model that is given no segments takes 0 for all.
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
        assert!(rows > 2000);
        let names: Vec<&str> = refused.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names.len(), names.iter().filter(|name| name.starts_with("refused: ")).count(), "{refused:#?}");
    }
}
