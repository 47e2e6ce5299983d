//! ELECTRA discriminators (Clark et al. 2020), as in transformers' `ElectraForSequenceClassification`.

use anyhow::Result;

use super::bert::{BertConfig, Defaults};
use super::config::{ConfigFile, largest};
use super::family::Family;
use super::parameter::Builder;
use super::post_norm::{EmbeddingProjection, Gelu, HeadActivation, PostNorm, PostNormEmbeddings, bert_layers, dense_head};
use super::{DropoutProbabilities, Encoder};

pub(super) const MODEL_TYPE: &str = "electra";

/// The defaults of `ElectraConfig`, the small model.
const SMALL: Defaults =
    Defaults { vocab_size: 30_522, hidden_size: 256, num_attention_heads: 4, intermediate_size: 1024, pad_token_id: 0 };

/// An ELECTRA encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct ElectraConfig {
    shape: BertConfig,
    /// Width of the embeddings, which may be smaller than that of the hidden states.
    embedding_size: usize,
}

impl ElectraConfig {
    pub(super) fn parse(file: ConfigFile) -> Result<Self> {
        let embedding_size = file.size("embedding_size", 128, largest::WIDTH)?;
        Ok(Self { shape: BertConfig::with_defaults(file, &SMALL)?, embedding_size })
    }
}

impl Family for ElectraConfig {
    fn file(&self) -> &ConfigFile {
        &self.shape.file
    }

    fn model_type(&self) -> &'static str {
        MODEL_TYPE
    }

    fn class(&self) -> &'static str {
        "ElectraForSequenceClassification"
    }

    fn base_model_prefix(&self) -> &'static str {
        "electra."
    }

    fn encoder(&self, all: &mut Builder, outputs: usize) -> Encoder {
        let (shape, d, narrow) = (&self.shape, self.shape.hidden_size, self.embedding_size);
        let words = all.word_embedding("electra.embeddings.word_embeddings", [shape.vocab_size, narrow], shape.pad_token_id);
        let table = [shape.max_position_embeddings, narrow];
        let positions = all.position_embedding("electra.embeddings.position_embeddings", table, None);
        let segments = all.embedding("electra.embeddings.token_type_embeddings", [shape.type_vocab_size, narrow]);
        let norm = all.layer_norm("electra.embeddings.LayerNorm", narrow);
        let projection =
            (narrow != d).then(|| EmbeddingProjection::AfterNorm(all.linear("electra.embeddings_project", narrow, d)));
        Encoder::PostNorm(PostNorm {
            embeddings: PostNormEmbeddings { words, positions: Some(positions), segments: Some(segments), norm, projection },
            layers: bert_layers(all, "electra.encoder", shape.layer_sizes()),
            relative_positions: None,
            head: dense_head(all, d, outputs, HeadActivation::Gelu),
            heads: shape.num_attention_heads,
            epsilon: shape.layer_norm_eps,
            has_attention_output_dropout: true,
            has_feed_forward_dropout: true,
            activation: Gelu::Exact,
            relative_bias: None,
        })
    }

    fn initializer_range(&self) -> f64 {
        self.shape.initializer_range
    }

    fn description(&self) -> String {
        format!("{}, embeddings of width {}", self.shape.description(), self.embedding_size)
    }

    fn vocabulary(&self) -> usize {
        self.shape.vocabulary()
    }

    fn segments(&self) -> usize {
        self.shape.segments()
    }

    fn pad_token(&self) -> Option<u32> {
        self.shape.pad_token()
    }

    fn longest(&self) -> usize {
        self.shape.longest()
    }

    fn dropout(&self) -> DropoutProbabilities {
        self.shape.dropout()
    }

    fn operations(&self, length: usize) -> f64 {
        self.shape.operations(length)
    }
}
