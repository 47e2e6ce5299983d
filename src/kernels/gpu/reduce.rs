//! Sums in a fixed order.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensors::{UNITS, dense, reshaped, room, sizes};

/// Rows that are added first, one after the other.
const ROWS: usize = 64;

/// The sum of one number of each unit of a cube, known to every unit.
#[cube]
pub fn cube_sum(value: f32, shared: &mut Shared<[f32]>, #[comptime] units: u32) -> f32 {
    let unit = UNIT_POS_X as usize;
    shared[unit] = value;
    sync_cube();
    let mut half = (units / 2).runtime();
    while half > 0 {
        if UNIT_POS_X < half {
            let other = shared[unit + half as usize];
            shared[unit] += other;
        }
        sync_cube();
        half /= 2;
    }
    let sum = shared[0usize];
    sync_cube();
    sum
}

/// As [`cube_sum`], the largest.
#[cube]
pub fn cube_max(value: f32, shared: &mut Shared<[f32]>, #[comptime] units: u32) -> f32 {
    let unit = UNIT_POS_X as usize;
    shared[unit] = value;
    sync_cube();
    let mut half = (units / 2).runtime();
    while half > 0 {
        if UNIT_POS_X < half {
            let other = shared[unit + half as usize];
            if other > shared[unit] {
                shared[unit] = other;
            }
        }
        sync_cube();
        half /= 2;
    }
    let largest = shared[0usize];
    sync_cube();
    largest
}

/// The sums of the chunks of several matrices.
#[cube(launch)]
fn sum_chunks_of_rows(
    all: &Sequence<OwnedTensor<f32>>,
    sums: &mut Sequence<OwnedTensor<f32>>,
    d: usize,
    #[comptime] chunk: usize,
    #[comptime] count: usize,
) {
    let column = (CUBE_POS_Y * CUBE_DIM_X + UNIT_POS_X) as usize;
    let mut row = CUBE_POS_X as usize * chunk;
    #[unroll]
    for index in 0..count {
        if CUBE_POS_Z as usize == index {
            let rows = all.index(index);
            let sums = sums.index_mut(index);
            let mut end = row + chunk;
            if end > rows.len() / d {
                end = rows.len() / d;
            }
            if column < d && row < end {
                let mut sum = 0.0f32;
                while row < end {
                    sum += rows[row * d + column];
                    row += 1;
                }
                sums[CUBE_POS_X as usize * d + column] = sum;
            }
        }
    }
}

/// The sum of each column, `[d]`, of matrices of one width, which launches together cost less than one by one.
pub fn column_sums<const N: usize>(matrices: [&CubeTensor; N]) -> [CubeTensor; N] {
    let mut rows = matrices.map(CubeTensor::clone);
    let d = sizes(&rows[0]).1;
    loop {
        let counts = rows.each_ref().map(|rows| sizes(rows).0.div_ceil(ROWS).max(1));
        let most = counts.iter().copied().max().unwrap_or(1);
        let sums = counts.map(|count| room(&rows[0], [count, d]));
        let arg = |tensor: &CubeTensor| tensor.clone().into_tensor_arg();
        sum_chunks_of_rows::launch(
            &sums[0].client,
            CubeCount::Static(most as u32, d.div_ceil(UNITS as usize) as u32, N as u32),
            CubeDim::new_1d(UNITS),
            rows.iter().map(arg).collect(),
            sums.iter().map(arg).collect(),
            d,
            ROWS,
            N,
        );
        if most == 1 {
            return sums.map(|sums| reshaped(sums, vec![d]));
        }
        rows = sums;
    }
}

/// Tensors whose squares one launch adds up.
const TOGETHER: usize = 16;
/// Cubes of such a launch, each with a sum of its own.
const CUBES: usize = 256;

#[cube(launch)]
fn square_sums(
    parts: &Sequence<OwnedTensor<f32>>,
    sums: &mut Tensor<f32>,
    first: usize,
    #[comptime] count: usize,
    #[comptime] units: u32,
) {
    let mut shared = Shared::new_slice(units as usize);
    let mut sum = 0.0f32;
    #[unroll]
    for index in 0..count {
        let part = parts.index(index);
        let mut at = ABSOLUTE_POS;
        while at < part.len() {
            sum += part[at] * part[at];
            at += (CUBE_COUNT_X * units) as usize;
        }
    }
    let sum = cube_sum(sum, &mut shared, units);
    if UNIT_POS_X == 0 {
        sums[first + CUBE_POS_X as usize] = sum;
    }
}

#[cube(launch)]
fn root_of_sum(sums: &Tensor<f32>, root: &mut Tensor<f32>, count: usize, #[comptime] units: u32) {
    let mut shared = Shared::new_slice(units as usize);
    let mut sum = 0.0f32;
    let mut at = UNIT_POS_X as usize;
    while at < count {
        sum += sums[at];
        at += units as usize;
    }
    let sum = cube_sum(sum, &mut shared, units);
    if UNIT_POS_X == 0 {
        root[0usize] = f32::sqrt(sum);
    }
}

/// The norm of all tensors as one vector: `[1]`.
pub fn norm(tensors: Vec<CubeTensor>) -> CubeTensor {
    let tensors: Vec<CubeTensor> = tensors.into_iter().map(dense).collect();
    let groups = tensors.chunks(TOGETHER);
    let count = groups.len() * CUBES;
    let (sums, root) = (room(&tensors[0], [count]), room(&tensors[0], [1]));
    for (group, tensors) in groups.enumerate() {
        square_sums::launch(
            &sums.client,
            CubeCount::Static(CUBES as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            tensors.iter().map(|tensor| tensor.clone().into_tensor_arg()).collect(),
            sums.clone().into_tensor_arg(),
            group * CUBES,
            tensors.len(),
            UNITS,
        );
    }
    root_of_sum::launch(
        &root.client,
        CubeCount::Static(1, 1, 1),
        CubeDim::new_1d(UNITS),
        sums.into_tensor_arg(),
        root.clone().into_tensor_arg(),
        count,
        UNITS,
    );
    root
}
