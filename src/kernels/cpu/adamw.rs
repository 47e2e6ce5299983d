//! [`AdamWStep`] and [`SparseAdamWStep`] on the CPU.

use std::sync::PoisonError;

use burn::backend::Flex;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::reduce::ROWS;
use super::simd::vectorized;
use super::tensors::{dense, numbers, shape};
use crate::kernels::update::UpdateKernel;
use crate::kernels::{AdamWStep, SparseAdamWStep, UpdateRule};

/// The gradient of a table `[size, d]` that is zero except for some rows.
#[derive(Clone, Copy, Debug)]
pub struct SomeRows<'a> {
    /// Factor on the gradient.
    pub clip: f32,
    /// Indices of these rows, ascending.
    pub ids: &'a [u32],
    /// Their gradients: `[ids, d]`.
    pub rows: &'a [f32],
}

vectorized! {
    fn update(x: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32], clip: f32, rule: UpdateRule) {
        for ((x, gradient), (m, v)) in x.iter_mut().zip(gradient).zip(first.iter_mut().zip(second)) {
            let gradient = gradient * clip;
            *m = *m * rule.beta1 + gradient * (1.0 - rule.beta1);
            *v = *v * rule.beta2 + gradient * gradient * (1.0 - rule.beta2);
            let denominator = v.sqrt() / rule.root_correction + rule.epsilon;
            *x = *x * rule.keep - *m / denominator * rule.step_size;
        }
    }
}

/// Running means of a parameter's gradient and of its square.
pub type Moments<'a> = (&'a mut [f32], &'a mut [f32]);

/// Takes one step, with the gradient multiplied by `clip`.
pub fn step(x: &mut [f32], gradient: &[f32], (first, second): Moments<'_>, clip: f32, rule: UpdateRule) {
    const CHUNK: usize = 1 << 15;
    let state = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
    x.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(state).for_each(|((x, gradient), (first, second))| {
        update(x, gradient, first, second, clip, rule);
    });
}

vectorized! {
    fn decay(x: &mut [f32], keep: f32) {
        for x in x {
            *x *= keep;
        }
    }
}

/// Takes one step with a gradient for only some rows of width `d`: bit for bit what [`step`] does with zeros in the other
/// rows.
///
/// A row that never had a gradient has zero moments, so only weight decay applies to it; most of a vocabulary is such rows.
/// `touched` records which rows have had one; if it is empty, it is derived from the moments.
pub fn step_rows(
    x: &mut [f32],
    d: usize,
    gradient: SomeRows<'_>,
    (first, second): Moments<'_>,
    touched: &mut Vec<bool>,
    rule: UpdateRule,
) {
    if touched.is_empty() {
        let moves = |row: &[f32]| row.iter().any(|moment| *moment != 0.0);
        *touched = first.chunks_exact(d).zip(second.chunks_exact(d)).map(|(m, v)| moves(m) || moves(v)).collect();
    }
    let state = first.par_chunks_mut(ROWS * d).zip(second.par_chunks_mut(ROWS * d));
    let state = state.zip(touched.par_chunks_mut(ROWS));
    x.par_chunks_mut(ROWS * d).zip(state).enumerate().for_each(|(part, (x, ((first, second), touched)))| {
        let nothing = vec![0.0; d];
        let begin = (part * ROWS) as u32;
        let mut next = gradient.ids.partition_point(|id| *id < begin);
        let state = first.chunks_exact_mut(d).zip(second.chunks_exact_mut(d)).zip(touched);
        for ((id, x), ((first, second), touched)) in (begin..).zip(x.chunks_exact_mut(d)).zip(state) {
            if gradient.ids.get(next) == Some(&id) {
                update(x, &gradient.rows[next * d..(next + 1) * d], first, second, gradient.clip, rule);
                next += 1;
                *touched = true;
            } else if *touched || rule.epsilon == 0.0 {
                update(x, &nothing, first, second, gradient.clip, rule);
            } else if rule.keep != 1.0 {
                decay(x, rule.keep);
            }
        }
    });
}

impl UpdateKernel<Flex> for AdamWStep {
    fn run(self, operands: Vec<FlexTensor>) -> Vec<FlexTensor> {
        let count = self.which.len();
        let mut operands = operands.into_iter().map(dense);
        let mut take = || operands.by_ref().take(count).collect::<Vec<_>>();
        let (mut x, gradients, mut first, mut second) = (take(), take(), take(), take());
        let clip = operands.next().map_or(1.0, |clip| numbers(&clip)[0]);
        let moments = first.iter_mut().zip(&mut second);
        for (((x, gradient), (m, v)), rule) in x.iter_mut().zip(&gradients).zip(moments).zip(self.each()) {
            step(x.storage_mut(), numbers(gradient), (m.storage_mut(), v.storage_mut()), clip, rule);
        }
        x.into_iter().chain(first).chain(second).collect()
    }
}

impl UpdateKernel<Flex> for SparseAdamWStep {
    fn run(self, operands: Vec<FlexTensor>) -> Vec<FlexTensor> {
        let operands: [FlexTensor; 5] = operands.try_into().unwrap_or_else(|_| unreachable!("a table with its moments"));
        let [mut x, gradient, mut first, mut second, clip] = operands.map(dense);
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let gradient = SomeRows { clip: numbers(&clip)[0], ids: &self.tokens.ids, rows: numbers(&gradient) };
        let (d, moments) = (shape(&x)[1], (first.storage_mut(), second.storage_mut()));
        step_rows(x.storage_mut(), d, gradient, moments, &mut touched, self.rules[self.which]);
        vec![x, first, second]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// Compares steps with gradients for varying rows to the same steps with explicit zeros.
    #[test]
    fn rows_without_a_gradient_move_as_with_zeros() {
        let (size, d) = (300, 20);
        let draw = |seed: u64, count: usize| Stream::new(seed, Purpose::Weights, 0, 0).normal(count, 1.0);
        for (keep, epsilon) in [(0.999, 1e-8), (1.0, 1e-8), (0.999, 0.0)] {
            let (mut rows, mut whole) = (draw(1, size * d), draw(1, size * d));
            let zeros = || (vec![0.0; size * d], vec![0.0; size * d]);
            let (mut of_rows, mut of_whole, mut touched) = (zeros(), zeros(), Vec::new());
            for (number, ids) in (1..).zip([vec![0, 3, 64, 299], vec![], vec![3, 65, 130], vec![1, 3]]) {
                let some = draw(10 + number, ids.len() * d);
                let mut all = vec![0.0; size * d];
                for (id, row) in ids.iter().zip(some.chunks_exact(d)) {
                    all[*id as usize * d..(*id as usize + 1) * d].copy_from_slice(row);
                }
                let step_size = 1e-3 / (1.0 - 0.9_f32.powf(number as f32));
                let rule = UpdateRule { keep, beta1: 0.9, beta2: 0.99, step_size, root_correction: 0.3, epsilon };
                let some = SomeRows { clip: 0.7, ids: &ids, rows: &some };
                step_rows(&mut rows, d, some, (&mut of_rows.0, &mut of_rows.1), &mut touched, rule);
                step(&mut whole, &all, (&mut of_whole.0, &mut of_whole.1), 0.7, rule);
            }
            let pairs = [(&rows, &whole), (&of_rows.0, &of_whole.0), (&of_rows.1, &of_whole.1)];
            // Without ε, 0 / 0 of the two versions may differ in the bits of its NaN, but in nothing else.
            for (ours, theirs) in pairs {
                let same = ours.iter().zip(theirs).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()));
                assert!(same, "keep {keep}, epsilon {epsilon}");
            }
        }
    }
}
