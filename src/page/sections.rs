//! The parts of a page about one comparison.

use std::path::{Component, Path, PathBuf};

use maud::{Markup, html};

use super::data::Figures;
use super::plot::colour;
use super::{axes, curves, points};
use crate::compare::{Comparison, conclusions};
use crate::report::{comparison_grid, duration, score};

/// What was asked, what came of it, and how.
pub(super) fn comparison(figures: &Figures<'_>, folder: &Path) -> Markup {
    let comparison = figures.comparison;
    let curves = curves::curves(figures);
    let axes = axes::axes(figures);
    html! {
        section {
            (asked(comparison, figures))
            div.findings { @for sentence in conclusions(comparison) { p { (sentence) } } }
            (table(comparison))
            @if let Some(plot) = points::points(figures) {
                h2 { (comparison.metric) " of each variant" }
                p.note { "Each point is a run, the line their mean, the band the 95 % interval of the mean." }
                figure.wide { (plot) }
            }
            @if !axes.is_empty() && comparison.columns.len() > 1 {
                h2 { "What each setting does" }
                div.panels { @for (_, plot) in &axes { figure { (plot) } } }
            }
            @if !curves.is_empty() {
                h2 { "Learning curves" }
                (legend(comparison))
                div.panels { @for (_, plot) in &curves { figure { (plot) } } }
            }
            (runs(figures, folder))
        }
    }
}

fn asked(comparison: &Comparison, figures: &Figures<'_>) -> Markup {
    let runs: usize = figures.variants.iter().map(Vec::len).sum();
    let varies = if comparison.columns.is_empty() { "nothing but the seed".to_string() } else { comparison.columns.join(", ") };
    html! {
        dl.asked {
            div { dt { "task" } dd { (comparison.task) } }
            div { dt { "metric" } dd { (comparison.metric) " at the best checkpoint" } }
            div { dt { "scored on" } dd { (comparison.validation_examples) " examples" } }
            div { dt { "varies" } dd { (varies) } }
            div { dt { "variants" } dd { (comparison.variants.len()) } }
            div { dt { "finished runs" } dd { (runs) } }
        }
    }
}

fn table(comparison: &Comparison) -> Markup {
    let grid = comparison_grid(comparison);
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { @for (name, number) in grid.header.iter().zip(&grid.numbers) { th.number[*number] { (name) } } } }
                tbody {
                    @for (index, row) in grid.rows.iter().enumerate() {
                        tr.best[Some(index) == grid.best] {
                            @for (cell, number) in row.iter().zip(&grid.numbers) { td.number[*number] { (cell) } }
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
                li { span class=(format!("swatch {}", colour(index))) {} (variant.label(&comparison.columns)) }
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
                thead { tr { th { "run" } th { "variant" } th.number { "seed" } th.number { (comparison.metric) } th.number { "time" } th { "device" } } }
                tbody {
                    @for (variant, runs) in comparison.variants.iter().zip(&figures.variants) {
                        @for figures in runs {
                            @let run = &figures.run.run;
                            tr {
                                td { a href=(link(&run.path, folder)) { (run.facts.id) } }
                                td { (variant.label(&comparison.columns)) }
                                td.number { (run.facts.seed) }
                                td.number { (figures.run.score(&comparison.metric).map_or(String::new(), score)) }
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

/// The way from the page's folder to a run.
fn link(run: &Path, folder: &Path) -> String {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let (run, folder) = (whole(run), whole(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }));
    let shared = run.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(run.components().skip(shared)).collect();
    let encode = |c: char| if c.is_ascii_alphanumeric() || "-._~/".contains(c) { c.to_string() } else { percent(c) };
    way.to_string_lossy().chars().map(encode).collect::<String>() + "/"
}

fn percent(c: char) -> String {
    let mut bytes = [0; 4];
    c.encode_utf8(&mut bytes).bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"))
}
