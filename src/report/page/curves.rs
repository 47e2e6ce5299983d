//! Learning curves: a thin line for each seed, a thick one for their mean.

use maud::{Markup, html};

use super::data::{Figures, curve_names, mean_curve};
use super::plot::{PANEL, hue, line, mark};
use super::scale::Scale;

/// Returns a panel for each quantity that any run has logged.
#[must_use]
pub fn curves(figures: &Figures<'_>) -> Vec<(String, Markup)> {
    curve_names(&figures.comparison.metric).into_iter().filter_map(|name| Some((name.clone(), panel(figures, &name)?))).collect()
}

fn panel(figures: &Figures<'_>, name: &str) -> Option<Markup> {
    let (left, right, top, bottom) = PANEL.inner;
    let curve = |run: &super::data::RunFigures<'_>| run.curves.get(name).cloned().unwrap_or_default();
    let all: Vec<Vec<Vec<(f64, f64)>>> = figures.variants.iter().map(|runs| runs.iter().map(curve).collect()).collect();
    let points = || all.iter().flatten().flatten().copied();
    let x =
        Scale::around(points().map(|point| point.0).chain([0.0]), false, (left, right)).filter(|_| points().next().is_some())?;
    let y = Scale::around(points().map(|point| point.1), false, (bottom, top))?;
    let columns = &figures.comparison.columns;
    let content = html! {
        // In reverse, so that the first variants in the table are drawn in front.
        @for (index, variant) in figures.comparison.variants.iter().enumerate().rev() {
            @let label = variant.label(columns);
            @for (curve, run) in all[index].iter().zip(&figures.variants[index]) {
                (line(curve, &x, &y, &format!("seed {}", hue(index)), &format!("{label}, seed {}", run.run.run.facts.seed)))
            }
        }
        @for (index, variant) in figures.comparison.variants.iter().enumerate().rev() {
            @let drawn: Vec<_> = all[index].iter().filter(|curve| !curve.is_empty()).collect();
            @let mean = mean_curve(&drawn);
            @let title = format!("{}, mean of {}", variant.label(columns), drawn.len());
            (line(&mean, &x, &y, &format!("mean {}", hue(index)), &title))
            @if let Some((epoch, value)) = mean.last() {
                (mark(index, (x.at(*epoch), y.at(*value)), 3.5, "end", &title))
            }
        }
    };
    Some(PANEL.draw(name, (&x, "epoch"), &y, &content))
}
