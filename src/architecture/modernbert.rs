//! ModernBERT (Warner et al. 2024) and models of the same kind, Ettin and mmBERT, as in transformers'
//! `ModernBertForSequenceClassification`.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::bert;
use super::config::{ConfigFile, largest};
use super::encoder::{Encoder, EncoderKind};
use super::family::{Family, FamilyNames};
use super::parameter::{Builder, Draw, ModelPart, Role};
use super::positions::Positions;
use super::pre_norm::{AttentionSpan, PooledHead, Pooling, PreNorm, PreNormLayer};
use super::shape::{EncoderShape, LayerNormEps, ShapeKeys};

pub(super) const MODEL_TYPE: &str = "modernbert";

/// The keys and defaults of `ModernBertConfig`.
const KEYS: ShapeKeys = ShapeKeys {
    expected: &[("hidden_activation", "gelu"), ("classifier_activation", "gelu")],
    vocab_size: 50_368,
    num_hidden_layers: ("num_hidden_layers", 22),
    intermediate_size: ("intermediate_size", 1152),
    max_position_embeddings: 8192,
    type_vocab_size: None,
    layer_norm_eps: LayerNormEps::Key("norm_eps", 1e-5),
    hidden_dropout: ("embedding_dropout", 0.0),
    attention_dropout: ("attention_dropout", 0.0),
    classifier_dropout: ("classifier_dropout", Some(0.0)),
    pad_token_id: 50_283,
    ..bert::KEYS
};

/// A ModernBERT encoder. `intermediate_size` is the width of its feed-forward layers behind their gates, `m`.
#[derive(Debug)]
pub(super) struct ModernBert {
    /// What each layer attends to.
    layer_types: Vec<AttentionSpan>,
    classifier_pooling: Pooling,
    /// The standard deviations beyond which initial weights are cut off.
    initializer_cutoff_factor: f64,
}

impl ModernBert {
    pub fn parse(file: &ConfigFile) -> Result<(EncoderShape, Self)> {
        for (key, meaning) in [
            ("norm_bias", "biases of layer norms"),
            ("attention_bias", "biases in attention"),
            ("mlp_bias", "biases in feed-forward layers"),
            ("classifier_bias", "biases before the classifier"),
        ] {
            file.expect_false(key, meaning)?;
        }
        let shape = EncoderShape { positions: Positions::None, ..EncoderShape::parse(file, &KEYS)? };
        let width = shape.hidden_size / shape.num_attention_heads;
        ensure!(width.is_multiple_of(2), "heads of width {width} cannot be rotated by halves, as the width is odd");
        let (hidden, mlp) = (shape.dropout.hidden, file.probability("mlp_dropout", 0.0)?);
        ensure!(
            hidden == mlp,
            "embedding_dropout is {hidden} and mlp_dropout is {mlp}, and only equal ones are supported; make them equal in \
             config.json, or set both to 0 and choose model.dropout in the experiment"
        );
        let modernbert = Self {
            layer_types: spans(file, shape.num_hidden_layers)?,
            classifier_pooling: match file.get("classifier_pooling").map_or(Some("cls"), Value::as_str) {
                Some("cls") => Pooling::First,
                Some("mean") => Pooling::Mean,
                _ => bail!("classifier_pooling is {}, and only \"cls\" and \"mean\" are known", file.shown("classifier_pooling")),
            },
            initializer_cutoff_factor: file.small("initializer_cutoff_factor", 2.0)?,
        };
        Ok((shape, modernbert))
    }
}

/// What each layer attends to, from today's keys or those of earlier versions of transformers.
fn spans(file: &ConfigFile, layers: usize) -> Result<Vec<AttentionSpan>> {
    let global = AttentionSpan { window: None, theta: theta(file, "full_attention", "global_rope_theta", 160_000.0)? };
    let window = Some(file.size("local_attention", 128, largest::POSITIONS)? / 2);
    let local = AttentionSpan { window, theta: theta(file, "sliding_attention", "local_rope_theta", 10_000.0)? };
    let Some(types) = file.get("layer_types") else {
        let every = file.size("global_attn_every_n_layers", 3, largest::LAYERS)?;
        return Ok((0..layers).map(|layer| if layer.is_multiple_of(every) { global } else { local }).collect());
    };
    let types = types.as_array().with_context(|| format!("layer_types is {types}, expected a list"))?;
    ensure!(types.len() == layers, "layer_types has {} entries, and num_hidden_layers is {layers}", types.len());
    let span = |name: &Value| match name.as_str() {
        Some("full_attention") => Ok(global),
        Some("sliding_attention") => Ok(local),
        _ => bail!("layer_types has {name}, and only \"full_attention\" and \"sliding_attention\" are known"),
    };
    types.iter().map(span).collect()
}

