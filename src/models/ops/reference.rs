//! The operations by Burn's own functions, on padded and on ragged batches.

use std::sync::Arc;

use burn::tensor::{
    Tensor, TensorData,
    activation::{softmax, tanh},
};
use rayon::prelude::*;

use super::super::op::Ids;
use super::embedding_tables::EmbeddingTables;
use super::layout::PaddedLayout;
use super::matmul::{is_cpu, matmul};
use super::relative::{LayerPositions, RelativeBias};
use crate::architecture::Gelu;
use crate::kernels::{BatchIndices, Dropout, DropoutMask, MaskRows, Operation, Queries};
use crate::models::input::Input;
use crate::settings::Precision;

/// Returns the sum of one embedding from each table for each token.
pub fn embedding(input: &Input, tables: &EmbeddingTables) -> Tensor<2> {
    let rows = |table: &Tensor<2>, ids: Ids| match input {
        Input::Padded(batch) => batch.rows_of(table.clone(), ids),
        Input::Ragged { batch, .. } => table.clone().select(0, batch.indices_on(table, ids.into())),
    };
    let words = rows(&tables.words, Ids::Tokens);
    let sum = match &tables.segments {
        Some(segments) => words + rows(segments, Ids::Segments),
        None => words,
    };
    // Add positions last, as the kernels do.
    match &tables.positions {
        Some(positions) => sum + rows(positions, Ids::Positions),
        None => sum,
    }
}

