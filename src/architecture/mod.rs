//! Encoder architectures: the shape and the parameters that a `config.json` describes. Uses neither tensors nor files.
//!
//! Each family of encoders is one file: its configuration, and an implementation of [`family::Family`]. Families are listed in
//! [`Architecture`], `Architecture::parse` and `Architecture::family`. Nothing outside this folder and `models/` reads the fields
//! of a specific family.

mod albert;
mod bert;
mod config;
mod deberta_v2;
mod distilbert;
mod electra;
mod family;
mod modernbert;
mod mpnet;
mod parameter;
mod positions;
mod post_norm;
mod pre_norm;
mod relative;
mod roberta;
mod unsupported;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::task::Head;

use config::ConfigFile;
use family::Family;
use parameter::Builder;

pub use albert::AlbertConfig;
pub use bert::BertConfig;
pub use deberta_v2::DebertaV2Config;
pub use distilbert::DistilBertConfig;
pub use electra::ElectraConfig;
pub use modernbert::ModernBertConfig;
pub use mpnet::MpnetConfig;
pub use parameter::{Draw, ModelPart, Parameter, Role};
pub use positions::Positions;
pub use post_norm::{
    ClassificationHead, EmbeddingProjection, Gelu, HeadActivation, PostNorm, PostNormEmbeddings, PostNormLayer, RelativePositions,
};
pub use pre_norm::{AttentionSpan, PooledHead, Pooling, PreNorm, PreNormLayer};
pub use relative::RelativeBuckets;
pub use roberta::RobertaConfig;

/// An encoder with a sequence classification or regression head, by family.
#[derive(Clone, Debug, PartialEq)]
pub enum Architecture {
    /// BERT, and models of the same shape: MiniLM, BERT miniatures, multilingual BERT.
    Bert(BertConfig),
    /// RoBERTa, DistilRoBERTa, XLM-RoBERTa and CamemBERT.
    Roberta(RobertaConfig),
    DistilBert(DistilBertConfig),
    Electra(ElectraConfig),
    /// ModernBERT, Ettin and mmBERT.
    ModernBert(ModernBertConfig),
    Mpnet(MpnetConfig),
    Albert(AlbertConfig),
    /// DeBERTa-v2, DeBERTa-v3 and mDeBERTa.
    DebertaV2(DebertaV2Config),
}

/// What a model computes, with the names of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Encoder {
    PostNorm(PostNorm),
    PreNorm(PreNorm),
}

/// The kinds of encoders, which differ in the operations that they are composed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncoderKind {
    PostNorm,
    PreNorm,
}

/// Dropout probabilities for training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropoutProbabilities {
    /// Embeddings and hidden states.
    pub hidden: f64,
    /// Attention probabilities.
    pub attention: f64,
    /// The input of the classifier.
    pub classifier: f64,
}

impl DropoutProbabilities {
    /// The same probability everywhere.
    #[must_use]
    pub fn uniform(probability: f64) -> Self {
        Self { hidden: probability, attention: probability, classifier: probability }
    }
}

impl Architecture {
    /// Parses the text of a `config.json`.
    ///
    /// # Errors
    /// It is not valid JSON, or describes an unsupported encoder.
    pub fn parse(text: &str) -> Result<Self> {
        let file = ConfigFile::parse(text)?;
        Ok(match file.get("model_type").map_or(Some(bert::MODEL_TYPE), Value::as_str) {
            Some(bert::MODEL_TYPE) => Self::Bert(BertConfig::parse(file)?),
            Some(distilbert::MODEL_TYPE) => Self::DistilBert(DistilBertConfig::parse(file)?),
            Some(deberta_v2::MODEL_TYPE) => Self::DebertaV2(DebertaV2Config::parse(file)?),
            Some(electra::MODEL_TYPE) => Self::Electra(ElectraConfig::parse(file)?),
            Some(modernbert::MODEL_TYPE) => Self::ModernBert(ModernBertConfig::parse(file)?),
            Some(mpnet::MODEL_TYPE) => Self::Mpnet(MpnetConfig::parse(file)?),
            Some(albert::MODEL_TYPE) => Self::Albert(AlbertConfig::parse(file)?),
            other => match other.and_then(roberta::RobertaKind::of_model_type) {
                Some(kind) => Self::Roberta(RobertaConfig::parse(file, kind)?),
                None => return Err(unsupported::explain(&file)),
            },
        })
    }

    fn family(&self) -> &dyn Family {
        match self {
            Self::Bert(config) => config,
            Self::Roberta(config) => config,
            Self::DistilBert(config) => config,
            Self::Electra(config) => config,
            Self::ModernBert(config) => config,
            Self::Mpnet(config) => config,
            Self::Albert(config) => config,
            Self::DebertaV2(config) => config,
        }
    }

