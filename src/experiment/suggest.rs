//! The name that was probably meant.

/// Bytes of a word that may be a misspelt name.
const LONGEST: usize = 64;

/// The candidate within a few typing errors of `word`, if there is one.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Comparing takes time that grows with the length of both.
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_lowercase();
    let allowed = 1 + word.chars().count() / 4;
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
    let close = candidates.map(|candidate| (distance(candidate), candidate)).filter(|(distance, _)| *distance <= allowed);
    close.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}
