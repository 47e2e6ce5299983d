//! BERT for sequence classification, as in transformers' `BertForSequenceClassification`.
//!
//! Hidden states are kept as rows: every linear layer is then one matrix product.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::Masks;
use super::layers::{LayerNorm, Linear, Value};
use super::padded::Padded;
use crate::architecture::bert::Config;
use crate::kernels::Rows;
use crate::settings::Precision;

/// A batch on a device.
// There is one at a time.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub enum Input {
    /// Padded to one length: for Burn's own operations, on any device.
    Padded(Padded),
    /// Without padding: for the fused operations of the CPU.
    Rows(Arc<Rows>),
}

/// The model and its parameters.
#[derive(Clone, Debug)]
pub struct Bert {
    pub(super) words: Tensor<2>,
    pub(super) positions: Tensor<2>,
    pub(super) segments: Tensor<2>,
    pub(super) norm: LayerNorm,
    pub(super) layers: Vec<Layer>,
    pub(super) pooler: Linear,
    pub(super) classifier: Linear,
    pub(super) heads: usize,
    pub(super) precision: Precision,
}

#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) query: Linear,
    pub(super) key: Linear,
    pub(super) value: Linear,
    pub(super) attention_output: Linear,
    pub(super) attention_norm: LayerNorm,
    pub(super) intermediate: Linear,
    pub(super) output: Linear,
    pub(super) output_norm: LayerNorm,
}

impl Bert {
    /// The model over these parameters, in the order of [`crate::architecture::Architecture::parameters`]. They are shared, not copied.
    #[must_use]
    pub fn new(config: &Config, values: impl IntoIterator<Item = Value>, precision: Precision) -> Self {
        let mut take = Take { values: values.into_iter(), epsilon: config.layer_norm_eps };
        Self {
            words: take.matrix(),
            positions: take.matrix(),
            segments: take.matrix(),
            norm: take.norm(),
            layers: (0..config.num_hidden_layers).map(|_| Layer::from_values(&mut take)).collect(),
            pooler: take.linear(),
            classifier: take.linear(),
            heads: config.num_attention_heads,
            precision,
        }
    }

    /// Logits `[examples, labels]`.
    #[must_use]
    pub fn forward(&self, input: &Input, mut masks: Masks) -> Tensor<2> {
        match input {
            Input::Padded(padded) => self.forward_padded(padded, &mut masks),
            Input::Rows(rows) => self.forward_rows(rows, &mut masks),
        }
    }
}

impl Layer {
    fn from_values(take: &mut Take<impl Iterator<Item = Value>>) -> Self {
        Self {
            query: take.linear(),
            key: take.linear(),
            value: take.linear(),
            attention_output: take.linear(),
            attention_norm: take.norm(),
            intermediate: take.linear(),
            output: take.linear(),
            output_norm: take.norm(),
        }
    }
}

/// Hands parameters out in the table's order.
struct Take<I> {
    values: I,
    epsilon: f64,
}

impl<I: Iterator<Item = Value>> Take<I> {
    fn next(&mut self) -> Value {
        self.values.next().unwrap_or_else(|| unreachable!("the parameter table holds every parameter"))
    }

    fn matrix(&mut self) -> Tensor<2> {
        self.next().matrix()
    }

    fn linear(&mut self) -> Linear {
        Linear { weight: self.next().matrix(), bias: self.next().vector() }
    }

    fn norm(&mut self) -> LayerNorm {
        LayerNorm { scale: self.next().vector(), bias: self.next().vector(), epsilon: self.epsilon }
    }
}
