//! Encoders of post-norm layers with a classification head: BERT, RoBERTa, DistilBERT, ELECTRA, MPNet, ALBERT.
//!
//! Hidden states are kept as a matrix of rows, so that every linear layer is one matrix product.

use burn::tensor::{
    Tensor,
    activation::{relu, tanh},
};

use super::DropoutSites;
use super::input::Input;
use super::named_parameters::{NamedParameters, ParameterError};
use super::ops::{EmbeddingTables, Hidden, LayerNorm, Linear, Ops};
use crate::architecture::{ClassificationHead, Gelu, HeadActivation, PostNorm, PostNormLayer};
use crate::settings::Precision;

/// A post-norm encoder with its head and its parameters.
#[derive(Clone, Debug)]
pub struct PostNormModel {
    tables: EmbeddingTables,
    norm: LayerNorm,
    projection: Option<Linear>,
    layers: Vec<Layer>,
    heads: usize,
    has_attention_output_dropout: bool,
    has_feed_forward_dropout: bool,
    activation: Gelu,
    /// `[buckets, heads]`.
    relative_bias: Option<Tensor<2>>,
    head: DenseHead,
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

#[derive(Clone, Debug)]
struct DenseHead {
    has_input_dropout: bool,
    dense: Linear,
    activation: HeadActivation,
    output: Linear,
}

impl PostNormModel {
    /// Builds the model from its parameters.
    pub fn new(names: &PostNorm, parameters: &NamedParameters<'_>, precision: Precision) -> Result<Self, ParameterError> {
        let embeddings = &names.embeddings;
        let table = |name: &str| parameters.matrix(&format!("{name}.weight"));
        Ok(Self {
            tables: EmbeddingTables {
                words: table(&embeddings.words)?,
                positions: table(&embeddings.positions)?,
                segments: embeddings.segments.as_deref().map(table).transpose()?,
            },
            norm: parameters.layer_norm(&embeddings.norm, names.epsilon)?,
            projection: embeddings.projection.as_deref().map(|name| parameters.linear(name)).transpose()?,
            layers: names.layers.iter().map(|layer| Layer::new(layer, parameters, names.epsilon)).collect::<Result<_, _>>()?,
            heads: names.heads,
            has_attention_output_dropout: names.has_attention_output_dropout,
            has_feed_forward_dropout: names.has_feed_forward_dropout,
            activation: names.activation,
            relative_bias: names.relative_bias.as_deref().map(table).transpose()?,
            head: DenseHead::new(&names.head, parameters)?,
            precision,
        })
    }

    /// Returns the outputs of the head for each example: `[examples, outputs]`.
    #[must_use]
    pub fn forward(&self, input: &Input, dropout: DropoutSites) -> Tensor<2> {
        let ops = &mut Ops::new(input, self.precision, dropout);
        let x = ops.embedding(&self.tables);
        let mut x = ops.norm_dropout(x, &self.norm);
        if let Some(projection) = &self.projection {
            x = ops.hidden_linear(x, projection);
        }
        let last = self.layers.len().saturating_sub(1);
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x, self, index == last, ops);
        }
        self.head.forward(ops.select_first(x), ops)
    }
}

impl Layer {
    fn new(names: &PostNormLayer, parameters: &NamedParameters<'_>, epsilon: f64) -> Result<Self, ParameterError> {
        Ok(Self {
            query: parameters.linear(&names.query)?,
            key: parameters.linear(&names.key)?,
            value: parameters.linear(&names.value)?,
            attention_output: parameters.linear(&names.attention_output)?,
            attention_norm: parameters.layer_norm(&names.attention_norm, epsilon)?,
            intermediate: parameters.linear(&names.intermediate)?,
            output: parameters.linear(&names.output)?,
            output_norm: parameters.layer_norm(&names.output_norm, epsilon)?,
        })
    }

    fn forward(&self, x: Hidden, model: &PostNormModel, is_last: bool, ops: &mut Ops<'_>) -> Hidden {
        // The head reads only the first token, so the last layer need not compute the others.
        let residual = if is_last { ops.first_tokens(&x) } else { x.clone() };
        let parts = [&self.query, &self.key, &self.value];
        let context = match &model.relative_bias {
            None => ops.attention(&residual, x, parts, model.heads),
            Some(table) => ops.relative_attention(&residual, &x, parts, table),
        };
        let dropout = model.has_attention_output_dropout.then(|| ops.next_hidden_dropout()).flatten();
        let x = ops.dropout_add_norm(context, &self.attention_output, residual, &self.attention_norm, dropout);
        let wide = ops.linear_gelu(x.clone(), &self.intermediate, model.activation);
        let dropout = model.has_feed_forward_dropout.then(|| ops.next_hidden_dropout()).flatten();
        ops.dropout_add_norm(wide, &self.output, x, &self.output_norm, dropout)
    }
}

impl DenseHead {
    fn new(names: &ClassificationHead, parameters: &NamedParameters<'_>) -> Result<Self, ParameterError> {
        Ok(Self {
            has_input_dropout: names.has_input_dropout,
            dense: parameters.linear(&names.dense)?,
            activation: names.activation,
            output: parameters.linear(&names.output)?,
        })
    }

    /// Takes the hidden state of each example's first token, `[examples, d]`.
    fn forward(&self, mut x: Tensor<2>, ops: &mut Ops<'_>) -> Tensor<2> {
        if self.has_input_dropout {
            x = ops.classifier_dropout(x);
        }
        let dense = ops.linear(x, &self.dense);
        let activated = match self.activation {
            HeadActivation::Tanh => tanh(dense),
            HeadActivation::Relu => relu(dense),
            HeadActivation::Gelu => Ops::gelu(dense),
        };
        let dropped = ops.classifier_dropout(activated);
        ops.linear(dropped, &self.output)
    }
}

#[cfg(test)]
#[path = "post_norm_tests.rs"]
mod tests;
