//! ALBERT (Lan et al. 2020), whose layers share their parameters, as in transformers' `AlbertForSequenceClassification`.

use anyhow::{Result, ensure};

use super::config::{ConfigFile, largest};
use super::family::Family;
use super::parameter::{Builder, ModelPart};
use super::post_norm::{
    ClassificationHead, EmbeddingProjection, Gelu, HeadActivation, PostNorm, PostNormEmbeddings, PostNormLayer,
};
use super::{DropoutProbabilities, Encoder, training_operations};

pub(super) const MODEL_TYPE: &str = "albert";

/// The shape of an ALBERT encoder. The defaults are those of transformers' `AlbertConfig`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlbertConfig {
    vocab_size: usize,
    /// Width of the embeddings.
    embedding_size: usize,
    /// Width of the hidden states.
    hidden_size: usize,
    /// How often a group of layers is applied, in all.
    num_hidden_layers: usize,
    /// Number of groups that have parameters of their own; each serves consecutive layers.
    num_hidden_groups: usize,
    /// Number of layers in a group.
    inner_group_num: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    activation: Gelu,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f64,
    hidden_dropout_prob: f64,
    attention_probs_dropout_prob: f64,
    classifier_dropout_prob: f64,
    initializer_range: f64,
    pad_token_id: Option<u32>,
    file: ConfigFile,
}

impl AlbertConfig {
    pub(super) fn parse(file: ConfigFile) -> Result<Self> {
        file.expect("position_embedding_type", "absolute")?;
        file.expect_plain_encoder()?;
        let vocab_size = file.size("vocab_size", 30_000, largest::VOCABULARY)?;
        let config = Self {
            vocab_size,
            embedding_size: file.size("embedding_size", 128, largest::WIDTH)?,
            hidden_size: file.size("hidden_size", 4096, largest::WIDTH)?,
            num_hidden_layers: file.size("num_hidden_layers", 12, largest::LAYERS)?,
            num_hidden_groups: file.size("num_hidden_groups", 1, largest::LAYERS)?,
            inner_group_num: file.size("inner_group_num", 1, largest::LAYERS)?,
            num_attention_heads: file.size("num_attention_heads", 64, largest::OTHER)?,
            intermediate_size: file.size("intermediate_size", 16_384, largest::OTHER)?,
            activation: file.gelu("hidden_act", Gelu::Tanh)?,
            max_position_embeddings: file.size("max_position_embeddings", 512, largest::POSITIONS)?,
            type_vocab_size: file.size("type_vocab_size", 2, largest::OTHER)?,
            layer_norm_eps: file.small("layer_norm_eps", 1e-12)?,
            hidden_dropout_prob: file.probability("hidden_dropout_prob", 0.0)?,
            attention_probs_dropout_prob: file.probability("attention_probs_dropout_prob", 0.0)?,
            classifier_dropout_prob: file.probability("classifier_dropout_prob", 0.1)?,
            initializer_range: file.small("initializer_range", 0.02)?,
            pad_token_id: file.pad_token(0, vocab_size)?,
            file,
        };
        let (d, heads) = (config.hidden_size, config.num_attention_heads);
        ensure!(d.is_multiple_of(heads), "hidden_size {d} is not divisible by num_attention_heads {heads}");
        let (layers, groups) = (config.num_hidden_layers, config.num_hidden_groups);
        ensure!(groups <= layers, "num_hidden_groups is {groups}, but there are only {layers} layers to use them");
        Ok(config)
    }

    /// The group that each layer uses, computed as in transformers.
    fn groups(&self) -> impl Iterator<Item = usize> {
        let layers_per_group = self.num_hidden_layers as f64 / self.num_hidden_groups as f64;
        let last = self.num_hidden_groups - 1;
        (0..self.num_hidden_layers).map(move |layer| ((layer as f64 / layers_per_group) as usize).min(last))
    }
}

impl Family for AlbertConfig {
    fn file(&self) -> &ConfigFile {
        &self.file
    }

