//! The order of a table, and the variant that the others are compared with.

use std::collections::BTreeMap;

use serde_json::Value;

use super::options::Sort;
use super::variant::Variant;
use crate::plan::shown;
use crate::settings::CHECKPOINT;
use crate::task::metrics::Direction;

/// What a row of a table can be ordered by.
pub(super) struct RowOrder<'a> {
    pub mean: Option<f64>,
    pub seeds: usize,
    pub seconds: Option<f64>,
    pub settings: &'a BTreeMap<String, Value>,
}

impl<'a> From<&'a Variant> for RowOrder<'a> {
    fn from(variant: &'a Variant) -> Self {
        let Variant { seconds, settings, scores, .. } = variant;
        Self { mean: variant.mean(), seeds: scores.len(), seconds: *seconds, settings }
    }
}

/// Returns the indices of the rows in the order of the table.
pub(super) fn sorted(rows: &[RowOrder<'_>], columns: &[String], by: &Sort, direction: Direction) -> Result<Vec<usize>, String> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    // Rows without a score come last.
    let key = |index: &usize| match direction {
        Direction::Maximize => rows[*index].mean.map_or(f64::INFINITY, |mean| -mean),
        Direction::Minimize => rows[*index].mean.unwrap_or(f64::INFINITY),
    };
    match by {
        Sort::Score => order.sort_by(|a, b| key(a).total_cmp(&key(b))),
        Sort::By(name) => {
            let number = |index: &usize| match name.as_str() {
                "n" => Some(rows[*index].seeds as f64),
                "time" => rows[*index].seconds,
                path => rows[*index].settings.get(path).and_then(Value::as_f64),
            };
            let text = |index: &usize| shown(rows[*index].settings.get(name));
            if !["n", "time"].contains(&name.as_str()) && !columns.contains(name) {
                let names: Vec<&str> = ["n", "time"].into_iter().chain(columns.iter().map(String::as_str)).collect();
                return Err(format!("cannot sort by \"{name}\"; choose one of {}", names.join(", ")));
            }
            order.sort_by(|a, b| match (number(a), number(b)) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => text(a).cmp(&text(b)),
            });
        }
    }
    Ok(order)
}

/// Returns the index of the variant that a name refers to: `setting=value`, or the beginning of a run's id.
pub(super) fn meant(name: &str, variants: &[Variant], columns: &[String]) -> Result<usize, String> {
    let is_meant = |variant: &Variant| match name.split_once('=') {
        Some((path, value)) => {
            let (path, value) = (path.trim(), value.trim());
            let held = variant.settings.get(path);
            let as_number =
                || held.and_then(Value::as_f64).zip(value.parse().ok()).is_some_and(|(held, asked): (f64, f64)| held == asked);
            let as_name = || path == CHECKPOINT && variant.checkpoints.iter().any(|name| name == value);
            columns.iter().any(|column| column == path) && (shown(held) == value || as_number() || as_name())
        }
        None => variant.runs.iter().any(|run| run.starts_with(name)),
    };
    let found: Vec<usize> = (0..variants.len()).filter(|index| is_meant(&variants[*index])).collect();
    let labels = || variants.iter().map(|variant| variant.label(columns)).collect::<Vec<_>>().join("; ");
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(format!("no variant matches \"{name}\"; variants: {}", labels())),
        several => Err(format!("\"{name}\" matches {} variants: {}", several.len(), labels())),
    }
}
