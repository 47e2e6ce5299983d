//! AdamW over parameters, in place where nobody else holds them.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensors::{UNITS, dense, elements, sizes, strided, upload};
use crate::kernels::operations::Rule;

/// So many parameters share a launch: launching costs more than updating a bias does. Each takes four buffers, and Metal
/// binds no more than 31.
const TOGETHER: usize = 7;

/// The numbers of one step, as a kernel takes them.
#[derive(CubeType, CubeLaunch, Clone)]
#[expand(derive(Clone))]
struct Numbers {
    keep: f32,
    beta1: f32,
    beta2: f32,
    step_size: f32,
    root_correction: f32,
    epsilon: f32,
}

fn launched(rule: Rule) -> NumbersLaunch {
    let Rule { keep, beta1, beta2, step_size, root_correction, epsilon } = rule;
    NumbersLaunch::new(keep, beta1, beta2, step_size, root_correction, epsilon)
}

/// A parameter, its gradient and its moments.
#[derive(CubeType, CubeLaunch)]
struct Part {
    x: OwnedTensor<f32>,
    gradient: OwnedTensor<f32>,
    first: OwnedTensor<f32>,
    second: OwnedTensor<f32>,
    numbers: Numbers,
}

#[cube]
fn update(x: &mut Tensor<f32>, first: &mut Tensor<f32>, second: &mut Tensor<f32>, at: usize, gradient: f32, numbers: &Numbers) {
    let m = first[at] * numbers.beta1 + gradient * (1.0f32 - numbers.beta1);
    let v = second[at] * numbers.beta2 + gradient * gradient * (1.0f32 - numbers.beta2);
    let denominator = f32::sqrt(v) / numbers.root_correction + numbers.epsilon;
    first[at] = m;
    second[at] = v;
    x[at] = x[at] * numbers.keep - m / denominator * numbers.step_size;
}

#[cube(launch)]
fn adamw(parts: &mut Sequence<Part>, clip: &Tensor<f32>, #[comptime] count: usize, #[comptime] units: u32) {
    let clip = clip[0usize];
    #[unroll]
    for index in 0..count {
        let part = parts.index_mut(index);
        let mut at = ABSOLUTE_POS;
        while at < part.x.len() {
            let gradient = part.gradient[at] * clip;
            update(&mut part.x, &mut part.first, &mut part.second, at, gradient, &part.numbers);
            at += (CUBE_COUNT_X * units) as usize;
        }
    }
}

#[cube(launch)]
fn adamw_rows(
    x: &mut Tensor<f32>,
    gradient: &Tensor<f32>,
    first: &mut Tensor<f32>,
    second: &mut Tensor<f32>,
    clip: &Tensor<f32>,
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
                of_x = gradient[low * d + column] * clip[0usize];
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

/// A step of AdamW over parameters, their gradients and both moments, by each parameter's rule: parameters and moments.
pub fn step(operands: [Vec<CubeTensor>; 4], clip: CubeTensor, rules: &[Rule]) -> [Vec<CubeTensor>; 3] {
    let [x, gradients, first, second] = operands;
    let [x, first, second] = [x, first, second].map(|all| all.into_iter().map(own).collect::<Vec<_>>());
    let (gradients, clip): (Vec<CubeTensor>, _) = (gradients.into_iter().map(dense).collect(), dense(clip));
    for group in (0..x.len()).collect::<Vec<_>>().chunks(TOGETHER) {
        let arg = |tensor: &CubeTensor| tensor.clone().into_tensor_arg();
        let part = |index: &usize| {
            let [x, g, m, v] = [&x, &gradients, &first, &second].map(|all| arg(&all[*index]));
            PartLaunch::new(x, g, m, v, launched(rules[*index]))
        };
        let largest = group.iter().map(|index| elements(&x[*index])).max().unwrap_or(0);
        adamw::launch(
            &clip.client,
            strided(largest),
            CubeDim::new_1d(UNITS),
            group.iter().map(part).collect(),
            arg(&clip),
            group.len(),
            UNITS,
        );
    }
    [x, first, second]
}

/// [`step`] of a table whose gradient is zero but for the rows `ids`, ascending.
pub fn step_rows(
    [x, first, second]: [CubeTensor; 3],
    (gradient, ids): (CubeTensor, &[u32]),
    clip: CubeTensor,
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
        dense(clip).into_tensor_arg(),
        upload(&x, ids.to_vec()).into_tensor_arg(),
        launched(rule),
        ids.len(),
        d,
    );
    (x, first, second)
}
