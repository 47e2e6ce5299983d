//! [`NormDropout`] and [`DropoutAddNorm`] on a GPU: one cube per row.

use burn::tensor::DType;
use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use half::bf16;

use super::philox::{Mask, element, factors, hidden_blocks, mask};
use super::reduce::{column_sums, cube_sum};
use super::tensors::{UNITS, dense, empty, empty_of, sizes};
use crate::kernels::operation::Kernel;
use crate::kernels::{DropoutAddNorm, MatmulPrecision, NormDropout, Queries};

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct SavedNorm {
    /// ĥ, `[rows, d]`.
    normal: CubeTensor,
    /// 1 / √(variance + epsilon), `[rows]`.
    inverse: CubeTensor,
    scale: CubeTensor,
    /// Batch row of each matrix row, for the dropout mask.
    places: CubeTensor,
    number: CubeTensor,
    options: DropoutAddNorm,
}

/// Returns the batch row of a matrix row: listed in `places`, or the row itself.
#[cube]
fn place_of(places: &Tensor<u32>, row: usize, #[comptime] listed: bool) -> u32 {
    let mut place = row as u32;
    if listed {
        place = places[row];
    }
    place
}

/// Writes h = x, or h = dropout(x + bias) + residual, to `normal`, and returns the sum of this unit's elements.
#[cube]
fn gather(
    x: &Tensor<f32>,
    bias: &Tensor<f32>,
    residual: &Tensor<f32>,
    normal: &mut Tensor<f32>,
    start: usize,
    d: usize,
    place: u32,
    number: &Tensor<u32>,
    mask: &Mask,
    #[comptime] blocks: u32,
    #[comptime] adds: bool,
    #[comptime] drops: bool,
) -> f32 {
    let mut sum = 0.0f32;
    let mut factor = Array::new(4usize);
    let mut block = UNIT_POS_X;
    while block < blocks {
        if drops {
            factors(mask, number, place, blocks, block, &mut factor);
        }
        #[unroll]
        for word in 0..4usize {
            let column = element(block, word);
            if column < d {
                let mut h = x[start + column];
                if adds {
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

/// Computes ĥ = (h - mean) · r, r = 1 / √(variance + epsilon), and y = ĥ · scale + shift. Dropout applies to y unless `adds`.
#[cube(launch)]
fn normalize(
    x: &Tensor<f32>,
    bias: &Tensor<f32>,
    residual: &Tensor<f32>,
    scale: &Tensor<f32>,
    shift: &Tensor<f32>,
    places: &Tensor<u32>,
    number: &Tensor<u32>,
    normal: &mut Tensor<f32>,
    inverse: &mut Tensor<f32>,
    y: &mut Tensor<f32>,
    mask: Mask,
    d: usize,
    epsilon: f32,
    #[comptime] blocks: u32,
    #[comptime] adds: bool,
    #[comptime] drops: bool,
    #[comptime] listed: bool,
    #[comptime] units: u32,
) {
    let row = CUBE_POS_X as usize;
    let start = row * d;
    let place = place_of(places, row, listed);
    let mut shared = Shared::new_slice(units as usize);
    let sum = gather(x, bias, residual, normal, start, d, place, number, &mask, blocks, adds, drops);
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
    let mut factor = Array::new(4usize);
    let mut block = UNIT_POS_X;
    while block < blocks {
        if drops && !adds {
            factors(&mask, number, place, blocks, block, &mut factor);
        }
        #[unroll]
        for word in 0..4usize {
            let column = element(block, word);
            if column < d {
                let h = (normal[start + column] - mean) * r;
                normal[start + column] = h;
                let mut value = h * scale[column] + shift[column];
                if drops && !adds {
                    value *= factor[word];
                }
                y[start + column] = value;
            }
        }
        block += CUBE_DIM_X;
    }
}

/// Computes dL/dh = (g - mean(g) - ĥ · mean(g ∘ ĥ)) · r with g = dL/dy ∘ scale, and dL/dy ∘ ĥ, written to `along`.
///
/// `dropped` receives the gradient through the dropout D: dL/dh ∘ D if `adds`, else dL/dy ∘ D, which then takes the place of
/// dL/dy. Without dropout, it is written only if `rounds`.
#[cube(launch)]
fn normalize_backward<E: Float>(
    gradient: &Tensor<f32>,
    normal: &Tensor<f32>,
    inverse: &Tensor<f32>,
    scale: &Tensor<f32>,
    places: &Tensor<u32>,
    number: &Tensor<u32>,
    of_h: &mut Tensor<f32>,
    along: &mut Tensor<f32>,
    dropped: &mut Tensor<E>,
    mask: Mask,
    d: usize,
    #[comptime] blocks: u32,
    #[comptime] adds: bool,
    #[comptime] drops: bool,
    #[comptime] rounds: bool,
    #[comptime] listed: bool,
    #[comptime] units: u32,
) {
    let row = CUBE_POS_X as usize;
    let start = row * d;
    let place = place_of(places, row, listed);
    let mut shared = Shared::new_slice(units as usize);
    let mut factor = Array::new(4usize);
    let mut sum = 0.0f32;
    let mut product = 0.0f32;
    let mut block = UNIT_POS_X;
    while block < blocks {
        if drops && !adds {
            factors(&mask, number, place, blocks, block, &mut factor);
        }
        #[unroll]
        for word in 0..4usize {
            let column = element(block, word);
            if column < d {
                let h = normal[start + column];
                let mut g = gradient[start + column];
                if drops && !adds {
                    g *= factor[word];
                    dropped[start + column] = E::cast_from(g);
                }
                along[start + column] = g * h;
                sum += g * scale[column];
                product += g * scale[column] * h;
            }
        }
        block += CUBE_DIM_X;
    }
    let mean = cube_sum(sum, &mut shared, units) / d as f32;
    let slope = cube_sum(product, &mut shared, units) / d as f32;
    let mut block = UNIT_POS_X;
    while block < blocks {
        if drops && adds {
            factors(&mask, number, place, blocks, block, &mut factor);
        }
        #[unroll]
        for word in 0..4usize {
            let column = element(block, word);
            if column < d {
                let mut g = gradient[start + column];
                if drops && !adds {
                    g = f32::cast_from(dropped[start + column]);
                }
                let value = (g * scale[column] - mean - normal[start + column] * slope) * inverse[row];
                of_h[start + column] = value;
                if drops && adds {
                    dropped[start + column] = E::cast_from(value * factor[word]);
                } else if rounds {
                    dropped[start + column] = E::cast_from(value);
                }
            }
        }
        block += CUBE_DIM_X;
    }
}

impl SavedNorm {
    fn forward(
        x: CubeTensor,
        added: Option<[CubeTensor; 2]>,
        [scale, shift]: [CubeTensor; 2],
        options: DropoutAddNorm,
    ) -> (CubeTensor, Self) {
        let (rows, d) = sizes(&x);
        let adds = added.is_some();
        // Without an addition these operands are not read, but something must be bound.
        let [bias, residual] = added.unwrap_or_else(|| [scale.clone(), x.clone()]);
        let (normal, inverse, y) = (empty(&x, [rows, d]), empty(&x, [rows]), empty(&x, [rows, d]));
        let tables = options.batch.tables(&x);
        let (places, number) = (tables.first_rows.clone(), tables.number.clone());
        normalize::launch(
            &y.client,
            CubeCount::Static(rows as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            x.into_tensor_arg(),
            bias.into_tensor_arg(),
            residual.into_tensor_arg(),
            scale.clone().into_tensor_arg(),
            shift.into_tensor_arg(),
            places.clone().into_tensor_arg(),
            number.clone().into_tensor_arg(),
            normal.clone().into_tensor_arg(),
            inverse.clone().into_tensor_arg(),
            y.clone().into_tensor_arg(),
            mask(options.dropout.as_ref()),
            d,
            options.epsilon as f32,
            hidden_blocks(d),
            adds,
            options.dropout.is_some(),
            options.queries == Queries::First,
            UNITS,
        );
        (y, Self { normal, inverse, scale, places, number, options })
    }

    /// Returns dL/dh, dL/dy ∘ ĥ, and the [`dropped`](normalize_backward) gradient if it is written, all from dL/dy.
    fn backward(&self, gradient: &CubeTensor, adds: bool) -> (CubeTensor, CubeTensor, Option<CubeTensor>) {
        let (rows, d) = sizes(gradient);
        let (of_h, along) = (empty(gradient, [rows, d]), empty(gradient, [rows, d]));
        let dropout = self.options.dropout.as_ref();
        // Round only what goes into a matrix product.
        let rounds = adds && self.options.precision == MatmulPrecision::Bf16;
        let is_written = dropout.is_some() || rounds;
        // An unused buffer still needs something to bind.
        let size = if is_written { [rows, d] } else { [1, 1] };
        let dropped = empty_of(gradient, size, if rounds { DType::BF16 } else { DType::F32 });
        let launch = if rounds { normalize_backward::launch::<bf16> } else { normalize_backward::launch::<f32> };
        launch(
            &gradient.client,
            CubeCount::Static(rows as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            gradient.clone().into_tensor_arg(),
            self.normal.clone().into_tensor_arg(),
            self.inverse.clone().into_tensor_arg(),
            self.scale.clone().into_tensor_arg(),
            self.places.clone().into_tensor_arg(),
            self.number.clone().into_tensor_arg(),
            of_h.clone().into_tensor_arg(),
            along.clone().into_tensor_arg(),
            dropped.clone().into_tensor_arg(),
            mask(dropout),
            d,
            hidden_blocks(d),
            adds,
            dropout.is_some(),
            rounds,
            self.options.queries == Queries::First,
            UNITS,
        );
        (of_h, along, is_written.then_some(dropped))
    }
}

impl Kernel<Cube, 5> for DropoutAddNorm {
    type Saved = SavedNorm;

    fn forward(self, operands: [CubeTensor; 5]) -> (CubeTensor, Self::Saved) {
        let [x, bias, residual, scale, shift] = operands.map(dense);
        SavedNorm::forward(x, Some([bias, residual]), [scale, shift], self)
    }

    fn backward(saved: Self::Saved, gradient: CubeTensor) -> [CubeTensor; 5] {
        let gradient = dense(gradient);
        let (of_h, along, dropped) = saved.backward(&gradient, true);
        let of_x = dropped.unwrap_or_else(|| of_h.clone());
        let [of_scale, of_shift, of_bias] = column_sums(&[&along, &gradient], &[&of_x]);
        [of_x, of_bias, of_h, of_scale, of_shift]
    }
}

impl Kernel<Cube, 3> for NormDropout {
    type Saved = SavedNorm;

    fn forward(self, operands: [CubeTensor; 3]) -> (CubeTensor, Self::Saved) {
        let Self { batch, epsilon, dropout } = self;
        let options = DropoutAddNorm { batch, epsilon, dropout, precision: MatmulPrecision::F32, queries: Queries::All };
        let [x, scale, shift] = operands.map(dense);
        SavedNorm::forward(x, None, [scale, shift], options)
    }

    fn backward(saved: Self::Saved, gradient: CubeTensor) -> [CubeTensor; 3] {
        let gradient = dense(gradient);
        let (of_x, along, dropped) = saved.backward(&gradient, false);
        let [of_scale, of_shift] = column_sums(&[&along, &dropped.unwrap_or(gradient)], &[]);
        [of_x, of_scale, of_shift]
    }
}
