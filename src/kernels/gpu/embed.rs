//! Word, position and segment embeddings of each token, summed.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::reduce::sum_by_place;
use super::tensors::{UNITS, dense, room, sizes, upload};
use crate::kernels::Rows;

#[cube(launch)]
fn embed(
    words: &Tensor<f32>,
    positions: &Tensor<f32>,
    segments: &Tensor<f32>,
    ids: &Tensor<u32>,
    x: &mut Tensor<f32>,
    tokens: usize,
    d: usize,
) {
    let token = CUBE_POS_X as usize;
    let word = ids[token] as usize * d;
    let position = ids[tokens + token] as usize * d;
    let segment = ids[2 * tokens + token] as usize * d;
    let mut column = UNIT_POS_X as usize;
    while column < d {
        x[token * d + column] = words[word + column] + segments[segment + column] + positions[position + column];
        column += CUBE_DIM_X as usize;
    }
}

/// The sum of three rows for each token: `[tokens, d]`.
pub fn forward(tables: [CubeTensor; 3], rows: &Rows) -> CubeTensor {
    let [words, positions, segments] = tables.map(dense);
    let (d, tokens) = (sizes(&words).1, rows.tokens());
    let x = room(&words, [tokens, d]);
    let ids = upload(&x, [&*rows.tokens, &rows.positions, &rows.segments].concat());
    embed::launch(
        &x.client,
        CubeCount::Static(tokens as u32, 1, 1),
        CubeDim::new_1d(UNITS),
        words.into_tensor_arg(),
        positions.into_tensor_arg(),
        segments.into_tensor_arg(),
        ids.into_tensor_arg(),
        x.clone().into_tensor_arg(),
        tokens,
        d,
    );
    x
}

/// The gradients of the batch's words, and of so many positions and segments.
pub fn backward(gradient: CubeTensor, rows: &Rows, [positions, segments]: [usize; 2]) -> [CubeTensor; 3] {
    let gradient = dense(gradient);
    [
        sum_by_place(gradient.clone(), &rows.words.places, rows.words.ids.len()),
        sum_by_place(gradient.clone(), &rows.positions, positions),
        sum_by_place(gradient, &rows.segments, segments),
    ]
}
