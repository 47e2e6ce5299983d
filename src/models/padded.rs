//! The forward pass over a padded batch, by Burn's own operations: the reference that the fused ones are held to.

use burn::tensor::{
    Device, Int, Tensor, TensorData,
    activation::{softmax, tanh},
};

use super::Masks;
use super::bert::{Bert, Layer};
use super::dropout::Layout;
use super::layers::{Linear, gelu, matmul};
use crate::settings::Precision;

/// A batch of padded token sequences on a device.
#[derive(Clone, Debug)]
pub struct Padded {
    /// Token ids, row after row: `[batch · length]`.
    tokens: Tensor<1, Int>,
    /// Segment ids: `[batch · length]`.
    segments: Tensor<1, Int>,
    /// Added to attention scores, 0 for tokens and the smallest f32 for padding: `[batch, 1, 1, length]`.
    mask: Tensor<4>,
    batch: usize,
    length: usize,
    layout: Layout,
    /// The word of which nothing is learnt.
    unlearnt: Option<u32>,
}

impl Padded {
    /// Learning nothing of a word, that of padding.
    #[must_use]
    pub fn without(self, word: Option<u32>) -> Self {
        Self { unlearnt: word, ..self }
    }

    /// The gradient of the words' embeddings, zero for the word of which nothing is learnt.
    #[must_use]
    pub fn learnt(&self, gradient: Tensor<2>) -> Tensor<2> {
        let Some(word) = self.unlearnt.map(|word| word as usize) else { return gradient };
        let row = gradient.clone().slice([word..word + 1, 0..gradient.dims()[1]]);
        gradient.slice_assign([word..word + 1, 0..row.dims()[1]], row.zeros_like())
    }

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
            layout: Layout { lengths: lengths.to_vec(), length },
            unlearnt: None,
        }
    }
}

impl Bert {
    /// Logits `[batch, labels]`.
    pub(super) fn forward_padded(&self, input: &Padded, masks: &mut Masks) -> Tensor<2> {
        let [batch, length] = [input.batch, input.length];
        let width = self.words.dims()[1];
        let mut x = self.embed(input, masks);
        for layer in &self.layers {
            x = layer.forward_padded(x, input, self.heads, self.precision, masks);
        }
        let first = x.reshape([batch, length, width]).slice([0..batch, 0..1]).reshape([batch, width]);
        let pooled = masks.classifier(tanh(self.pooler.forward(first, self.precision)));
        self.classifier.forward(pooled, self.precision)
    }

    fn embed(&self, input: &Padded, masks: &mut Masks) -> Tensor<2> {
        let [batch, length] = [input.batch, input.length];
        let width = self.words.dims()[1];
        let words = self.words.clone().select(0, input.tokens.clone());
        let segments = self.segments.clone().select(0, input.segments.clone());
        // Positions are the same in every example, so they are broadcast instead of looked up.
        let positions = self.positions.clone().slice([0..length]).unsqueeze::<3>();
        let x = (words + segments).reshape([batch, length, width]) + positions;
        masks.hidden(self.norm.forward(x.reshape([batch * length, width])), &input.layout)
    }
}

impl Layer {
    fn forward_padded(&self, x: Tensor<2>, input: &Padded, heads: usize, precision: Precision, masks: &mut Masks) -> Tensor<2> {
        let context = self.attention(x.clone(), input, heads, precision, masks);
        let attended = masks.hidden(self.attention_output.forward(context, precision), &input.layout);
        let x = self.attention_norm.forward(attended + x);
        let wide = gelu(self.intermediate.forward(x.clone(), precision));
        let narrow = masks.hidden(self.output.forward(wide, precision), &input.layout);
        self.output_norm.forward(narrow + x)
    }

    /// Scaled dot-product attention over each head (Vaswani et al. 2017), dropout on the probabilities.
    fn attention(&self, x: Tensor<2>, input: &Padded, heads: usize, precision: Precision, masks: &mut Masks) -> Tensor<2> {
        let [batch, length] = [input.batch, input.length];
        let width = x.dims()[1];
        let head_width = width / heads;
        let split =
            |part: &Linear, x: Tensor<2>| part.forward(x, precision).reshape([batch, length, heads, head_width]).swap_dims(1, 2);
        let query = split(&self.query, x.clone()) / (head_width as f64).sqrt();
        let key = split(&self.key, x.clone());
        let value = split(&self.value, x);
        let scores = matmul(precision, query, key.swap_dims(2, 3)) + input.mask.clone();
        let probabilities = masks.attention(softmax(scores, 3), &input.layout);
        matmul(precision, probabilities, value).swap_dims(1, 2).reshape([batch * length, width])
    }
}
