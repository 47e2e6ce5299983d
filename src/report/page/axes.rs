//! Small multiples: the metric by each setting that differs, with a point for every run.

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde_json::Value;

use super::data::Figures;
use super::plot::{PANEL, mark, place};
use super::scale::Scale;
use crate::plan::shown;

/// Returns a panel for each setting that differs between variants with scores.
#[must_use]
pub fn axes(figures: &Figures<'_>) -> Vec<(String, Markup)> {
    let columns = &figures.comparison.columns;
    columns.iter().filter_map(|column| Some((column.clone(), panel(figures, column)?))).collect()
}

fn panel(figures: &Figures<'_>, column: &str) -> Option<Markup> {
    let comparison = figures.comparison;
    let (left, right, top, bottom) = PANEL.inner;
    let scored: Vec<_> = comparison.variants.iter().enumerate().filter(|(_, variant)| !variant.scores.is_empty()).collect();
    let value = |index: usize| comparison.variants[index].settings.get(column);
    let distinct: BTreeSet<String> = scored.iter().map(|(index, _)| shown(value(*index))).collect();
    if distinct.len() < 2 {
        return None;
    }
    let y = Scale::around(scored.iter().flat_map(|(_, variant)| variant.scores.values().copied()), false, (bottom, top))?;
    // A few values, or words, are placed side by side; many numbers go on a scale.
    let numbers: Option<Vec<f64>> = scored.iter().map(|(index, _)| value(*index).and_then(Value::as_f64)).collect();
    let continuous = numbers.filter(|_| distinct.len() > 6);
    let mut order: Vec<String> = distinct.into_iter().collect();
    order
        .sort_by(|a, b| a.parse::<f64>().ok().zip(b.parse().ok()).map_or_else(|| a.cmp(b), |(a, b): (f64, f64)| a.total_cmp(&b)));
    let scale = continuous.and_then(|numbers| {
        let widest = numbers.iter().copied().fold(0.0, f64::max) / numbers.iter().copied().fold(f64::INFINITY, f64::min);
        Scale::around(numbers.into_iter(), widest > 20.0, (left, right))
    });
    let slot = (right - left) / order.len() as f64;
    let x = |index: usize, turn: usize, of: usize| {
        if let Some(scale) = &scale {
            return scale.at(value(index).and_then(Value::as_f64).unwrap_or(f64::NAN));
        }
        let position = order.iter().position(|name| *name == shown(value(index))).unwrap_or(0) as f64;
        // Spread within its slot, so that equal scores stay visible.
        let shift = (turn as f64 - (of as f64 - 1.0) / 2.0) * (slot * 0.5 / of.max(6) as f64);
        left + slot * (position + 0.5) + shift
    };
    let of = scored.len();
    Some(html! {
        svg viewBox=(format!("0 0 {} {}", PANEL.width, PANEL.height)) role="img" aria-label=(format!("{} by {column}", comparison.metric)) {
            text.title x=(place(left)) y="15" { (comparison.metric) " by " (column) }
            @for value in y.ticks(4) {
                line.grid x1=(place(left)) x2=(place(right)) y1=(place(y.at(value))) y2=(place(y.at(value))) {}
                text.tick x=(place(left - 6.0)) y=(place(y.at(value) + 4.0)) text-anchor="end" { (super::scale::tick(value)) }
            }
            @if let Some(scale) = &scale {
                @for value in scale.ticks(5) {
                    text.tick x=(place(scale.at(value))) y=(place(bottom + 15.0)) text-anchor="middle" { (super::scale::tick(value)) }
                }
            } @else {
                @for (position, name) in order.iter().enumerate() {
                    text.tick x=(place(left + slot * (position as f64 + 0.5))) y=(place(bottom + 15.0)) text-anchor="middle" { (short(name)) }
                }
            }
            line.base x1=(place(left)) x2=(place(right)) y1=(place(bottom)) y2=(place(bottom)) {}
            @for (turn, (index, variant)) in scored.iter().enumerate() {
                @for (seed, score) in &variant.scores {
                    @let title = format!("{}, seed {seed}: {score:.4}", variant.label(&comparison.columns));
                    (mark(*index, (x(*index, turn, of), y.at(*score)), 3.5, "point", &title))
                }
            }
        }
    })
}

/// Returns the end of a long value such as a path, which tells more than its beginning.
fn short(name: &str) -> String {
    const LONGEST: usize = 18;
    let length = name.chars().count();
    if length <= LONGEST { name.into() } else { format!("…{}", name.chars().skip(length - LONGEST + 1).collect::<String>()) }
}