    /// Every parameter of the encoder and this head, in the order of torch's `named_parameters()`.
    #[must_use]
    pub fn parameters(&self, head: &Head) -> Vec<Parameter> {
        self.built(head.outputs()).0
    }

    /// What the model computes from the parameters.
    #[must_use]
    pub fn encoder(&self) -> Encoder {
        self.built(1).1
    }

    /// The kind of encoder.
    #[must_use]
    pub fn kind(&self) -> EncoderKind {
        self.family().kind()
    }

    fn built(&self, outputs: usize) -> (Vec<Parameter>, Encoder) {
        let family = self.family();
        let mut all = Builder::new(family.initializer_range());
        let encoder = family.encoder(&mut all, outputs);
        (all.finish(), encoder)
    }

    /// `model_type` in `config.json`.
    #[must_use]
    pub fn model_type(&self) -> &'static str {
        self.family().model_type()
    }

    /// The position ids of an input's tokens.
    #[must_use]
    pub fn positions(&self) -> Positions {
        self.family().positions()
    }

    /// Maps a parameter name from a file to the name that transformers uses today.
    #[must_use]
    pub fn rename(&self, name: &str) -> String {
        self.family().rename(name)
    }

    /// A parameter's name in a checkpoint saved without a head; `None` for the head's own parameters.
    #[must_use]
    pub fn name_without_prefix<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.family().base_model_prefix())
    }

    /// A short description of the shape.
    #[must_use]
    pub fn description(&self) -> String {
        self.family().description()
    }

    /// Vocabulary size.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.family().vocabulary()
    }

    /// Number of segments (`token_type_ids`); 0 if the family has none.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.family().segments()
    }

    /// The padding token, which is not trained.
    #[must_use]
    pub fn pad_token(&self) -> Option<u32> {
        self.family().pad_token()
    }

    /// The maximum sequence length in tokens.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.family().longest()
    }

    /// The dropout probabilities in the checkpoint's configuration.
    #[must_use]
    pub fn dropout(&self) -> DropoutProbabilities {
        self.family().dropout()
    }

    /// Floating-point operations per training step for one example of `length` tokens.
    #[must_use]
    pub fn operations(&self, length: usize) -> f64 {
        self.family().operations(length)
    }

    /// The `config.json` of a fine-tuned checkpoint: the original one, updated for this head.
    #[must_use]
    pub fn config_json(&self, head: &Head) -> Value {
        let family = self.family();
        family.file().fine_tuned(family.model_type(), family.class(), head)
    }

    /// The dtype that transformers would compute in, if it is not f32.
    #[must_use]
    pub fn other_dtype(&self) -> Option<&str> {
        self.family().file().dtype().filter(|dtype| *dtype != "float32")
    }

    /// The tokenizer class, if the file names one.
    #[must_use]
    pub fn tokenizer_class(&self) -> Option<&str> {
        self.family().file().text("tokenizer_class")
    }

    /// The problem type of the checkpoint's own head, if it differs from this head's.
    #[must_use]
    pub fn other_problem(&self, head: &Head) -> Option<&str> {
        self.family().file().text("problem_type").filter(|kind| *kind != head.problem_type())
    }

    /// The problem type of the checkpoint's own head, if the file names it.
    #[must_use]
    pub fn problem_type(&self) -> Option<&str> {
        self.family().file().text("problem_type")
    }

    /// The name of the weight whose rows are the head's outputs.
    #[must_use]
    pub fn output_weight(&self) -> String {
        let (mut parameters, _) = self.built(1);
        parameters.retain(|parameter| parameter.part == ModelPart::Head && parameter.role == Role::Linear);
        parameters.pop().map_or(String::new(), |last| last.name)
    }

    /// The labels of the checkpoint's own head, in id order, if the file names them.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        self.family().file().labels()
    }
}

/// Floating-point operations per training step for one example: two for each multiply-add in the matrix products of full
/// attention and a feed-forward block of two matrices, counted once for the forward pass and twice for the backward pass (Kaplan
/// et al. 2020, appendix B). The head is not counted, because it sees only one token.
fn training_operations(layers: usize, d: usize, intermediate: usize, length: usize) -> f64 {
    let (d, wide, tokens) = (d as f64, intermediate as f64, length as f64);
    let projections = 2.0 * tokens * (4.0 * d * d + 2.0 * d * wide);
    let attention = 4.0 * tokens * tokens * d;
    3.0 * layers as f64 * (projections + attention)
}
