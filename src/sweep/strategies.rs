//! The strategies that a sweep may name.

use super::grid::Grid;
use super::random::Random;
use super::space::SearchSpace;
use super::strategy::Strategy;
use crate::settings::{SettingProblem, StrategyName, Sweep};

/// Creates the strategy that a sweep names.
pub fn strategy(sweep: &Sweep, space: &SearchSpace, seed: u64) -> Result<Box<dyn Strategy>, SettingProblem> {
    let seeds = sweep.seeds.as_ref().map_or(1, Vec::len);
    Ok(match sweep.strategy {
        StrategyName::Grid => Box::new(Grid::new(space, seeds)?),
        StrategyName::Random => Box::new(Random::new(space, seed, sweep.trials.map_or(1, usize::from), seeds)?),
    })
}
