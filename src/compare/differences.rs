//! Differences of variants from the reference.

use super::variant::{Pairing, Variant};
use crate::compare::statistics::{holm, paired, welch};

/// Adds to each variant its difference from the reference, paired by seed if enough seeds are shared and otherwise of
/// independent samples, and its p-value, adjusted by Holm's method.
pub(super) fn add(variants: &mut [Variant], reference: usize, range: (f64, f64)) {
    let base = variants[reference].scores.clone();
    for (_, variant) in variants.iter_mut().enumerate().filter(|(index, _)| *index != reference) {
        let pairs: Vec<(f64, f64)> = variant.scores.iter().filter_map(|(seed, score)| Some((*base.get(seed)?, *score))).collect();
        let (a, b): (Vec<f64>, Vec<f64>) = (base.values().copied().collect(), variant.scores.values().copied().collect());
        if a.is_empty() || b.is_empty() {
            continue;
        }
        let pairing = Pairing {
            shared: pairs.len(),
            own: variant.scores.keys().filter(|seed| !base.contains_key(seed)).copied().collect(),
            reference: base.keys().filter(|seed| !variant.scores.contains_key(seed)).copied().collect(),
        };
        let by_seed = pairing.is_by_seed(b.len(), a.len());
        let difference = if by_seed { paired(&pairs) } else { welch(&a, &b) };
        variant.difference = difference.map(|difference| difference.within(range));
        // A single pair cannot show anything, and must not cost the other comparisons any power.
        if let Some(difference) = variant.difference.as_mut().filter(|difference| difference.n < 2) {
            difference.p = None;
        }
        variant.pairing = Some(pairing);
    }
    let p: Vec<Option<f64>> = variants.iter().map(Variant::p).collect();
    for (variant, adjusted) in variants.iter_mut().zip(holm(&p)) {
        variant.adjusted_p = adjusted;
    }
}
