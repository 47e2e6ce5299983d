//! The parsed files of a tokenizer.

use anyhow::{Result, anyhow};
use serde_json::{Map, Value};

use crate::architecture::Architecture;
use crate::checkpoint::Files;
use crate::machine::input_file::InputFile;

/// The contents of the files; absent files are empty.
#[derive(Clone, Debug, Default)]
pub(super) struct TokenizerSources {
    /// `tokenizer.json`.
    pub json: Option<Map<String, Value>>,
    /// The text of `tokenizer.json`.
    pub json_text: String,
    /// `vocab.txt`, if there is no `tokenizer.json`; as in transformers, it is ignored otherwise.
    pub words: Option<String>,
    /// `tokenizer_config.json`.
    pub config: Map<String, Value>,
    /// `special_tokens_map.json`.
    pub special_tokens_map: Map<String, Value>,
    /// `added_tokens.json`: ids by token.
    pub added_tokens: Map<String, Value>,
    /// `tokenizer_class` in `config.json`.
    pub model_class: Option<String>,
}

impl TokenizerSources {
    /// Parses the files.
    pub fn read(files: &Files, architecture: &Architecture) -> Result<Self> {
        let named = |name: &str| files.tokenizer_files().find(|file| file.name() == name);
        let text = |name: &str| named(name).map(|file| file.text().map(String::from)).transpose();
        let json = named("tokenizer.json").map(object).transpose()?;
        let words = if json.is_none() { text("vocab.txt")? } else { None };
        let optional = |name: &str| named(name).map_or(Ok(Map::new()), object);
        Ok(Self {
            json,
            json_text: text("tokenizer.json")?.unwrap_or_default(),
            words,
            config: optional("tokenizer_config.json")?,
            special_tokens_map: optional("special_tokens_map.json")?,
            added_tokens: optional("added_tokens.json")?,
            model_class: architecture.tokenizer_class().map(String::from),
        })
    }

    /// `tokenizer.json` without vocabulary and added tokens, which is quick to parse; unchanged if the model type needs its
    /// vocabulary.
    pub fn json_without_words(&self) -> Option<String> {
        let json = self.json.as_ref()?;
        let model = json.get("model").and_then(Value::as_object);
        let kind = model.and_then(|model| model.get("type")).and_then(Value::as_str);
        let (Some(model), Some(kind)) = (model, kind.filter(|kind| *kind != "Unigram")) else {
            return Some(self.json_text.clone());
        };
        let mut small: Map<String, Value> = without(model, &["vocab", "merges"]);
        small.insert("vocab".into(), Value::Object(Map::new()));
        if kind == "BPE" {
            small.insert("merges".into(), Value::Array(Vec::new()));
        }
        let mut all = without(json, &["model", "added_tokens"]);
        all.insert("model".into(), Value::Object(small));
        Some(Value::Object(all).to_string())
    }
}

fn without(object: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    let kept = object.iter().filter(|(key, _)| !keys.contains(&key.as_str()));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn object(file: &InputFile) -> Result<Map<String, Value>> {
    serde_json::from_slice(file.bytes()).map_err(|error| anyhow!("{} is not a JSON object: {error}", file.path().display()))
}
