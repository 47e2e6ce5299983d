//! ALBERT (Lan et al. 2020), whose layers share their parameters, as in transformers' `AlbertForSequenceClassification`.

use anyhow::{Result, bail, ensure};

use super::bert;
use super::config::{ConfigFile, largest};
use super::encoder::Encoder;
use super::family::{Family, FamilyNames};
use super::parameter::{Builder, ModelPart};
use super::post_norm::{ClassificationHead, EmbeddingProjection, Gelu, HeadActivation, PostNorm, PostNormLayer};
use super::shape::{EncoderShape, ShapeKeys};

pub(super) const MODEL_TYPE: &str = "albert";

/// The keys and defaults of `AlbertConfig`.
const KEYS: ShapeKeys = ShapeKeys {
    expected: &[("position_embedding_type", "absolute")],
    vocab_size: 30_000,
    hidden_size: ("hidden_size", 4096),
    num_attention_heads: ("num_attention_heads", 64),
    intermediate_size: ("intermediate_size", 16_384),
    hidden_dropout: ("hidden_dropout_prob", 0.0),
    attention_dropout: ("attention_probs_dropout_prob", 0.0),
    classifier_dropout: ("classifier_dropout_prob", Some(0.1)),
    ..bert::KEYS
};

/// An ALBERT encoder.
#[derive(Debug)]
pub(super) struct Albert {
    /// Number of groups that have parameters of their own; each serves consecutive layers.
    num_hidden_groups: usize,
    /// Number of layers in a group.
    inner_group_num: usize,
    activation: Gelu,
}

impl Albert {
    pub fn parse(file: &ConfigFile) -> Result<(EncoderShape, Self)> {
        let shape = EncoderShape::parse(file, &KEYS)?;
        let layers = shape.num_hidden_layers;
        let albert = Self {
            num_hidden_groups: file.size("num_hidden_groups", 1, largest::LAYERS)?,
            inner_group_num: file.size("inner_group_num", 1, largest::LAYERS)?,
            activation: activation(file)?,
        };
        let groups = albert.num_hidden_groups;
        ensure!(groups <= layers, "num_hidden_groups is {groups}, but there are only {layers} layers to use them");
        let embedding_size = file.size("embedding_size", 128, largest::WIDTH)?;
        // In the file, it is how often a group is applied.
        let num_hidden_layers = layers * albert.inner_group_num;
        Ok((EncoderShape { embedding_size, num_hidden_layers, ..shape }, albert))
    }

    /// The groups in the order in which they are applied, computed as in transformers.
    fn applied_groups(&self, shape: &EncoderShape) -> impl Iterator<Item = usize> {
        let applied = shape.num_hidden_layers / self.inner_group_num;
        let each = applied as f64 / self.num_hidden_groups as f64;
        let last = self.num_hidden_groups - 1;
        (0..applied).map(move |index| ((index as f64 / each) as usize).min(last))
    }
}

/// The activation function of the feed-forward layers, one of the two kinds of GELU.
fn activation(file: &ConfigFile) -> Result<Gelu> {
    match file.get("hidden_act").map(|value| (value, value.as_str())) {
        None | Some((_, Some("gelu_new" | "gelu_pytorch_tanh"))) => Ok(Gelu::Tanh),
        Some((_, Some("gelu"))) => Ok(Gelu::Exact),
        Some((value, _)) => bail!("hidden_act is {value}, and only \"gelu\" and \"gelu_new\" are known"),
    }
}

impl Family for Albert {
    fn names(&self) -> FamilyNames {
        FamilyNames { model_type: MODEL_TYPE, class: "AlbertForSequenceClassification", base_model_prefix: "albert." }
    }

    fn encoder(&self, shape: &EncoderShape, all: &mut Builder, outputs: usize) -> Encoder {
        let (d, narrow, wide) = (shape.hidden_size, shape.embedding_size, shape.intermediate_size);
        let mut embeddings = bert::embeddings(all, "albert.embeddings", shape);
        let projection = all.linear("albert.encoder.embedding_hidden_mapping_in", narrow, d);
        embeddings.projection = Some(EmbeddingProjection::AfterNorm(projection));
        let mut layer = |group: usize, inner: usize| {
            let layer = format!("albert.encoder.albert_layer_groups.{group}.albert_layers.{inner}");
            all.layer(group * self.inner_group_num + inner);
            // In torch's order, which is not that of evaluation.
            let output_norm = all.layer_norm(&format!("{layer}.full_layer_layer_norm"), d);
            PostNormLayer {
                query: all.linear(&format!("{layer}.attention.query"), d, d),
                key: all.linear(&format!("{layer}.attention.key"), d, d),
                value: all.linear(&format!("{layer}.attention.value"), d, d),
                position_key: None,
                position_query: None,
                attention_output: all.linear(&format!("{layer}.attention.dense"), d, d),
                attention_norm: all.layer_norm(&format!("{layer}.attention.LayerNorm"), d),
                intermediate: all.linear(&format!("{layer}.ffn"), d, wide),
                output: all.linear(&format!("{layer}.ffn_output"), wide, d),
                output_norm,
            }
        };
        let groups: Vec<Vec<PostNormLayer>> = (0..self.num_hidden_groups)
            .map(|group| (0..self.inner_group_num).map(|inner| layer(group, inner)).collect())
            .collect();
        let layers = self.applied_groups(shape).flat_map(|group| groups[group].clone()).collect();
        all.part(ModelPart::Pooler);
        let dense = all.linear("albert.pooler", d, d);
        all.part(ModelPart::Head);
        let output = all.linear("classifier", d, outputs);
        let head = ClassificationHead { has_input_dropout: false, dense, activation: HeadActivation::Tanh, output };
        let encoder = PostNorm::like_bert(shape, embeddings, layers, head);
        Encoder::PostNorm(PostNorm { has_feed_forward_dropout: false, activation: self.activation, ..encoder })
    }

    fn description(&self, shape: &EncoderShape) -> String {
        let own = self.num_hidden_groups * self.inner_group_num;
        let embeddings = format!(", embeddings of width {}", shape.embedding_size);
        shape.description(&format!(" that share the parameters of {own}"), &embeddings)
    }
}
