//! Asynchronous successive halving, the variant that stops: Li et al., "A System for Massively Parallel Hyperparameter
//! Tuning" (MLSys 2020), as in Ray Tune's scheduler.
//!
//! Only the first seed of each variant takes part: equal seeds see the same order of examples and the same fresh
//! weights, so that differences are the settings', and the other seeds of a variant that survives all run to their end.
//! Stopping single seeds by their score would leave each variant its lucky ones.

use crate::settings::Prune;
use crate::task::metrics::Direction;

/// The steps after which trials are compared: `grace` of all steps, then `factor` times as many, and so on; the last
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

/// Whether a trial survives a rung with this score where the others had theirs: it is among the best
/// ⌈n / factor⌉ of the n so far, itself counted; ties survive.
#[must_use]
pub fn survives(score: f64, others: &[f64], factor: u32, direction: Direction) -> bool {
    let ahead = others.iter().filter(|other| direction.improves(**other, score)).count();
    ahead < (others.len() + 1).div_ceil(factor as usize)
}
