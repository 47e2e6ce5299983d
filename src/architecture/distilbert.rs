//! DistilBERT (Sanh et al. 2019), as in transformers' `DistilBertForSequenceClassification`.

use anyhow::Result;

use super::bert;
use super::config::ConfigFile;
use super::encoder::Encoder;
use super::family::{Family, FamilyNames};
use super::parameter::{Builder, ModelPart};
use super::post_norm::{ClassificationHead, HeadActivation, PostNorm, PostNormLayer};
use super::shape::{EncoderShape, LayerNormEps, ShapeKeys};

pub(super) const MODEL_TYPE: &str = "distilbert";

/// The keys and defaults of `DistilBertConfig`.
const KEYS: ShapeKeys = ShapeKeys {
    expected: &[("activation", "gelu")],
    hidden_size: ("dim", 768),
    num_hidden_layers: ("n_layers", 6),
    num_attention_heads: ("n_heads", 12),
    intermediate_size: ("hidden_dim", 3072),
    type_vocab_size: None,
    layer_norm_eps: LayerNormEps::Fixed(1e-12),
    hidden_dropout: ("dropout", 0.1),
    attention_dropout: ("attention_dropout", 0.1),
    classifier_dropout: ("seq_classif_dropout", Some(0.2)),
    ..bert::KEYS
};

/// A DistilBERT encoder.
#[derive(Debug)]
pub(super) struct DistilBert;

impl DistilBert {
    pub fn parse(file: &ConfigFile) -> Result<(EncoderShape, Self)> {
        file.expect_false("sinusoidal_pos_embds", "position embeddings that are not trained")?;
        Ok((EncoderShape::parse(file, &KEYS)?, Self))
    }
}

impl Family for DistilBert {
    fn names(&self) -> FamilyNames {
        FamilyNames { model_type: MODEL_TYPE, class: "DistilBertForSequenceClassification", base_model_prefix: "distilbert." }
    }

    fn encoder(&self, shape: &EncoderShape, all: &mut Builder, outputs: usize) -> Encoder {
        let (d, wide) = (shape.hidden_size, shape.intermediate_size);
        let embeddings = bert::embeddings(all, "distilbert.embeddings", shape);
        let mut layer = |index| {
            let layer = format!("distilbert.transformer.layer.{index}");
            all.layer(index);
            PostNormLayer {
                query: all.linear(&format!("{layer}.attention.q_lin"), d, d),
                key: all.linear(&format!("{layer}.attention.k_lin"), d, d),
                value: all.linear(&format!("{layer}.attention.v_lin"), d, d),
                position_key: None,
                position_query: None,
                attention_output: all.linear(&format!("{layer}.attention.out_lin"), d, d),
                attention_norm: all.layer_norm(&format!("{layer}.sa_layer_norm"), d),
                intermediate: all.linear(&format!("{layer}.ffn.lin1"), d, wide),
                output: all.linear(&format!("{layer}.ffn.lin2"), wide, d),
                output_norm: all.layer_norm(&format!("{layer}.output_layer_norm"), d),
            }
        };
        let layers = (0..shape.num_hidden_layers).map(&mut layer).collect();
        all.part(ModelPart::Pooler);
        let dense = all.linear("pre_classifier", d, d);
        all.part(ModelPart::Head);
        let output = all.linear("classifier", d, outputs);
        let head = ClassificationHead { has_input_dropout: false, dense, activation: HeadActivation::Relu, output };
        let encoder = PostNorm::like_bert(shape, embeddings, layers, head);
        Encoder::PostNorm(PostNorm { has_attention_output_dropout: false, ..encoder })
    }
}
