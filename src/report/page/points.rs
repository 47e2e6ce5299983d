//! The metric of each variant: a point for every seed, a line for the mean, a band for its 95% confidence interval.

use maud::{Markup, html};

use super::data::Figures;
use super::plot::{hue, mark, place};
use super::scale::{Scale, tick};
use crate::terminal::shortened;

const WIDTH: f64 = 480.0;
const ROW: f64 = 44.0;
const TOP: f64 = 8.0;
/// Maximum number of characters in a label.
const LABEL: usize = 64;

/// Draws a row for each variant; `None` if no run has a score.
#[must_use]
pub fn points(figures: &Figures<'_>) -> Option<Markup> {
    let comparison = figures.comparison;
    let rows: Vec<_> = comparison.variants.iter().enumerate().filter(|(_, variant)| variant.score.is_some()).collect();
    // An interval from a few seeds can be wider than everything else, so it is clipped and does not set the scale.
    let scores = rows.iter().flat_map(|(_, variant)| variant.scores.values().copied());
    let x = Scale::around(scores, false, (14.0, WIDTH - 14.0))?;
    let bottom = TOP + ROW * rows.len() as f64;
    let cut = |value: f64| x.at(value).clamp(4.0, WIDTH - 4.0);
    Some(html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", bottom + 34.0)) role="img" aria-label=(format!("{} by variant", comparison.metric)) {
            @for value in x.ticks(6) {
                line.grid x1=(place(x.at(value))) x2=(place(x.at(value))) y1=(place(TOP)) y2=(place(bottom)) {}
                text.tick x=(place(x.at(value))) y=(place(bottom + 15.0)) text-anchor="middle" { (tick(value)) }
            }
            @for (row, (index, variant)) in rows.iter().enumerate() {
                @let middle = TOP + ROW * row as f64 + 30.0;
                @let class = hue(*index);
                @let label = variant.label(&comparison.columns);
                text.label x="14" y=(place(middle - 16.0)) { (shortened(&label, LABEL)) @if label.chars().count() > LABEL { title { (label) } } }
                @if let Some(score) = &variant.score {
                    @if let Some((low, high)) = score.interval {
                        rect class=(format!("interval {class}")) x=(place(cut(low))) y=(place(middle - 7.0)) width=(place(cut(high) - cut(low))) height="14" rx="2" {
                            title { (format!("95% CI of the mean: {low:.4} to {high:.4}")) }
                        }
                    }
                    line class=(format!("mark {class}")) x1=(place(x.at(score.mean))) x2=(place(x.at(score.mean))) y1=(place(middle - 9.0)) y2=(place(middle + 9.0)) {
                        title { (format!("mean {:.4}", score.mean)) }
                    }
                }
                @for (seed, score) in &variant.scores {
                    (mark(*index, (x.at(*score), middle), 4.0, "point", &format!("seed {seed}: {score:.4}")))
                }
            }
            line.base x1="4" x2=(place(WIDTH - 4.0)) y1=(place(bottom)) y2=(place(bottom)) {}
            text.tick x=(place(WIDTH - 4.0)) y=(place(bottom + 29.0)) text-anchor="end" { (comparison.metric) }
        }
    })
}
