//! AdamW (Loshchilov and Hutter 2019, algorithm 2) over one parameter, in place.

use rayon::prelude::*;

use super::simd::vectorized;

/// Running means of a parameter's gradient and of its square.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// Of the gradient.
    pub first: Vec<f32>,
    /// Of its square.
    pub second: Vec<f32>,
}

/// The numbers of one step, in f32 as torch applies them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// What gradients are multiplied with first, to clip their norm.
    pub clip: f32,
    /// 1 - learning rate · weight decay.
    pub keep: f32,
    /// β₁
    pub beta1: f32,
    /// β₂
    pub beta2: f32,
    /// learning rate / (1 - β₁ᵗ).
    pub step_size: f32,
    /// √(1 - β₂ᵗ).
    pub root_correction: f32,
    /// ε
    pub epsilon: f32,
}

vectorized! {
    fn update(x: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32], rule: Rule) {
        for ((x, gradient), (m, v)) in x.iter_mut().zip(gradient).zip(first.iter_mut().zip(second)) {
            let gradient = gradient * rule.clip;
            *m = *m * rule.beta1 + gradient * (1.0 - rule.beta1);
            *v = *v * rule.beta2 + gradient * gradient * (1.0 - rule.beta2);
            let denominator = v.sqrt() / rule.root_correction + rule.epsilon;
            *x = *x * rule.keep - *m / denominator * rule.step_size;
        }
    }
}

/// Takes one step.
pub fn step(x: &mut [f32], gradient: &[f32], moments: &mut Moments, rule: Rule) {
    const CHUNK: usize = 1 << 15;
    moments.first.resize(x.len(), 0.0);
    moments.second.resize(x.len(), 0.0);
    let state = moments.first.par_chunks_mut(CHUNK).zip(moments.second.par_chunks_mut(CHUNK));
    x.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(state).for_each(|((x, gradient), (first, second))| {
        update(x, gradient, first, second, rule);
    });
}
