//! `config.json`: the shape of a checkpoint, in the words of transformers.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use crate::machine::input_file::{InputFile, MIB};

/// The shape of a BERT encoder and the settings that its checkpoint was trained with.
///
/// Defaults are those of transformers' `BertConfig`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Number of tokens.
    pub vocab_size: usize,
    /// Width of the hidden states, `d`.
    pub hidden_size: usize,
    /// Number of encoder layers.
    pub num_hidden_layers: usize,
    /// Number of attention heads; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward part.
    pub intermediate_size: usize,
    /// Longest sequence that has position embeddings.
    pub max_position_embeddings: usize,
    /// Number of segment embeddings.
    pub type_vocab_size: usize,
    /// Added to the variance in every layer norm.
    pub layer_norm_eps: f64,
    /// Dropout of embeddings and hidden states.
    pub hidden_dropout_prob: f64,
    /// Dropout of attention probabilities.
    pub attention_probs_dropout_prob: f64,
    /// Dropout of the pooled output; absent, that of the hidden states.
    pub classifier_dropout: Option<f64>,
    /// Standard deviation of freshly drawn weights.
    pub initializer_range: f64,
    /// The token that fills a batch up, which nothing is learnt about; none where the file says null.
    pub pad_token_id: Option<u32>,
    /// Everything as it stood in the file, kept for the checkpoints written later.
    as_written: Map<String, Value>,
}

/// Sizes above these are a damaged or hostile file, not a BERT.
const LARGEST: [(&str, usize); 4] =
    [("vocab_size", 10_000_000), ("hidden_size", 65_536), ("num_hidden_layers", 1_000), ("max_position_embeddings", 1_000_000)];

/// `problem_type` of tasks whose examples are of one class each.
const SINGLE_LABEL: &str = "single_label_classification";

/// A file by its keys, so that whatever is wrong is said with the key.
struct Keys<'a>(&'a Map<String, Value>);

