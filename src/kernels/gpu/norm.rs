//! LayerNorm(dropout(x + bias) + residual), and dropout(LayerNorm(x)): one cube works on one row.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::drop::{drop_rows, place_of};
use super::philox::{Mask, element, factors, hidden_blocks, mask};
use super::reduce::{column_sums, cube_sum};
use super::tensors::{UNITS, dense, room, sizes};
use crate::kernels::operations::Closing;

/// What the norm leaves for its backward pass.
#[derive(Clone, Debug)]
pub struct Closed {
    /// ĥ, `[rows, d]`.
    normal: CubeTensor,
    /// 1 / √(variance + epsilon), `[rows]`.
    inverse: CubeTensor,
    scale: CubeTensor,
    /// Rows of the batch, for the dropout.
    places: CubeTensor,
    turn: CubeTensor,
    how: Closing,
}

/// Reads h = x, or h = dropout(x + bias) + residual, into `normal`, and gives the sum of this unit's part.
#[cube]
fn gather(
    x: &Tensor<f32>,
    bias: &Tensor<f32>,
    residual: &Tensor<f32>,
    normal: &mut Tensor<f32>,
    start: usize,
    d: usize,
    place: u32,
    turn: &Tensor<u32>,
    mask: &Mask,
    #[comptime] blocks: u32,
    #[comptime] closes: bool,
    #[comptime] drops: bool,
) -> f32 {
    let mut sum = 0.0f32;
    let mut factor = Array::new(4usize);
    let mut block = UNIT_POS_X;
    while block < blocks {
        if drops {
            factors(mask, turn, place, blocks, block, &mut factor);
        }
        #[unroll]
        for word in 0..4usize {
            let column = element(block, word);
            if column < d {
                let mut h = x[start + column];
                if closes {
                    h += bias[column];
                    if drops {
                        h *= factor[word];
                    }
                    h += residual[start + column];
                }
                normal[start + column] = h;
                sum += h;
            }
        }
        block += CUBE_DIM_X;
    }
    sum
}

#[cube(launch)]
fn close_rows(
    x: &Tensor<f32>,
    bias: &Tensor<f32>,
    residual: &Tensor<f32>,
    places: &Tensor<u32>,
    turn: &Tensor<u32>,
    normal: &mut Tensor<f32>,
    inverse: &mut Tensor<f32>,
    mask: Mask,
    d: usize,
    epsilon: f32,
    #[comptime] blocks: u32,
    #[comptime] closes: bool,
    #[comptime] drops: bool,
    #[comptime] listed: bool,
    #[comptime] units: u32,
) {
    let row = CUBE_POS_X as usize;
    let start = row * d;
    let place = place_of(places, row, listed);
    let mut shared = Shared::new_slice(units as usize);
    let sum = gather(x, bias, residual, normal, start, d, place, turn, &mask, blocks, closes, drops);
    let mean = cube_sum(sum, &mut shared, units) / d as f32;
    let mut squares = 0.0f32;
    let mut block = UNIT_POS_X;
    while block < blocks {
        #[unroll]
        for word in 0..4usize {
            let column = element(block, word);
            if column < d {
                let away = normal[start + column] - mean;
                squares += away * away;
            }
        }
        block += CUBE_DIM_X;
    }
    let variance = cube_sum(squares, &mut shared, units) / d as f32;
    let r = 1.0f32 / f32::sqrt(variance + epsilon);
    if UNIT_POS_X == 0 {
        inverse[row] = r;
    }
    let mut block = UNIT_POS_X;
    while block < blocks {
        #[unroll]
        for word in 0..4usize {
            let column = element(block, word);
            if column < d {
                normal[start + column] = (normal[start + column] - mean) * r;
            }
        }
        block += CUBE_DIM_X;
    }
}

/// y = ĥ · scale + shift, with dropout behind it where a block is opened.
#[cube(launch)]
fn scale_rows(
    normal: &Tensor<f32>,
    scale: &Tensor<f32>,
    shift: &Tensor<f32>,
    places: &Tensor<u32>,
    turn: &Tensor<u32>,
    y: &mut Tensor<f32>,
    mask: Mask,
    d: usize,
    #[comptime] blocks: u32,
    #[comptime] drops: bool,
    #[comptime] listed: bool,
) {
    let row = CUBE_POS_X as usize;
    let place = place_of(places, row, listed);
    let mut factor = Array::new(4usize);
    let mut block = UNIT_POS_X;
    while block < blocks {
        if drops {
            factors(&mask, turn, place, blocks, block, &mut factor);
        }
        #[unroll]
        for word in 0..4usize {
            let column = element(block, word);
            if column < d {
                let mut value = normal[row * d + column] * scale[column] + shift[column];
                if drops {
                    value *= factor[word];
                }
                y[row * d + column] = value;
            }
        }
        block += CUBE_DIM_X;
    }
}

