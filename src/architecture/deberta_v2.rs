//! DeBERTa-v2 and v3 (He et al. 2021, 2023) and mDeBERTa, as in transformers' `DebertaV2ForSequenceClassification`.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::config::{ConfigFile, largest};
use super::family::Family;
use super::parameter::{Builder, ModelPart};
use super::post_norm::{
    ClassificationHead, EmbeddingProjection, Gelu, HeadActivation, PostNorm, PostNormEmbeddings, PostNormLayer, RelativePositions,
};
use super::relative::RelativeBuckets;
use super::{DropoutProbabilities, Encoder, Positions, training_operations};

pub(super) const MODEL_TYPE: &str = "deberta-v2";

/// The shape of a DeBERTa encoder.
///
/// The defaults are those of transformers' `DebertaV2Config`.
// The same flags as in the file.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, PartialEq)]
pub struct DebertaV2Config {
    vocab_size: usize,
    /// Width of the hidden states.
    hidden_size: usize,
    /// Width of the embeddings.
    embedding_size: usize,
    num_hidden_layers: usize,
    /// Number of attention heads; divides `hidden_size`.
    num_attention_heads: usize,
    intermediate_size: usize,
    /// Number of absolute positions, whether they have a table or not.
    max_position_embeddings: usize,
    /// Number of segment embeddings, which may be 0.
    type_vocab_size: usize,
    /// Whether the embeddings include absolute positions.
    position_biased_input: bool,
    buckets: RelativeBuckets,
    /// `norm_rel_ebd`: whether the table of relative positions is normalized.
    normalizes_relative_positions: bool,
    /// Whether relative positions are projected by the layer's own `query_proj` and `key_proj`.
    share_att_key: bool,
    /// `c2p` in `pos_att_type`: scores of a query with the relative position of the key.
    content_to_position: bool,
    /// `p2c` in `pos_att_type`: scores of a key with the relative position of the query.
    position_to_content: bool,
    layer_norm_eps: f64,
    hidden_dropout_prob: f64,
    attention_probs_dropout_prob: f64,
    /// Dropout probability before the output layer; if absent, that of the hidden states.
    cls_dropout: Option<f64>,
    initializer_range: f64,
    pad_token_id: Option<u32>,
    file: ConfigFile,
}

impl DebertaV2Config {
    pub(super) fn parse(file: ConfigFile) -> Result<Self> {
        file.expect("hidden_act", "gelu")?;
        file.expect("pooler_hidden_act", "gelu")?;
        file.expect_plain_encoder()?;
        refuse(&file)?;
        let vocab_size = file.size("vocab_size", 128_100, largest::VOCABULARY)?;
        let hidden_size = file.size("hidden_size", 1536, largest::WIDTH)?;
        let max_position_embeddings = file.size("max_position_embeddings", 512, largest::POSITIONS)?;
        let [content_to_position, position_to_content] = attention_types(&file)?;
        let cls_dropout = file.get("cls_dropout").map(|_| file.probability("cls_dropout", 0.0)).transpose()?;
        let norms = file.text("norm_rel_ebd").unwrap_or("none").to_lowercase();
        let config = Self {
            vocab_size,
            hidden_size,
            embedding_size: file.size("embedding_size", hidden_size, largest::WIDTH)?,
            num_hidden_layers: file.size("num_hidden_layers", 24, largest::LAYERS)?,
            num_attention_heads: file.size("num_attention_heads", 24, largest::OTHER)?,
            intermediate_size: file.size("intermediate_size", 6144, largest::OTHER)?,
            max_position_embeddings,
            type_vocab_size: file.size_or_none("type_vocab_size", largest::OTHER)?,
            position_biased_input: file.flag("position_biased_input", true)?,
            buckets: buckets(&file, max_position_embeddings)?,
            normalizes_relative_positions: norms.split('|').any(|norm| norm.trim() == "layer_norm"),
            share_att_key: file.flag("share_att_key", false)?,
            content_to_position,
            position_to_content,
            layer_norm_eps: file.small("layer_norm_eps", 1e-7)?,
            hidden_dropout_prob: file.probability("hidden_dropout_prob", 0.1)?,
            attention_probs_dropout_prob: file.probability("attention_probs_dropout_prob", 0.1)?,
            cls_dropout,
            initializer_range: file.small("initializer_range", 0.02)?,
            pad_token_id: file.pad_token(0, vocab_size)?,
            file,
        };
        let (d, heads) = (config.hidden_size, config.num_attention_heads);
        ensure!(d.is_multiple_of(heads), "hidden_size {d} is not divisible by num_attention_heads {heads}");
        for (key, implied) in [("pooler_hidden_size", d), ("attention_head_size", d / heads)] {
            let found = config.file.size(key, implied, largest::WIDTH)?;
            ensure!(found == implied, "{key} is {found}, and only {implied} fits hidden_size and num_attention_heads");
        }
        Ok(config)
    }

