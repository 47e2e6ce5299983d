//! Every combination.

use super::space::{Dimension, Space};
use crate::experiment::Choice;

/// Every point of the space, the last dimension changing fastest. Ranges have no points.
#[must_use]
pub fn product(space: &Space) -> Vec<Vec<Choice>> {
    let mut points: Vec<Vec<Choice>> = vec![Vec::new()];
    for dimension in &space.dimensions {
        let Dimension::Points(values) = dimension else { continue };
        points = points.iter().flat_map(|point| values.iter().map(|value| [point.clone(), value.clone()].concat())).collect();
    }
    points
}

/// Every point that the sweep allows.
#[must_use]
pub fn grid(space: &Space) -> Vec<Vec<Choice>> {
    product(space).into_iter().filter(|point| space.allows(point)).collect()
}
