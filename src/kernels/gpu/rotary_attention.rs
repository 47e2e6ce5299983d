//! [`RotaryAttention`] on a GPU: queries and keys are rotated before [`FlashAttention`], and their gradients back.

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::attention::FIELDS;
use super::flash_attention::{FlashAttention, FlashOperands, FlashSaved};
use super::tensors::{UNITS, dense, empty, sizes, strided, upload_numbers};
use crate::kernels::operation::Kernel;
use crate::kernels::{MatmulPrecision, Queries, ResidentRotaryTable, RotaryAttention};

/// Returns one number of a row of queries or keys, rotated by the angles of its position in the direction of `sign`. `x` is where the
/// row begins.
#[cube]
fn rotated(
    from: &Tensor<f32>,
    x: usize,
    column: usize,
    position: usize,
    angles: &Tensor<f32>,
    positions: usize,
    sign: f32,
    #[comptime] width: usize,
) -> f32 {
    let half = comptime!(width / 2);
    let of_head = column % width;
    let at = position * half + of_head % half;
    let cosine = angles[at];
    let mut sine = angles[positions * half + at] * sign;
    let mut other = column + half;
    if of_head < half {
        sine = -sine;
    } else {
        other = column - half;
    }
    from[x + column] * cosine + from[x + other] * sine
}

/// Splits rows of queries, keys and values, and rotates the former two.
#[cube(launch)]
fn split(
    qkv: &Tensor<f32>,
    places: &Tensor<u32>,
    angles: &Tensor<f32>,
    q: &mut Tensor<f32>,
    k: &mut Tensor<f32>,
    v: &mut Tensor<f32>,
    count: usize,
    d: usize,
    positions: usize,
    #[comptime] width: usize,
    #[comptime] units: u32,
) {
    let mut at = ABSOLUTE_POS;
    while at < count {
        let row = at / d;
        let column = at % d;
        let position = places[row * FIELDS + 4] as usize;
        let x = row * 3 * d;
        q[at] = rotated(qkv, x, column, position, angles, positions, 1.0f32, width);
        k[at] = rotated(qkv, x + d, column, position, angles, positions, 1.0f32, width);
        v[at] = qkv[x + 2 * d + column];
        at += (CUBE_COUNT_X * units) as usize;
    }
}

/// Rotates the gradients of queries and keys back, and joins them with those of values.
#[cube(launch)]
fn join(
    q: &Tensor<f32>,
    k: &Tensor<f32>,
    v: &Tensor<f32>,
    places: &Tensor<u32>,
    angles: &Tensor<f32>,
    qkv: &mut Tensor<f32>,
    count: usize,
    d: usize,
    positions: usize,
    #[comptime] width: usize,
    #[comptime] units: u32,
) {
    let mut at = ABSOLUTE_POS;
    while at < count {
        let row = at / d;
        let column = at % d;
        let position = places[row * FIELDS + 4] as usize;
        let x = row * 3 * d;
        qkv[x + column] = rotated(q, row * d, column, position, angles, positions, -1.0f32, width);
        qkv[x + d + column] = rotated(k, row * d, column, position, angles, positions, -1.0f32, width);
        qkv[x + 2 * d + column] = v[at];
        at += (CUBE_COUNT_X * units) as usize;
    }
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct SavedRotaryAttention {
    options: RotaryAttention,
    operands: FlashOperands,
    saved: FlashSaved,
}

impl ResidentRotaryTable {
    fn angles(&self, beside: &CubeTensor) -> &CubeTensor {
        self.on_device(|| upload_numbers(beside, self.all()))
    }
}

impl RotaryAttention {
    fn flash(&self) -> FlashAttention {
        FlashAttention {
            batch: self.batch.clone(),
            heads: self.heads,
            queries: Queries::All,
            scale: 1.0 / (self.table.width() as f32).sqrt(),
            window: self.window,
            dropout: self.dropout,
            precision: MatmulPrecision::F32,
        }
    }
}

fn arg(tensor: &CubeTensor) -> TensorArg {
    tensor.clone().into_tensor_arg()
}

impl Kernel<Cube, 1> for RotaryAttention {
    type Saved = SavedRotaryAttention;

    fn forward(self, [qkv]: [CubeTensor; 1]) -> (CubeTensor, Self::Saved) {
        let qkv = dense(qkv);
        let (rows, d) = (sizes(&qkv).0, sizes(&qkv).1 / 3);
        let [query, key, value] = [(); 3].map(|()| empty(&qkv, [rows, d]));
        split::launch(
            &qkv.client,
            strided(rows * d),
            CubeDim::new_1d(UNITS),
            arg(&qkv),
            arg(&self.batch.tables(&qkv).queries),
            arg(self.table.angles(&qkv)),
            arg(&query),
            arg(&key),
            arg(&value),
            rows * d,
            d,
            self.table.positions(),
            self.table.width(),
            UNITS,
        );
        let operands = FlashOperands { query, key, value, terms: None };
        let (out, saved) = self.flash().forward(&operands);
        (out, SavedRotaryAttention { options: self, operands, saved })
    }

    fn backward(SavedRotaryAttention { options, operands, saved }: Self::Saved, gradient: CubeTensor) -> [CubeTensor; 1] {
        let gradient = dense(gradient);
        let (rows, d) = sizes(&gradient);
        let gradients = options.flash().backward(&operands, &saved, &gradient);
        let qkv = empty(&gradient, [rows, 3 * d]);
        join::launch(
            &qkv.client,
            strided(rows * d),
            CubeDim::new_1d(UNITS),
            arg(&gradients.query),
            arg(&gradients.key),
            arg(&gradients.value),
            arg(&options.batch.tables(&gradient).queries),
            arg(options.table.angles(&gradient)),
            arg(&qkv),
            rows * d,
            d,
            options.table.positions(),
            options.table.width(),
            UNITS,
        );
        [qkv]
    }
}