    fn layer(&self, all: &mut Builder, index: usize) -> PostNormLayer {
        let (d, wide) = (self.hidden_size, self.intermediate_size);
        let layer = format!("deberta.encoder.layer.{index}");
        all.layer(index);
        let attention = |name: &str| format!("{layer}.attention.self.{name}");
        let [query, key, value] = ["query_proj", "key_proj", "value_proj"].map(|name| all.linear(&attention(name), d, d));
        let mut position = |is_used: bool, shared: &String, own: &str| {
            is_used.then(|| if self.share_att_key { shared.clone() } else { all.linear(&attention(own), d, d) })
        };
        let position_key = position(self.content_to_position, &key, "pos_key_proj");
        let position_query = position(self.position_to_content, &query, "pos_query_proj");
        PostNormLayer {
            query,
            key,
            value,
            position_key,
            position_query,
            attention_output: all.linear(&format!("{layer}.attention.output.dense"), d, d),
            attention_norm: all.layer_norm(&format!("{layer}.attention.output.LayerNorm"), d),
            intermediate: all.linear(&format!("{layer}.intermediate.dense"), d, wide),
            output: all.linear(&format!("{layer}.output.dense"), wide, d),
            output_norm: all.layer_norm(&format!("{layer}.output.LayerNorm"), d),
        }
    }
}

/// Rejects variants of the model.
fn refuse(file: &ConfigFile) -> Result<()> {
    ensure!(
        file.flag("relative_attention", false)?,
        "relative_attention is false or absent, and only DeBERTa with relative positions is supported"
    );
    let kernel = file.get("conv_kernel_size").unwrap_or(&Value::Null);
    ensure!(
        kernel.is_null() || kernel == 0,
        "conv_kernel_size is {kernel}: a convolution beside the first layer, as in deberta-v2-xlarge and -xxlarge, is not supported. \
         Choose a checkpoint without it, such as microsoft/deberta-v3-large"
    );
    let pooler_dropout = file.probability("pooler_dropout", 0.0)?;
    ensure!(
        pooler_dropout == 0.0,
        "pooler_dropout is {pooler_dropout}: dropout before the pooler is not supported. Set it to 0, as in every published DeBERTa-v3"
    );
    Ok(())
}

/// Reads `pos_att_type`, names in a list or joined by `|`: whether it has `c2p` and `p2c`.
fn attention_types(file: &ConfigFile) -> Result<[bool; 2]> {
    const KNOWN: [&str; 2] = ["c2p", "p2c"];
    let value = file.get("pos_att_type").unwrap_or(&Value::Null);
    let names: Option<Vec<String>> = match value {
        Value::String(names) => Some(names.to_lowercase().split('|').map(|name| name.trim().to_string()).collect()),
        Value::Array(names) => names.iter().map(|name| name.as_str().map(String::from)).collect(),
        _ => None,
    };
    let names = names.filter(|names| !names.is_empty() && names.iter().all(|name| KNOWN.contains(&name.as_str())));
    let has = |name: &str| names.as_ref().is_some_and(|names| names.iter().any(|other| other == name));
    ensure!(names.is_some(), "pos_att_type is {value}, and \"c2p\", \"p2c\" and \"p2c|c2p\" are supported");
    Ok(KNOWN.map(has))
}

