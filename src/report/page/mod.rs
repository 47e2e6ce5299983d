//! A comparison as a self-contained page: no network, no scripts, readable on a phone, in dark mode and on paper.

mod axes;
mod curves;
mod data;
mod link;
mod plot;
mod points;
mod predictions;
mod scale;
mod sections;
mod shared;
mod tasks;

use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::compare::{APART, ComparedRun, Comparison, TaskMatrix};
use crate::terminal::masked;

pub use data::Figures;

/// The style of the page and of every plot in it.
const PAGE_STYLE: &str = include_str!("page.css");
const PLOT_STYLE: &str = include_str!("plot.css");

/// What a page shows besides its comparisons.
#[derive(Clone, Debug)]
pub struct Heading {
    /// The name of the sweep or of the experiments.
    pub title: String,
    /// When the page was made, and by which version.
    pub made: String,
    /// The table over tasks, if the runs are of several.
    pub tasks: Option<TaskMatrix>,
    /// Sentences about selected runs that are not on the page.
    pub left_out: Vec<String>,
}

#[must_use]
pub fn page(heading: &Heading, comparisons: &[Comparison], runs: &[ComparedRun], folder: &Path) -> String {
    let figures: Vec<Figures> = comparisons.iter().map(|comparison| Figures::read(comparison, runs)).collect();
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // An empty icon keeps browsers from requesting one.
                link rel="icon" href="data:,";
                title { (heading.title) }
                style { (PreEscaped(PAGE_STYLE)) (PreEscaped(PLOT_STYLE)) }
            }
            body {
                main {
                    h1 { (heading.title) }
                    @if let Some(matrix) = &heading.tasks { (tasks::tasks(matrix)) }
                    @if comparisons.len() > 1 {
                        p.note { (APART) }
                    }
                    @for sentence in &heading.left_out { p.note { (sentence) } }
                    @for figures in &figures {
                        (sections::comparison(figures, folder))
                    }
                    footer { (heading.made) }
                }
            }
        }
    };
    masked(&markup.into_string()).into_owned()
}

/// Returns every plot as a file name and a standalone SVG.
#[must_use]
pub fn plots(comparisons: &[Comparison], runs: &[ComparedRun]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for comparison in comparisons {
        let figures = Figures::read(comparison, runs);
        let prefix = if comparisons.len() > 1 {
            format!("{}-{}-", comparison.task, comparison.validation.get(..8).unwrap_or(""))
        } else {
            String::new()
        };
        for (name, plot) in drawn(&figures) {
            files.push((format!("{prefix}{name}.svg"), alone(&plot)));
        }
    }
    files
}

/// Returns every plot of a comparison with its name, as it appears in the page.
fn drawn(figures: &Figures<'_>) -> Vec<(String, Markup)> {
    let mut all: Vec<(String, Markup)> = points::points(figures).into_iter().map(|plot| ("scores".to_string(), plot)).collect();
    all.extend(curves::curves(figures).into_iter().map(|(name, plot)| (name.replace(' ', "-"), plot)));
    all.extend(axes::axes(figures).into_iter().map(|(name, plot)| (format!("by-{name}"), plot)));
    all
}

/// Makes a plot standalone, with its own style and namespace.
fn alone(plot: &Markup) -> String {
    let style = format!("<style>{PLOT_STYLE}</style>");
    let text = plot.0.replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
    match text.find('>') {
        Some(end) => masked(&format!("{}{style}{}", &text[..=end], &text[end + 1..])).into_owned(),
        None => text,
    }
}
