//! Encoders that normalize after each residual sum (Vaswani et al. 2017), as BERT does: the names of their parameters, and where
//! they differ from each other.

use super::parameter::{Builder, ModelPart};
use super::relative::RelativeBuckets;
use super::shape::EncoderShape;

/// An encoder of post-norm layers with a classification head on the first token. Strings are names of parameters, without
/// `.weight` and `.bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct PostNorm {
    pub embeddings: PostNormEmbeddings,
    pub layers: Vec<PostNormLayer>,
    /// Relative positions that attention scores depend on, too.
    pub relative_positions: Option<RelativePositions>,
    pub head: ClassificationHead,
    /// Number of attention heads.
    pub heads: usize,
    /// Epsilon added to the variance in every layer norm.
    pub epsilon: f64,
    /// Whether dropout follows the output projection of attention.
    pub has_attention_output_dropout: bool,
    /// Whether dropout follows the feed-forward layers.
    pub has_feed_forward_dropout: bool,
    /// The activation function of the feed-forward layers.
    pub activation: Gelu,
    /// The table that all layers add to attention scores by relative position, `[buckets, heads]`, if the family has one.
    pub relative_bias: Option<String>,
}

/// The sum of embeddings, normalized.
#[derive(Clone, Debug, PartialEq)]
pub struct PostNormEmbeddings {
    pub words: String,
    /// Absent if the family has no absolute positions.
    pub positions: Option<String>,
    /// Absent if the family has no segments.
    pub segments: Option<String>,
    pub norm: String,
    /// The linear layer from the width of the embeddings to that of the hidden states, if they differ.
    pub projection: Option<EmbeddingProjection>,
}

/// Where a linear layer widens the embeddings.
#[derive(Clone, Debug, PartialEq)]
pub enum EmbeddingProjection {
    /// Without a bias.
    BeforeNorm(String),
    AfterNorm(String),
}

/// The positions of tokens relative to each other.
#[derive(Clone, Debug, PartialEq)]
pub struct RelativePositions {
    /// A row per bucket of distances.
    pub table: String,
    /// Absent if the table is used as it is.
    pub norm: Option<String>,
    pub buckets: RelativeBuckets,
}

/// The parameters of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct PostNormLayer {
    pub query: String,
    pub key: String,
    pub value: String,
    /// Projects relative positions for scores with queries; may be that of the keys.
    pub position_key: Option<String>,
    /// Projects relative positions for scores with keys; may be that of the queries.
    pub position_query: Option<String>,
    pub attention_output: String,
    pub attention_norm: String,
    pub intermediate: String,
    pub output: String,
    pub output_norm: String,
}

/// The layers from the first token's hidden state to the outputs: a dense layer with an activation, dropout, and a linear layer.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassificationHead {
    /// Whether dropout precedes the dense layer, too.
    pub has_input_dropout: bool,
    pub dense: String,
    pub activation: HeadActivation,
    pub output: String,
}

/// The activation function between the two layers of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadActivation {
    Tanh,
    /// The exact GELU.
    Gelu,
    Relu,
}

/// The Gaussian error linear unit x · Φ(x) (Hendrycks and Gimpel 2016).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gelu {
    /// By the error function.
    Exact,
    /// By the hyperbolic tangent: transformers' `gelu_new`, torch's `approximate="tanh"`.
    Tanh,
}

impl PostNorm {
    /// An encoder like BERT but for names and sizes; a family overrides what else differs.
    pub(super) fn like_bert(
        shape: &EncoderShape,
        embeddings: PostNormEmbeddings,
        layers: Vec<PostNormLayer>,
        head: ClassificationHead,
    ) -> Self {
        Self {
            embeddings,
            layers,
            relative_positions: None,
            head,
            heads: shape.num_attention_heads,
            epsilon: shape.layer_norm_eps,
            has_attention_output_dropout: true,
            has_feed_forward_dropout: true,
            activation: Gelu::Exact,
            relative_bias: None,
        }
    }
}

/// Adds the head of RoBERTa, ELECTRA and MPNet, `classifier.dense` and `classifier.out_proj`.
pub(super) fn dense_head(all: &mut Builder, hidden: usize, outputs: usize, activation: HeadActivation) -> ClassificationHead {
    all.part(ModelPart::Pooler);
    let dense = all.linear("classifier.dense", hidden, hidden);
    all.part(ModelPart::Head);
    let output = all.linear("classifier.out_proj", hidden, outputs);
    ClassificationHead { has_input_dropout: true, dense, activation, output }
}
