//! Conclusions from a comparison in plain sentences: what it shows, and what too few runs cannot show.

use super::tested::{LEVEL, Tested};
use super::variant::{Comparison, Variant};
use crate::compare::statistics::{Method, holm, smallest_exact_p};
use crate::numbers::{counted, p_value};

/// From this many variants on, the lead of the best is partly due to having been picked.
pub(super) const MANY: usize = 4;

/// Returns the notes on the runs and the conclusions, sentence by sentence.
#[must_use]
pub fn conclusions(comparison: &Comparison) -> Vec<String> {
    let mut sentences: Vec<String> = comparison.notes.iter().map(|note| note.text.clone()).collect();
    let scored: Vec<&Variant> = comparison.variants.iter().filter(|variant| variant.score.is_some()).collect();
    match scored.as_slice() {
        [] => sentences.push("No run counts, so there is nothing to compare.".into()),
        [one] if one.scores.len() == 1 => {
            sentences.push("A single run cannot show what is chance: run more seeds.".into());
        }
        [one] => {
            let seeds = counted(one.scores.len(), "seed", "seeds");
            sentences.push(format!("There is one variant with {seeds}, and nothing to compare it with."));
        }
        several => {
            sentences.extend(best_against_reference(comparison));
            sentences.extend(power(comparison));
            sentences.extend(optimism(comparison, several));
        }
    }
    sentences
}

/// Returns the number of comparisons that have a p-value.
fn comparisons(comparison: &Comparison) -> usize {
    comparison.variants.iter().filter(|variant| variant.adjusted_p.is_some()).count()
}

fn best(comparison: &Comparison, but: Option<usize>) -> Option<&Variant> {
    let others = comparison.variants.iter().enumerate().filter(|(index, _)| Some(*index) != but);
    let scored = others.filter_map(|(_, variant)| Some((variant, variant.mean()?)));
    let better = |a: f64, b: f64| comparison.direction.improves(a, b);
    scored.reduce(|best, next| if better(next.1, best.1) { next } else { best }).map(|(variant, _)| variant)
}

fn best_against_reference(comparison: &Comparison) -> Option<String> {
    let reference = &comparison.variants[comparison.reference];
    let rival = best(comparison, Some(comparison.reference))?;
    let difference = rival.difference.as_ref()?;
    let (rival_name, reference_name) = (rival.label(&comparison.columns), reference.label(&comparison.columns));
    let tested = Tested {
        rival: &rival_name,
        reference: &reference_name,
        metric: &comparison.metric,
        direction: comparison.direction,
        difference,
        adjusted_p: rival.adjusted_p,
        comparisons: comparisons(comparison),
    };
    let mut text = tested.sentence();
    // The means in the table are over all seeds.
    let of_means = rival.mean()? - reference.mean()?;
    if let Some(pairing) = rival.pairing.as_ref().filter(|_| (of_means - difference.mean).abs() >= 5e-5) {
        let seeds = counted(pairing.shared, "seed", "seeds");
        text += &format!(" That is over the {seeds} that both have; the means of all their seeds are {of_means:+.4} apart.");
    }
    text += tested.caveat();
    Some(text)
}

/// Describes what the number of shared seeds can show at all.
fn power(comparison: &Comparison) -> Option<String> {
    if comparison.variants.iter().all(|variant| variant.scores.len() <= 1) {
        return Some("One run of each variant cannot show what is chance: run more seeds.".into());
    }
    let p: Vec<Option<f64>> = comparison.variants.iter().map(Variant::p).collect();
    // The adjusted p-value of a variant if its exact test gave the smallest p-value possible with this many pairs, while the
    // others keep theirs.
    let adjusted = |index: usize, pairs: usize| {
        let mut p = p.clone();
        p[index] = Some(smallest_exact_p(pairs)?);
        holm(&p)[index]
    };
    let bounds: Vec<(usize, usize, f64)> = comparison
        .variants
        .iter()
        .enumerate()
        .filter_map(|(index, variant)| Some((index, variant.difference.as_ref()?)))
        .filter(|(_, difference)| difference.method == Method::SignFlip && difference.p.is_some())
        .filter_map(|(index, difference)| Some((index, difference.n, adjusted(index, difference.n)?)))
        .filter(|(.., bound)| *bound > LEVEL)
        .collect();
    let (_, fewest, _) = *bounds.iter().min_by_key(|(_, pairs, _)| *pairs)?;
    let of_fewest: Vec<&(usize, usize, f64)> = bounds.iter().filter(|(_, pairs, _)| *pairs == fewest).collect();
    let bound = of_fewest.iter().map(|(.., bound)| *bound).fold(f64::INFINITY, f64::min);
    let which = match of_fewest.as_slice() {
        [(index, ..)] if comparisons(comparison) > 1 => format!(" of {}", comparison.variants[*index].label(&comparison.columns)),
        several if several.len() < comparisons(comparison) => format!(" of {} comparisons", several.len()),
        _ => String::new(),
    };
    let needed = (1..=12).find(|pairs| of_fewest.iter().all(|(index, ..)| adjusted(*index, *pairs).is_some_and(|p| p <= LEVEL)));
    let needed = needed.map_or("more seeds are".into(), |needed| format!("at least {needed} shared seeds are"));
    let p = if comparisons(comparison) > 1 { "adjusted p-value" } else { "p-value" };
    Some(format!(
        "With {} the {p}{which} cannot fall below {}, whatever the scores: {needed} needed to reach {LEVEL}.",
        counted(fewest, "shared seed", "shared seeds"),
        p_value(bound)
    ))
}

/// Warns that the best of many variants was picked by the same scores that are reported for it.
fn optimism(comparison: &Comparison, scored: &[&Variant]) -> Option<String> {
    let best = best(comparison, None)?.label(&comparison.columns);
    (scored.len() >= MANY).then(|| {
        format!(
            "{best} is the best of {} variants, picked on the same validation examples: its score is optimistic. Confirm it with new seeds, or on other data.",
            scored.len()
        )
    })
}
