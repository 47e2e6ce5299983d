//! Encoders on paper: what a `config.json` says of shape and parameters. Knows neither tensors nor files.
//!
//! A family of encoders is one file: its configuration, and [`family::Family`] implemented for it. It is listed in
//! [`Architecture`], `Architecture::parse` and `Architecture::family`. Nothing outside this folder and `models/` reads a
//! family's own fields.

pub mod bert;
mod config;
mod family;
mod parameter;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::task::Head;

use config::ConfigFile;
use family::Family;

pub use parameter::{Draw, ModelPart, Parameter, Role};

/// An encoder with a head for whole sequences, by its family.
#[derive(Clone, Debug, PartialEq)]
pub enum Architecture {
    /// BERT, and what was trained in its shape: MiniLM, the miniatures, the multilingual ones.
    Bert(bert::Config),
}

/// Probabilities of dropping an element while training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropoutProbabilities {
    /// Embeddings and hidden states.
    pub hidden: f64,
    /// Attention probabilities.
    pub attention: f64,
    /// The states that the last layer reads.
    pub classifier: f64,
}

impl DropoutProbabilities {
    /// One probability everywhere.
    #[must_use]
    pub fn uniform(probability: f64) -> Self {
        Self { hidden: probability, attention: probability, classifier: probability }
    }
}

impl Architecture {
    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// It is not JSON, or describes an encoder that is not implemented.
    pub fn parse(text: &str) -> Result<Self> {
        let file = ConfigFile::parse(text)?;
        match file.get("model_type").map_or(Some("bert"), Value::as_str) {
            Some("bert") => Ok(Self::Bert(bert::Config::parse(file)?)),
            _ => bail!("model_type is {}, and only \"bert\" is known", file.get("model_type").unwrap_or(&Value::Null)),
        }
    }

    fn family(&self) -> &dyn Family {
        match self {
            Self::Bert(config) => config,
        }
    }

    /// Every parameter of the encoder with this head, in the order of torch's `named_parameters()`.
    #[must_use]
    pub fn parameters(&self, head: &Head) -> Vec<Parameter> {
        self.family().parameters(head.outputs())
    }

    /// The name that transformers has today for what a file may call otherwise.
    #[must_use]
    pub fn rename(&self, name: &str) -> String {
        self.family().rename(name)
    }

    /// A parameter's name in a checkpoint that was saved without a head; none for the head's own.
    #[must_use]
    pub fn name_without_prefix<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.family().base_model_prefix())
    }

    /// The shape in a few words.
    #[must_use]
    pub fn description(&self) -> String {
        self.family().description()
    }

    /// Number of token ids.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.family().vocabulary()
    }

    /// Number of segments (`token_type_ids`) that can be told apart; 0 where the family has none.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.family().segments()
    }

    /// The token that fills a batch up, of which nothing is learned.
    #[must_use]
    pub fn pad_token(&self) -> Option<u32> {
        self.family().pad_token()
    }

    /// The most tokens that an input can have.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.family().longest()
    }

    /// Dropout as the checkpoint was trained with.
    #[must_use]
    pub fn dropout(&self) -> DropoutProbabilities {
        self.family().dropout()
    }

    /// Floating-point operations of a training step on one example of `length` tokens.
    #[must_use]
    pub fn operations(&self, length: usize) -> f64 {
        self.family().operations(length)
    }

    /// `config.json` of a fine-tuned checkpoint: what was read, with this head.
    #[must_use]
    pub fn config_json(&self, head: &Head) -> Value {
        let family = self.family();
        family.file().fine_tuned(family.model_type(), family.class(), head)
    }

    /// The type that transformers would compute in, where that is not f32.
    #[must_use]
    pub fn other_dtype(&self) -> Option<&str> {
        self.family().file().dtype().filter(|dtype| *dtype != "float32")
    }

    /// The class of the tokenizer, where the file names one.
    #[must_use]
    pub fn tokenizer_class(&self) -> Option<&str> {
        self.family().file().text("tokenizer_class")
    }

    /// What the checkpoint's own head was trained for, where that is something else than this head is for.
    #[must_use]
    pub fn other_problem(&self, head: &Head) -> Option<&str> {
        self.family().file().text("problem_type").filter(|kind| *kind != head.problem_type())
    }

    /// The labels of the checkpoint's own head by id, where it names them.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        self.family().file().labels()
    }
}

/// Operations of a training step on one example: two for each multiplication of the matrix products of full attention and
/// a feed-forward part of two matrices, forward once and backward twice (Kaplan et al. 2020, appendix B). The head, which
/// sees one token, does not count.
fn training_operations(layers: usize, d: usize, intermediate: usize, length: usize) -> f64 {
    let (d, wide, tokens) = (d as f64, intermediate as f64, length as f64);
    let projections = 2.0 * tokens * (4.0 * d * d + 2.0 * d * wide);
    let attention = 4.0 * tokens * tokens * d;
    3.0 * layers as f64 * (projections + attention)
}
