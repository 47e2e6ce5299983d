//! BERT (Devlin et al. 2019), as in transformers' `BertForSequenceClassification`.

use anyhow::Result;

use super::config::ConfigFile;
use super::encoder::Encoder;
use super::family::{Family, FamilyNames};
use super::parameter::{Builder, ModelPart};
use super::post_norm::{ClassificationHead, HeadActivation, PostNorm, PostNormEmbeddings, PostNormLayer};
use super::shape::{EncoderShape, LayerNormEps, ShapeKeys};

pub(super) const MODEL_TYPE: &str = "bert";

/// The keys and defaults of `BertConfig`.
pub(super) const KEYS: ShapeKeys = ShapeKeys {
    expected: &[("hidden_act", "gelu"), ("position_embedding_type", "absolute")],
    vocab_size: 30_522,
    hidden_size: ("hidden_size", 768),
    num_hidden_layers: ("num_hidden_layers", 12),
    num_attention_heads: ("num_attention_heads", 12),
    intermediate_size: ("intermediate_size", 3072),
    max_position_embeddings: 512,
    type_vocab_size: Some(2),
    layer_norm_eps: LayerNormEps::Key("layer_norm_eps", 1e-12),
    hidden_dropout: ("hidden_dropout_prob", 0.1),
    attention_dropout: ("attention_probs_dropout_prob", 0.1),
    classifier_dropout: ("classifier_dropout", None),
    pad_token_id: 0,
};

/// A BERT encoder.
#[derive(Debug)]
pub(super) struct Bert;

impl Bert {
    pub fn parse(file: &ConfigFile) -> Result<(EncoderShape, Self)> {
        Ok((EncoderShape::parse(file, &KEYS)?, Self))
    }
}

impl Family for Bert {
    fn names(&self) -> FamilyNames {
        FamilyNames { model_type: MODEL_TYPE, class: "BertForSequenceClassification", base_model_prefix: "bert." }
    }

    fn encoder(&self, shape: &EncoderShape, all: &mut Builder, outputs: usize) -> Encoder {
        let d = shape.hidden_size;
        let embeddings = embeddings(all, "bert.embeddings", shape);
        let layers = layers(all, "bert.encoder", shape);
        all.part(ModelPart::Pooler);
        let dense = all.linear("bert.pooler.dense", d, d);
        all.part(ModelPart::Head);
        let output = all.linear("classifier", d, outputs);
        let head = ClassificationHead { has_input_dropout: false, dense, activation: HeadActivation::Tanh, output };
        Encoder::PostNorm(PostNorm::like_bert(shape, embeddings, layers, head))
    }
}

/// Adds the embeddings of BERT and of the families that kept their names; `name` is that of their module.
pub(super) fn embeddings(all: &mut Builder, name: &str, shape: &EncoderShape) -> PostNormEmbeddings {
    let width = shape.embedding_size;
    let (table, padding) = ([shape.max_position_embeddings, width], shape.positions.untrained());
    let segments = [shape.type_vocab_size, width];
    // In torch's order, which is that of evaluation.
    PostNormEmbeddings {
        words: all.word_embedding(&format!("{name}.word_embeddings"), [shape.vocab_size, width], shape.pad_token_id),
        positions: Some(all.position_embedding(&format!("{name}.position_embeddings"), table, padding)),
        segments: (shape.type_vocab_size > 0).then(|| all.embedding(&format!("{name}.token_type_embeddings"), segments)),
        norm: all.layer_norm(&format!("{name}.LayerNorm"), width),
        projection: None,
    }
}

/// Adds the layers of BERT and of the families that kept their names; `encoder` is that of the list's parent.
pub(super) fn layers(all: &mut Builder, encoder: &str, shape: &EncoderShape) -> Vec<PostNormLayer> {
    let (d, wide) = (shape.hidden_size, shape.intermediate_size);
    let mut layer = |index| {
        let layer = format!("{encoder}.layer.{index}");
        all.layer(index);
        // In torch's order, which is that of evaluation.
        PostNormLayer {
            query: all.linear(&format!("{layer}.attention.self.query"), d, d),
            key: all.linear(&format!("{layer}.attention.self.key"), d, d),
            value: all.linear(&format!("{layer}.attention.self.value"), d, d),
            position_key: None,
            position_query: None,
            attention_output: all.linear(&format!("{layer}.attention.output.dense"), d, d),
            attention_norm: all.layer_norm(&format!("{layer}.attention.output.LayerNorm"), d),
            intermediate: all.linear(&format!("{layer}.intermediate.dense"), d, wide),
            output: all.linear(&format!("{layer}.output.dense"), wide, d),
            output_norm: all.layer_norm(&format!("{layer}.output.LayerNorm"), d),
        }
    };
    (0..shape.num_hidden_layers).map(&mut layer).collect()
}