    fn model_type(&self) -> &'static str {
        MODEL_TYPE
    }

    fn class(&self) -> &'static str {
        "AlbertForSequenceClassification"
    }

    fn base_model_prefix(&self) -> &'static str {
        "albert."
    }

    fn encoder(&self, all: &mut Builder, outputs: usize) -> Encoder {
        let (d, narrow, wide) = (self.hidden_size, self.embedding_size, self.intermediate_size);
        let words = all.word_embedding("albert.embeddings.word_embeddings", [self.vocab_size, narrow], self.pad_token_id);
        let table = [self.max_position_embeddings, narrow];
        let positions = all.position_embedding("albert.embeddings.position_embeddings", table, None);
        let segments = all.embedding("albert.embeddings.token_type_embeddings", [self.type_vocab_size, narrow]);
        let norm = all.layer_norm("albert.embeddings.LayerNorm", narrow);
        let projection = all.linear("albert.encoder.embedding_hidden_mapping_in", narrow, d);
        let mut layer = |group: usize, inner: usize| {
            let layer = format!("albert.encoder.albert_layer_groups.{group}.albert_layers.{inner}");
            all.layer(group * self.inner_group_num + inner);
            // In torch's order, which is not that of evaluation.
            let output_norm = all.layer_norm(&format!("{layer}.full_layer_layer_norm"), d);
            PostNormLayer {
                query: all.linear(&format!("{layer}.attention.query"), d, d),
                key: all.linear(&format!("{layer}.attention.key"), d, d),
                value: all.linear(&format!("{layer}.attention.value"), d, d),
                attention_output: all.linear(&format!("{layer}.attention.dense"), d, d),
                attention_norm: all.layer_norm(&format!("{layer}.attention.LayerNorm"), d),
                intermediate: all.linear(&format!("{layer}.ffn"), d, wide),
                output: all.linear(&format!("{layer}.ffn_output"), wide, d),
                output_norm,
                position_key: None,
                position_query: None,
            }
        };
        let groups: Vec<Vec<PostNormLayer>> = (0..self.num_hidden_groups)
            .map(|group| (0..self.inner_group_num).map(|inner| layer(group, inner)).collect())
            .collect();
        all.part(ModelPart::Pooler);
        let dense = all.linear("albert.pooler", d, d);
        all.part(ModelPart::Head);
        let output = all.linear("classifier", d, outputs);
        Encoder::PostNorm(PostNorm {
            embeddings: PostNormEmbeddings {
                words,
                positions: Some(positions),
                segments: Some(segments),
                norm,
                projection: Some(EmbeddingProjection::AfterNorm(projection)),
            },
            layers: self.groups().flat_map(|group| groups[group].clone()).collect(),
            head: ClassificationHead { has_input_dropout: false, dense, activation: HeadActivation::Tanh, output },
            heads: self.num_attention_heads,
            epsilon: self.layer_norm_eps,
            has_attention_output_dropout: true,
            has_feed_forward_dropout: false,
            activation: self.activation,
            relative_bias: None,
            relative_positions: None,
        })
    }

    fn initializer_range(&self) -> f64 {
        self.initializer_range
    }

    fn description(&self) -> String {
        let (own, applied) = (self.num_hidden_groups * self.inner_group_num, self.num_hidden_layers * self.inner_group_num);
        format!(
            "{applied} layers that share the parameters of {own}, width {}, {} heads, embeddings of width {}",
            self.hidden_size, self.num_attention_heads, self.embedding_size
        )
    }

    fn vocabulary(&self) -> usize {
        self.vocab_size
    }

    fn segments(&self) -> usize {
        self.type_vocab_size
    }

    fn pad_token(&self) -> Option<u32> {
        self.pad_token_id
    }

    fn longest(&self) -> usize {
        self.max_position_embeddings
    }

    fn dropout(&self) -> DropoutProbabilities {
        DropoutProbabilities {
            hidden: self.hidden_dropout_prob,
            attention: self.attention_probs_dropout_prob,
            classifier: self.classifier_dropout_prob,
        }
    }

    fn operations(&self, length: usize) -> f64 {
        training_operations(self.num_hidden_layers * self.inner_group_num, self.hidden_size, self.intermediate_size, length)
    }
}
