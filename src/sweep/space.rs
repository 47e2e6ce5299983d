//! The axes of a sweep as a space of points.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::experiment::Choice;
use crate::settings::{Axis, Range, Sweep};

/// One direction in which the trials of a sweep vary.
#[derive(Clone, Debug)]
pub enum Dimension {
    /// Values of one setting, or of several that move together.
    Points(Vec<Vec<Choice>>),
    /// Numbers between two bounds.
    Range {
        /// The setting.
        path: String,
        /// Its bounds.
        range: Range,
        /// Whether only whole numbers will do.
        whole: bool,
    },
}

/// Every dimension of a sweep, and what is left out of their product.
#[derive(Clone, Debug)]
pub struct SearchSpace {
    /// The axes in the order of their paths, then the paired values.
    pub dimensions: Vec<Dimension>,
    exclude: Vec<BTreeMap<String, Json>>,
}

impl SearchSpace {
    /// The space of a sweep; `whole` says which settings are whole numbers.
    #[must_use]
    pub fn of(sweep: &Sweep, whole: impl Fn(&str) -> bool) -> Self {
        let mut dimensions: Vec<Dimension> = sweep
            .axes
            .iter()
            .map(|(path, axis)| match axis {
                Axis::Values(values) => {
                    let choice = |(index, value): (usize, &Json)| {
                        vec![Choice { path: path.clone(), value: value.clone(), place: format!("sweep.axes.{path}[{index}]") }]
                    };
                    Dimension::Points(values.iter().enumerate().map(choice).collect())
                }
                Axis::Range(range) => Dimension::Range { path: path.clone(), range: range.clone(), whole: whole(path) },
            })
            .collect();
        if !sweep.paired.is_empty() {
            let point = |(index, entry): (usize, &BTreeMap<String, Json>)| {
                let choice = |(path, value): (&String, &Json)| Choice {
                    path: path.clone(),
                    value: value.clone(),
                    place: format!("sweep.paired[{index}].{path}"),
                };
                entry.iter().map(choice).collect()
            };
            dimensions.push(Dimension::Points(sweep.paired.iter().enumerate().map(point).collect()));
        }
        Self { dimensions, exclude: sweep.exclude.clone() }
    }

    /// Whether a point belongs to the sweep.
    #[must_use]
    pub fn allows(&self, point: &[Choice]) -> bool {
        let holds =
            |(path, value): (&String, &Json)| point.iter().any(|choice| choice.path == *path && same(&choice.value, value));
        !self.exclude.iter().any(|entry| entry.iter().all(holds))
    }

    /// The first `exclude` table that leaves out none of these points.
    #[must_use]
    pub fn idle_exclusion(&self, points: impl Iterator<Item = Vec<Choice>>) -> Option<usize> {
        let only = |index: usize| Self { dimensions: Vec::new(), exclude: vec![self.exclude[index].clone()] };
        let mut idle: Vec<(usize, Self)> = (0..self.exclude.len()).map(|index| (index, only(index))).collect();
        for point in points {
            if idle.is_empty() {
                break;
            }
            idle.retain(|(_, exclusion)| exclusion.allows(&point));
        }
        idle.first().map(|(index, _)| *index)
    }
}

/// 8 and 8.0 are the same value.
pub(super) fn same(a: &Json, b: &Json) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}
