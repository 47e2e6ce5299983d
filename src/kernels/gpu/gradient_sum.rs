//! Norms and accumulation of gradients on a GPU.

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::reduce::norm;
use super::tensors::{UNITS, dense, elements, sizes, strided, writable};
use crate::kernels::update::UpdateKernel;
use crate::kernels::{AddGradients, AddTokenGradients, GlobalNorm, ZeroGradients};

/// Sums per launch. Each takes two buffers, and Metal binds at most 31.
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

/// No two rows belong to the same token, so no two cubes write to the same place. Ids of padding rows are out of range.
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

/// Returns the groups that share a launch, each with its first index and enough cubes for its largest sum.
fn groups(sums: &[CubeTensor]) -> impl Iterator<Item = (usize, &[CubeTensor], CubeCount)> {
    sums.chunks(TOGETHER).enumerate().map(|(group, sums)| {
        let largest = sums.iter().map(elements).max().unwrap_or(0);
        (group * TOGETHER, sums, strided(largest))
    })
}

impl UpdateKernel<Cube> for AddGradients {
    fn run(self, mut sums: Vec<CubeTensor>) -> Vec<CubeTensor> {
        let gradients: Vec<CubeTensor> = sums.split_off(sums.len() / 2).into_iter().map(dense).collect();
        let sums: Vec<CubeTensor> = sums.into_iter().map(writable).collect();
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
        sums
    }
}

impl UpdateKernel<Cube> for AddTokenGradients {
    fn run(self, operands: Vec<CubeTensor>) -> Vec<CubeTensor> {
        let [sum, gradient] = operands.try_into().unwrap_or_else(|_| unreachable!("a sum and a gradient"));
        let (sum, gradient) = (writable(sum), dense(gradient));
        let ((size, d), (rows, _)) = (sizes(&sum), sizes(&gradient));
        add_rows::launch(
            &sum.client,
            CubeCount::Static(rows as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            sum.clone().into_tensor_arg(),
            gradient.into_tensor_arg(),
            self.tokens.ids_on(&sum, rows).clone().into_tensor_arg(),
            size as u32,
            d,
        );
        vec![sum]
    }
}

impl UpdateKernel<Cube> for ZeroGradients {
    fn run(self, tensors: Vec<CubeTensor>) -> Vec<CubeTensor> {
        let tensors: Vec<CubeTensor> = tensors.into_iter().map(writable).collect();
        for (_, group, cubes) in groups(&tensors) {
            let all = group.iter().map(arg).collect();
            clear_each::launch(&group[0].client, cubes, CubeDim::new_1d(UNITS), all, group.len(), UNITS);
        }
        tensors
    }
}

impl UpdateKernel<Cube> for GlobalNorm {
    fn run(self, tensors: Vec<CubeTensor>) -> Vec<CubeTensor> {
        vec![norm(tensors)]
    }
}
