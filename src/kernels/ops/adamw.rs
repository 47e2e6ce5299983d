//! AdamW (Loshchilov and Hutter 2019, algorithm 2).
//!
//! m ← β₁m + (1 - β₁)g, v ← β₂v + (1 - β₂)g², x ← x(1 - ηλ) - η/(1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε).

use std::sync::{Arc, Mutex};

use crate::kernels::{ResidentRules, ResidentTokens};

/// A step over some parameters: `[parameters.., gradients.., first moments.., second moments.., clip]` gives
/// `[parameters.., first moments.., second moments..]`. Gradients are multiplied with `clip`, `[1]`, first.
#[derive(Clone, Debug)]
pub struct AdamWStep {
    /// The rules of all parameters of the model.
    pub rules: Arc<ResidentRules>,
    /// Which of them each of these parameters follows.
    pub which: Vec<usize>,
}

impl AdamWStep {
    /// The rule of each of these parameters.
    pub fn each(&self) -> impl Iterator<Item = UpdateRule> {
        self.which.iter().map(|which| self.rules[*which])
    }
}

/// [`AdamWStep`] of an embedding table `[ids, d]` whose gradient is zero but for the rows of some tokens, `[tokens, d]`:
/// `[table, gradient, first moment, second moment, clip]` gives `[table, first moment, second moment]`.
#[derive(Clone, Debug)]
pub struct SparseAdamWStep {
    /// The tokens that have a gradient.
    pub tokens: Arc<ResidentTokens>,
    /// Which rows ever had one.
    pub touched: TouchedRows,
    /// The rules of all parameters of the model.
    pub rules: Arc<ResidentRules>,
    /// Which of them the table follows.
    pub which: usize,
}

/// Which rows of a table ever had a gradient; empty before the first step.
pub type TouchedRows = Arc<Mutex<Vec<bool>>>;

/// The numbers of one step for one parameter, in f32 as torch applies them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateRule {
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
