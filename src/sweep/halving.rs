//! Asynchronous successive halving, the stopping variant: Li et al., "A System for Massively Parallel Hyperparameter Tuning"
//! (MLSys 2020), as in Ray Tune's scheduler.
//!
//! Only the first seed of each variant takes part: equal seeds see the same order of examples and the same newly initialized
//! weights, so differences are due to the settings. The other seeds of a variant that survives all run to their end:
//! stopping individual seeds by their scores would leave each variant with its lucky ones.

use crate::settings::Prune;
use crate::task::metrics::Direction;

/// Returns the steps after which trials are compared: `grace` of all steps, then `factor` times as many, and so on. The last
/// step decides nothing.
#[must_use]
pub fn rungs(prune: &Prune, steps: u64) -> Vec<u64> {
    let mut rungs = Vec::new();
    let mut at = prune.grace * steps as f64;
    while at.ceil() < steps as f64 {
        let step = (at.ceil() as u64).max(1);
        if rungs.last() != Some(&step) {
            rungs.push(step);
        }
        at *= f64::from(prune.factor.get());
    }
    rungs
}

/// Returns whether a trial survives a rung with this score, given the scores of the others: it must be among the best
/// ⌈n / factor⌉ of the n so far, including itself; ties survive.
#[must_use]
pub fn survives(score: f64, others: &[f64], factor: u32, direction: Direction) -> bool {
    let ahead = others.iter().filter(|other| direction.improves(**other, score)).count();
    ahead < (others.len() + 1).div_ceil(factor as usize)
}
