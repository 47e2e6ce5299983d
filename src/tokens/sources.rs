//! The parsed files of a tokenizer.

use anyhow::{Context, Result, anyhow};
use serde_json::{Map, Value};

use super::sentencepiece::SentencePieceModel;
use crate::architecture::Architecture;
use crate::checkpoint::{Files, SENTENCEPIECE_FILES};
use crate::machine::input_file::InputFile;

/// The contents of the files; absent files are empty.
#[derive(Clone, Debug, Default)]
pub(super) struct TokenizerSources {
    /// `tokenizer.json`.
    pub json: Option<Map<String, Value>>,
    /// The text of `tokenizer.json`.
    pub json_text: String,
    /// `vocab.txt`. This and the other vocabularies are read only if there is no `tokenizer.json`, as in transformers.
    pub words: Option<String>,
    /// `vocab.json`: ids by token.
    pub word_ids: Option<Value>,
    /// `merges.txt`.
    pub merges: Option<String>,
    /// `sentencepiece.bpe.model`.
    pub sentencepiece: Option<SentencePieceModel>,
    /// `tokenizer_config.json`.
    pub config: Map<String, Value>,
    /// `special_tokens_map.json`.
    pub special_tokens_map: Map<String, Value>,
    /// `added_tokens.json`: ids by token.
    pub added_tokens: Map<String, Value>,
    /// `tokenizer_class` in `config.json`.
    pub model_class: Option<String>,
    /// `model_type` in `config.json`.
    pub model_type: &'static str,
}

/// The files that hold a vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VocabularyFiles {
    /// `vocab.txt`.
    Words,
    /// `vocab.json` and `merges.txt`.
    Merges,
    /// A SentencePiece model.
    SentencePiece,
    /// None but `tokenizer.json`.
    None,
}

impl TokenizerSources {
    /// Parses the files.
    pub fn read(files: &Files, architecture: &Architecture) -> Result<Self> {
        let named = |name: &str| files.tokenizer_files().find(|file| file.name() == name);
        let text = |name: &str| named(name).map(|file| file.text().map(String::from)).transpose();
        let json = named("tokenizer.json").map(object).transpose()?;
        let vocabulary = |name: &str| if json.is_none() { text(name) } else { Ok(None) };
        let word_ids = named("vocab.json").filter(|_| json.is_none()).map(object).transpose()?.map(Value::Object);
        let model = SENTENCEPIECE_FILES.iter().find_map(|name| named(name)).filter(|_| json.is_none());
        let optional = |name: &str| named(name).map_or(Ok(Map::new()), object);
        Ok(Self {
            json_text: text("tokenizer.json")?.unwrap_or_default(),
            words: vocabulary("vocab.txt")?,
            word_ids,
            merges: vocabulary("merges.txt")?,
            sentencepiece: model.map(sentencepiece).transpose()?,
            config: optional("tokenizer_config.json")?,
            special_tokens_map: optional("special_tokens_map.json")?,
            added_tokens: optional("added_tokens.json")?,
            model_class: architecture.tokenizer_class().map(String::from),
            model_type: architecture.model_type(),
            json,
        })
    }

    /// Copies of these sources around each vocabulary of a kind among `files`, with the names of its files.
    pub fn with_each(&self, kind: VocabularyFiles, files: &[InputFile]) -> Result<Vec<(String, Self)>> {
        let named = |name: &str| files.iter().find(|file| file.name() == name);
        let one = |name: &str, sources: Self| vec![(name.to_string(), sources)];
        Ok(match kind {
            VocabularyFiles::Words => match named("vocab.txt") {
                Some(words) => one("vocab.txt", Self { words: Some(words.text()?.into()), ..self.clone() }),
                None => Vec::new(),
            },
            VocabularyFiles::Merges => match (named("vocab.json"), named("merges.txt")) {
                (Some(words), Some(merges)) => {
                    let word_ids = Some(Value::Object(object(words)?));
                    one("vocab.json", Self { word_ids, merges: Some(merges.text()?.into()), ..self.clone() })
                }
                _ => Vec::new(),
            },
            VocabularyFiles::SentencePiece => {
                let models = SENTENCEPIECE_FILES.iter().filter_map(|name| named(name));
                let sources =
                    |file: &InputFile| Ok((file.name(), Self { sentencepiece: Some(sentencepiece(file)?), ..self.clone() }));
                models.map(sources).collect::<Result<_>>()?
            }
            VocabularyFiles::None => Vec::new(),
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

fn sentencepiece(file: &InputFile) -> Result<SentencePieceModel> {
    SentencePieceModel::parse(file.bytes()).with_context(|| format!("cannot use {}", file.path().display()))
}

fn without(object: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    let kept = object.iter().filter(|(key, _)| !keys.contains(&key.as_str()));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn object(file: &InputFile) -> Result<Map<String, Value>> {
    serde_json::from_slice(file.bytes()).map_err(|error| anyhow!("{} is not a JSON object: {error}", file.path().display()))
}
