//! A comparison in plain sentences: what it shows, and what so few runs cannot show.

use super::variant::{Comparison, Variant};
use crate::metrics::Direction;
use crate::report::counted;
use crate::statistics::{Method, smallest_exact_p};

/// The level of significance that sentences speak of.
const LEVEL: f64 = 0.05;

/// What may be concluded, sentence by sentence.
#[must_use]
pub fn conclusions(comparison: &Comparison) -> Vec<String> {
    let scored: Vec<&Variant> = comparison.variants.iter().filter(|variant| variant.score.is_some()).collect();
    let mut sentences = Vec::new();
    if comparison.repeated > 0 {
        let runs = counted(comparison.repeated, "run repeats", "runs repeat");
        sentences.push(format!("{runs} a seed of the same variant; only the newest counts."));
    }
    let collapsed: usize = scored.iter().map(|variant| variant.collapsed).sum();
    if collapsed > 0 {
        sentences
            .push(format!("{} collapsed to one class: the score is that of guessing it.", counted(collapsed, "run", "runs")));
    }
    let stopped = comparison.variants.iter().filter(|variant| variant.pruned > 0).count();
    if stopped > 0 {
        let variants = counted(stopped, "variant was", "variants were");
        sentences.push(format!(
            "{variants} stopped early for falling behind with the first seed, which is no proof that they are worse."
        ));
    }
    if scored.is_empty() {
        sentences.push("No run has finished, so there is nothing to compare.".into());
        return sentences;
    }
    if scored.len() == 1 {
        sentences.push(match scored[0].scores.len() {
            1 => "One run alone says nothing about chance: run more seeds.".into(),
            n => format!("There is one variant with {n} runs, and nothing to compare it with."),
        });
        return sentences;
    }
    sentences.extend(best_against_reference(comparison));
    sentences.extend(power(comparison));
    sentences
}

fn best_against_reference(comparison: &Comparison) -> Option<String> {
    let reference = &comparison.variants[comparison.reference];
    let better = |a: f64, b: f64| comparison.direction.improves(a, b);
    let mean = |variant: &Variant| variant.score.as_ref().map(|score| score.mean);
    let others =
        comparison.variants.iter().enumerate().filter(|(index, _)| *index != comparison.reference).map(|(_, variant)| variant);
    let rival = others
        .filter_map(|variant| Some((variant, mean(variant)?)))
        .reduce(|best, next| if better(next.1, best.1) { next } else { best })
        .map(|(variant, _)| variant)?;
    let (difference, base) = (rival.difference.as_ref()?, mean(reference)?);
    let (rival_name, reference_name) = (rival.label(&comparison.columns), reference.label(&comparison.columns));
    let ahead = better(base + difference.mean, base);
    let word = match (comparison.direction, ahead, difference.mean == 0.0) {
        (_, _, true) => "scored as well as",
        (_, true, _) => "scored better than",
        (_, false, _) => "scored worse than",
    };
    let sign = if comparison.direction == Direction::Minimize { " (lower is better)" } else { "" };
    let mut text = format!("{rival_name} {word} {reference_name}: {:+.4} {}{sign}", difference.mean, comparison.metric);
    if let Some((low, high)) = difference.interval {
        text += &format!(", 95 % interval {low:+.4} to {high:+.4}");
    }
    match rival.adjusted_p {
        Some(p) if p <= LEVEL => text += &format!(". By chance alone so large a difference would be rare (p = {p:.3})."),
        Some(p) => text += &format!(". That may well be chance (p = {p:.3})."),
        None => text += ". Whether that is chance cannot be told from these runs.",
    }
    Some(text)
}

/// What the number of shared seeds can show at all.
fn power(comparison: &Comparison) -> Option<String> {
    if comparison.variants.iter().all(|variant| variant.scores.len() <= 1) {
        return Some("One run of each variant says nothing about chance: run more seeds.".into());
    }
    let differences =
        comparison.variants.iter().filter_map(|variant| variant.difference.as_ref()).filter(|difference| difference.p.is_some());
    let exact: Vec<usize> =
        differences.filter(|difference| difference.method == Method::SignFlip).map(|difference| difference.n).collect();
    let comparisons = comparison.variants.iter().filter(|variant| variant.adjusted_p.is_some()).count();
    let pairs = exact.iter().copied().max()?;
    let needed = (1..=20).find(|n| 2.0 / f64::from(1_u32 << n) * comparisons as f64 <= LEVEL)?;
    let smallest = smallest_exact_p(pairs)? * comparisons as f64;
    (smallest > LEVEL).then(|| {
        let of = if comparisons > 1 { format!(" in {comparisons} comparisons") } else { String::new() };
        format!(
            "With {pairs} shared seeds no p-value{of} can fall below {:.3}, whatever the scores: at least {needed} seeds are needed to show anything at {LEVEL}.",
            smallest.min(1.0)
        )
    })
}
