//! AdamW (Loshchilov and Hutter 2019, algorithm 2).
//!
//! m ← β₁m + (1 - β₁)g, v ← β₂v + (1 - β₂)g², x ← x(1 - ηλ) - η/(1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε).

use std::sync::{Arc, Mutex};

use crate::kernels::{ResidentRules, ResidentTokens};

/// One step over several parameters: maps `[parameters.., gradients.., first moments.., second moments.., clip]` to
/// `[parameters.., first moments.., second moments..]`. Gradients are first multiplied by `clip`, `[1]`.
#[derive(Clone, Debug)]
pub struct AdamWStep {
    /// The update rules of all parameters of the model.
    pub rules: Arc<ResidentRules>,
    /// Index into `rules` for each of these parameters.
    pub which: Vec<usize>,
}

impl AdamWStep {
    /// Returns the rule of each of these parameters.
    pub fn each(&self) -> impl Iterator<Item = UpdateRule> {
        self.which.iter().map(|which| self.rules[*which])
    }
}

/// [`AdamWStep`] of an embedding table `[ids, d]` whose gradient `[tokens, d]` covers only the rows of some tokens and is
/// zero elsewhere: maps `[table, gradient, first moment, second moment, clip]` to `[table, first moment, second moment]`.
#[derive(Clone, Debug)]
pub struct SparseAdamWStep {
    /// The tokens that have a gradient.
    pub tokens: Arc<ResidentTokens>,
    /// The rows that have ever had a gradient.
    pub touched: TouchedRows,
    /// The update rules of all parameters of the model.
    pub rules: Arc<ResidentRules>,
    /// Index into `rules` for the table.
    pub which: usize,
}

/// Which rows of a table have ever had a gradient; empty before the first step.
pub type TouchedRows = Arc<Mutex<Vec<bool>>>;

/// Coefficients of one step for one parameter, in f32 as in torch.
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
