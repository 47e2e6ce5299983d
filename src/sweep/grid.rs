//! Grid search: every combination.

use super::limits::{check_combinations, check_not_empty, check_trials};
use super::space::{Dimension, SearchSpace};
use super::strategy::{History, Proposal, Strategy};
use crate::experiment::Choice;
use crate::settings::SettingProblem;

/// Proposes every point of a space, the last dimension changing fastest.
pub struct Grid {
    points: std::vec::IntoIter<Vec<Choice>>,
}

impl Grid {
    /// # Errors
    /// There are too many points or none, or an `exclude` table excludes nothing.
    pub fn new(space: &SearchSpace, seeds: usize) -> Result<Self, SettingProblem> {
        check_combinations(size(space))?;
        if let Some(index) = space.idle_exclusion(points(space)) {
            let complaint = SettingProblem::new(&format!("sweep.exclude[{index}]"), "this table excludes nothing");
            return Err(complaint.help("no combination of the axes has these values"));
        }
        let points = grid(space);
        check_trials(points.len() as u64, seeds)?;
        Ok(Self { points: check_not_empty(points)?.into_iter() })
    }
}

impl Strategy for Grid {
    fn next(&mut self, _: &History) -> Proposal {
        self.points.next().map_or(Proposal::Done, Proposal::Variant)
    }

    fn is_adaptive(&self) -> bool {
        false
    }
}

/// Returns the number of points before exclusions. Ranges have no points.
#[must_use]
pub fn size(space: &SearchSpace) -> u64 {
    listed(space).fold(1_u64, |size, values| size.saturating_mul(values.len() as u64))
}

/// Returns every point of the space, with the last dimension changing fastest.
pub fn points(space: &SearchSpace) -> impl Iterator<Item = Vec<Choice>> + '_ {
    (0..size(space)).map(move |number| point(space, number))
}

fn listed(space: &SearchSpace) -> impl DoubleEndedIterator<Item = &Vec<Vec<Choice>>> {
    space.dimensions.iter().filter_map(|dimension| match dimension {
        Dimension::Points(values) => Some(values),
        Dimension::Range { .. } => None,
    })
}

fn point(space: &SearchSpace, mut number: u64) -> Vec<Choice> {
    let mut parts: Vec<&Vec<Choice>> = Vec::new();
    for values in listed(space).rev() {
        let count = values.len() as u64;
        parts.push(&values[(number % count) as usize]);
        number /= count;
    }
    parts.into_iter().rev().flatten().cloned().collect()
}

/// Returns every point that the sweep allows.
#[must_use]
pub fn grid(space: &SearchSpace) -> Vec<Vec<Choice>> {
    points(space).filter(|point| space.allows(point)).collect()
}
