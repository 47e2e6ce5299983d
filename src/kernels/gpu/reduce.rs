//! Sums in a fixed order.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use half::bf16;

use super::tensors::{UNITS, dense, empty, sizes};

/// Returns the sum of one number from each unit of a cube, in every unit.
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

/// Loads that a unit issues before it needs the first result: memory latency is hundreds of cycles.
pub const AT_ONCE: usize = 8;

/// Adds these numbers to a sum, one after the other.
#[cube]
pub fn plus(sum: f32, read: &Array<f32>) -> f32 {
    let mut sum = sum;
    #[unroll]
    for index in 0..AT_ONCE {
        sum += read[index];
    }
    sum
}

/// Returns the sum of every `step`-th number, or of their squares, from `first` up to `end`.
#[cube]
fn strided_sum<E: Float>(x: &Tensor<E>, first: usize, step: usize, end: usize, #[comptime] squares: bool) -> f32 {
    let mut sum = 0.0f32;
    let mut at = first;
    while at < end {
        let mut read = Array::<f32>::new(AT_ONCE);
        #[unroll]
        for index in 0..AT_ONCE {
            read[index] = 0.0f32;
            if at + index * step < end {
                let value = f32::cast_from(x[at + index * step]);
                read[index] = value;
                if squares {
                    read[index] = value * value;
                }
            }
        }
        sum = plus(sum, &read);
        at += AT_ONCE * step;
    }
    sum
}

/// Columns per cube: a plane reads this many numbers in one transaction.
const COLUMNS: usize = 32;

/// Sums the columns of several matrices, first those of f32, then those of `E`. Each unit of a column sums rows at a fixed
/// stride; the units' sums are then added in pairs.
#[cube(launch)]
fn sum_columns<E: Float>(
    all: &Sequence<OwnedTensor<f32>>,
    rounded: &Sequence<OwnedTensor<E>>,
    sums: &mut Sequence<OwnedTensor<f32>>,
    d: usize,
    #[comptime] count: usize,
    #[comptime] rounded_count: usize,
    #[comptime] groups: usize,
) {
    let column = CUBE_POS_X as usize * COLUMNS + UNIT_POS_X as usize % COLUMNS;
    let group = UNIT_POS_X as usize / COLUMNS;
    let matrix = CUBE_POS_Y as usize;
    let mut shared = Shared::new_slice(comptime!(groups * COLUMNS));
    let mut sum = 0.0f32;
    if column < d {
        #[unroll]
        for index in 0..count {
            if matrix == index {
                let rows = all.index(index);
                sum = strided_sum::<f32>(rows, group * d + column, groups * d, rows.len(), false);
            }
        }
        #[unroll]
        for index in 0..rounded_count {
            if matrix == comptime!(count + index) {
                let rows = rounded.index(index);
                sum = strided_sum::<E>(rows, group * d + column, groups * d, rows.len(), false);
            }
        }
    }
    shared[UNIT_POS_X as usize] = sum;
    sync_cube();
    let mut half = (groups / 2).runtime();
    while half > 0 {
        if group < half {
            let other = shared[UNIT_POS_X as usize + half * COLUMNS];
            shared[UNIT_POS_X as usize] += other;
        }
        sync_cube();
        half /= 2;
    }
    if group == 0 && column < d {
        #[unroll]
        for index in 0..comptime!(count + rounded_count) {
            if matrix == index {
                let sums = sums.index_mut(index);
                sums[column] = shared[UNIT_POS_X as usize];
            }
        }
    }
}

/// Returns the sum of each column, `[d]`, of matrices of the same width: first of those in f32, then of those that may be
/// bf16. One launch for all is cheaper than one launch each.
pub fn column_sums<const N: usize>(all: &[&CubeTensor], rounded: &[&CubeTensor]) -> [CubeTensor; N] {
    let sums = if rounded.iter().any(|matrix| matrix.dtype == DType::BF16) {
        column_sums_of::<bf16>(all, rounded)
    } else {
        column_sums_of::<f32>(all, rounded)
    };
    sums.try_into().unwrap_or_else(|_| unreachable!("there is a sum for each matrix"))
}

fn column_sums_of<E: Float>(all: &[&CubeTensor], rounded: &[&CubeTensor]) -> Vec<CubeTensor> {
    let d = sizes(all.iter().chain(rounded).next().unwrap_or_else(|| unreachable!("there is a matrix"))).1;
    let sums: Vec<CubeTensor> = all.iter().chain(rounded).map(|rows| empty(rows, [d])).collect();
    let client = &sums[0].client;
    // The units per column are a power of two.
    let groups = (client.properties().hardware.max_units_per_cube as usize / COLUMNS).clamp(1, 32);
    let groups = 1 << groups.ilog2();
    let arg = |tensor: &CubeTensor| tensor.clone().into_tensor_arg();
    sum_columns::launch::<E>(
        client,
        CubeCount::Static(d.div_ceil(COLUMNS) as u32, sums.len() as u32, 1),
        CubeDim::new_1d((groups * COLUMNS) as u32),
        all.iter().map(|rows| arg(rows)).collect(),
        rounded.iter().map(|rows| arg(rows)).collect(),
        sums.iter().map(arg).collect(),
        d,
        all.len(),
        rounded.len(),
        groups,
    );
    sums
}

/// Tensors per launch whose squares are summed: each takes a buffer, and Metal binds at most 31.
const TOGETHER: usize = 28;
/// Cubes per launch, each with its own sum: enough units to fill half of a large GPU.
const CUBES: usize = 512;

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
        sum += strided_sum::<f32>(part, ABSOLUTE_POS, (CUBE_COUNT_X * units) as usize, part.len(), true);
    }
    let sum = cube_sum(sum, &mut shared, units);
    if UNIT_POS_X == 0 {
        sums[first + CUBE_POS_X as usize] = sum;
    }
}

#[cube(launch)]
fn root_of_sum(sums: &Tensor<f32>, root: &mut Tensor<f32>, count: usize, #[comptime] units: u32) {
    let mut shared = Shared::new_slice(units as usize);
    let sum = strided_sum::<f32>(sums, UNIT_POS_X as usize, units as usize, count, false);
    let sum = cube_sum(sum, &mut shared, units);
    if UNIT_POS_X == 0 {
        root[0usize] = f32::sqrt(sum);
    }
}

/// Returns the norm of all tensors as one vector: `[1]`.
pub fn norm(tensors: Vec<CubeTensor>) -> CubeTensor {
    let tensors: Vec<CubeTensor> = tensors.into_iter().map(dense).collect();
    let groups = tensors.chunks(TOGETHER);
    let count = groups.len() * CUBES;
    let (sums, root) = (empty(&tensors[0], [count]), empty(&tensors[0], [1]));
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
