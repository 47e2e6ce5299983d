//! The parts of a page about one comparison.

use std::path::Path;

use maud::{Markup, html};

use super::data::Figures;
use super::link::link;
use super::plot::swatch;
use super::{axes, curves, points, predictions, shared};
use crate::compare::{Comparison, conclusions};
use crate::numbers::{duration, score};
use crate::report::{ComparisonGrid, basis_text, comparison_grid};

/// Renders what was compared, what came out of it, and how.
pub(super) fn comparison(figures: &Figures<'_>, folder: &Path) -> Markup {
    let comparison = figures.comparison;
    let curves = curves::curves(figures);
    let axes = axes::axes(figures);
    html! {
        section {
            (asked(comparison, figures))
            div.findings { @for sentence in conclusions(comparison) { p { (sentence) } } }
            (shared::best_run(figures, folder))
            (table(comparison))
            @if let Some(plot) = points::points(figures) {
                h2 { (comparison.metric) " of each variant" }
                p.note { "Each mark is a run, the line is their mean, and the band is the 95% confidence interval of the mean." }
                figure.wide { (plot) }
            }
            @if !axes.is_empty() && comparison.columns.len() > 1 {
                h2 { "What each setting does" }
                (legend(comparison))
                div.panels { @for (_, plot) in &axes { figure { (plot) } } }
            }
            @if !curves.is_empty() {
                h2 { "Learning curves" }
                p.note { "Thin lines are runs, thick ones their means." }
                (legend(comparison))
                div.panels { @for (_, plot) in &curves { figure { (plot) } } }
            }
            (predictions::predictions(figures))
            (runs(figures, folder))
            (shared::settings(figures))
        }
    }
}

fn asked(comparison: &Comparison, figures: &Figures<'_>) -> Markup {
    let runs: usize = figures.variants.iter().map(Vec::len).sum();
    let varies = if comparison.columns.is_empty() { "nothing but the seed".to_string() } else { comparison.columns.join(", ") };
    html! {
        dl.asked {
            div { dt { "task" } dd { (comparison.task) } }
            div { dt { "metric" } dd { (comparison.metric) " " (basis_text(comparison)) } }
            div { dt { "scored on" } dd { (comparison.validation_examples) " examples" } }
            div { dt { "varies" } dd { (varies) } }
            div { dt { "variants" } dd { (comparison.variants.len()) } }
            div { dt { "finished runs" } dd { (runs) } }
        }
    }
}

/// Returns the columns in the order of the page: remarks directly follow the settings that they are about.
fn order(grid: &ComparisonGrid) -> Vec<usize> {
    let settings = grid.numbers.iter().position(|number| *number).unwrap_or(grid.header.len());
    let remarks = grid.header.iter().position(|name| name == "remarks");
    let others = (0..grid.header.len()).filter(|column| Some(*column) != remarks);
    let (before, after): (Vec<usize>, Vec<usize>) = others.partition(|column| *column < settings);
    before.into_iter().chain(remarks).chain(after).collect()
}

fn table(comparison: &Comparison) -> Markup {
    let grid = comparison_grid(comparison);
    let order = order(&grid);
    let class = |column: usize| match (grid.numbers[column], grid.header[column].as_str()) {
        (true, _) => "number",
        (false, "remarks") => "remarks",
        (false, _) => "setting",
    };
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th.pinned {} @for column in &order { th class=(class(*column)) { (grid.header[*column]) } } } }
                tbody {
                    @for (index, row) in grid.rows.iter().enumerate() {
                        tr.best[Some(index) == grid.best] {
                            td.pinned { span class=(swatch(index)) {} }
                            @for column in &order { td class=(class(*column)) { (row[*column]) } }
                        }
                    }
                }
            }
        }
    }
}

fn legend(comparison: &Comparison) -> Markup {
    html! {
        ul.legend {
            @for (index, variant) in comparison.variants.iter().enumerate().filter(|(_, variant)| variant.score.is_some()) {
                li { span class=(swatch(index)) {} (variant.label(&comparison.columns)) }
            }
        }
    }
}

fn runs(figures: &Figures<'_>, folder: &Path) -> Markup {
    let comparison = figures.comparison;
    html! {
        h2 { "Runs" }
        div.scroll tabindex="0" {
            table {
                thead { tr { th.pinned {} th { "run" } th { "variant" } th { "remarks" } th.number { "seed" } th.number { (comparison.metric) } th.number { "time" } th { "device" } } }
                tbody {
                    @for (index, (variant, runs)) in comparison.variants.iter().zip(&figures.variants).enumerate() {
                        @for figures in runs {
                            @let run = &figures.run.run;
                            @let collapsed = run.summary.as_ref().is_some_and(|summary| summary.collapsed);
                            tr {
                                td.pinned { span class=(swatch(index)) {} }
                                td { a href=(link(&run.path, folder)) { (run.facts.id) } }
                                td.setting { (variant.label(&comparison.columns)) }
                                td { @if collapsed { "collapsed" } }
                                td.number { (run.facts.seed) }
                                td.number { (variant.run_scores.get(&run.facts.id).copied().map_or(String::new(), score)) }
                                td.number { (run.summary.as_ref().map_or(String::new(), |summary| duration(summary.duration_seconds))) }
                                td { (run.facts.device) }
                            }
                        }
                    }
                }
            }
        }
    }
}
