//! The forward pass over a batch without padding, by fused operations on the CPU.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::{Int, Tensor, TensorData, activation::tanh};

use super::Masks;
use super::bert::{Bert, Layer};
use super::layers::{LayerNorm, Linear};
use crate::kernels::{Attending, Closing, Drop, Embedding, Fused, Rows};

impl Bert {
    /// Logits `[examples, labels]`.
    pub(super) fn forward_rows(&self, rows: &Arc<Rows>, masks: &mut Masks) -> Tensor<2> {
        let mut x = self.embed_rows(rows, masks);
        let firsts = Arc::new(rows.firsts());
        let last = self.layers.len().saturating_sub(1);
        for (index, layer) in self.layers.iter().enumerate() {
            // The classifier reads the first token alone, so that the last layer need not compute the others.
            let asking = (index == last).then_some(&firsts);
            x = layer.forward_rows(x, rows, self.heads, asking, masks);
        }
        if self.layers.is_empty() {
            x = only(x, &firsts);
        }
        let pooled = masks.classifier(tanh(self.pooler.forward(x, self.precision)));
        self.classifier.forward(pooled, self.precision)
    }

    fn embed_rows(&self, rows: &Arc<Rows>, masks: &mut Masks) -> Tensor<2> {
        let how = Embedding { rows: Arc::clone(rows) };
        let part = |table: &Tensor<2>| table.clone().into_dispatch();
        let x = Dispatch::embed(part(&self.words), part(&self.positions), part(&self.segments), how);
        let how = Closing { epsilon: self.norm.epsilon, drop: masks.hidden_drop(), rows: None };
        Tensor::from_dispatch(Dispatch::open(
            x,
            self.norm.scale.clone().into_dispatch(),
            self.norm.bias.clone().into_dispatch(),
            how,
        ))
    }
}

impl Layer {
    fn forward_rows(
        &self,
        x: Tensor<2>,
        rows: &Arc<Rows>,
        heads: usize,
        asking: Option<&Arc<Vec<u32>>>,
        masks: &mut Masks,
    ) -> Tensor<2> {
        let own = match asking {
            Some(firsts) => only(x.clone(), firsts),
            None => x.clone(),
        };
        let how = Attending { rows: Arc::clone(rows), heads, firsts: asking.is_some(), drop: masks.attention_drop() };
        let project = |part: &Linear, x: Tensor<2>| x.matmul(part.weight.clone()).into_dispatch();
        let bias = |part: &Linear| part.bias.clone().into_dispatch();
        let context = Dispatch::attend(
            project(&self.query, own.clone()),
            bias(&self.query),
            project(&self.key, x.clone()),
            bias(&self.key),
            project(&self.value, x),
            bias(&self.value),
            how,
        );
        let context = Tensor::from_dispatch(context);
        let x = close(context, &self.attention_output, own, &self.attention_norm, masks.hidden_drop(), asking);
        let wide = x.clone().matmul(self.intermediate.weight.clone());
        let wide = Dispatch::bias_gelu(wide.into_dispatch(), bias(&self.intermediate));
        close(Tensor::from_dispatch(wide), &self.output, x, &self.output_norm, masks.hidden_drop(), asking)
    }
}

/// LayerNorm(dropout(x · weight + bias) + residual).
fn close(
    x: Tensor<2>,
    linear: &Linear,
    residual: Tensor<2>,
    norm: &LayerNorm,
    drop: Option<Drop>,
    rows: Option<&Arc<Vec<u32>>>,
) -> Tensor<2> {
    let how = Closing { epsilon: norm.epsilon, drop, rows: rows.cloned() };
    Tensor::from_dispatch(Dispatch::close(
        x.matmul(linear.weight.clone()).into_dispatch(),
        linear.bias.clone().into_dispatch(),
        residual.into_dispatch(),
        norm.scale.clone().into_dispatch(),
        norm.bias.clone().into_dispatch(),
        how,
    ))
}

/// Some rows of a matrix.
fn only(x: Tensor<2>, rows: &[u32]) -> Tensor<2> {
    let indices: Vec<i32> = rows.iter().map(|row| row.cast_signed()).collect();
    let count = indices.len();
    let device = x.device().without_autodiff();
    x.select(0, Tensor::<1, Int>::from_data(TensorData::new(indices, [count]), &device))
}
