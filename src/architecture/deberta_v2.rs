//! DeBERTa-v2 and v3 (He et al. 2021, 2023) and mDeBERTa, as in transformers' `DebertaV2ForSequenceClassification`.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::bert;
use super::config::{ConfigFile, largest};
use super::encoder::Encoder;
use super::family::{Family, FamilyNames};
use super::parameter::{Builder, ModelPart};
use super::positions::Positions;
use super::post_norm::{
    ClassificationHead, EmbeddingProjection, HeadActivation, PostNorm, PostNormEmbeddings, PostNormLayer, RelativePositions,
};
use super::relative::RelativeBuckets;
use super::shape::{EncoderShape, LayerNormEps, ShapeKeys};

pub(super) const MODEL_TYPE: &str = "deberta-v2";

/// The keys and defaults of `DebertaV2Config`.
const KEYS: ShapeKeys = ShapeKeys {
    expected: &[("hidden_act", "gelu"), ("pooler_hidden_act", "gelu")],
    vocab_size: 128_100,
    hidden_size: ("hidden_size", 1536),
    num_hidden_layers: ("num_hidden_layers", 24),
    num_attention_heads: ("num_attention_heads", 24),
    intermediate_size: ("intermediate_size", 6144),
    // Read below, because it may be 0, unlike in other families.
    type_vocab_size: None,
    layer_norm_eps: LayerNormEps::Key("layer_norm_eps", 1e-7),
    classifier_dropout: ("cls_dropout", None),
    ..bert::KEYS
};

/// A DeBERTa encoder.
// The same flags as in the file.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug)]
pub(super) struct DebertaV2 {
    buckets: RelativeBuckets,
    /// `norm_rel_ebd`: whether the table of relative positions is normalized.
    normalizes_relative_positions: bool,
    /// Whether relative positions are projected by the layer's own `query_proj` and `key_proj`.
    share_att_key: bool,
    /// `c2p` in `pos_att_type`: scores of a query with the relative position of the key.
    content_to_position: bool,
    /// `p2c` in `pos_att_type`: scores of a key with the relative position of the query.
    position_to_content: bool,
}

impl DebertaV2 {
    pub fn parse(file: &ConfigFile) -> Result<(EncoderShape, Self)> {
        refuse(file)?;
        let shape = EncoderShape::parse(file, &KEYS)?;
        let (d, heads) = (shape.hidden_size, shape.num_attention_heads);
        for (key, implied) in [("pooler_hidden_size", d), ("attention_head_size", d / heads)] {
            let found = file.size(key, implied, largest::WIDTH)?;
            ensure!(found == implied, "{key} is {found}, and only {implied} fits hidden_size and num_attention_heads");
        }
        let [content_to_position, position_to_content] = attention_types(file)?;
        let norms = file.text("norm_rel_ebd").unwrap_or("none").to_lowercase();
        let deberta = Self {
            buckets: buckets(file, shape.max_position_embeddings)?,
            normalizes_relative_positions: norms.split('|').any(|norm| norm.trim() == "layer_norm"),
            share_att_key: file.flag("share_att_key", false)?,
            content_to_position,
            position_to_content,
        };
        let shape = EncoderShape {
            embedding_size: file.size("embedding_size", d, largest::WIDTH)?,
            // Without a table, `max_position_embeddings` limits an input, too: the model was trained on no longer distances.
            positions: if file.flag("position_biased_input", true)? { Positions::FromZero } else { Positions::None },
            type_vocab_size: file.size_or_none("type_vocab_size", largest::OTHER)?,
            ..shape
        };
        Ok((shape, deberta))
    }

    fn layer(&self, shape: &EncoderShape, all: &mut Builder, index: usize) -> PostNormLayer {
        let (d, wide) = (shape.hidden_size, shape.intermediate_size);
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

impl Family for DebertaV2 {
    fn names(&self) -> FamilyNames {
        FamilyNames { model_type: MODEL_TYPE, class: "DebertaV2ForSequenceClassification", base_model_prefix: "deberta." }
    }

    fn encoder(&self, shape: &EncoderShape, all: &mut Builder, outputs: usize) -> Encoder {
        let (d, narrow) = (shape.hidden_size, shape.embedding_size);
        let name = |name: &str| format!("deberta.embeddings.{name}");
        let words = all.word_embedding(&name("word_embeddings"), [shape.vocab_size, narrow], shape.pad_token_id);
        let table = [shape.max_position_embeddings, narrow];
        let has_positions = shape.positions != Positions::None;
        let positions = has_positions.then(|| all.position_embedding(&name("position_embeddings"), table, None));
        let segments = [shape.type_vocab_size, narrow];
        let segments = (shape.type_vocab_size > 0).then(|| all.embedding(&name("token_type_embeddings"), segments));
        let projection =
            (narrow != d).then(|| EmbeddingProjection::BeforeNorm(all.linear_without_bias(&name("embed_proj"), narrow, d)));
        let norm = all.layer_norm(&name("LayerNorm"), d);
        let embeddings = PostNormEmbeddings { words, positions, segments, norm, projection };
        let layers = (0..shape.num_hidden_layers).map(|index| self.layer(shape, all, index)).collect();
        all.part(ModelPart::Encoder);
        let relative_positions = Some(RelativePositions {
            table: all.embedding("deberta.encoder.rel_embeddings", [self.buckets.rows(), d]),
            norm: self.normalizes_relative_positions.then(|| all.layer_norm("deberta.encoder.LayerNorm", d)),
            buckets: self.buckets,
        });
        all.part(ModelPart::Pooler);
        let dense = all.linear("pooler.dense", d, d);
        all.part(ModelPart::Head);
        let output = all.linear("classifier", d, outputs);
        let head = ClassificationHead { has_input_dropout: false, dense, activation: HeadActivation::Gelu, output };
        Encoder::PostNorm(PostNorm { relative_positions, ..PostNorm::like_bert(shape, embeddings, layers, head) })
    }

    fn description(&self, shape: &EncoderShape) -> String {
        shape.description("", &format!(", {} relative positions", self.buckets.rows()))
    }
}
