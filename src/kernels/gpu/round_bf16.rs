//! [`RoundToBf16`] on a GPU.

use burn::tensor::DType;
use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use half::bf16;

use super::matrix_batch::{empty_batch, matrix};
use super::tensors::{UNITS, dense, elements, shape, sizes, strided};
use crate::kernels::RoundToBf16;
use crate::kernels::update::UpdateKernel;

/// Numbers of a tensor that a unit rounds per loop iteration.
const AT_ONCE: usize = 4;
/// Tensors per launch. Each takes two buffers, and Metal binds at most 31.
const TOGETHER: usize = 14;

#[cube(launch)]
fn round_each(
    all: &Sequence<OwnedTensor<f32>>,
    rounded: &mut Sequence<OwnedTensor<bf16>>,
    #[comptime] count: usize,
    #[comptime] units: u32,
) {
    #[unroll]
    for index in 0..count {
        let x = all.index(index);
        let y = rounded.index_mut(index);
        let mut at = ABSOLUTE_POS;
        while at < x.len() {
            // Issue all loads before the first result is needed.
            let step = (CUBE_COUNT_X * units) as usize;
            let mut read = Array::<f32>::new(AT_ONCE);
            #[unroll]
            for index in 0..AT_ONCE {
                if at + index * step < x.len() {
                    read[index] = x[at + index * step];
                }
            }
            #[unroll]
            for index in 0..AT_ONCE {
                if at + index * step < x.len() {
                    y[at + index * step] = bf16::cast_from(read[index]);
                }
            }
            at += AT_ONCE * step;
        }
    }
}

/// Allocates matrices of the same size as one batch, the layout that [`super::self_attention`] multiplies.
fn empty_each(all: &[CubeTensor]) -> Vec<CubeTensor> {
    let (rows, columns) = sizes(&all[0]);
    let batch = empty_batch(&all[0], all.len(), [rows, columns], DType::BF16);
    (0..all.len()).map(|index| matrix(&batch, index)).collect()
}

fn rounded(all: Vec<CubeTensor>) -> Vec<CubeTensor> {
    let all: Vec<CubeTensor> = all.into_iter().map(dense).collect();
    let rounded: Vec<CubeTensor> = all.chunk_by(|a, b| shape(a) == shape(b)).flat_map(empty_each).collect();
    for (all, rounded) in all.chunks(TOGETHER).zip(rounded.chunks(TOGETHER)) {
        let arg = |tensor: &CubeTensor| tensor.clone().into_tensor_arg();
        let largest = all.iter().map(elements).max().unwrap_or(0);
        round_each::launch(
            &all[0].client,
            strided(largest),
            CubeDim::new_1d(UNITS),
            all.iter().map(arg).collect(),
            rounded.iter().map(arg).collect(),
            all.len(),
            UNITS,
        );
    }
    rounded
}

impl UpdateKernel<Cube> for RoundToBf16 {
    fn run(self, matrices: Vec<CubeTensor>) -> Vec<CubeTensor> {
        rounded(matrices)
    }
}
