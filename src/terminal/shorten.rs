//! Shortens text from files for messages, so that long foreign text does not hide the message.

/// The most characters of a word that a message shows.
const LONGEST: usize = 80;
/// The most words that a message lists.
const MOST: usize = 12;

/// Truncates long text.
#[must_use]
pub fn brief(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

/// Lists the first words, and how many more there are.
#[must_use]
pub fn listed<S: AsRef<str>>(words: &[S]) -> String {
    let shown = words.iter().take(MOST).map(|word| brief(word.as_ref())).collect::<Vec<_>>().join(", ");
    match words.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_stays_whole() {
        assert_eq!(brief("äöü"), "äöü");
        assert_eq!(brief(&"ä".repeat(80)), "ä".repeat(80));
        assert_eq!(brief(&"ä".repeat(81)).chars().count(), 81);
        assert_eq!(listed(&["a", "b"]), "a, b");
        assert_eq!(listed(&["x"; 15]), format!("{} and 3 more", ["x"; 12].join(", ")));
    }
}
