//! The operations over tensors of Burn's CPU backend.

use std::sync::{Arc, PoisonError};

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{FloatDType, TensorData};
use burn_flex::FlexTensor;

use super::adamw::{self, SomeRows};
use super::attention::{self, Biased, Queries, Shape};
use super::buffer::zeros;
use super::close::{self, RowDrop, Saved};
use super::gemm::{Matrix, product};
use super::reduce::{column_sums, square_sum};
use super::{embed, gelu, loss};
use crate::kernels::Several;
use crate::kernels::operations::{Attending, Closing, Dropping, Embedding, Judging, Products, Ruled, Touched, Update};
use crate::kernels::passes::Passes;

/// A matrix and those that it was multiplied with.
#[derive(Clone, Debug)]
pub struct Projected {
    x: FlexTensor,
    weights: [FlexTensor; 3],
    how: Products,
}

/// A tensor's numbers, row after row.
fn numbers(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().unwrap_or_else(|| unreachable!("operands are made contiguous first"))
}

fn dense(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

fn tensor(values: Vec<f32>, shape: impl Into<Vec<usize>>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.into()))
}

/// What is multiplied in x's place: on the CPU bf16 is f32 with the last bits left out.
fn factor(x: FlexTensor, how: Products) -> FlexTensor {
    match how {
        Products::Exact | Products::Tf32 => dense(x),
        Products::Bf16 => dense(Flex::float_cast(Flex::float_cast(x, FloatDType::BF16), FloatDType::F32)),
    }
}

fn matrix(tensor: &FlexTensor) -> Matrix<'_> {
    let shape = shape(tensor);
    Matrix::new(numbers(tensor), shape[0], shape[1])
}

fn shape(tensor: &FlexTensor) -> Vec<usize> {
    tensor.layout().shape().to_vec()
}

impl Update for Flex {
    fn adamw(
        parameters: Several<Self>,
        gradients: Several<Self>,
        first: Several<Self>,
        second: Several<Self>,
        clip: FlexTensor,
        by: Ruled,
    ) -> (Several<Self>, Several<Self>, Several<Self>) {
        let all = |several: Several<Self>| several.0.into_iter().map(dense).collect::<Vec<_>>();
        let [mut parameters, gradients, mut first, mut second] = [parameters, gradients, first, second].map(all);
        let clip = numbers(&clip)[0];
        let moments = first.iter_mut().zip(&mut second);
        for (((x, gradient), (m, v)), rule) in parameters.iter_mut().zip(&gradients).zip(moments).zip(by.each()) {
            adamw::step(x.storage_mut(), numbers(gradient), (m.storage_mut(), v.storage_mut()), clip, rule);
        }
        (Several(parameters), Several(first), Several(second))
    }

    fn adamw_words(
        x: FlexTensor,
        gradient: FlexTensor,
        first: FlexTensor,
        second: FlexTensor,
        clip: FlexTensor,
        how: Touched,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let [mut x, gradient, mut first, mut second] = [x, gradient, first, second].map(dense);
        let mut moved = how.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let gradient = SomeRows { clip: numbers(&clip)[0], ids: &how.words.ids, rows: numbers(&gradient) };
        let (d, moments) = (shape(&x)[1], (first.storage_mut(), second.storage_mut()));
        adamw::step_rows(x.storage_mut(), d, gradient, moments, &mut moved, how.rules.each[how.which]);
        (x, first, second)
    }

    fn rounded(parameters: Several<Self>) -> Several<Self> {
        Several(parameters.0.into_iter().map(|x| Self::float_cast(x, FloatDType::BF16)).collect())
    }

    fn norm(gradients: Several<Self>) -> FlexTensor {
        let squares: f64 = gradients.0.into_iter().map(|gradient| square_sum(numbers(&dense(gradient)))).sum();
        tensor(vec![squares.sqrt() as f32], [1])
    }
}

/// Operands of an attention, and the probabilities that its backward pass needs.
#[derive(Clone, Debug)]
pub struct Attended {
    operands: [FlexTensor; 6],
    how: Attending,
    probabilities: Arc<Vec<f32>>,
}

impl Attended {
    fn forward(operands: [FlexTensor; 6], how: Attending) -> (FlexTensor, Self) {
        let operands = operands.map(dense);
        let out_shape = shape(&operands[0]);
        let mut attended = Self { operands, how, probabilities: Arc::default() };
        let (out, probabilities) = attended.with(attention::forward);
        attended.probabilities = Arc::new(probabilities);
        (tensor(out, out_shape), attended)
    }

