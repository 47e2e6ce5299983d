//! [`AdamWStep`] and [`SparseAdamWStep`] on a GPU.

use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensors::{UNITS, dense, elements, sizes, strided, upload_numbers, writable, write};
use crate::kernels::update::UpdateKernel;
use crate::kernels::{AdamWStep, ResidentRules, SparseAdamWStep, UpdateRule};

/// Parameters per launch: launching costs more than updating a bias. Each takes four buffers, and Metal binds at most 31.
const TOGETHER: usize = 7;

/// Coefficients per rule.
const NUMBERS: usize = 6;

/// Returns the coefficients of all rules, `[parameters * NUMBERS]`. On a GPU they are overwritten in place between replays.
fn numbers(rules: &[UpdateRule]) -> Vec<f32> {
    let flat = |rule: &UpdateRule| {
        let UpdateRule { keep, beta1, beta2, step_size, root_correction, epsilon } = *rule;
        [keep, beta1, beta2, step_size, root_correction, epsilon]
    };
    rules.iter().flat_map(flat).collect()
}

impl ResidentRules {
    fn numbers_on(&self, beside: &CubeTensor) -> &CubeTensor {
        self.on_device(|| upload_numbers(beside, numbers(self)))
    }

    /// Overwrites other rules on the GPU with these.
    pub(super) fn write(&self, there: &CubeTensor) {
        write(there, numbers(self));
    }
}

/// A parameter, its gradient and its moments.
#[derive(CubeType, CubeLaunch)]
struct AdamWOperands {
    x: OwnedTensor<f32>,
    gradient: OwnedTensor<f32>,
    first: OwnedTensor<f32>,
    second: OwnedTensor<f32>,
    /// Index of the first coefficient of its rule.
    rule: usize,
}

#[cube]
fn update(
    x: &mut Tensor<f32>,
    first: &mut Tensor<f32>,
    second: &mut Tensor<f32>,
    at: usize,
    gradient: f32,
    rules: &Tensor<f32>,
    rule: usize,
) {
    let beta1 = rules[rule + 1];
    let beta2 = rules[rule + 2];
    let m = first[at] * beta1 + gradient * (1.0f32 - beta1);
    let v = second[at] * beta2 + gradient * gradient * (1.0f32 - beta2);
    let denominator = f32::sqrt(v) / rules[rule + 4] + rules[rule + 5];
    first[at] = m;
    second[at] = v;
    x[at] = x[at] * rules[rule] - m / denominator * rules[rule + 3];
}

#[cube(launch)]
fn adamw(
    parts: &mut Sequence<AdamWOperands>,
    clip: &Tensor<f32>,
    rules: &Tensor<f32>,
    #[comptime] count: usize,
    #[comptime] units: u32,
) {
    let clip = clip[0usize];
    #[unroll]
    for index in 0..count {
        let part = parts.index_mut(index);
        let mut at = ABSOLUTE_POS;
        while at < part.x.len() {
            let gradient = part.gradient[at] * clip;
            update(&mut part.x, &mut part.first, &mut part.second, at, gradient, rules, part.rule);
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
    rules: &Tensor<f32>,
    rule: usize,
    tokens: usize,
    d: usize,
) {
    let row = CUBE_POS_X + CUBE_POS_Y * CUBE_COUNT_X;
    // Binary search for this row's gradient, if any: the first id that is not below `row`.
    let mut low = 0usize;
    let mut high = tokens;
    while low < high {
        let middle = (low + high) / 2;
        if ids[middle] < row {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let mut has_gradient = false;
    if low < tokens {
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
            update(x, first, second, start + column, of_x, rules, rule);
            column += CUBE_DIM_X as usize;
        }
    }
}

/// Takes one AdamW step over parameters, gradients and both moments, each by its own rule; returns parameters and moments.
fn step_all(operands: [Vec<CubeTensor>; 4], clip: CubeTensor, step: &AdamWStep) -> [Vec<CubeTensor>; 3] {
    let [x, gradients, first, second] = operands;
    let [x, first, second] = [x, first, second].map(|all| all.into_iter().map(writable).collect::<Vec<_>>());
    let (gradients, clip): (Vec<CubeTensor>, _) = (gradients.into_iter().map(dense).collect(), dense(clip));
    let rules = step.rules.numbers_on(&clip);
    for group in (0..x.len()).collect::<Vec<_>>().chunks(TOGETHER) {
        let arg = |tensor: &CubeTensor| tensor.clone().into_tensor_arg();
        let part = |index: &usize| {
            let [x, g, m, v] = [&x, &gradients, &first, &second].map(|all| arg(&all[*index]));
            AdamWOperandsLaunch::new(x, g, m, v, step.which[*index] * NUMBERS)
        };
        let largest = group.iter().map(|index| elements(&x[*index])).max().unwrap_or(0);
        adamw::launch(
            &clip.client,
            strided(largest),
            CubeDim::new_1d(UNITS),
            group.iter().map(part).collect(),
            arg(&clip),
            arg(rules),
            group.len(),
            UNITS,
        );
    }
    [x, first, second]
}

/// [`step_all`] for a table whose gradient contains only the rows of some tokens, in their order, and is zero elsewhere.
fn step_rows(
    [x, first, second]: [CubeTensor; 3],
    gradient: CubeTensor,
    clip: CubeTensor,
    step: &SparseAdamWStep,
) -> Vec<CubeTensor> {
    /// Maximum number of cubes in the first dimension; not every device allows more.
    const ACROSS: usize = 32_768;
    let ([x, first, second], gradient) = ([x, first, second].map(writable), dense(gradient));
    let ((size, d), (tokens, _)) = (sizes(&x), sizes(&gradient));
    adamw_rows::launch(
        &x.client,
        CubeCount::Static(size.min(ACROSS) as u32, size.div_ceil(ACROSS) as u32, 1),
        CubeDim::new_1d(UNITS),
        x.clone().into_tensor_arg(),
        gradient.into_tensor_arg(),
        first.clone().into_tensor_arg(),
        second.clone().into_tensor_arg(),
        dense(clip).into_tensor_arg(),
        step.tokens.ids_on(&x, tokens).clone().into_tensor_arg(),
        step.rules.numbers_on(&x).clone().into_tensor_arg(),
        step.which * NUMBERS,
        tokens,
        d,
    );
    vec![x, first, second]
}

impl UpdateKernel<Cube> for AdamWStep {
    fn run(self, operands: Vec<CubeTensor>) -> Vec<CubeTensor> {
        let count = self.which.len();
        let mut operands = operands.into_iter();
        let mut take = || operands.by_ref().take(count).collect::<Vec<_>>();
        let parts = [take(), take(), take(), take()];
        let clip = operands.next().unwrap_or_else(|| unreachable!("the clip factor is the last operand"));
        step_all(parts, clip, &self).into_iter().flatten().collect()
    }
}

impl UpdateKernel<Cube> for SparseAdamWStep {
    fn run(self, operands: Vec<CubeTensor>) -> Vec<CubeTensor> {
        let operands: [CubeTensor; 5] = operands.try_into().unwrap_or_else(|_| unreachable!("a table with its moments"));
        let [x, gradient, first, second, clip] = operands;
        step_rows([x, first, second], gradient, clip, &self)
    }
}
