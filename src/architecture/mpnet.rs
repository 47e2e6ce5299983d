//! MPNet (Song et al. 2020), as in transformers' `MPNetForSequenceClassification`.

use anyhow::{Result, ensure};

use super::bert::{BertConfig, Defaults};
use super::config::{ConfigFile, largest};
use super::family::Family;
use super::parameter::{Builder, ModelPart};
use super::post_norm::{Gelu, HeadActivation, PostNorm, PostNormEmbeddings, PostNormLayer, dense_head};
use super::{DropoutProbabilities, Encoder, Positions};

pub(super) const MODEL_TYPE: &str = "mpnet";

/// The defaults of `MPNetConfig`.
const MPNET: Defaults =
    Defaults { vocab_size: 30_527, hidden_size: 768, num_attention_heads: 12, intermediate_size: 3072, pad_token_id: PADDING };

/// The padding token and position; transformers does not read `pad_token_id`.
const PADDING: u32 = 1;

/// The number of buckets of relative positions that transformers computes, whatever the size of the table.
const BUCKETS: usize = 32;

/// An MPNet encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct MpnetConfig {
    shape: BertConfig,
    /// Rows of the table of relative positions.
    relative_attention_num_buckets: usize,
}

impl MpnetConfig {
    pub(super) fn parse(file: ConfigFile) -> Result<Self> {
        let rows = file.size("relative_attention_num_buckets", BUCKETS, largest::OTHER)?;
        ensure!(rows >= BUCKETS, "relative_attention_num_buckets is {rows}, but transformers looks up {BUCKETS} buckets");
        let shape = BertConfig::with_defaults(file, &MPNET)?;
        let (words, positions) = (shape.vocab_size, shape.max_position_embeddings);
        ensure!(words > PADDING as usize, "vocab_size is {words}, too few for the padding token {PADDING}");
        let first = PADDING + 1;
        ensure!(
            positions > first as usize,
            "max_position_embeddings is {positions}, and the first token has the position {first}"
        );
        Ok(Self { shape, relative_attention_num_buckets: rows })
    }
}

impl Family for MpnetConfig {
    fn file(&self) -> &ConfigFile {
        &self.shape.file
    }

    fn model_type(&self) -> &'static str {
        MODEL_TYPE
    }

    fn class(&self) -> &'static str {
        "MPNetForSequenceClassification"
    }

    fn base_model_prefix(&self) -> &'static str {
        "mpnet."
    }

    fn encoder(&self, all: &mut Builder, outputs: usize) -> Encoder {
        let (shape, d, wide) = (&self.shape, self.shape.hidden_size, self.shape.intermediate_size);
        let embeddings = PostNormEmbeddings {
            words: all.word_embedding("mpnet.embeddings.word_embeddings", [shape.vocab_size, d], Some(PADDING)),
            positions: Some(all.position_embedding(
                "mpnet.embeddings.position_embeddings",
                [shape.max_position_embeddings, d],
                Some(PADDING),
            )),
            segments: None,
            norm: all.layer_norm("mpnet.embeddings.LayerNorm", d),
            projection: None,
        };
        let mut layer = |index| {
            let layer = format!("mpnet.encoder.layer.{index}");
            all.layer(index);
            PostNormLayer {
                query: all.linear(&format!("{layer}.attention.attn.q"), d, d),
                key: all.linear(&format!("{layer}.attention.attn.k"), d, d),
                value: all.linear(&format!("{layer}.attention.attn.v"), d, d),
                attention_output: all.linear(&format!("{layer}.attention.attn.o"), d, d),
                attention_norm: all.layer_norm(&format!("{layer}.attention.LayerNorm"), d),
                intermediate: all.linear(&format!("{layer}.intermediate.dense"), d, wide),
                output: all.linear(&format!("{layer}.output.dense"), wide, d),
                output_norm: all.layer_norm(&format!("{layer}.output.LayerNorm"), d),
                position_key: None,
                position_query: None,
            }
        };
        let layers = (0..shape.num_hidden_layers).map(&mut layer).collect();
        all.part(ModelPart::Encoder);
        let table = [self.relative_attention_num_buckets, shape.num_attention_heads];
        let relative_bias = all.attention_bias("mpnet.encoder.relative_attention_bias", table);
        Encoder::PostNorm(PostNorm {
            embeddings,
            layers,
            head: dense_head(all, d, outputs, HeadActivation::Tanh),
            heads: shape.num_attention_heads,
            epsilon: shape.layer_norm_eps,
            has_attention_output_dropout: true,
            has_feed_forward_dropout: true,
            activation: Gelu::Exact,
            relative_bias: Some(relative_bias),
            relative_positions: None,
        })
    }

    fn initializer_range(&self) -> f64 {
        self.shape.initializer_range
    }

    fn positions(&self) -> Positions {
        Positions::AfterPadding(PADDING)
    }

    fn description(&self) -> String {
        format!("{}, relative positions", self.shape.description())
    }

    fn vocabulary(&self) -> usize {
        self.shape.vocabulary()
    }

    fn segments(&self) -> usize {
        0
    }

    fn pad_token(&self) -> Option<u32> {
        Some(PADDING)
    }

    fn longest(&self) -> usize {
        self.shape.max_position_embeddings - PADDING as usize - 1
    }

    fn dropout(&self) -> DropoutProbabilities {
        let hidden = self.shape.hidden_dropout_prob;
        DropoutProbabilities { hidden, attention: self.shape.attention_probs_dropout_prob, classifier: hidden }
    }

    fn operations(&self, length: usize) -> f64 {
        self.shape.operations(length)
    }
}