    fn backward(&self, gradient: &FlexTensor) -> [FlexTensor; 6] {
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
pub struct Closed {
    saved: Arc<Saved>,
    scale: FlexTensor,
    how: Closing,
}

impl Closed {
    fn forward([x, bias, residual, scale, shift]: [FlexTensor; 5], how: Closing) -> (FlexTensor, Self) {
        let [x, bias, residual, scale, shift] = [x, bias, residual, scale, shift].map(dense);
        let norm = (numbers(&scale), numbers(&shift), how.epsilon as f32);
        let (y, saved) = close::forward(numbers(&x), numbers(&bias), numbers(&residual), norm, row_drop(&how));
        (tensor(y, shape(&x)), Self { saved: Arc::new(saved), scale, how })
    }

    fn backward(&self, mut gradient: FlexTensor) -> [FlexTensor; 5] {
        let (rows, d) = (shape(&gradient), shape(&self.scale));
        let gradients = close::backward(gradient.storage_mut(), &self.saved, numbers(&self.scale), row_drop(&self.how));
        let vector = |values: Vec<f32>| tensor(values, d.clone());
        [tensor(gradients.x, rows), vector(gradients.bias), gradient, vector(gradients.scale), vector(gradients.shift)]
    }

    /// As [`close::forward`] of x alone, with the dropout behind the norm.
    fn open([x, scale, shift]: [FlexTensor; 3], how: Closing) -> (FlexTensor, Self) {
        let [x, scale, shift] = [x, scale, shift].map(dense);
        let norm = (numbers(&scale), numbers(&shift), how.epsilon as f32);
        let (nothing, no_rows) = (zeros(shape(&scale)[0]), zeros(numbers(&x).len()));
        let (mut y, saved) = close::forward(numbers(&x), &nothing, &no_rows, norm, None);
        close::drop_rows(&mut y, nothing.len(), row_drop(&how));
        (tensor(y, shape(&x)), Self { saved: Arc::new(saved), scale, how })
    }

    fn open_backward(&self, mut gradient: FlexTensor) -> [FlexTensor; 3] {
        let d = shape(&self.scale);
        close::drop_rows(gradient.storage_mut(), d[0], row_drop(&self.how));
        let gradients = close::backward(gradient.storage_mut(), &self.saved, numbers(&self.scale), None);
        [gradient, tensor(gradients.scale, d.clone()), tensor(gradients.shift, d)]
    }
}

fn row_drop(how: &Closing) -> Option<RowDrop<'_>> {
    how.drop.as_ref().map(|drop| RowDrop { drop, rows: how.firsts.then_some(&*how.rows.firsts) })
}

impl Passes for Flex {
    type Attended = Attended;
    type Closed = Closed;
    type Projected = Projected;

    fn embed_forward(tables: [FlexTensor; 3], how: &Embedding) -> FlexTensor {
        let [words, positions, segments] = tables.map(dense);
        let d = shape(&words)[1];
        let x = embed::forward(numbers(&words), numbers(&positions), numbers(&segments), d, &how.rows);
        tensor(x, [how.rows.tokens(), d])
    }

    fn embed_backward(how: &Embedding, [positions, segments]: [usize; 2], gradient: FlexTensor) -> [FlexTensor; 3] {
        let (gradient, rows) = (dense(gradient), &how.rows);
        let d = shape(&gradient)[1];
        let of = |ids: &[u32], size: usize| tensor(embed::backward(numbers(&gradient), ids, size, d), [size, d]);
        [of(&rows.words.places, rows.words.ids.len()), of(&rows.positions, positions), of(&rows.segments, segments)]
    }

    fn attend_forward(operands: [FlexTensor; 6], how: Attending) -> (FlexTensor, Attended) {
        Attended::forward(operands, how)
    }

    fn attend_backward(attended: Attended, gradient: FlexTensor) -> [FlexTensor; 6] {
        attended.backward(&dense(gradient))
    }

    fn open_forward(operands: [FlexTensor; 3], how: Closing) -> (FlexTensor, Closed) {
        Closed::open(operands, how)
    }

    fn open_backward(closed: Closed, gradient: FlexTensor) -> [FlexTensor; 3] {
        closed.open_backward(dense(gradient))
    }

