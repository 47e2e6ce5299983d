//! ModernBERT (Warner et al. 2024) and models of the same kind, Ettin and mmBERT, as in transformers'
//! `ModernBertForSequenceClassification`.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::config::{ConfigFile, largest};
use super::family::Family;
use super::parameter::{Builder, Draw, ModelPart, Role};
use super::pre_norm::{AttentionSpan, PooledHead, Pooling, PreNorm, PreNormLayer};
use super::{DropoutProbabilities, Encoder, EncoderKind, Positions};

pub(super) const MODEL_TYPE: &str = "modernbert";

/// The shape of a ModernBERT encoder. The defaults are those of transformers' `ModernBertConfig`.
#[derive(Clone, Debug, PartialEq)]
pub struct ModernBertConfig {
    vocab_size: usize,
    /// Width of the hidden states, `d`.
    hidden_size: usize,
    /// Width of the feed-forward layers behind their gates, `m`.
    intermediate_size: usize,
    /// Number of attention heads; divides `hidden_size`.
    num_attention_heads: usize,
    /// What each layer attends to.
    layer_types: Vec<AttentionSpan>,
    max_position_embeddings: usize,
    norm_eps: f64,
    classifier_pooling: Pooling,
    dropout: DropoutProbabilities,
    /// Standard deviation of randomly initialized weights.
    initializer_range: f64,
    /// The standard deviations beyond which initial weights are cut off.
    initializer_cutoff_factor: f64,
    pad_token_id: Option<u32>,
    file: ConfigFile,
}

impl ModernBertConfig {
    pub(super) fn parse(file: ConfigFile) -> Result<Self> {
        for activation in ["hidden_activation", "classifier_activation"] {
            file.expect(activation, "gelu")?;
        }
        file.expect_plain_encoder()?;
        for (key, meaning) in [
            ("norm_bias", "biases of layer norms"),
            ("attention_bias", "biases in attention"),
            ("mlp_bias", "biases in feed-forward layers"),
            ("classifier_bias", "biases before the classifier"),
        ] {
            file.expect_false(key, meaning)?;
        }
        let vocab_size = file.size("vocab_size", 50_368, largest::VOCABULARY)?;
        let config = Self {
            vocab_size,
            hidden_size: file.size("hidden_size", 768, largest::WIDTH)?,
            intermediate_size: file.size("intermediate_size", 1152, largest::OTHER)?,
            num_attention_heads: file.size("num_attention_heads", 12, largest::OTHER)?,
            layer_types: spans(&file)?,
            max_position_embeddings: file.size("max_position_embeddings", 8192, largest::POSITIONS)?,
            norm_eps: file.small("norm_eps", 1e-5)?,
            classifier_pooling: match file.get("classifier_pooling").map_or(Some("cls"), Value::as_str) {
                Some("cls") => Pooling::First,
                Some("mean") => Pooling::Mean,
                _ => bail!("classifier_pooling is {}, and only \"cls\" and \"mean\" are known", file.shown("classifier_pooling")),
            },
            dropout: dropout(&file)?,
            initializer_range: file.small("initializer_range", 0.02)?,
            initializer_cutoff_factor: file.small("initializer_cutoff_factor", 2.0)?,
            pad_token_id: file.pad_token(50_283, vocab_size)?,
            file,
        };
        let (d, heads) = (config.hidden_size, config.num_attention_heads);
        ensure!(d.is_multiple_of(heads), "hidden_size {d} is not divisible by num_attention_heads {heads}");
        ensure!((d / heads).is_multiple_of(2), "heads of width {} cannot be rotated by halves, as the width is odd", d / heads);
        Ok(config)
    }
}

/// The probabilities; embeddings and feed-forward layers share one.
fn dropout(file: &ConfigFile) -> Result<DropoutProbabilities> {
    let (hidden, mlp) = (file.probability("embedding_dropout", 0.0)?, file.probability("mlp_dropout", 0.0)?);
    ensure!(
        hidden == mlp,
        "embedding_dropout is {hidden} and mlp_dropout is {mlp}, and only equal ones are supported; make them equal in config.json, or \
         set both to 0 and choose model.dropout in the experiment"
    );
    let attention = file.probability("attention_dropout", 0.0)?;
    Ok(DropoutProbabilities { hidden, attention, classifier: file.probability("classifier_dropout", 0.0)? })
}

/// What each layer attends to, from today's keys or those of earlier versions of transformers.
fn spans(file: &ConfigFile) -> Result<Vec<AttentionSpan>> {
    let layers = file.size("num_hidden_layers", 22, largest::LAYERS)?;
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

impl Family for ModernBertConfig {
    fn file(&self) -> &ConfigFile {
        &self.file
    }

    fn model_type(&self) -> &'static str {
        MODEL_TYPE
    }

    fn class(&self) -> &'static str {
        "ModernBertForSequenceClassification"
    }

    fn base_model_prefix(&self) -> &'static str {
        "model."
    }

    fn kind(&self) -> EncoderKind {
        EncoderKind::PreNorm
    }

    fn encoder(&self, all: &mut Builder, outputs: usize) -> Encoder {
        let (d, m) = (self.hidden_size, self.intermediate_size);
        let draw = |std: f64| Draw::TruncatedNormal { std, cutoff: self.initializer_cutoff_factor };
        let into = draw(self.initializer_range);
        // Smaller in deeper models, as the residual sum has more terms (Radford et al. 2019).
        let out = draw(self.initializer_range / (2.0 * self.layer_types.len() as f64).sqrt());
        let words = all.weight("model.embeddings.tok_embeddings", [self.vocab_size, d], Role::WordEmbedding, into);
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
        let (heads, epsilon) = (self.num_attention_heads, self.norm_eps);
        let head_width = self.hidden_size / heads;
        Encoder::PreNorm(PreNorm { words, embedding_norm, layers, final_norm, head, heads, head_width, epsilon })
    }

    fn initializer_range(&self) -> f64 {
        self.initializer_range
    }

    fn positions(&self) -> Positions {
        Positions::None
    }

    fn description(&self) -> String {
        let (layers, d, heads) = (self.layer_types.len(), self.hidden_size, self.num_attention_heads);
        let windows: Vec<usize> = self.layer_types.iter().filter_map(|span| span.window).collect();
        let local = windows.first().map_or(String::new(), |window| {
            format!(", {} of them with local attention ({window} tokens on either side)", windows.len())
        });
        let pooling = if self.classifier_pooling == Pooling::Mean { "mean pooling" } else { "pooling of the first token" };
        format!("{layers} layers{local}, width {d}, {heads} heads, {pooling}")
    }

    fn vocabulary(&self) -> usize {
        self.vocab_size
    }

    fn segments(&self) -> usize {
        0
    }

    fn pad_token(&self) -> Option<u32> {
        self.pad_token_id
    }

    fn longest(&self) -> usize {
        self.max_position_embeddings
    }

    fn dropout(&self) -> DropoutProbabilities {
        self.dropout
    }

    /// As for other families, with three matrices in a feed-forward layer, and without pairs of tokens beyond the window.
    fn operations(&self, length: usize) -> f64 {
        let (d, m, tokens) = (self.hidden_size as f64, self.intermediate_size as f64, length as f64);
        let projections = 2.0 * tokens * (4.0 * d * d + 3.0 * d * m);
        let layer = |span: &AttentionSpan| projections + 4.0 * span.pairs(length) as f64 * d;
        3.0 * self.layer_types.iter().map(layer).sum::<f64>()
    }
}

#[cfg(test)]
#[path = "modernbert_tests.rs"]
mod tests;
