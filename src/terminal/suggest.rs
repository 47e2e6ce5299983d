//! Suggests names for misspelled ones.

/// The longest word, in bytes, that is compared with known names.
const LONGEST: usize = 64;

/// Returns the closest candidate within a few typing errors of `word`.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // The comparison takes time proportional to both lengths.
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_lowercase();
    let allowed = 1 + word.chars().count() / 4;
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
    let close = candidates.map(|candidate| (distance(candidate), candidate)).filter(|(distance, _)| *distance <= allowed);
    close.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}