    fn product_forward(factors: [FlexTensor; 2], how: Products) -> (FlexTensor, [FlexTensor; 2]) {
        let [a, b] = factors.map(|x| factor(x, how));
        (tensor(product(matrix(&a), matrix(&b)), [shape(&a)[0], shape(&b)[1]]), [a, b])
    }

    fn product_backward([a, b]: [FlexTensor; 2], how: Products, gradient: FlexTensor) -> [FlexTensor; 2] {
        let gradient = factor(gradient, how);
        let of_a = product(matrix(&gradient), matrix(&b).transposed());
        let of_b = product(matrix(&a).transposed(), matrix(&gradient));
        [tensor(of_a, shape(&a)), tensor(of_b, shape(&b))]
    }

    fn project_forward(x: FlexTensor, weights: [FlexTensor; 3], how: Products) -> ([FlexTensor; 3], Projected) {
        let x = factor(x, how);
        let weights = weights.map(|weight| factor(weight, how));
        let out = weights.each_ref().map(|weight| tensor(product(matrix(&x), matrix(weight)), [shape(&x)[0], shape(weight)[1]]));
        (out, Projected { x, weights, how })
    }

    fn project_backward(projected: Projected, gradients: [FlexTensor; 3]) -> (FlexTensor, [FlexTensor; 3]) {
        let Projected { x, weights, how } = projected;
        let mut of_x = None;
        let of_weights = std::array::from_fn(|index| {
            let factors = [x.clone(), weights[index].clone()];
            let [part, of_weight] = Self::product_backward(factors, how, gradients[index].clone());
            of_x = Some(match of_x.take() {
                Some(sum) => Self::float_add(sum, part),
                None => part,
            });
            of_weight
        });
        (of_x.unwrap_or_else(|| unreachable!("there are three")), of_weights)
    }

    fn bias_gelu_forward([x, bias]: [FlexTensor; 2], _: Products) -> FlexTensor {
        let (x, bias) = (dense(x), dense(bias));
        tensor(gelu::forward(numbers(&x), numbers(&bias)), shape(&x))
    }

    fn bias_gelu_backward([x, bias]: [FlexTensor; 2], _: Products, gradient: FlexTensor) -> [FlexTensor; 2] {
        let [x, bias, mut gradient] = [x, bias, gradient].map(dense);
        let of_bias = tensor(gelu::backward(numbers(&x), numbers(&bias), gradient.storage_mut()), shape(&bias));
        [gradient, of_bias]
    }

    fn close_forward(operands: [FlexTensor; 5], how: Closing) -> (FlexTensor, Closed) {
        Closed::forward(operands, how)
    }

    fn close_backward(closed: Closed, gradient: FlexTensor) -> [FlexTensor; 5] {
        closed.backward(dense(gradient))
    }

    fn firsts_forward(x: FlexTensor, how: &Embedding) -> FlexTensor {
        let x = dense(x);
        let (firsts, d) = (&how.rows.firsts, shape(&x)[1]);
        let rows: Vec<&[f32]> = firsts.iter().map(|first| &numbers(&x)[*first as usize * d..][..d]).collect();
        tensor(rows.concat(), [firsts.len(), d])
    }

    fn firsts_backward(how: &Embedding, rows: usize, gradient: FlexTensor) -> FlexTensor {
        let gradient = dense(gradient);
        let d = shape(&gradient)[1];
        let mut all = zeros(rows * d);
        for (first, row) in how.rows.firsts.iter().zip(numbers(&gradient).chunks_exact(d)) {
            all[*first as usize * d..][..d].copy_from_slice(row);
        }
        tensor(all, [rows, d])
    }

    fn drop(x: FlexTensor, how: &Dropping) -> FlexTensor {
        let mut x = dense(x);
        let d = shape(&x)[1];
        close::drop_rows(x.storage_mut(), d, Some(RowDrop { drop: &how.drop, rows: None }));
        x
    }

    fn cross_entropy_forward(logits: FlexTensor, how: &Judging) -> (FlexTensor, FlexTensor) {
        let logits = dense(logits);
        let (loss, gradient) = loss::cross_entropy(numbers(&logits), &how.rows.labels, how.share);
        (tensor(vec![loss], [1]), tensor(gradient, shape(&logits)))
    }
}
