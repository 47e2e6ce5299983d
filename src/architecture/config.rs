//! Reads `config.json` key by key, and the keys that all families share.

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::task::Head;

/// Maximum plausible sizes; a file that exceeds them is damaged or hostile.
pub(super) mod largest {
    pub const VOCABULARY: usize = 10_000_000;
    pub const WIDTH: usize = 65_536;
    pub const LAYERS: usize = 1_000;
    pub const POSITIONS: usize = 1_000_000;
    pub const OTHER: usize = 1_000_000;
}

/// A `config.json` as written, kept in full for checkpoints that are saved later.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ConfigFile(Map<String, Value>);

impl ConfigFile {
    pub fn parse(text: &str) -> Result<Self> {
        Ok(Self(serde_json::from_str(text)?))
    }

    /// The value of a key; `None` if it is absent or null.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// A size between 1 and `largest`.
    pub fn size(&self, key: &str, default: usize, largest: usize) -> Result<usize> {
        let size = match self.0.get(key) {
            None => default,
            Some(value) => {
                let size = value.as_u64().and_then(|size| usize::try_from(size).ok());
                size.with_context(|| format!("{key} is {value}, expected a whole number"))?
            }
        };
        ensure!(size > 0, "{key} is 0");
        ensure!(size <= largest, "{key} is {size}, more than the largest supported value, {largest}");
        Ok(size)
    }

    /// A key's value as it is written, for messages.
    pub fn shown(&self, key: &str) -> &Value {
        self.0.get(key).unwrap_or(&Value::Null)
    }

    /// A size of up to `largest`, or 0, also if the key is absent.
    pub fn size_or_none(&self, key: &str, largest: usize) -> Result<usize> {
        if self.get(key).is_none_or(|value| value == 0) { Ok(0) } else { self.size(key, 0, largest) }
    }

    /// An option; `default` if it is absent or null.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        let value = |value: &Value| value.as_bool().with_context(|| format!("{key} is {value}, expected true or false"));
        self.get(key).map_or(Ok(default), value)
    }

    fn number(&self, key: &str) -> Result<Option<f64>> {
        let number = |value: &Value| value.as_f64().with_context(|| format!("{key} is {value}, expected a number"));
        self.0.get(key).map(number).transpose()
    }

    pub fn probability(&self, key: &str, default: f64) -> Result<f64> {
        let number = self.number(key)?.unwrap_or(default);
        ensure!((0.0..1.0).contains(&number), "{key} is {number}, expected a number of at least 0 and below 1");
        Ok(number)
    }

    /// A small positive number.
    pub fn small(&self, key: &str, default: f64) -> Result<f64> {
        let number = self.number(key)?.unwrap_or(default);
        ensure!((1e-30..=10.0).contains(&number), "{key} is {number}, expected a number from 1e-30 to 10");
        Ok(number)
    }

    /// The padding token: `default` if the key is absent, `None` if it is null. A negative id counts from the end, as in torch.
    pub fn pad_token(&self, default: u32, vocab_size: usize) -> Result<Option<u32>> {
        let Some(value) = self.0.get("pad_token_id") else { return Ok(Some(default)) };
        if value.is_null() {
            return Ok(None);
        }
        let size = i64::try_from(vocab_size)?;
        let id = value.as_i64().with_context(|| format!("pad_token_id is {value}, expected a whole number or null"))?;
        ensure!((-size..size).contains(&id), "pad_token_id {id} lies outside the vocabulary of {size}");
        Ok(Some(u32::try_from(if id < 0 { id + size } else { id })?))
    }

    /// Rejects a key whose value is not the supported one; absent and null are accepted.
    pub fn expect(&self, key: &str, known: &str) -> Result<()> {
        if let Some(value) = self.get(key) {
            ensure!(value == known, "{key} is {value}, and only \"{known}\" is known");
        }
        Ok(())
    }

    /// Rejects an option that is on; absent and null are accepted.
    pub fn expect_false(&self, key: &str, meaning: &str) -> Result<()> {
        if let Some(value) = self.get(key) {
            ensure!(value == false, "{key} is {value}: {meaning}, which are not supported");
        }
        Ok(())
    }

    /// Rejects options that turn a transformers encoder into something else.
    pub fn expect_plain_encoder(&self) -> Result<()> {
        for (key, meaning) in [
            ("is_decoder", "a decoder, whose tokens see only those before them"),
            ("add_cross_attention", "a decoder that reads another model's output"),
        ] {
            let value = self.0.get(key).unwrap_or(&Value::Bool(false));
            ensure!(value == false, "{key} is {value}: {meaning}; only encoders are known, for which it is false");
        }
        if let Some(heads) = self.get("pruned_heads") {
            let is_none = heads.as_object().is_some_and(Map::is_empty);
            ensure!(is_none, "pruned_heads is {heads}; save the model with all of its heads");
        }
        ensure!(self.get("quantization_config").is_none(), "quantization_config is set; save the model as float32");
        Ok(())
    }

    /// The `config.json` of a fine-tuned checkpoint: the original one, updated for the head.
    pub fn fine_tuned(&self, model_type: &str, class: &str, head: &Head) -> Value {
        let mut written = self.0.clone();
        // transformers derives the number of outputs from the labels; this is its name for a single unnamed one.
        let unnamed = ["LABEL_0".to_string()];
        let labels = if head.labels().is_empty() { &unnamed } else { head.labels() };
        let id2label: Map<String, Value> = labels.iter().enumerate().map(|(id, label)| (id.to_string(), json!(label))).collect();
        let label2id: Map<String, Value> = labels.iter().enumerate().map(|(id, label)| (label.clone(), json!(id))).collect();
        written.insert("architectures".into(), json!([class]));
        written.insert("model_type".into(), json!(model_type));
        written.insert("num_labels".into(), json!(head.outputs()));
        written.insert("id2label".into(), Value::Object(id2label));
        written.insert("label2id".into(), Value::Object(label2id));
        written.insert("problem_type".into(), json!(head.problem_type()));
        written.remove("torch_dtype");
        written.insert("dtype".into(), json!("float32"));
        Value::Object(written)
    }

    /// The dtype that transformers would compute in, if the file sets one.
    pub fn dtype(&self) -> Option<&str> {
        self.0.get("dtype").or_else(|| self.0.get("torch_dtype")).and_then(Value::as_str)
    }

    /// The value of a key if it is a string.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// The labels of the checkpoint's own classifier, in id order, if the file names them.
    pub fn labels(&self) -> Vec<String> {
        let Some(Value::Object(id2label)) = self.0.get("id2label") else { return Vec::new() };
        let mut labels: Vec<(usize, String)> =
            id2label.iter().filter_map(|(id, label)| Some((id.parse().ok()?, label.as_str()?.to_string()))).collect();
        labels.sort_unstable();
        labels.into_iter().map(|(_, label)| label).collect()
    }
}
