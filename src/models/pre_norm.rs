//! Encoders of pre-norm layers with rotary positions, gated feed-forward layers and a pooled head: ModernBERT.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::DropoutSites;
use super::constants::Constants;
use super::input::Input;
use super::named_parameters::{NamedParameters, ParameterError};
use super::ops::{EmbeddingTables, Hidden, LayerNorm, Linear, Ops, Rotation};
use crate::architecture::{AttentionSpan, PooledHead, Pooling, PreNorm, PreNormLayer};
use crate::kernels::ResidentRotaryTable;
use crate::settings::Precision;

/// A pre-norm encoder with its head and its parameters.
#[derive(Clone, Debug)]
pub struct PreNormModel {
    tables: EmbeddingTables,
    embedding_norm: LayerNorm,
    layers: Vec<RotaryLayer>,
    final_norm: LayerNorm,
    head: HeadOfPooled,
    heads: usize,
    precision: Precision,
}

#[derive(Clone, Debug)]
struct RotaryLayer {
    attention_norm: Option<LayerNorm>,
    qkv: Linear,
    attention_output: Linear,
    mlp_norm: LayerNorm,
    gated: Linear,
    output: Linear,
    span: AttentionSpan,
    /// For the base of the span's frequencies.
    angles: Arc<ResidentRotaryTable>,
}

#[derive(Clone, Debug)]
struct HeadOfPooled {
    pooling: Pooling,
    dense: Linear,
    norm: LayerNorm,
    output: Linear,
}

impl PreNormModel {
    /// Builds the model from its parameters.
    pub fn new(
        names: &PreNorm,
        constants: &Constants,
        parameters: &NamedParameters<'_>,
        precision: Precision,
    ) -> Result<Self, ParameterError> {
        let epsilon = names.epsilon;
        let words = parameters.matrix(&format!("{}.weight", names.words))?;
        Ok(Self {
            tables: EmbeddingTables { words, positions: None, segments: None },
            embedding_norm: parameters.scaled_norm(&names.embedding_norm, epsilon)?,
            layers: names
                .layers
                .iter()
                .map(|layer| RotaryLayer::new(layer, constants, parameters, epsilon))
                .collect::<Result<_, _>>()?,
            final_norm: parameters.scaled_norm(&names.final_norm, epsilon)?,
            head: HeadOfPooled::new(&names.head, parameters, epsilon)?,
            heads: names.heads,
            precision,
        })
    }

    /// Returns the outputs of the head for each example: `[examples, outputs]`.
    #[must_use]
    pub fn forward(&self, input: &Input, dropout: DropoutSites) -> Tensor<2> {
        let ops = &mut Ops::new(input, self.precision, dropout);
        let x = ops.embedding(&self.tables);
        let mut x = ops.norm_dropout(x, &self.embedding_norm);
        let mut rotations = Rotations::default();
        for layer in &self.layers {
            let rotation = rotations.of(layer, &x, ops);
            x = layer.forward(x, self.heads, rotation, ops);
        }
        self.head.forward(ops.norm(x, &self.final_norm), ops)
    }
}

/// One rotation for each base of frequencies.
#[derive(Default)]
struct Rotations(Vec<(f64, Rotation)>);

impl Rotations {
    fn of(&mut self, layer: &RotaryLayer, x: &Hidden, ops: &Ops<'_>) -> &Rotation {
        let theta = layer.span.theta;
        let place = self.0.iter().position(|(other, _)| *other == theta).unwrap_or_else(|| {
            self.0.push((theta, ops.rotation(&layer.angles, theta, x)));
            self.0.len() - 1
        });
        &self.0[place].1
    }
}

impl RotaryLayer {
    fn new(
        names: &PreNormLayer,
        constants: &Constants,
        parameters: &NamedParameters<'_>,
        epsilon: f64,
    ) -> Result<Self, ParameterError> {
        let norm = |name: &str| parameters.scaled_norm(name, epsilon);
        Ok(Self {
            attention_norm: names.attention_norm.as_deref().map(norm).transpose()?,
            qkv: parameters.product(&names.qkv)?,
            attention_output: parameters.product(&names.attention_output)?,
            mlp_norm: norm(&names.mlp_norm)?,
            gated: parameters.product(&names.gated)?,
            output: parameters.product(&names.output)?,
            span: names.span,
            angles: Arc::clone(constants.rotary(names.span.theta)),
        })
    }

    fn forward(&self, x: Hidden, heads: usize, rotation: &Rotation, ops: &mut Ops<'_>) -> Hidden {
        let normal = self.attention_norm.as_ref().map_or_else(|| x.clone(), |norm| ops.norm(x.clone(), norm));
        let context = ops.rotary_attention(normal, &self.qkv, heads, (rotation, self.span.window));
        let attended = ops.hidden_linear(context, &self.attention_output);
        let attended = ops.attention_output_dropout(attended);
        let x = x.plus(attended);
        let normal = ops.norm(x.clone(), &self.mlp_norm);
        let gated = ops.linear_geglu(normal, &self.gated);
        let gated = ops.hidden_dropout(gated);
        let fed = ops.hidden_linear(gated, &self.output);
        x.plus(fed)
    }
}

impl HeadOfPooled {
    fn new(names: &PooledHead, parameters: &NamedParameters<'_>, epsilon: f64) -> Result<Self, ParameterError> {
        Ok(Self {
            pooling: names.pooling,
            dense: parameters.product(&names.dense)?,
            norm: parameters.scaled_norm(&names.norm, epsilon)?,
            output: parameters.linear(&names.output)?,
        })
    }

    fn forward(&self, x: Hidden, ops: &mut Ops<'_>) -> Tensor<2> {
        let pooled = match self.pooling {
            Pooling::First => ops.select_first(x),
            Pooling::Mean => ops.mean_tokens(x),
        };
        let dense = ops.linear(pooled, &self.dense);
        let normal = self.norm.forward(Ops::gelu(dense));
        let dropped = ops.classifier_dropout(normal);
        ops.linear(dropped, &self.output)
    }
}
