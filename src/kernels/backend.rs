//! The operations as extensions of Burn's backends; their gradients are in `gradients.rs`.

use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, backend_extension};
use burn::tensor::TensorData;
use burn_flex::FlexTensor;

use super::adamw::{self, Moments, Rule, SomeRows};
use super::attention::{self, Biased, Queries, Shape};
use super::buffer::zeros;
use super::close::{self, RowDrop, Saved};
use super::gemm::{Matrix, product};
use super::mask::Drop;
use super::reduce::{column_sums, square_sum};
use super::rows::{Rows, Words};
use super::{embed, gelu};

/// How embeddings are looked up.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// The batch.
    pub rows: Arc<Rows>,
}

/// How a block is closed.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Added to the variance.
    pub epsilon: f64,
    /// Dropout on x + bias.
    pub drop: Option<Drop>,
    /// Rows of the batch that are meant, where they are not all of them.
    pub rows: Option<Arc<Vec<u32>>>,
}

/// How tokens attend to each other.
#[derive(Clone, Debug)]
pub struct Attending {
    /// The batch.
    pub rows: Arc<Rows>,
    /// Number of heads.
    pub heads: usize,
    /// Whether only the first token of each example asks.
    pub firsts: bool,
    /// Dropout on the probabilities.
    pub drop: Option<Drop>,
}

