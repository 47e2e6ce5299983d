//! Dropout that stands alone.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::philox::{Mask, element, factors, hidden_blocks, mask};
use super::tensors::{UNITS, dense, room, sizes};
use crate::kernels::operations::Dropping;

/// Multiplies rows with their dropout's factors.
#[cube(launch)]
fn multiply(turn: &Tensor<u32>, x: &Tensor<f32>, y: &mut Tensor<f32>, mask: Mask, d: usize, #[comptime] blocks: u32) {
    let row = CUBE_POS_X as usize;
    let mut factor = Array::new(4usize);
    let mut block = UNIT_POS_X;
    while block < blocks {
        factors(&mask, turn, row as u32, blocks, block, &mut factor);
        #[unroll]
        for word in 0..4usize {
            let column = element(block, word);
            if column < d {
                y[row * d + column] = x[row * d + column] * factor[word];
            }
        }
        block += CUBE_DIM_X;
    }
}

/// dropout(x), each row an example.
pub fn dropped(x: CubeTensor, how: &Dropping) -> CubeTensor {
    let x = dense(x);
    let (rows, d) = sizes(&x);
    let y = room(&x, [rows, d]);
    multiply::launch(
        &y.client,
        CubeCount::Static(rows as u32, 1, 1),
        CubeDim::new_1d(UNITS),
        how.rows.tables(&x).turn.clone().into_tensor_arg(),
        x.into_tensor_arg(),
        y.clone().into_tensor_arg(),
        mask(Some(&how.drop)),
        d,
        hidden_blocks(d),
    );
    y
}
