//! The best run and its checkpoint, and what all runs have in common.

use std::collections::BTreeMap;
use std::path::Path;

use maud::{Markup, html};

use super::data::Figures;
use super::link::link;
use crate::compare::ComparedRun;
use crate::numbers::score;
use crate::plan::shown;
use crate::runs::files;

/// The run with the best score, the index of its variant, and the score.
pub(super) fn best<'a>(figures: &Figures<'a>) -> Option<(usize, &'a ComparedRun, f64)> {
    let comparison = figures.comparison;
    let runs = figures.variants.iter().enumerate().flat_map(|(variant, runs)| runs.iter().map(move |run| (variant, run.run)));
    let scored = runs.filter_map(|(variant, run)| Some((variant, run, run.score(&comparison.metric)?)));
    scored.reduce(|best, next| if comparison.direction.improves(next.2, best.2) { next } else { best })
}

/// Renders the run with the best score, and where its checkpoint is.
pub(super) fn best_run(figures: &Figures<'_>, folder: &Path) -> Markup {
    let comparison = figures.comparison;
    let Some((variant, run, value)) = best(figures) else { return html! {} };
    let facts = &run.run.facts;
    let checkpoint = run.run.path.join(files::CHECKPOINTS).join("best");
    let several = figures.variants.iter().map(Vec::len).sum::<usize>() > 1;
    html! {
        p.bestrun {
            @if several { "Best run: " } @else { "Run: " }
            a href=(link(&run.run.path, folder)) { (facts.id) }
            " (" (comparison.variants[variant].label(&comparison.columns)) ", seed " (facts.seed) "), " (comparison.metric) " " (score(value)) ". "
            @if checkpoint.exists() {
                "Its checkpoint: "
                a href=(link(&checkpoint, folder)) { code { (checkpoint.display()) } }
            } @else {
                "Its checkpoint was not kept."
            }
        }
    }
}

/// Renders every setting that has the same value in all runs.
pub(super) fn settings(figures: &Figures<'_>) -> Markup {
    let mut runs = figures.variants.iter().flatten().map(|run| run.run);
    let Some(first) = runs.next() else { return html! {} };
    let mut same: BTreeMap<String, String> =
        first.settings.iter().map(|(path, value)| (path.clone(), shown(Some(value)))).collect();
    let mut facts = [
        ("device", first.run.facts.device.clone()),
        ("host", first.run.facts.host.name.clone()),
        ("gluepot", first.run.facts.versions.gluepot.clone()),
    ]
    .map(|(name, value)| (name, Some(value)));
    for run in runs {
        same.retain(|path, value| shown(run.settings.get(path)) == *value);
        let of_run = [&run.run.facts.device, &run.run.facts.host.name, &run.run.facts.versions.gluepot];
        for ((_, fact), of_run) in facts.iter_mut().zip(of_run) {
            *fact = fact.take().filter(|fact| fact == of_run);
        }
    }
    same.remove("device");
    html! {
        h2 { "The same in all runs" }
        dl.same {
            @for (name, value) in facts.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
                div { dt { (name) } dd { (value) } }
            }
            @for (path, value) in &same { div { dt { (path) } dd { (value) } } }
        }
    }
}