/// Reads `position_buckets` and `max_relative_positions`, which are -1 if they are not set.
fn buckets(file: &ConfigFile, max_position_embeddings: usize) -> Result<RelativeBuckets> {
    let optional = |key: &str| match file.get(key).and_then(Value::as_i64) {
        Some(..=0) => Ok(None),
        _ => file.get(key).map(|_| file.size(key, 1, largest::POSITIONS)).transpose(),
    };
    let longest = optional("max_relative_positions")?.unwrap_or(max_position_embeddings);
    let Some(span) = optional("position_buckets")? else { return Ok(RelativeBuckets::of_each_distance(longest)) };
    let found = RelativeBuckets::logarithmic(span, longest);
    found.ok_or_else(|| {
        anyhow::anyhow!(
            "position_buckets is {span} and the longest relative position {longest}: buckets need at least 2 of them, and a relative \
             position longer than half their number plus 1"
        )
    })
}

impl Family for DebertaV2Config {
    fn file(&self) -> &ConfigFile {
        &self.file
    }

    fn model_type(&self) -> &'static str {
        MODEL_TYPE
    }

    fn class(&self) -> &'static str {
        "DebertaV2ForSequenceClassification"
    }

    fn base_model_prefix(&self) -> &'static str {
        "deberta."
    }

    fn encoder(&self, all: &mut Builder, outputs: usize) -> Encoder {
        let (d, narrow) = (self.hidden_size, self.embedding_size);
        let name = |name: &str| format!("deberta.embeddings.{name}");
        let words = all.word_embedding(&name("word_embeddings"), [self.vocab_size, narrow], self.pad_token_id);
        let table = [self.max_position_embeddings, narrow];
        let positions = self.position_biased_input.then(|| all.position_embedding(&name("position_embeddings"), table, None));
        let segments = [self.type_vocab_size, narrow];
        let segments = (self.type_vocab_size > 0).then(|| all.embedding(&name("token_type_embeddings"), segments));
        let projection =
            (narrow != d).then(|| EmbeddingProjection::BeforeNorm(all.linear_without_bias(&name("embed_proj"), narrow, d)));
        let norm = all.layer_norm(&name("LayerNorm"), d);
        let layers = (0..self.num_hidden_layers).map(|index| self.layer(all, index)).collect();
        all.part(ModelPart::Encoder);
        let relative_positions = RelativePositions {
            table: all.embedding("deberta.encoder.rel_embeddings", [self.buckets.rows(), d]),
            norm: self.normalizes_relative_positions.then(|| all.layer_norm("deberta.encoder.LayerNorm", d)),
            buckets: self.buckets,
            longest: self.max_position_embeddings,
        };
        all.part(ModelPart::Pooler);
        let dense = all.linear("pooler.dense", d, d);
        all.part(ModelPart::Head);
        let output = all.linear("classifier", d, outputs);
        Encoder::PostNorm(PostNorm {
            embeddings: PostNormEmbeddings { words, positions, segments, norm, projection },
            layers,
            relative_positions: Some(relative_positions),
            head: ClassificationHead { has_input_dropout: false, dense, activation: HeadActivation::Gelu, output },
            heads: self.num_attention_heads,
            epsilon: self.layer_norm_eps,
            has_attention_output_dropout: true,
            has_feed_forward_dropout: true,
            activation: Gelu::Exact,
            relative_bias: None,
        })
    }

    fn initializer_range(&self) -> f64 {
        self.initializer_range
    }

    fn positions(&self) -> Positions {
        if self.position_biased_input { Positions::FromZero } else { Positions::None }
    }

    fn description(&self) -> String {
        format!(
            "{} layers, width {}, {} heads, {} relative positions",
            self.num_hidden_layers,
            self.hidden_size,
            self.num_attention_heads,
            self.buckets.rows()
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

    /// Without absolute positions, nothing limits an input but the distances that the model was trained on.
    fn longest(&self) -> usize {
        self.max_position_embeddings
    }

    fn dropout(&self) -> DropoutProbabilities {
        let hidden = self.hidden_dropout_prob;
        let classifier = self.cls_dropout.unwrap_or(hidden);
        DropoutProbabilities { hidden, attention: self.attention_probs_dropout_prob, classifier }
    }

    /// Without the scores of relative positions, as they are few beside the rest.
    fn operations(&self, length: usize) -> f64 {
        training_operations(self.num_hidden_layers, self.hidden_size, self.intermediate_size, length)
    }
}
