//! Every combination.

use super::space::{Dimension, SearchSpace};
use crate::experiment::Choice;

/// How many points the space has before any is left out. Ranges have no points.
#[must_use]
pub fn size(space: &SearchSpace) -> u64 {
    listed(space).fold(1_u64, |size, values| size.saturating_mul(values.len() as u64))
}

/// Every point of the space, one after the other, the last dimension changing fastest.
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

/// Every point that the sweep allows.
#[must_use]
pub fn grid(space: &SearchSpace) -> Vec<Vec<Choice>> {
    points(space).filter(|point| space.allows(point)).collect()
}
