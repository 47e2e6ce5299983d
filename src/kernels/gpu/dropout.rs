//! [`Dropout`] on a GPU.

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::philox::{Mask, attention_blocks, element, factors, hidden_blocks, mask};
use super::tensors::{UNITS, dense, empty, sizes};
use crate::kernels::operation::Kernel;
use crate::kernels::{Dropout, MaskRows};

/// Multiplies rows by their dropout factors. `places` holds each row's mask row, or where each example begins.
#[cube(launch)]
fn multiply(
    number: &Tensor<u32>,
    places: &Tensor<u32>,
    x: &Tensor<f32>,
    y: &mut Tensor<f32>,
    mask: Mask,
    d: usize,
    heads: u32,
    queries: u32,
    row_blocks: u32,
    #[comptime] blocks: u32,
    #[comptime] is_listed: bool,
    #[comptime] is_attention: bool,
) {
    let row = CUBE_POS_X + CUBE_POS_Y * CUBE_COUNT_X;
    let start = row as usize * d;
    if start < x.len() {
        let mut place = row;
        if is_listed {
            place = places[row as usize];
        }
        if is_attention {
            let token = places[(row / queries / heads) as usize] + row % queries;
            place = token * heads + row / queries % heads;
        }
        let mut factor = Array::new(4usize);
        let mut block = UNIT_POS_X;
        while block < blocks {
            factors(&mask, number, place, row_blocks, block, &mut factor);
            #[unroll]
            for word in 0..4usize {
                let column = element(block, word);
                if column < d {
                    y[start + column] = x[start + column] * factor[word];
                }
            }
            block += CUBE_DIM_X;
        }
    }
}

/// Maximum number of cubes in the first dimension; not every device allows more.
const ACROSS: usize = 32_768;

fn dropped(x: CubeTensor, Dropout { batch, mask: of, rows }: &Dropout) -> CubeTensor {
    let x = dense(x);
    let (count, d) = sizes(&x);
    let (y, tables) = (empty(&x, [count, d]), batch.tables(&x));
    let (places, (heads, queries), row_blocks) = match *rows {
        MaskRows::Same | MaskRows::FirstTokens => (&tables.first_rows, (1, 1), hidden_blocks(d)),
        MaskRows::Attention { heads, queries } => (&tables.offsets, (heads as u32, queries as u32), attention_blocks()),
    };
    multiply::launch(
        &y.client,
        CubeCount::Static(count.min(ACROSS) as u32, count.div_ceil(ACROSS) as u32, 1),
        CubeDim::new_1d(UNITS),
        tables.number.clone().into_tensor_arg(),
        places.clone().into_tensor_arg(),
        x.into_tensor_arg(),
        y.clone().into_tensor_arg(),
        mask(Some(of)),
        d,
        heads,
        queries,
        row_blocks,
        hidden_blocks(d),
        *rows == MaskRows::FirstTokens,
        matches!(rows, MaskRows::Attention { .. }),
    );
    y
}

impl Kernel<Cube, 1> for Dropout {
    type Saved = Self;

    fn forward(self, [x]: [CubeTensor; 1]) -> (CubeTensor, Self::Saved) {
        (dropped(x, &self), self)
    }

    fn backward(options: Self::Saved, gradient: CubeTensor) -> [CubeTensor; 1] {
        [dropped(gradient, &options)]
    }
}
