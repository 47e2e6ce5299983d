//! [`Embedding`] on a GPU.

use std::sync::Arc;

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::batch_tables::BatchTables;
use super::reduce::{AT_ONCE, plus};
use super::segment_sum::segment_sum;
use super::tensors::{UNITS, dense, empty, sizes};
use crate::kernels::operation::Kernel;
use crate::kernels::{Embedding, ResidentBatch};

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

/// Sums the rows at each position, counted from `first`, over the examples that are long enough.
#[cube(launch)]
fn sum_by_position(
    rows: &Tensor<f32>,
    offsets: &Tensor<u32>,
    rows_by_position: &Tensor<u32>,
    sums: &mut Tensor<f32>,
    examples: usize,
    first: u32,
    d: usize,
) {
    let position = CUBE_POS_X;
    let column = (CUBE_POS_Y * CUBE_DIM_X + UNIT_POS_X) as usize;
    if column < d {
        let mut sum = 0.0f32;
        let mut example = 0usize.runtime();
        while example < examples {
            let mut read = Array::<f32>::new(AT_ONCE);
            #[unroll]
            for index in 0..AT_ONCE {
                read[index] = 0.0f32;
                if example + index < examples && position >= first {
                    let slot = offsets[example + index] + position - first;
                    if slot < offsets[example + index + 1] {
                        let row = rows_by_position[slot as usize];
                        if row != u32::MAX {
                            read[index] = rows[row as usize * d + column];
                        }
                    }
                }
            }
            sum = plus(sum, &read);
            example += AT_ONCE;
        }
        sums[position as usize * d + column] = sum;
    }
}

/// Sums the rows of each segment within each chunk of rows: `[segments, chunks, d]`.
#[cube(launch)]
fn sum_by_segment(
    rows: &Tensor<f32>,
    ids: &Tensor<u32>,
    sums: &mut Tensor<f32>,
    count: usize,
    d: usize,
    #[comptime] chunk: usize,
) {
    let part = CUBE_POS_X as usize;
    let segment = CUBE_POS_Z;
    let column = (CUBE_POS_Y * CUBE_DIM_X + UNIT_POS_X) as usize;
    if column < d {
        let mut sum = 0.0f32;
        let mut row = part * chunk;
        let mut end = row + chunk;
        if end > count {
            end = count;
        }
        while row < end {
            let mut read = Array::<f32>::new(AT_ONCE);
            #[unroll]
            for index in 0..AT_ONCE {
                read[index] = 0.0f32;
                if row + index < end {
                    let value = rows[(row + index) * d + column];
                    if ids[2 * count + row + index] == segment {
                        read[index] = value;
                    }
                }
            }
            sum = plus(sum, &read);
            row += AT_ONCE;
        }
        sums[(segment as usize * CUBE_COUNT_X as usize + part) * d + column] = sum;
    }
}

/// Sums each run of `length` consecutive rows: `[runs, d]`.
#[cube(launch)]
fn sum_runs(rows: &Tensor<f32>, sums: &mut Tensor<f32>, length: usize, d: usize) {
    let run = CUBE_POS_X as usize;
    let column = (CUBE_POS_Y * CUBE_DIM_X + UNIT_POS_X) as usize;
    if column < d {
        let mut sum = 0.0f32;
        for row in 0..length {
            sum += rows[(run * length + row) * d + column];
        }
        sums[run * d + column] = sum;
    }
}

fn of_positions(gradient: &CubeTensor, tables: &BatchTables, first: u32, positions: usize) -> CubeTensor {
    let d = sizes(gradient).1;
    let sums = empty(gradient, [positions, d]);
    sum_by_position::launch(
        &sums.client,
        CubeCount::Static(positions as u32, d.div_ceil(UNITS as usize) as u32, 1),
        CubeDim::new_1d(UNITS),
        gradient.clone().into_tensor_arg(),
        tables.offsets.clone().into_tensor_arg(),
        tables.rows_by_position.clone().into_tensor_arg(),
        sums.clone().into_tensor_arg(),
        tables.shape.examples,
        first,
        d,
    );
    sums
}

fn of_segments(gradient: &CubeTensor, tables: &BatchTables, segments: usize) -> CubeTensor {
    const CHUNK: usize = 64;
    let (rows, d) = sizes(gradient);
    let (chunks, tiles) = (rows.div_ceil(CHUNK), d.div_ceil(UNITS as usize) as u32);
    let (parts, sums) = (empty(gradient, [segments * chunks, d]), empty(gradient, [segments, d]));
    sum_by_segment::launch(
        &sums.client,
        CubeCount::Static(chunks as u32, tiles, segments as u32),
        CubeDim::new_1d(UNITS),
        gradient.clone().into_tensor_arg(),
        tables.ids.clone().into_tensor_arg(),
        parts.clone().into_tensor_arg(),
        rows,
        d,
        CHUNK,
    );
    sum_runs::launch(
        &sums.client,
        CubeCount::Static(segments as u32, tiles, 1),
        CubeDim::new_1d(UNITS),
        parts.into_tensor_arg(),
        sums.clone().into_tensor_arg(),
        chunks,
        d,
    );
    sums
}

impl Kernel<Cube, 3> for Embedding {
    /// The batch, and the numbers of rows in the position and segment tables.
    type Saved = (Arc<ResidentBatch>, [usize; 2]);

    fn forward(self, tables: [CubeTensor; 3]) -> (CubeTensor, Self::Saved) {
        let [words, positions, segments] = tables.map(dense);
        let (d, counts) = (sizes(&words).1, [&positions, &segments].map(|table| sizes(table).0));
        let tables = self.batch.tables(&words);
        let rows = tables.shape.rows;
        let x = empty(&words, [rows, d]);
        embed::launch(
            &x.client,
            CubeCount::Static(rows as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            words.into_tensor_arg(),
            positions.into_tensor_arg(),
            segments.into_tensor_arg(),
            tables.ids.clone().into_tensor_arg(),
            x.clone().into_tensor_arg(),
            rows,
            d,
        );
        (x, (self.batch, counts))
    }

    fn backward((batch, [positions, segments]): Self::Saved, gradient: CubeTensor) -> [CubeTensor; 3] {
        let gradient = dense(gradient);
        let tables = batch.tables(&gradient);
        [
            segment_sum(&gradient, [&tables.listed, &tables.bounds, &tables.of_place]),
            of_positions(&gradient, tables, batch.position_rule.first(), positions),
            of_segments(&gradient, tables, segments),
        ]
    }
}