impl<'a> Keys<'a> {
    /// The value of a key; none where it is absent or null.
    fn or_null(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn size(&self, key: &str, default: usize) -> Result<usize> {
        let size = match self.0.get(key) {
            None => default,
            Some(value) => {
                let size = value.as_u64().and_then(|size| usize::try_from(size).ok());
                size.with_context(|| format!("{key} is {value}, expected a whole number"))?
            }
        };
        let largest = LARGEST.iter().find(|(known, _)| *known == key).map_or(1_000_000, |(_, largest)| *largest);
        ensure!(size > 0, "{key} is 0");
        ensure!(size <= largest, "{key} is {size}, more than the {largest} that make sense");
        Ok(size)
    }

    fn number(&self, key: &str) -> Result<Option<f64>> {
        let number = |value: &Value| value.as_f64().with_context(|| format!("{key} is {value}, expected a number"));
        self.0.get(key).map(number).transpose()
    }

    fn probability(&self, key: &str) -> Result<Option<f64>> {
        let number = self.number(key)?;
        let is_probability = number.is_none_or(|number| (0.0..1.0).contains(&number));
        ensure!(is_probability, "{key} is {}, expected a number of at least 0 and below 1", number.unwrap_or_default());
        Ok(number)
    }

    fn small(&self, key: &str, default: f64) -> Result<f64> {
        let number = self.number(key)?.unwrap_or(default);
        ensure!((1e-30..=10.0).contains(&number), "{key} is {number}, expected a number from 1e-30 to 10");
        Ok(number)
    }
}

/// Refuses what makes transformers compute something other than the encoder that is known here.
fn refuse_other_models(file: &Map<String, Value>) -> Result<()> {
    let keys = Keys(file);
    for (key, known) in [("model_type", "bert"), ("hidden_act", "gelu"), ("position_embedding_type", "absolute")] {
        if let Some(value) = keys.or_null(key) {
            ensure!(value == known, "{key} is {value}, and only \"{known}\" is known");
        }
    }
    for (key, meaning) in [
        ("is_decoder", "a decoder, whose tokens see only those before them"),
        ("add_cross_attention", "a decoder that reads another model's output"),
    ] {
        let value = file.get(key).unwrap_or(&Value::Bool(false));
        ensure!(value == false, "{key} is {value}: {meaning}; only encoders are known, for which it is false");
    }
    if let Some(heads) = keys.or_null("pruned_heads") {
        let is_none = heads.as_object().is_some_and(Map::is_empty);
        ensure!(is_none, "pruned_heads is {heads}; save the model with all of its heads");
    }
    ensure!(keys.or_null("quantization_config").is_none(), "quantization_config is there; save the model as float32");
    Ok(())
}

/// The padding token: 0 where the file does not say it, none where it says null; below 0 it counts from the end, as in torch.
fn pad_token(file: &Map<String, Value>, vocab_size: usize) -> Result<Option<u32>> {
    let Some(value) = file.get("pad_token_id") else { return Ok(Some(0)) };
    if value.is_null() {
        return Ok(None);
    }
    let size = i64::try_from(vocab_size)?;
    let id = value.as_i64().with_context(|| format!("pad_token_id is {value}, expected a whole number or null"))?;
    ensure!((-size..size).contains(&id), "pad_token_id {id} lies outside the vocabulary of {size}");
    Ok(Some(u32::try_from(if id < 0 { id + size } else { id })?))
}

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
        let file: Map<String, Value> = serde_json::from_str(text)?;
        refuse_other_models(&file)?;
        let keys = Keys(&file);
        let vocab_size = keys.size("vocab_size", 30_522)?;
        let config = Self {
            vocab_size,
            hidden_size: keys.size("hidden_size", 768)?,
            num_hidden_layers: keys.size("num_hidden_layers", 12)?,
            num_attention_heads: keys.size("num_attention_heads", 12)?,
            intermediate_size: keys.size("intermediate_size", 3072)?,
            max_position_embeddings: keys.size("max_position_embeddings", 512)?,
            type_vocab_size: keys.size("type_vocab_size", 2)?,
            layer_norm_eps: keys.small("layer_norm_eps", 1e-12)?,
            hidden_dropout_prob: keys.probability("hidden_dropout_prob")?.unwrap_or(0.1),
            attention_probs_dropout_prob: keys.probability("attention_probs_dropout_prob")?.unwrap_or(0.1),
            classifier_dropout: keys
                .or_null("classifier_dropout")
                .map_or(Ok(None), |_| keys.probability("classifier_dropout"))?,
            initializer_range: keys.small("initializer_range", 0.02)?,
            pad_token_id: pad_token(&file, vocab_size)?,
            as_written: file,
        };
        if !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            bail!("hidden_size {} is not divisible by num_attention_heads {}", config.hidden_size, config.num_attention_heads);
        }
        Ok(config)
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
        written.insert("problem_type".into(), json!(SINGLE_LABEL));
        written.remove("torch_dtype");
        written.insert("dtype".into(), json!("float32"));
        Value::Object(written)
    }

    /// The type that transformers would compute in, where that is not f32.
    #[must_use]
    pub fn other_dtype(&self) -> Option<&str> {
        let dtype = self.as_written.get("dtype").or_else(|| self.as_written.get("torch_dtype"));
        dtype.and_then(Value::as_str).filter(|dtype| *dtype != "float32")
    }

    /// The class of the tokenizer, where the file names one.
    #[must_use]
    pub fn tokenizer_class(&self) -> Option<&str> {
        self.as_written.get("tokenizer_class").and_then(Value::as_str)
    }

    /// What the checkpoint's own head was trained for, where that is something other than telling classes apart.
    #[must_use]
    pub fn other_problem(&self) -> Option<&str> {
        self.as_written.get("problem_type").and_then(Value::as_str).filter(|kind| *kind != SINGLE_LABEL)
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
