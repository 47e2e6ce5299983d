//! Gradients added up over the batches of a step, in place.

use std::sync::Arc;

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensors::{UNITS, dense, elements, own, sizes, strided};
use crate::kernels::sums::Sums;
use crate::kernels::{Several, Words};

/// So many sums share a launch. Each takes two buffers, and Metal binds no more than 31.
const TOGETHER: usize = 14;

#[cube(launch)]
fn add_each(
    sums: &mut Sequence<OwnedTensor<f32>>,
    gradients: &Sequence<OwnedTensor<f32>>,
    #[comptime] count: usize,
    #[comptime] units: u32,
) {
    #[unroll]
    for index in 0..count {
        let sum = sums.index_mut(index);
        let gradient = gradients.index(index);
        let mut at = ABSOLUTE_POS;
        while at < sum.len() {
            sum[at] += gradient[at];
            at += (CUBE_COUNT_X * units) as usize;
        }
    }
}

#[cube(launch)]
fn clear_each(sums: &mut Sequence<OwnedTensor<f32>>, #[comptime] count: usize, #[comptime] units: u32) {
    #[unroll]
    for index in 0..count {
        let sum = sums.index_mut(index);
        let mut at = ABSOLUTE_POS;
        while at < sum.len() {
            sum[at] = 0.0f32;
            at += (CUBE_COUNT_X * units) as usize;
        }
    }
}

/// No two rows are of one word, so that no two cubes write in one place; those of none are behind the table's end.
#[cube(launch)]
fn add_rows(sum: &mut Tensor<f32>, gradient: &Tensor<f32>, ids: &Tensor<u32>, size: u32, d: usize) {
    let row = CUBE_POS_X as usize;
    let id = ids[row];
    if id < size {
        let start = id as usize * d;
        let mut column = UNIT_POS_X as usize;
        while column < d {
            sum[start + column] += gradient[row * d + column];
            column += CUBE_DIM_X as usize;
        }
    }
}

fn arg(tensor: &CubeTensor) -> TensorArg {
    tensor.clone().into_tensor_arg()
}

/// The groups that share a launch, each with cubes for the largest of its sums.
fn groups(sums: &[CubeTensor]) -> impl Iterator<Item = (usize, &[CubeTensor], CubeCount)> {
    sums.chunks(TOGETHER).enumerate().map(|(group, sums)| {
        let largest = sums.iter().map(elements).max().unwrap_or(0);
        (group * TOGETHER, sums, strided(largest))
    })
}

impl Sums for Cube {
    fn accumulate(sums: Several<Self>, gradients: Several<Self>) -> Several<Self> {
        let sums: Vec<CubeTensor> = sums.0.into_iter().map(own).collect();
        let gradients: Vec<CubeTensor> = gradients.0.into_iter().map(dense).collect();
        for (first, group, cubes) in groups(&sums) {
            add_each::launch(
                &group[0].client,
                cubes,
                CubeDim::new_1d(UNITS),
                group.iter().map(arg).collect(),
                gradients[first..first + group.len()].iter().map(arg).collect(),
                group.len(),
                UNITS,
            );
        }
        Several(sums)
    }

    fn accumulate_words(sum: CubeTensor, gradient: CubeTensor, words: Arc<Words>) -> CubeTensor {
        let (sum, gradient) = (own(sum), dense(gradient));
        let ((size, d), (rows, _)) = (sizes(&sum), sizes(&gradient));
        add_rows::launch(
            &sum.client,
            CubeCount::Static(rows as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            sum.clone().into_tensor_arg(),
            gradient.into_tensor_arg(),
            words.on_gpu(&sum, rows).clone().into_tensor_arg(),
            size as u32,
            d,
        );
        sum
    }

    fn clear(sums: Several<Self>) -> Several<Self> {
        let sums: Vec<CubeTensor> = sums.0.into_iter().map(own).collect();
        for (_, group, cubes) in groups(&sums) {
            let all = group.iter().map(arg).collect();
            clear_each::launch(&group[0].client, cubes, CubeDim::new_1d(UNITS), all, group.len(), UNITS);
        }
        Several(sums)
    }
}