/// Operations with gradients. Matrices are rows of width d, as in the pure functions of this module.
#[backend_extension(Flex, Autodiff)]
pub trait Fused: Backend {
    /// words + positions + segments of each token: `[tokens, d]`.
    ///
    /// The gradient of `words` is that of the batch's distinct words alone, `[ids, d]`; all other rows' are zero.
    fn embed(
        words: FloatTensor<Self>,
        positions: FloatTensor<Self>,
        segments: FloatTensor<Self>,
        how: Embedding,
    ) -> FloatTensor<Self>;
    /// Attention over each example; queries, keys and values come without their biases.
    fn attend(
        query: FloatTensor<Self>,
        query_bias: FloatTensor<Self>,
        key: FloatTensor<Self>,
        key_bias: FloatTensor<Self>,
        value: FloatTensor<Self>,
        value_bias: FloatTensor<Self>,
        how: Attending,
    ) -> FloatTensor<Self>;
    /// dropout(LayerNorm(x)).
    fn open(x: FloatTensor<Self>, scale: FloatTensor<Self>, shift: FloatTensor<Self>, how: Closing) -> FloatTensor<Self>;
    /// x · weight: `[rows, out]` from `[rows, in]` and `[in, out]`.
    fn project(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
    /// GELU(x + bias).
    fn bias_gelu(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
    /// LayerNorm(dropout(x + bias) + residual).
    fn close(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        how: Closing,
    ) -> FloatTensor<Self>;
}

/// Operations of the optimizer.
#[backend_extension(Flex)]
pub trait Update: Backend {
    /// The parameter after a step of AdamW, in place where nobody else holds it.
    fn adamw(x: FloatTensor<Self>, gradient: FloatTensor<Self>, moments: Arc<Mutex<Moments>>, rule: Rule) -> FloatTensor<Self>;
    /// [`Update::adamw`] of a table whose gradient is zero but for the rows of some words: `[ids, d]`.
    fn adamw_words(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        words: Arc<Words>,
        moments: Arc<Mutex<Moments>>,
        rule: Rule,
    ) -> FloatTensor<Self>;
    /// The sum of two gradients of some words, for the words of `both`.
    fn add_words(
        a: FloatTensor<Self>,
        of_a: Arc<Words>,
        b: FloatTensor<Self>,
        of_b: Arc<Words>,
        both: Arc<Words>,
    ) -> FloatTensor<Self>;
    /// The sum of squares: `[1]`.
    fn square_sum(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// A tensor's numbers, row after row.
pub(super) fn numbers(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().unwrap_or_else(|| unreachable!("operands are made contiguous first"))
}

pub(super) fn dense(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

pub(super) fn tensor(values: Vec<f32>, shape: impl Into<Vec<usize>>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.into()))
}

pub(super) fn matrix(tensor: &FlexTensor) -> Matrix<'_> {
    let shape = shape(tensor);
    Matrix::new(numbers(tensor), shape[0], shape[1])
}

pub(super) fn shape(tensor: &FlexTensor) -> Vec<usize> {
    tensor.layout().shape().to_vec()
}

impl Update for Flex {
    fn adamw(x: FlexTensor, gradient: FlexTensor, moments: Arc<Mutex<Moments>>, rule: Rule) -> FlexTensor {
        let (mut x, gradient) = (dense(x), dense(gradient));
        let mut moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
        adamw::step(x.storage_mut(), numbers(&gradient), &mut moments, rule);
        x
    }

    fn adamw_words(
        x: FlexTensor,
        gradient: FlexTensor,
        words: Arc<Words>,
        moments: Arc<Mutex<Moments>>,
        rule: Rule,
    ) -> FlexTensor {
        let (mut x, gradient) = (dense(x), dense(gradient));
        let mut moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
        let (d, gradient) = (shape(&x)[1], SomeRows { ids: &words.ids, rows: numbers(&gradient) });
        adamw::step_rows(x.storage_mut(), d, gradient, &mut moments, rule);
        x
    }

    fn add_words(a: FlexTensor, of_a: Arc<Words>, b: FlexTensor, of_b: Arc<Words>, both: Arc<Words>) -> FlexTensor {
        let (a, b) = (dense(a), dense(b));
        let (d, ids) = (shape(&a)[1], [&*of_a.ids, &*of_b.ids].concat());
        let places: Vec<u32> = ids.iter().map(|id| both.ids.partition_point(|other| other < id) as u32).collect();
        let rows = [numbers(&a), numbers(&b)].concat();
        tensor(embed::backward(&rows, &places, both.ids.len(), d), [both.ids.len(), d])
    }

    fn square_sum(x: FlexTensor) -> FlexTensor {
        tensor(vec![square_sum(numbers(&dense(x))) as f32], [1])
    }
}

/// Operands of an attention, and the probabilities that its backward pass needs.
#[derive(Clone, Debug)]
pub(super) struct Attended {
    operands: [FlexTensor; 6],
    how: Attending,
    probabilities: Arc<Vec<f32>>,
}

impl Attended {
    pub(super) fn forward(operands: [FlexTensor; 6], how: Attending) -> (FlexTensor, Self) {
        let operands = operands.map(dense);
        let out_shape = shape(&operands[0]);
        let mut attended = Self { operands, how, probabilities: Arc::default() };
        let (out, probabilities) = attended.with(attention::forward);
        attended.probabilities = Arc::new(probabilities);
        (tensor(out, out_shape), attended)
    }

    pub(super) fn backward(&self, gradient: &FlexTensor) -> [FlexTensor; 6] {
        let (dq, dk, dv) = self.with(|query, key, value, shape| {
            attention::backward(numbers(gradient), &self.probabilities, query, key, value, shape)
        });
        let d = shape(&self.operands[1])[0];
        let biases = [&dq, &dk, &dv].map(|rows| tensor(column_sums(rows, d), [d]));
        let [query_bias, key_bias, value_bias] = biases;
        let matrix = |values: Vec<f32>, like: usize| tensor(values, shape(&self.operands[like]));
        [matrix(dq, 0), query_bias, matrix(dk, 2), key_bias, matrix(dv, 4), value_bias]
    }

    fn with<T>(&self, work: impl FnOnce(Biased<'_>, Biased<'_>, Biased<'_>, &Shape<'_>) -> T) -> T {
        let operand = |index: usize| Biased { rows: numbers(&self.operands[index]), bias: numbers(&self.operands[index + 1]) };
        let queries = if self.how.firsts { Queries::Firsts } else { Queries::All };
        let shape = Shape { rows: &self.how.rows, heads: self.how.heads, queries, drop: self.how.drop.as_ref() };
        work(operand(0), operand(2), operand(4), &shape)
    }
}

/// What closing a block leaves for its backward pass.
#[derive(Clone, Debug)]
pub(super) struct Closed {
    saved: Arc<Saved>,
    scale: FlexTensor,
    how: Closing,
}

impl Closed {
    pub(super) fn forward([x, bias, residual, scale, shift]: [FlexTensor; 5], how: Closing) -> (FlexTensor, Self) {
        let [x, bias, residual, scale, shift] = [x, bias, residual, scale, shift].map(dense);
        let norm = (numbers(&scale), numbers(&shift), how.epsilon as f32);
        let (y, saved) = close::forward(numbers(&x), numbers(&bias), numbers(&residual), norm, row_drop(&how));
        (tensor(y, shape(&x)), Self { saved: Arc::new(saved), scale, how })
    }

    pub(super) fn backward(&self, mut gradient: FlexTensor) -> [FlexTensor; 5] {
        let (rows, d) = (shape(&gradient), shape(&self.scale));
        let gradients = close::backward(gradient.storage_mut(), &self.saved, numbers(&self.scale), row_drop(&self.how));
        let vector = |values: Vec<f32>| tensor(values, d.clone());
        [tensor(gradients.x, rows), vector(gradients.bias), gradient, vector(gradients.scale), vector(gradients.shift)]
    }
}

impl Closed {
    /// As [`close::forward`] of x alone, with the dropout behind the norm.
    pub(super) fn open([x, scale, shift]: [FlexTensor; 3], how: Closing) -> (FlexTensor, Self) {
        let [x, scale, shift] = [x, scale, shift].map(dense);
        let norm = (numbers(&scale), numbers(&shift), how.epsilon as f32);
        let (nothing, no_rows) = (zeros(shape(&scale)[0]), zeros(numbers(&x).len()));
        let (mut y, saved) = close::forward(numbers(&x), &nothing, &no_rows, norm, None);
        close::drop_rows(&mut y, nothing.len(), row_drop(&how));
        (tensor(y, shape(&x)), Self { saved: Arc::new(saved), scale, how })
    }

    pub(super) fn open_backward(&self, mut gradient: FlexTensor) -> [FlexTensor; 3] {
        let d = shape(&self.scale);
        close::drop_rows(gradient.storage_mut(), d[0], row_drop(&self.how));
        let gradients = close::backward(gradient.storage_mut(), &self.saved, numbers(&self.scale), None);
        [gradient, tensor(gradients.scale, d.clone()), tensor(gradients.shift, d)]
    }
}

fn row_drop(how: &Closing) -> Option<RowDrop<'_>> {
    how.drop.as_ref().map(|drop| RowDrop { drop, rows: how.rows.as_ref().map(|rows| rows.as_slice()) })
}

impl Fused for Flex {
    fn embed(words: FlexTensor, positions: FlexTensor, segments: FlexTensor, how: Embedding) -> FlexTensor {
        let [words, positions, segments] = [words, positions, segments].map(dense);
        let d = shape(&words)[1];
        let x = embed::forward(numbers(&words), numbers(&positions), numbers(&segments), d, &how.rows);
        tensor(x, [how.rows.tokens(), d])
    }

    fn attend(
        q: FlexTensor,
        qb: FlexTensor,
        k: FlexTensor,
        kb: FlexTensor,
        v: FlexTensor,
        vb: FlexTensor,
        how: Attending,
    ) -> FlexTensor {
        Attended::forward([q, qb, k, kb, v, vb], how).0
    }

    fn open(x: FlexTensor, scale: FlexTensor, shift: FlexTensor, how: Closing) -> FlexTensor {
        Closed::open([x, scale, shift], how).0
    }

    fn project(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
        let (x, weight) = (dense(x), dense(weight));
        let (a, b) = (matrix(&x), matrix(&weight));
        tensor(product(a, b), [shape(&x)[0], shape(&weight)[1]])
    }

    fn bias_gelu(x: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let (x, bias) = (dense(x), dense(bias));
        tensor(gelu::forward(numbers(&x), numbers(&bias)), shape(&x))
    }

    fn close(
        x: FlexTensor,
        bias: FlexTensor,
        residual: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        how: Closing,
    ) -> FlexTensor {
        Closed::forward([x, bias, residual, scale, shift], how).0
    }
}
