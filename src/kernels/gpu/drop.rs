//! Dropout of rows.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::philox::{Mask, element, factors, hidden_blocks, mask};
use super::tensors::{UNITS, dense, room, sizes};
use crate::kernels::Drop;
use crate::kernels::operations::Dropping;

/// The row of the batch that a cube's row is: its own number, where all rows are there.
#[cube]
pub fn place_of(places: &Tensor<u32>, row: usize, #[comptime] listed: bool) -> u32 {
    let mut place = row as u32;
    if listed {
        place = places[row];
    }
    place
}

/// Multiplies rows with their dropout's factors.
#[cube(launch)]
fn multiply(
    x: &Tensor<f32>,
    places: &Tensor<u32>,
    turn: &Tensor<u32>,
    y: &mut Tensor<f32>,
    mask: Mask,
    d: usize,
    #[comptime] blocks: u32,
    #[comptime] listed: bool,
) {
    let row = CUBE_POS_X as usize;
    let place = place_of(places, row, listed);
    let mut factor = Array::new(4usize);
    let mut block = UNIT_POS_X;
    while block < blocks {
        factors(&mask, turn, place, blocks, block, &mut factor);
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

/// dropout(x) of rows of the batch: those that `places` lists, or all. Its number is in `turn`.
pub fn drop_rows(x: CubeTensor, drop: &Drop, [places, turn]: [&CubeTensor; 2], listed: bool) -> CubeTensor {
    let (rows, d) = sizes(&x);
    let y = room(&x, [rows, d]);
    multiply::launch(
        &y.client,
        CubeCount::Static(rows as u32, 1, 1),
        CubeDim::new_1d(UNITS),
        x.into_tensor_arg(),
        places.clone().into_tensor_arg(),
        turn.clone().into_tensor_arg(),
        y.clone().into_tensor_arg(),
        mask(Some(drop)),
        d,
        hidden_blocks(d),
        listed,
    );
    y
}

/// dropout(x), each row an example.
pub fn dropped(x: CubeTensor, how: &Dropping) -> CubeTensor {
    let x = dense(x);
    let tables = how.rows.tables(&x);
    drop_rows(x, &how.drop, [&tables.firsts, &tables.turn], false)
}
