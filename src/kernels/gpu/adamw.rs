//! AdamW over one parameter, in place where nobody else holds it.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensors::{UNITS, dense, shape, sizes, upload};
use crate::kernels::operations::Rule;

/// The numbers of one step, as a kernel takes them.
#[derive(CubeType, CubeLaunch, Clone)]
#[expand(derive(Clone))]
struct Numbers {
    clip: f32,
    keep: f32,
    beta1: f32,
    beta2: f32,
    step_size: f32,
    root_correction: f32,
    epsilon: f32,
}

fn launched(rule: Rule) -> NumbersLaunch {
    let Rule { clip, keep, beta1, beta2, step_size, root_correction, epsilon } = rule;
    NumbersLaunch::new(clip, keep, beta1, beta2, step_size, root_correction, epsilon)
}

#[cube]
fn update(x: &mut Tensor<f32>, first: &mut Tensor<f32>, second: &mut Tensor<f32>, at: usize, gradient: f32, numbers: &Numbers) {
    let gradient = gradient * numbers.clip;
    let m = first[at] * numbers.beta1 + gradient * (1.0f32 - numbers.beta1);
    let v = second[at] * numbers.beta2 + gradient * gradient * (1.0f32 - numbers.beta2);
    let denominator = f32::sqrt(v) / numbers.root_correction + numbers.epsilon;
    first[at] = m;
    second[at] = v;
    x[at] = x[at] * numbers.keep - m / denominator * numbers.step_size;
}

#[cube(launch)]
fn adamw(
    x: &mut Tensor<f32>,
    gradient: &Tensor<f32>,
    first: &mut Tensor<f32>,
    second: &mut Tensor<f32>,
    numbers: Numbers,
    count: usize,
) {
    let at = ABSOLUTE_POS;
    if at < count {
        update(x, first, second, at, gradient[at], &numbers);
    }
}

#[cube(launch)]
fn adamw_rows(
    x: &mut Tensor<f32>,
    gradient: &Tensor<f32>,
    first: &mut Tensor<f32>,
    second: &mut Tensor<f32>,
    ids: &Tensor<u32>,
    numbers: Numbers,
    words: usize,
    d: usize,
) {
    let row = CUBE_POS_X + CUBE_POS_Y * CUBE_COUNT_X;
    // Where this row's gradient is, if it has one: the first id that is not below it.
    let mut low = 0usize;
    let mut high = words;
    while low < high {
        let middle = (low + high) / 2;
        if ids[middle] < row {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let mut has_gradient = false;
    if low < words {
        has_gradient = ids[low] == row;
    }
    let start = row as usize * d;
    if start < x.len() {
        let mut column = UNIT_POS_X as usize;
        while column < d {
            let mut of_x = 0.0f32;
            if has_gradient {
                of_x = gradient[low * d + column];
            }
            update(x, first, second, start + column, of_x, &numbers);
            column += CUBE_DIM_X as usize;
        }
    }
}

/// What may be written: the tensor itself where nobody else holds its memory, a copy elsewhere.
fn own(tensor: CubeTensor) -> CubeTensor {
    let tensor = dense(tensor);
    if tensor.handle.can_mut() { tensor } else { tensor.copy() }
}

/// A step of AdamW: the parameter, and both moments.
pub fn step([x, first, second]: [CubeTensor; 3], gradient: CubeTensor, rule: Rule) -> (CubeTensor, CubeTensor, CubeTensor) {
    let ([x, first, second], gradient) = ([x, first, second].map(own), dense(gradient));
    let count: usize = shape(&x).iter().product();
    adamw::launch(
        &x.client,
        CubeCount::Static(count.div_ceil(UNITS as usize) as u32, 1, 1),
        CubeDim::new_1d(UNITS),
        x.clone().into_tensor_arg(),
        gradient.into_tensor_arg(),
        first.clone().into_tensor_arg(),
        second.clone().into_tensor_arg(),
        launched(rule),
        count,
    );
    (x, first, second)
}

/// [`step`] of a table whose gradient is zero but for the rows `ids`, ascending.
pub fn step_rows(
    [x, first, second]: [CubeTensor; 3],
    gradient: CubeTensor,
    ids: &[u32],
    rule: Rule,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    /// Cubes beside each other; no more may be in one dimension everywhere.
    const ACROSS: usize = 32_768;
    let ([x, first, second], gradient) = ([x, first, second].map(own), dense(gradient));
    let (size, d) = sizes(&x);
    adamw_rows::launch(
        &x.client,
        CubeCount::Static(size.min(ACROSS) as u32, size.div_ceil(ACROSS) as u32, 1),
        CubeDim::new_1d(UNITS),
        x.clone().into_tensor_arg(),
        gradient.into_tensor_arg(),
        first.clone().into_tensor_arg(),
        second.clone().into_tensor_arg(),
        upload(&x, ids.to_vec()).into_tensor_arg(),
        launched(rule),
        ids.len(),
        d,
    );
    (x, first, second)
}
