//! Random combinations: each draw is a function of only the seed, its number and the axis.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::limits::{check_not_empty, check_trials};
use super::space::{Dimension, SearchSpace};
use super::strategy::{History, Proposal, Strategy};
use crate::experiment::Choice;
use crate::random::{Purpose, Stream};
use crate::settings::{Range, SettingProblem};

/// Number of draws in a row without a new point after which the space counts as exhausted.
const PATIENCE: u64 = 10_000;

/// Proposes distinct points of a space, drawn with the sweep's seed.
pub struct Random {
    points: std::vec::IntoIter<Vec<Choice>>,
}

impl Random {
    /// # Errors
    /// The space does not have `variants` distinct points, or that is too many.
    pub fn new(space: &SearchSpace, seed: u64, variants: usize, seeds: usize) -> Result<Self, SettingProblem> {
        check_trials(variants as u64, seeds)?;
        let points = random(space, seed, variants);
        if points.len() < variants && !points.is_empty() {
            let message = format!("the axes have only {} different variants, fewer than the {variants} asked for", points.len());
            return Err(SettingProblem::new("sweep.trials", message).help("lower `trials`, or write strategy = \"grid\""));
        }
        Ok(Self { points: check_not_empty(points)?.into_iter() })
    }
}

impl Strategy for Random {
    fn next(&mut self, _: &History) -> Proposal {
        self.points.next().map_or(Proposal::Done, Proposal::Variant)
    }

    fn is_adaptive(&self) -> bool {
        false
    }
}

/// Returns the first `n` distinct points that the sweep allows, or fewer if the space is exhausted.
///
/// A larger `n` begins with the same points, and an additional axis does not change the values of the others.
#[must_use]
pub fn random(space: &SearchSpace, seed: u64, n: usize) -> Vec<Vec<Choice>> {
    let mut points: Vec<Vec<Choice>> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut in_vain = 0;
    for number in 0.. {
        if points.len() == n || in_vain == PATIENCE {
            break;
        }
        let point: Vec<Choice> = space.dimensions.iter().flat_map(|dimension| draw(dimension, seed, number)).collect();
        let name: Vec<String> = point.iter().map(|choice| choice.value.to_string()).collect();
        if space.allows(&point) && seen.insert(name) {
            points.push(point);
            in_vain = 0;
        } else {
            in_vain += 1;
        }
    }
    points
}

fn draw(dimension: &Dimension, seed: u64, number: u64) -> Vec<Choice> {
    match dimension {
        Dimension::Points(points) => {
            let name: Vec<&str> = points[0].iter().map(|choice| choice.path.as_str()).collect();
            let stream = Stream::new(seed, Purpose::Sweep, number, place(&name.join(" ")));
            points[stream.below(0, points.len() as u64) as usize].clone()
        }
        Dimension::Range { path, range, whole } => {
            let stream = Stream::new(seed, Purpose::Sweep, number, place(path));
            let value = if *whole { whole_number(range, stream.unit(0)) } else { Json::from(between(range, stream.unit(0))) };
            vec![Choice { path: path.clone(), value, place: format!("sweep.axes.{path}") }]
        }
    }
}

/// Identifies an axis by its name, so that other axes can come and go.
fn place(name: &str) -> u16 {
    let digest = Sha256::digest(name);
    u16::from_le_bytes([digest[0], digest[1]])
}

/// Returns a number with four significant digits, as a person would write it.
fn between(range: &Range, unit: f64) -> f64 {
    let value = at(range.min, range.max, range.log, unit);
    format!("{value:.3e}").parse().unwrap_or(value).clamp(range.min, range.max)
}

fn whole_number(range: &Range, unit: f64) -> Json {
    // Each whole number is the center of its own interval.
    let (low, high) = (range.min - 0.5, range.max + 0.5);
    let value = at(low, high, range.log, unit).round().clamp(range.min, range.max);
    Json::from(value as i64)
}

fn at(low: f64, high: f64, log: bool, unit: f64) -> f64 {
    if log { (low.ln() + unit * (high.ln() - low.ln())).exp() } else { low + unit * (high - low) }
}
