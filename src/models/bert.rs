//! BERT for sequence classification, as in transformers' `BertForSequenceClassification`.
//!
//! Hidden states are kept as a matrix of rows, so that every linear layer is one matrix product.

use burn::tensor::{Tensor, activation::tanh};

use super::DropoutSites;
use super::input::Input;
use super::named_parameters::{NamedParameters, ParameterError};
use super::op::Ids;
use super::ops::{Hidden, LayerNorm, Linear, Ops};
use crate::architecture::bert::Config;
use crate::settings::Precision;

/// A BERT model with its parameters.
#[derive(Clone, Debug)]
pub struct Bert {
    words: Tensor<2>,
    positions: Tensor<2>,
    segments: Tensor<2>,
    norm: LayerNorm,
    layers: Vec<Layer>,
    pooler: Linear,
    classifier: Linear,
    heads: usize,
    precision: Precision,
}

#[derive(Clone, Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

impl Bert {
    /// Builds the model from its parameters.
    pub fn new(config: &Config, parameters: &NamedParameters<'_>, precision: Precision) -> Result<Self, ParameterError> {
        let epsilon = config.layer_norm_eps;
        let layer = |index| Layer::new(&format!("bert.encoder.layer.{index}"), parameters, epsilon);
        Ok(Self {
            words: parameters.matrix("bert.embeddings.word_embeddings.weight")?,
            positions: parameters.matrix("bert.embeddings.position_embeddings.weight")?,
            segments: parameters.matrix("bert.embeddings.token_type_embeddings.weight")?,
            norm: parameters.layer_norm("bert.embeddings.LayerNorm", epsilon)?,
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_, _>>()?,
            pooler: parameters.linear("bert.pooler.dense")?,
            classifier: parameters.linear("classifier")?,
            heads: config.num_attention_heads,
            precision,
        })
    }

    /// Returns the outputs of the head for each example: `[examples, outputs]`.
    #[must_use]
    pub fn forward(&self, input: &Input, dropout: DropoutSites) -> Tensor<2> {
        let ops = &mut Ops::new(input, self.precision, dropout);
        let tables = [(&self.words, Ids::Tokens), (&self.positions, Ids::Positions), (&self.segments, Ids::Segments)];
        let x = ops.embedding(&tables);
        let mut x = ops.norm_dropout(x, &self.norm);
        let last = self.layers.len().saturating_sub(1);
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x, self.heads, index == last, ops);
        }
        let first = ops.select_first(x);
        let pooled = tanh(ops.linear(first, &self.pooler));
        let pooled = ops.classifier_dropout(pooled);
        ops.linear(pooled, &self.classifier)
    }
}

impl Layer {
    fn new(name: &str, parameters: &NamedParameters<'_>, epsilon: f64) -> Result<Self, ParameterError> {
        let linear = |part: &str| parameters.linear(&format!("{name}.{part}"));
        let norm = |part: &str| parameters.layer_norm(&format!("{name}.{part}"), epsilon);
        Ok(Self {
            query: linear("attention.self.query")?,
            key: linear("attention.self.key")?,
            value: linear("attention.self.value")?,
            attention_output: linear("attention.output.dense")?,
            attention_norm: norm("attention.output.LayerNorm")?,
            intermediate: linear("intermediate.dense")?,
            output: linear("output.dense")?,
            output_norm: norm("output.LayerNorm")?,
        })
    }

    fn forward(&self, x: Hidden, heads: usize, is_last: bool, ops: &mut Ops<'_>) -> Hidden {
        // The classifier reads only the first token, so the last layer need not compute the others.
        let residual = if is_last { ops.first_tokens(&x) } else { x.clone() };
        let context = ops.attention(&residual, x, [&self.query, &self.key, &self.value], heads);
        let x = ops.dropout_add_norm(context, &self.attention_output, residual, &self.attention_norm);
        let wide = ops.linear_gelu(x.clone(), &self.intermediate);
        ops.dropout_add_norm(wide, &self.output, x, &self.output_norm)
    }
}

#[cfg(test)]
#[path = "bert_tests.rs"]
mod tests;
