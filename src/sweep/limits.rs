//! Limits on the size of a sweep.

use crate::numbers::{count, counted};
use crate::settings::SettingProblem;

/// Maximum number of trials in a sweep: far more than anybody trains, and few enough to be planned in seconds.
pub const MAX_TRIALS: u64 = 10_000;
/// Maximum number of combinations in a grid, including excluded ones.
pub const MAX_COMBINATIONS: u64 = 100_000;

const FEWER: &str = "list fewer values, or draw some combinations: strategy = \"random\" and trials = 20";

/// Refuses more trials than a sweep may have.
pub fn check_trials(variants: u64, seeds: usize) -> Result<(), SettingProblem> {
    let trials = variants.saturating_mul(seeds as u64);
    if trials <= MAX_TRIALS {
        return Ok(());
    }
    let all = format!(
        "{} with {} are {} trials",
        counted(variants as usize, "variant", "variants"),
        counted(seeds, "seed", "seeds"),
        count(trials)
    );
    Err(SettingProblem::new("sweep", format!("{all}, more than the limit of {} for a sweep", count(MAX_TRIALS))).help(FEWER))
}

/// Refuses more combinations than a grid may have.
pub fn check_combinations(combinations: u64) -> Result<(), SettingProblem> {
    if combinations <= MAX_COMBINATIONS {
        return Ok(());
    }
    let message = format!(
        "the axes have {} combinations, more than the limit of {} for a grid",
        count(combinations),
        count(MAX_COMBINATIONS)
    );
    Err(SettingProblem::new("sweep.axes", message).help(FEWER))
}

/// Refuses a space in which every point is excluded.
pub fn check_not_empty<T>(points: Vec<T>) -> Result<Vec<T>, SettingProblem> {
    if points.is_empty() { Err(SettingProblem::new("sweep.exclude", "every variant is excluded")) } else { Ok(points) }
}
