//! Encoders of post-norm layers with a classification head: BERT, RoBERTa, DistilBERT, ELECTRA, DeBERTa, MPNet, ALBERT.
//!
//! Hidden states are kept as a matrix of rows, so that every linear layer is one matrix product.

use burn::tensor::{
    Tensor,
    activation::{relu, tanh},
};

use super::DropoutSites;
use super::constants::Constants;
use super::input::Input;
use super::named_parameters::{NamedParameters, ParameterError};
use super::ops::{AttentionLayer, EmbeddingTables, Hidden, LayerNorm, LayerPositions, Linear, Ops, RelativeBias, RelativeTable};
use crate::architecture::{
    ClassificationHead, EmbeddingProjection, Gelu, HeadActivation, PostNorm, PostNormLayer, RelativePositions,
};
use crate::settings::Precision;

/// A post-norm encoder with its head and its parameters.
#[derive(Clone, Debug)]
pub struct PostNormModel {
    tables: EmbeddingTables,
    norm: LayerNorm,
    /// Widens embeddings before they are normalized.
    projection_before_norm: Option<Linear>,
    projection_after_norm: Option<Linear>,
    layers: Vec<Layer>,
    relative: Option<RelativeTable>,
    has_attention_output_dropout: bool,
    has_feed_forward_dropout: bool,
    activation: Gelu,
    relative_bias: Option<RelativeBias>,
    head: DenseHead,
    precision: Precision,
}

#[derive(Clone, Debug)]
struct Layer {
    attention: AttentionLayer,
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
    pub fn new(
        names: &PostNorm,
        constants: &Constants,
        parameters: &NamedParameters<'_>,
        precision: Precision,
    ) -> Result<Self, ParameterError> {
        let embeddings = &names.embeddings;
        let table = |name: &str| parameters.matrix(&format!("{name}.weight"));
        let (before, after) = match &embeddings.projection {
            Some(EmbeddingProjection::BeforeNorm(name)) => (Some(parameters.linear_without_bias(name)?), None),
            Some(EmbeddingProjection::AfterNorm(name)) => (None, Some(parameters.linear(name)?)),
            None => (None, None),
        };
        let index = || constants.relative().cloned().unwrap_or_else(|| unreachable!("the constants are of another architecture"));
        let relative = |relative: &RelativePositions| {
            let norm = relative.norm.as_deref().map(|name| parameters.layer_norm(name, names.epsilon)).transpose()?;
            Ok(RelativeTable { table: table(&relative.table)?, norm, index: index() })
        };
        let relative_bias = |name: &str| Ok(RelativeBias { table: table(name)?, index: index() });
        Ok(Self {
            tables: EmbeddingTables {
                words: table(&embeddings.words)?,
                positions: embeddings.positions.as_deref().map(table).transpose()?,
                segments: embeddings.segments.as_deref().map(table).transpose()?,
            },
            norm: parameters.layer_norm(&embeddings.norm, names.epsilon)?,
            projection_before_norm: before,
            projection_after_norm: after,
            layers: names.layers.iter().map(|layer| Layer::new(layer, parameters, names)).collect::<Result<_, _>>()?,
            relative: names.relative_positions.as_ref().map(relative).transpose()?,
            has_attention_output_dropout: names.has_attention_output_dropout,
            has_feed_forward_dropout: names.has_feed_forward_dropout,
            activation: names.activation,
            relative_bias: names.relative_bias.as_deref().map(relative_bias).transpose()?,
            head: DenseHead::new(&names.head, parameters)?,
            precision,
        })
    }

    /// Returns the outputs of the head for each example: `[examples, outputs]`.
    #[must_use]
    pub fn forward(&self, input: &Input, dropout: DropoutSites) -> Tensor<2> {
        let ops = &mut Ops::new(input, self.precision, dropout);
        let mut x = ops.embedding(&self.tables);
        if let Some(projection) = &self.projection_before_norm {
            x = ops.hidden_linear(x, projection);
        }
        x = ops.norm_dropout(x, &self.norm);
        if let Some(projection) = &self.projection_after_norm {
            x = ops.hidden_linear(x, projection);
        }
        let relative = self.relative.as_ref().map(|table| (table, table.normalized()));
        let last = self.layers.len().saturating_sub(1);
        for (index, layer) in self.layers.iter().enumerate() {
            let positions = relative.as_ref().map(|(table, rows)| ops.relative_positions(table, rows, &layer.attention));
            x = layer.forward(x, positions.as_ref(), self, index == last, ops);
        }
        self.head.forward(ops.select_first(x), ops)
    }
}

impl Layer {
    fn new(names: &PostNormLayer, parameters: &NamedParameters<'_>, all: &PostNorm) -> Result<Self, ParameterError> {
        let optional = |name: &Option<String>| name.as_deref().map(|name| parameters.linear(name)).transpose();
        let epsilon = all.epsilon;
        Ok(Self {
            attention: AttentionLayer {
                heads: all.heads,
                query: parameters.linear(&names.query)?,
                key: parameters.linear(&names.key)?,
                value: parameters.linear(&names.value)?,
                position_key: optional(&names.position_key)?,
                position_query: optional(&names.position_query)?,
            },
            attention_output: parameters.linear(&names.attention_output)?,
            attention_norm: parameters.layer_norm(&names.attention_norm, epsilon)?,
            intermediate: parameters.linear(&names.intermediate)?,
            output: parameters.linear(&names.output)?,
            output_norm: parameters.layer_norm(&names.output_norm, epsilon)?,
        })
    }

    fn forward(
        &self,
        x: Hidden,
        positions: Option<&LayerPositions<'_>>,
        model: &PostNormModel,
        is_last: bool,
        ops: &mut Ops<'_>,
    ) -> Hidden {
        // The head reads only the first token, so the last layer need not compute the others.
        let residual = if is_last { ops.first_tokens(&x) } else { x.clone() };
        let context = match &model.relative_bias {
            None => ops.attention(&residual, x, &self.attention, positions),
            Some(bias) => ops.biased_attention(&residual, &x, &self.attention, bias),
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
