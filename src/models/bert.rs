//! BERT for sequence classification, as in transformers' `BertForSequenceClassification`.
//!
//! Hidden states are kept as rows `[batch · length, d]`: every linear layer is then one matrix product.

use burn::tensor::{
    Device, Int, Tensor, TensorData,
    activation::{softmax, tanh},
};

use super::Masks;
use super::layers::{LayerNorm, Linear, Value, gelu, matmul};
use crate::checkpoint::Config;
use crate::settings::Precision;

/// A batch of padded token sequences on a device.
#[derive(Clone, Debug)]
pub struct Input {
    /// Token ids, row after row: `[batch · length]`.
    tokens: Tensor<1, Int>,
    /// Segment ids: `[batch · length]`.
    segments: Tensor<1, Int>,
    /// Added to attention scores, 0 for tokens and the smallest f32 for padding: `[batch, 1, 1, length]`.
    mask: Tensor<4>,
    batch: usize,
    length: usize,
}

impl Input {
    /// Uploads a batch of `lengths.len()` sequences padded to `length`; `tokens` and `segments` are row-major.
    #[must_use]
    pub fn new(tokens: Vec<i32>, segments: Vec<i32>, lengths: &[usize], length: usize, device: &Device) -> Self {
        let batch = lengths.len();
        let rows = batch * length;
        let device = device.clone().without_autodiff();
        let mut mask = vec![0.0_f32; rows];
        for (row, used) in mask.chunks_mut(length).zip(lengths) {
            row[*used..].fill(f32::MIN);
        }
        Self {
            tokens: Tensor::from_data(TensorData::new(tokens, [rows]), &device),
            segments: Tensor::from_data(TensorData::new(segments, [rows]), &device),
            mask: Tensor::from_data(TensorData::new(mask, [batch, 1, 1, length]), &device),
            batch,
            length,
        }
    }
}

/// The model and its parameters.
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
    /// The model over these parameters, in the order of [`crate::checkpoint::table`]. They are shared, not copied.
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

    /// Logits `[batch, labels]`.
    #[must_use]
    pub fn forward(&self, input: &Input, mut masks: Masks) -> Tensor<2> {
        let [batch, length] = [input.batch, input.length];
        let width = self.words.dims()[1];
        let mut x = self.embed(input, &mut masks);
        for layer in &self.layers {
            x = layer.forward(x, input, self.heads, self.precision, &mut masks);
        }
        let first = x.reshape([batch, length, width]).slice([0..batch, 0..1]).reshape([batch, width]);
        let pooled = masks.classifier(tanh(self.pooler.forward(first, self.precision)));
        self.classifier.forward(pooled, self.precision)
    }

    fn embed(&self, input: &Input, masks: &mut Masks) -> Tensor<2> {
        let [batch, length] = [input.batch, input.length];
        let width = self.words.dims()[1];
        let words = self.words.clone().select(0, input.tokens.clone());
        let segments = self.segments.clone().select(0, input.segments.clone());
        // Positions are the same in every example, so they are broadcast instead of looked up.
        let positions = self.positions.clone().slice([0..length]).unsqueeze::<3>();
        let x = (words + segments).reshape([batch, length, width]) + positions;
        masks.hidden(self.norm.forward(x.reshape([batch * length, width])))
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

    fn forward(&self, x: Tensor<2>, input: &Input, heads: usize, precision: Precision, masks: &mut Masks) -> Tensor<2> {
        let context = self.attention(x.clone(), input, heads, precision, masks);
        let attended = masks.hidden(self.attention_output.forward(context, precision));
        let x = self.attention_norm.forward(attended + x);
        let wide = gelu(self.intermediate.forward(x.clone(), precision));
        let narrow = masks.hidden(self.output.forward(wide, precision));
        self.output_norm.forward(narrow + x)
    }

    /// Scaled dot-product attention over each head (Vaswani et al. 2017), dropout on the probabilities.
    fn attention(&self, x: Tensor<2>, input: &Input, heads: usize, precision: Precision, masks: &mut Masks) -> Tensor<2> {
        let [batch, length] = [input.batch, input.length];
        let width = x.dims()[1];
        let head_width = width / heads;
        let split =
            |part: &Linear, x: Tensor<2>| part.forward(x, precision).reshape([batch, length, heads, head_width]).swap_dims(1, 2);
        let query = split(&self.query, x.clone()) / (head_width as f64).sqrt();
        let key = split(&self.key, x.clone());
        let value = split(&self.value, x);
        let scores = matmul(precision, query, key.swap_dims(2, 3)) + input.mask.clone();
        let probabilities = masks.attention(softmax(scores, 3));
        matmul(precision, probabilities, value).swap_dims(1, 2).reshape([batch * length, width])
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
