//! `config.json`: the shape of a checkpoint, in the words of transformers.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::input_file::{InputFile, MIB};

/// The shape of a BERT encoder and the settings that its checkpoint was trained with.
///
/// Defaults are those of transformers' `BertConfig`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Config {
    /// Number of tokens.
    pub vocab_size: usize,
    /// Width of the hidden states, `d`.
    #[serde(default = "default::hidden_size")]
    pub hidden_size: usize,
    /// Number of encoder layers.
    #[serde(default = "default::num_hidden_layers")]
    pub num_hidden_layers: usize,
    /// Number of attention heads; divides `hidden_size`.
    #[serde(default = "default::num_attention_heads")]
    pub num_attention_heads: usize,
    /// Width of the feed-forward part.
    #[serde(default = "default::intermediate_size")]
    pub intermediate_size: usize,
    /// Longest sequence that has position embeddings.
    #[serde(default = "default::max_position_embeddings")]
    pub max_position_embeddings: usize,
    /// Number of segment embeddings.
    #[serde(default = "default::type_vocab_size")]
    pub type_vocab_size: usize,
    /// Added to the variance in every layer norm.
    #[serde(default = "default::layer_norm_eps")]
    pub layer_norm_eps: f64,
    /// Dropout of embeddings and hidden states.
    #[serde(default = "default::dropout")]
    pub hidden_dropout_prob: f64,
    /// Dropout of attention probabilities.
    #[serde(default = "default::dropout")]
    pub attention_probs_dropout_prob: f64,
    /// Dropout of the pooled output; absent, that of the hidden states.
    #[serde(default)]
    pub classifier_dropout: Option<f64>,
    /// Standard deviation of freshly drawn weights.
    #[serde(default = "default::initializer_range")]
    pub initializer_range: f64,
    /// Activation of the feed-forward part.
    #[serde(default = "default::hidden_act")]
    pub hidden_act: String,
    /// How positions enter; only `absolute` is BERT's.
    #[serde(default = "default::position_embedding_type")]
    pub position_embedding_type: String,
    /// `bert`, where it is said.
    #[serde(default)]
    pub model_type: Option<String>,
    /// The token that fills a batch up.
    #[serde(default)]
    pub pad_token_id: u32,
    /// Everything as it stood in the file, kept for the checkpoints written later.
    #[serde(skip)]
    as_written: Map<String, Value>,
}

mod default {
    pub fn hidden_size() -> usize {
        768
    }
    pub fn num_hidden_layers() -> usize {
        12
    }
    pub fn num_attention_heads() -> usize {
        12
    }
    pub fn intermediate_size() -> usize {
        3072
    }
    pub fn max_position_embeddings() -> usize {
        512
    }
    pub fn type_vocab_size() -> usize {
        2
    }
    pub fn layer_norm_eps() -> f64 {
        1e-12
    }
    pub fn dropout() -> f64 {
        0.1
    }
    pub fn initializer_range() -> f64 {
        0.02
    }
    pub fn hidden_act() -> String {
        "gelu".into()
    }
    pub fn position_embedding_type() -> String {
        "absolute".into()
    }
}

/// Sizes above these are a damaged or hostile file, not a BERT.
const LARGEST: [(&str, usize); 4] =
    [("vocab_size", 10_000_000), ("hidden_size", 65_536), ("num_hidden_layers", 1_000), ("max_position_embeddings", 1_000_000)];

impl Config {
    /// Bytes that the file may have.
    pub const LARGEST: u64 = 16 * MIB;

    /// Reads and checks `config.json`.
    ///
    /// # Errors
    /// The file cannot be read, is not JSON, or describes something other than a BERT encoder.
    pub fn read(path: &Path) -> Result<Self> {
        Self::of(&InputFile::read(path, Self::LARGEST)?)
    }

    /// What a `config.json` that has been read describes.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn of(file: &InputFile) -> Result<Self> {
        Self::parse(file.text()?).with_context(|| format!("{} does not describe a BERT", file.path().display()))
    }

    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(text: &str) -> Result<Self> {
        let as_written: Map<String, Value> = serde_json::from_str(text)?;
        if let Some(kind) = as_written.get("model_type").and_then(Value::as_str) {
            ensure!(kind == "bert", "model_type is \"{kind}\", and only \"bert\" is known");
        }
        let mut config: Self = serde_json::from_value(Value::Object(as_written.clone()))?;
        config.as_written = as_written;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        for (name, size) in sizes {
            ensure!(size > 0, "{name} is 0");
            let largest = LARGEST.iter().find(|(known, _)| *known == name).map_or(1_000_000, |(_, largest)| *largest);
            ensure!(size <= largest, "{name} is {size}, more than the {largest} that make sense");
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            bail!("hidden_size {} is not divisible by num_attention_heads {}", self.hidden_size, self.num_attention_heads);
        }
        ensure!(self.hidden_act == "gelu", "hidden_act is \"{}\", and only the exact \"gelu\" is known", self.hidden_act);
        ensure!(
            self.position_embedding_type == "absolute",
            "position_embedding_type is \"{}\", and only \"absolute\" is known",
            self.position_embedding_type
        );
        let probabilities = [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            ("attention_probs_dropout_prob", self.attention_probs_dropout_prob),
            ("classifier_dropout", self.classifier_dropout.unwrap_or(0.0)),
        ];
        for (name, probability) in probabilities {
            ensure!((0.0..1.0).contains(&probability), "{name} is {probability}, expected a number of at least 0 and below 1");
        }
        for (name, number) in [("layer_norm_eps", self.layer_norm_eps), ("initializer_range", self.initializer_range)] {
            ensure!((1e-30..=10.0).contains(&number), "{name} is {number}, expected a number from 1e-30 to 10");
        }
        ensure!((self.pad_token_id as usize) < self.vocab_size, "pad_token_id {} lies outside the vocabulary", self.pad_token_id);
        Ok(())
    }

    /// `config.json` for a fine-tuned checkpoint of this shape: what was read, with the classifier's labels.
    #[must_use]
    pub fn with_labels(&self, labels: &[&str]) -> Value {
        let mut written = self.as_written.clone();
        let id2label: Map<String, Value> = labels.iter().enumerate().map(|(id, label)| (id.to_string(), json!(label))).collect();
        let label2id: Map<String, Value> =
            labels.iter().enumerate().map(|(id, label)| ((*label).to_string(), json!(id))).collect();
        written.insert("architectures".into(), json!(["BertForSequenceClassification"]));
        written.insert("model_type".into(), json!("bert"));
        written.insert("num_labels".into(), json!(labels.len()));
        written.insert("id2label".into(), Value::Object(id2label));
        written.insert("label2id".into(), Value::Object(label2id));
        written.insert("problem_type".into(), json!("single_label_classification"));
        written.remove("torch_dtype");
        written.insert("dtype".into(), json!("float32"));
        Value::Object(written)
    }

    /// The class of the tokenizer, where the file names one.
    #[must_use]
    pub fn tokenizer_class(&self) -> Option<&str> {
        self.as_written.get("tokenizer_class").and_then(Value::as_str)
    }

    /// The labels that the checkpoint's own classifier tells apart, by id, where it names them.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let Some(Value::Object(id2label)) = self.as_written.get("id2label") else { return Vec::new() };
        let mut labels: Vec<(usize, String)> =
            id2label.iter().filter_map(|(id, label)| Some((id.parse().ok()?, label.as_str()?.to_string()))).collect();
        labels.sort_unstable();
        labels.into_iter().map(|(_, label)| label).collect()
    }
}
