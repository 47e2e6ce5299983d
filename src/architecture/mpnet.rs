//! MPNet (Song et al. 2020), as in transformers' `MPNetForSequenceClassification`.

use anyhow::{Result, ensure};

use super::bert;
use super::config::{ConfigFile, largest};
use super::encoder::Encoder;
use super::family::{Family, FamilyNames};
use super::parameter::{Builder, ModelPart};
use super::positions::Positions;
use super::post_norm::{HeadActivation, PostNorm, PostNormLayer, dense_head};
use super::shape::{DropoutProbabilities, EncoderShape, ShapeKeys};

pub(super) const MODEL_TYPE: &str = "mpnet";

/// The keys and defaults of `MPNetConfig`.
const KEYS: ShapeKeys = ShapeKeys { vocab_size: 30_527, pad_token_id: PADDING, ..bert::KEYS };

/// The padding token and position; transformers does not read `pad_token_id`.
const PADDING: u32 = 1;

/// The number of buckets of relative positions that transformers computes, whatever the size of the table.
const BUCKETS: usize = 32;

/// An MPNet encoder.
#[derive(Debug)]
pub(super) struct Mpnet {
    /// Rows of the table of relative positions.
    relative_attention_num_buckets: usize,
}

impl Mpnet {
    pub fn parse(file: &ConfigFile) -> Result<(EncoderShape, Self)> {
        let rows = file.size("relative_attention_num_buckets", BUCKETS, largest::OTHER)?;
        ensure!(rows >= BUCKETS, "relative_attention_num_buckets is {rows}, but transformers looks up {BUCKETS} buckets");
        let shape = EncoderShape::parse(file, &KEYS)?;
        let (words, positions) = (shape.vocab_size, shape.max_position_embeddings);
        ensure!(words > PADDING as usize, "vocab_size is {words}, too few for the padding token {PADDING}");
        let first = PADDING + 1;
        ensure!(
            positions > first as usize,
            "max_position_embeddings is {positions}, and the first token has the position {first}"
        );
        let shape = EncoderShape {
            positions: Positions::AfterPadding(PADDING),
            pad_token_id: Some(PADDING),
            // transformers reads neither segments nor a probability for the classifier alone.
            type_vocab_size: 0,
            dropout: DropoutProbabilities { classifier: shape.dropout.hidden, ..shape.dropout },
            ..shape
        };
        Ok((shape, Self { relative_attention_num_buckets: rows }))
    }
}

impl Family for Mpnet {
    fn names(&self) -> FamilyNames {
        FamilyNames { model_type: MODEL_TYPE, class: "MPNetForSequenceClassification", base_model_prefix: "mpnet." }
    }

    fn encoder(&self, shape: &EncoderShape, all: &mut Builder, outputs: usize) -> Encoder {
        let (d, wide) = (shape.hidden_size, shape.intermediate_size);
        let embeddings = bert::embeddings(all, "mpnet.embeddings", shape);
        let mut layer = |index| {
            let layer = format!("mpnet.encoder.layer.{index}");
            all.layer(index);
            PostNormLayer {
                query: all.linear(&format!("{layer}.attention.attn.q"), d, d),
                key: all.linear(&format!("{layer}.attention.attn.k"), d, d),
                value: all.linear(&format!("{layer}.attention.attn.v"), d, d),
                position_key: None,
                position_query: None,
                attention_output: all.linear(&format!("{layer}.attention.attn.o"), d, d),
                attention_norm: all.layer_norm(&format!("{layer}.attention.LayerNorm"), d),
                intermediate: all.linear(&format!("{layer}.intermediate.dense"), d, wide),
                output: all.linear(&format!("{layer}.output.dense"), wide, d),
                output_norm: all.layer_norm(&format!("{layer}.output.LayerNorm"), d),
            }
        };
        let layers = (0..shape.num_hidden_layers).map(&mut layer).collect();
        all.part(ModelPart::Encoder);
        let table = [self.relative_attention_num_buckets, shape.num_attention_heads];
        let relative_bias = Some(all.attention_bias("mpnet.encoder.relative_attention_bias", table));
        let head = dense_head(all, d, outputs, HeadActivation::Tanh);
        Encoder::PostNorm(PostNorm { relative_bias, ..PostNorm::like_bert(shape, embeddings, layers, head) })
    }

    fn description(&self, shape: &EncoderShape) -> String {
        shape.description("", ", relative positions")
    }
}