/// Computes `softmax(Q Kᵀ / √width + mask) V` in each head (Vaswani et al. 2017), with dropout on the probabilities. Queries
/// are `[queries, d]`, keys and values `[rows, d]`. Each kind of scores with relative positions is added to `Q Kᵀ`, and counts in
/// the divisor: √(width · (1 + kinds)).
pub fn attention(
    input: &Input,
    operands: [Tensor<2>; 3],
    (heads, positions): (usize, Option<&LayerPositions<'_>>),
    queries: Queries,
    precision: Precision,
    dropout: Option<DropoutMask>,
) -> Tensor<2> {
    scored_attention(input, operands, (heads, positions), queries, precision, dropout, |scores| scores)
}

/// Computes attention with a bias by relative position on each score.
pub fn biased_attention(
    input: &Input,
    operands: [Tensor<2>; 3],
    bias: &RelativeBias,
    queries: Queries,
    precision: Precision,
    dropout: Option<DropoutMask>,
) -> Tensor<2> {
    let [_, heads] = bias.table.dims();
    scored_attention(input, operands, (heads, None), queries, precision, dropout, |scores| {
        let [_, _, asked, length] = scores.dims();
        scores + bias.of_scores(asked, length)
    })
}

/// Computes attention; `biased` changes the scores `[examples, heads, queries, keys]` before the softmax.
fn scored_attention(
    input: &Input,
    [query, key, value]: [Tensor<2>; 3],
    (heads, positions): (usize, Option<&LayerPositions<'_>>),
    queries: Queries,
    precision: Precision,
    dropout: Option<DropoutMask>,
    biased: impl FnOnce(Tensor<4>) -> Tensor<4>,
) -> Tensor<2> {
    let layout = PaddedLayout::new(input, &query);
    let (examples, length) = (layout.examples, layout.length);
    let [_, width] = query.dims();
    let head_width = width / heads;
    let split = |x: Tensor<2>, length: usize| x.reshape([examples, length, heads, head_width]).swap_dims(1, 2);
    let (query, asked) = match queries {
        Queries::All => (layout.pad(query), length),
        Queries::First => (query, 1),
    };
    let kinds = positions.map_or(0, LayerPositions::kinds);
    let divisor = ((head_width * (1 + kinds)) as f64).sqrt();
    let query = split(query, asked) / divisor;
    let [key, value] = [key, value].map(|x| split(layout.pad(x), length));
    // 0 for tokens and the most negative f32 for padding.
    let mask = (layout.token_mask.clone().neg() + 1.0) * f32::MIN;
    let disentangled = positions.and_then(|positions| positions.scores(&query, &(key.clone() / divisor), precision));
    let scores = biased(matmul(precision, query, key.swap_dims(2, 3))) + mask.reshape([examples, 1, 1, length]);
    let scores = disentangled.into_iter().fold(scores, |scores, bias| scores + bias);
    let probabilities = attention_dropout(input, softmax(scores, 3), dropout);
    let out = matmul(precision, probabilities, value).swap_dims(1, 2).reshape([examples * asked, width]);
    if queries == Queries::All { layout.unpad(out) } else { out }
}

/// Applies dropout to attention probabilities `[examples, heads, queries, keys]` in the padded layout.
pub fn attention_dropout(input: &Input, x: Tensor<4>, dropout: Option<DropoutMask>) -> Tensor<4> {
    let Some(mask) = dropout else { return x };
    let [examples, heads, queries, keys] = x.dims();
    match input {
        Input::Padded(batch) => multiplied(x, |row, factors| {
            let (example, head, query) = (row / (heads * queries), row / queries % heads, row % queries);
            if let Some(token) = batch.token(example, query) {
                mask.attention_row(token, head, heads, factors);
            }
        }),
        Input::Ragged { .. } => {
            let rows = MaskRows::Attention { heads, queries };
            dropped(input, x.reshape([examples * heads * queries, keys]), mask, rows).reshape([examples, heads, queries, keys])
        }
    }
}

/// Applies dropout to hidden states.
pub fn hidden_dropout(input: &Input, x: Tensor<2>, tokens: Queries, dropout: Option<DropoutMask>) -> Tensor<2> {
    let Some(mask) = dropout else { return x };
    match (input, tokens) {
        (Input::Padded(batch), _) => multiplied(x, |row, factors| {
            if let Some(token) = batch.token(row / batch.length, row % batch.length) {
                mask.hidden_row(token, factors);
            }
        }),
        (Input::Ragged { .. }, Queries::All) => dropped(input, x, mask, MaskRows::Same),
        (Input::Ragged { .. }, Queries::First) => dropped(input, x, mask, MaskRows::FirstTokens),
    }
}

/// Applies dropout to rows that are not tokens: one per example, or those of a table that all examples share.
pub fn row_dropout(input: &Input, x: Tensor<2>, dropout: Option<DropoutMask>) -> Tensor<2> {
    let Some(mask) = dropout else { return x };
    match input {
        Input::Padded(_) => multiplied(x, |row, factors| mask.hidden_row(row, factors)),
        Input::Ragged { .. } => dropped(input, x, mask, MaskRows::Same),
    }
}

/// Applies dropout on a ragged batch by the kernel: a mask from the host could not change between replays of a recorded step.
fn dropped(input: &Input, x: Tensor<2>, mask: DropoutMask, rows: MaskRows) -> Tensor<2> {
    let Input::Ragged { batch, .. } = input else { unreachable!("padded batches take their masks from the host") };
    Tensor::from_dispatch(Dropout { batch: Arc::clone(batch), mask, rows }.apply([x.into_dispatch()]))
}

/// Multiplies each row of the last dimension by the factors that `fill` sets; unset ones are 1.
fn multiplied<const D: usize>(x: Tensor<D>, fill: impl Fn(usize, &mut [f32]) + Sync) -> Tensor<D> {
    let shape = x.dims();
    let width = shape[D - 1];
    let mut values = vec![1.0_f32; shape.iter().product()];
    values.par_chunks_mut(width).enumerate().for_each(|(row, factors)| fill(row, factors));
    let device = x.device().without_autodiff();
    x * Tensor::from_data(TensorData::new(values, shape), &device)
}

/// Returns the row of each example's first token.
pub fn select_first(input: &Input, x: Tensor<2>) -> Tensor<2> {
    match input {
        Input::Padded(batch) => {
            let ([_, width], examples) = (x.dims(), batch.examples());
            let x = x.reshape([examples, batch.length, width]);
            x.slice([0..examples, 0..1]).reshape([examples, width])
        }
        Input::Ragged { batch, .. } => {
            let rows = batch.indices_on(&x, BatchIndices::FirstRows);
            x.select(0, rows)
        }
    }
}

/// GELU (Hendrycks and Gimpel 2016).
pub fn gelu(gelu: Gelu, x: Tensor<2>) -> Tensor<2> {
    match gelu {
        Gelu::Exact => exact_gelu(x),
        Gelu::Tanh => gelu_by_tanh(x),
    }
}

/// The exact GELU, `x · Φ(x)`, not its tanh approximation.
///
/// Composed from erf on an accelerator: there Burn's own operation is exact in the forward pass, but differentiates the
/// approximation in the backward pass.
fn exact_gelu(x: Tensor<2>) -> Tensor<2> {
    if is_cpu(&x.device()) {
        return burn::tensor::activation::gelu(x);
    }
    let cumulative = (x.clone() / std::f64::consts::SQRT_2).erf() + 1.0;
    x * cumulative * 0.5
}

/// The approximation of GELU by tanh, `½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
fn gelu_by_tanh(x: Tensor<2>) -> Tensor<2> {
    let cube = x.clone() * x.clone() * x.clone();
    let inner = (x.clone() + cube * 0.044_715) * (2.0 / std::f64::consts::PI).sqrt();
    x * (tanh(inner) + 1.0) * 0.5
}

/// Returns GELU(a) · b of rows `[a, b]`.
pub fn geglu(x: &Tensor<2>) -> Tensor<2> {
    let [rows, width] = x.dims();
    let half = |from: usize| x.clone().slice([0..rows, from..from + width / 2]);
    exact_gelu(half(0)) * half(width / 2)
}

/// Returns the mean of the rows of each example's tokens.
pub fn mean_tokens(input: &Input, x: Tensor<2>) -> Tensor<2> {
    let layout = PaddedLayout::new(input, &x);
    let (examples, length, [_, width]) = (layout.examples, layout.length, x.dims());
    let tokens = layout.token_mask.clone();
    let x = layout.pad(x).reshape([examples, length, width]) * tokens.clone().reshape([examples, length, 1]);
    x.sum_dim(1).reshape([examples, width]) / tokens.sum_dim(1)
}
