//! Encoder architectures: the shape and the parameters that a `config.json` describes. Uses neither tensors nor files.
//!
//! What all families share is read once, in [`shape`]. Each family is one file: its keys and defaults, the settings that only it
//! has, and an implementation of [`family::Family`]. Families are listed in `Architecture::parse`.

mod albert;
mod bert;
mod config;
mod deberta_v2;
mod distilbert;
mod electra;
mod encoder;
mod family;
mod modernbert;
mod mpnet;
mod parameter;
mod positions;
mod post_norm;
mod pre_norm;
mod relative;
mod roberta;
mod shape;
mod unsupported;

use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;

use crate::task::Head;

use albert::Albert;
use bert::Bert;
use config::ConfigFile;
use deberta_v2::DebertaV2;
use distilbert::DistilBert;
use electra::Electra;
use family::Family;
use modernbert::ModernBert;
use mpnet::Mpnet;
use parameter::Builder;
use roberta::RobertaKind;
use shape::EncoderShape;

pub use encoder::{Encoder, EncoderKind};
pub use parameter::{Draw, ModelPart, Parameter, Role};
pub use positions::Positions;
pub use post_norm::{
    ClassificationHead, EmbeddingProjection, Gelu, HeadActivation, PostNorm, PostNormEmbeddings, PostNormLayer, RelativePositions,
};
pub use pre_norm::{AttentionSpan, PooledHead, Pooling, PreNorm, PreNormLayer};
pub use relative::RelativeBuckets;
pub use shape::DropoutProbabilities;

/// An encoder with a sequence classification or regression head.
#[derive(Clone, Debug)]
pub struct Architecture {
    file: ConfigFile,
    shape: EncoderShape,
    family: Arc<dyn Family>,
}

impl Architecture {
    /// Parses the text of a `config.json`.
    ///
    /// # Errors
    /// It is not valid JSON, or describes an unsupported encoder.
    pub fn parse(text: &str) -> Result<Self> {
        let file = ConfigFile::parse(text)?;
        let (shape, family) = match file.get("model_type").map_or(Some(bert::MODEL_TYPE), Value::as_str) {
            Some(bert::MODEL_TYPE) => erased(Bert::parse(&file)?),
            Some(distilbert::MODEL_TYPE) => erased(DistilBert::parse(&file)?),
            Some(deberta_v2::MODEL_TYPE) => erased(DebertaV2::parse(&file)?),
            Some(electra::MODEL_TYPE) => erased(Electra::parse(&file)?),
            Some(modernbert::MODEL_TYPE) => erased(ModernBert::parse(&file)?),
            Some(mpnet::MODEL_TYPE) => erased(Mpnet::parse(&file)?),
            Some(albert::MODEL_TYPE) => erased(Albert::parse(&file)?),
            other => match other.and_then(RobertaKind::of_model_type) {
                Some(kind) => erased(kind.parse(&file)?),
                None => return Err(unsupported::explain(&file)),
            },
        };
        Ok(Self { file, shape, family })
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
        self.family.kind()
    }

    fn built(&self, outputs: usize) -> (Vec<Parameter>, Encoder) {
        let mut all = Builder::new(self.shape.initializer_range);
        let encoder = self.family.encoder(&self.shape, &mut all, outputs);
        (all.finish(), encoder)
    }

    /// `model_type` in `config.json`.
    #[must_use]
    pub fn model_type(&self) -> &'static str {
        self.family.names().model_type
    }

    /// The position ids of an input's tokens.
    #[must_use]
    pub fn positions(&self) -> Positions {
        self.shape.positions
    }

    /// Maps a parameter name from a file to the name that transformers uses today. Checkpoints converted from TensorFlow name layer
    /// norm parameters gamma and beta, in every family.
    #[must_use]
    pub fn rename(name: &str) -> String {
        match name.rsplit_once('.') {
            Some((layer, "gamma")) => format!("{layer}.weight"),
            Some((layer, "beta")) => format!("{layer}.bias"),
            _ => name.to_string(),
        }
    }

    /// A parameter's name in a checkpoint saved without a head; `None` for the head's own parameters.
    #[must_use]
    pub fn name_without_prefix<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.family.names().base_model_prefix)
    }

    /// A short description of the shape.
    #[must_use]
    pub fn description(&self) -> String {
        self.family.description(&self.shape)
    }

    /// Width of an attention head.
    #[must_use]
    pub fn head_width(&self) -> usize {
        self.shape.hidden_size / self.shape.num_attention_heads
    }

    /// Vocabulary size.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.shape.vocab_size
    }

    /// Number of segments (`token_type_ids`); 0 if the family has none.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.shape.type_vocab_size
    }

    /// The padding token, which is not trained.
    #[must_use]
    pub fn pad_token(&self) -> Option<u32> {
        self.shape.pad_token_id
    }

    /// The maximum sequence length in tokens.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.shape.max_position_embeddings - self.shape.positions.first() as usize
    }

    /// The dropout probabilities in the checkpoint's configuration.
    #[must_use]
    pub fn dropout(&self) -> DropoutProbabilities {
        self.shape.dropout
    }

    /// Floating-point operations per training step for one example of `length` tokens.
    #[must_use]
    pub fn operations(&self, length: usize) -> f64 {
        self.family.operations(&self.shape, length)
    }

    /// The `config.json` of a fine-tuned checkpoint: the original one, updated for this head.
    #[must_use]
    pub fn config_json(&self, head: &Head) -> Value {
        let names = self.family.names();
        self.file.fine_tuned(names.model_type, names.class, head)
    }

    /// The dtype that transformers would compute in, if it is not f32.
    #[must_use]
    pub fn other_dtype(&self) -> Option<&str> {
        self.file.dtype().filter(|dtype| *dtype != "float32")
    }

    /// The tokenizer class, if the file names one.
    #[must_use]
    pub fn tokenizer_class(&self) -> Option<&str> {
        self.file.text("tokenizer_class")
    }

    /// The problem type of the checkpoint's own head, if it differs from this head's.
    #[must_use]
    pub fn other_problem(&self, head: &Head) -> Option<&str> {
        self.file.text("problem_type").filter(|kind| *kind != head.problem_type())
    }

    /// The problem type of the checkpoint's own head, if the file names it.
    #[must_use]
    pub fn problem_type(&self) -> Option<&str> {
        self.file.text("problem_type")
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
        self.file.labels()
    }
}

/// A parsed family with its type erased.
fn erased<F: Family + 'static>((shape, family): (EncoderShape, F)) -> (EncoderShape, Arc<dyn Family>) {
    (shape, Arc::new(family))
}
