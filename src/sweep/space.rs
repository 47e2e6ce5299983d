//! The axes of a sweep as a search space.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::experiment::Choice;
use crate::settings::{Axis, Range, Sweep};

/// One dimension in which the trials of a sweep vary.
#[derive(Clone, Debug)]
pub enum Dimension {
    /// Values of one setting, or of several that change together.
    Points(Vec<Vec<Choice>>),
    /// Numbers between two bounds.
    Range {
        /// The setting's path.
        path: String,
        /// Its bounds.
        range: Range,
        /// Whether only whole numbers are allowed.
        whole: bool,
    },
}

/// Every dimension of a sweep, and what is excluded from their product.
#[derive(Clone, Debug)]
pub struct SearchSpace {
    /// The axes, ordered by path, followed by the paired values.
    pub dimensions: Vec<Dimension>,
    exclude: Vec<BTreeMap<String, Json>>,
}

impl SearchSpace {
    /// Builds the space of a sweep; `whole` tells which settings are whole numbers.
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

    /// Returns whether a point belongs to the sweep.
    #[must_use]
    pub fn allows(&self, point: &[Choice]) -> bool {
        let holds =
            |(path, value): (&String, &Json)| point.iter().any(|choice| choice.path == *path && same(&choice.value, value));
        !self.exclude.iter().any(|entry| entry.iter().all(holds))
    }

    /// Returns a point of this space as choices, with their places in the experiment; `None` if it is not in this space.
    #[must_use]
    pub fn locate(&self, point: &BTreeMap<String, Json>) -> Option<Vec<Choice>> {
        let mut choices = Vec::new();
        for dimension in &self.dimensions {
            match dimension {
                Dimension::Points(points) => {
                    let is_chosen = |choice: &Choice| point.get(&choice.path).is_some_and(|value| same(value, &choice.value));
                    choices.extend(points.iter().find(|choices| choices.iter().all(is_chosen))?.iter().cloned());
                }
                Dimension::Range { path, range, whole } => {
                    let value = point.get(path)?;
                    let is_inside = |number: f64| (range.min..=range.max).contains(&number) && (!whole || number.fract() == 0.0);
                    value.as_f64().filter(|number| is_inside(*number))?;
                    choices.push(Choice { path: path.clone(), value: value.clone(), place: format!("sweep.axes.{path}") });
                }
            }
        }
        (choices.len() == point.len() && self.allows(&choices)).then_some(choices)
    }

    /// Returns the index of the first `exclude` table that excludes none of these points.
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

/// Returns a text that is the same for equal points.
pub(super) fn point_key(point: &BTreeMap<String, Json>) -> String {
    let value = |value: &Json| value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string());
    point.iter().map(|(path, choice)| format!("{path}={}", value(choice))).collect::<Vec<_>>().join("\n")
}

/// Returns whether two values are the same; 8 and 8.0 are.
pub(super) fn same(a: &Json, b: &Json) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}