/// dL/dh = (g - mean(g) - ĥ · mean(g ∘ ĥ)) · r with g = dL/dy ∘ scale, and dL/dy ∘ ĥ beside it.
#[cube(launch)]
fn norm_backward(
    gradient: &Tensor<f32>,
    normal: &Tensor<f32>,
    inverse: &Tensor<f32>,
    scale: &Tensor<f32>,
    of_h: &mut Tensor<f32>,
    along: &mut Tensor<f32>,
    d: usize,
    #[comptime] units: u32,
) {
    let row = CUBE_POS_X as usize;
    let start = row * d;
    let mut shared = Shared::new_slice(units as usize);
    let mut sum = 0.0f32;
    let mut product = 0.0f32;
    let mut column = UNIT_POS_X as usize;
    while column < d {
        let h = normal[start + column];
        let g = gradient[start + column];
        along[start + column] = g * h;
        sum += g * scale[column];
        product += g * scale[column] * h;
        column += units as usize;
    }
    let mean = cube_sum(sum, &mut shared, units) / d as f32;
    let slope = cube_sum(product, &mut shared, units) / d as f32;
    let mut column = UNIT_POS_X as usize;
    while column < d {
        let g = gradient[start + column] * scale[column];
        of_h[start + column] = (g - mean - normal[start + column] * slope) * inverse[row];
        column += units as usize;
    }
}

impl Closed {
    fn normalized(x: CubeTensor, added: Option<[CubeTensor; 2]>, scale: CubeTensor, how: Closing) -> Self {
        let (rows, d) = sizes(&x);
        let closes = added.is_some();
        // Where nothing is added, the operands are not read; something must stand for them.
        let [bias, residual] = added.unwrap_or_else(|| [scale.clone(), x.clone()]);
        let (normal, inverse) = (room(&x, [rows, d]), room(&x, [rows]));
        let tables = how.rows.tables(&x);
        let (places, turn) = (tables.firsts.clone(), tables.turn.clone());
        let drop = how.drop.as_ref().filter(|_| closes);
        close_rows::launch(
            &x.client,
            CubeCount::Static(rows as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            x.clone().into_tensor_arg(),
            bias.into_tensor_arg(),
            residual.into_tensor_arg(),
            places.clone().into_tensor_arg(),
            turn.clone().into_tensor_arg(),
            normal.clone().into_tensor_arg(),
            inverse.clone().into_tensor_arg(),
            mask(drop),
            d,
            how.epsilon as f32,
            hidden_blocks(d),
            closes,
            drop.is_some(),
            how.firsts,
            UNITS,
        );
        Self { normal, inverse, scale, places, turn, how }
    }

    fn scaled(&self, shift: CubeTensor, drops: bool) -> CubeTensor {
        let (rows, d) = sizes(&self.normal);
        let y = room(&self.normal, [rows, d]);
        let drop = self.how.drop.as_ref().filter(|_| drops);
        scale_rows::launch(
            &y.client,
            CubeCount::Static(rows as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            self.normal.clone().into_tensor_arg(),
            self.scale.clone().into_tensor_arg(),
            shift.into_tensor_arg(),
            self.places.clone().into_tensor_arg(),
            self.turn.clone().into_tensor_arg(),
            y.clone().into_tensor_arg(),
            mask(drop),
            d,
            hidden_blocks(d),
            drop.is_some(),
            self.how.firsts,
        );
        y
    }

    fn dropped(&self, x: CubeTensor) -> CubeTensor {
        let Some(drop) = &self.how.drop else { return x };
        drop_rows(x, drop, [&self.places, &self.turn], self.how.firsts)
    }

    /// dL/dh from dL/dy, and dL/dy ∘ ĥ.
    fn backward(&self, gradient: &CubeTensor) -> [CubeTensor; 2] {
        let (rows, d) = sizes(gradient);
        let (of_h, along) = (room(gradient, [rows, d]), room(gradient, [rows, d]));
        norm_backward::launch(
            &gradient.client,
            CubeCount::Static(rows as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            gradient.clone().into_tensor_arg(),
            self.normal.clone().into_tensor_arg(),
            self.inverse.clone().into_tensor_arg(),
            self.scale.clone().into_tensor_arg(),
            of_h.clone().into_tensor_arg(),
            along.clone().into_tensor_arg(),
            d,
            UNITS,
        );
        [of_h, along]
    }
}

/// LayerNorm(dropout(x + bias) + residual).
pub fn close(operands: [CubeTensor; 5], how: Closing) -> (CubeTensor, Closed) {
    let [x, bias, residual, scale, shift] = operands.map(dense);
    let closed = Closed::normalized(x, Some([bias, residual]), scale, how);
    (closed.scaled(shift, false), closed)
}

/// The gradients of [`close`]'s operands.
pub fn close_backward(closed: &Closed, gradient: CubeTensor) -> [CubeTensor; 5] {
    let gradient = dense(gradient);
    let [of_h, along] = closed.backward(&gradient);
    let of_x = closed.dropped(of_h.clone());
    let [of_scale, of_shift, of_bias] = column_sums([&along, &gradient, &of_x]);
    [of_x, of_bias, of_h, of_scale, of_shift]
}

/// dropout(LayerNorm(x)).
pub fn open(operands: [CubeTensor; 3], how: Closing) -> (CubeTensor, Closed) {
    let [x, scale, shift] = operands.map(dense);
    let closed = Closed::normalized(x, None, scale, how);
    (closed.scaled(shift, true), closed)
}

/// The gradients of [`open`]'s operands.
pub fn open_backward(closed: &Closed, gradient: CubeTensor) -> [CubeTensor; 3] {
    let gradient = closed.dropped(dense(gradient));
    let [of_x, along] = closed.backward(&gradient);
    let [of_scale, of_shift] = column_sums([&along, &gradient]);
    [of_x, of_scale, of_shift]
}