/// The base of a layer type's rotary frequencies, in `rope_parameters` or, earlier, a key of its own.
fn theta(file: &ConfigFile, layer_type: &str, earlier: &str, default: f64) -> Result<f64> {
    let unscaled = |place: &str, kind: Option<&Value>| match kind {
        None => Ok(()),
        Some(kind) => {
            ensure!(kind == "default", "{place} is {kind}, and only \"default\" is known: frequencies are not scaled");
            Ok(())
        }
    };
    if let Some(scaling) = file.get("rope_scaling") {
        let kind = scaling.get("rope_type").or_else(|| scaling.get("type"));
        unscaled("rope_scaling", Some(kind.unwrap_or(scaling)))?;
    }
    let parameters = file.get("rope_parameters").and_then(|all| all.get(layer_type));
    unscaled("rope_type", parameters.and_then(|parameters| parameters.get("rope_type")))?;
    let given = parameters.and_then(|parameters| parameters.get("rope_theta")).or_else(|| file.get(earlier));
    let theta = given.map_or(Some(default), Value::as_f64).filter(|theta| (1.0..=1e12).contains(theta));
    theta.with_context(|| {
        format!("the rope_theta of {layer_type} is {}, expected a number from 1 to 1e12", given.unwrap_or(&Value::Null))
    })
}

impl Family for ModernBert {
    fn names(&self) -> FamilyNames {
        FamilyNames { model_type: MODEL_TYPE, class: "ModernBertForSequenceClassification", base_model_prefix: "model." }
    }

    fn kind(&self) -> EncoderKind {
        EncoderKind::PreNorm
    }

    fn encoder(&self, shape: &EncoderShape, all: &mut Builder, outputs: usize) -> Encoder {
        let (d, m) = (shape.hidden_size, shape.intermediate_size);
        let draw = |std: f64| Draw::TruncatedNormal { std, cutoff: self.initializer_cutoff_factor };
        let into = draw(shape.initializer_range);
        // Smaller in deeper models, as the residual sum has more terms (Radford et al. 2019).
        let out = draw(shape.initializer_range / (2.0 * self.layer_types.len() as f64).sqrt());
        let words = all.weight("model.embeddings.tok_embeddings", [shape.vocab_size, d], Role::WordEmbedding, into);
        let embedding_norm = all.scale("model.embeddings.norm", d);
        let mut layer = |(index, span): (usize, &AttentionSpan)| {
            let layer = format!("model.layers.{index}");
            all.layer(index);
            let linear = |all: &mut Builder, name: &str, [output, input]: [usize; 2], draw: Draw| {
                all.weight(&format!("{layer}.{name}"), [output, input], Role::Linear, draw)
            };
            // In torch's order, which is that of evaluation.
            PreNormLayer {
                attention_norm: (index > 0).then(|| all.scale(&format!("{layer}.attn_norm"), d)),
                qkv: linear(all, "attn.Wqkv", [3 * d, d], into),
                attention_output: linear(all, "attn.Wo", [d, d], out),
                mlp_norm: all.scale(&format!("{layer}.mlp_norm"), d),
                gated: linear(all, "mlp.Wi", [2 * m, d], into),
                output: linear(all, "mlp.Wo", [d, m], out),
                span: *span,
            }
        };
        let layers: Vec<PreNormLayer> = self.layer_types.iter().enumerate().map(&mut layer).collect();
        all.part(ModelPart::Encoder);
        let final_norm = all.scale("model.final_norm", d);
        all.part(ModelPart::Pooler);
        let dense = all.weight("head.dense", [d, d], Role::Linear, out);
        let norm = all.scale("head.norm", d);
        all.part(ModelPart::Head);
        let output = all.weight("classifier", [outputs, d], Role::Linear, draw((d as f64).powf(-0.5)));
        all.bias("classifier", outputs);
        let head = PooledHead { pooling: self.classifier_pooling, dense, norm, output };
        let (heads, epsilon) = (shape.num_attention_heads, shape.layer_norm_eps);
        Encoder::PreNorm(PreNorm { words, embedding_norm, layers, final_norm, head, heads, epsilon })
    }

    fn description(&self, shape: &EncoderShape) -> String {
        let windows: Vec<usize> = self.layer_types.iter().filter_map(|span| span.window).collect();
        let local = windows.first().map_or(String::new(), |window| {
            format!(", {} of them with local attention ({window} tokens on either side)", windows.len())
        });
        let pooling = if self.classifier_pooling == Pooling::Mean { "mean pooling" } else { "pooling of the first token" };
        shape.description(&local, &format!(", {pooling}"))
    }

    /// As for other families, with three matrices in a feed-forward layer, and without pairs of tokens beyond the window.
    fn operations(&self, shape: &EncoderShape, length: usize) -> f64 {
        let (d, m, tokens) = (shape.hidden_size as f64, shape.intermediate_size as f64, length as f64);
        let projections = 2.0 * tokens * (4.0 * d * d + 3.0 * d * m);
        let layer = |span: &AttentionSpan| projections + 4.0 * span.pairs(length) as f64 * d;
        3.0 * self.layer_types.iter().map(layer).sum::<f64>()
    }
}

#[cfg(test)]
#[path = "modernbert_tests.rs"]
mod tests;
