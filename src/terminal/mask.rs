//! Makes control characters visible: C0, DEL, C1, and the bidirectional embeddings, overrides and isolates.

use std::borrow::Cow;
use std::fmt::Write;

/// Replaces each control character except line feeds with one visible character.
#[must_use]
pub fn masked(text: &str) -> Cow<'_, str> {
    replaced(text, |c| c != '\n' && is_control(c))
}

/// Replaces each control character, including line feeds, with one visible character.
#[must_use]
pub fn masked_line(text: &str) -> Cow<'_, str> {
    replaced(text, is_control)
}

/// Escapes the control characters that JSON allows unescaped within strings; the document stays the same.
#[must_use]
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    // Line feeds and blanks in JSON occur only between values; within strings, C0 is already escaped.
    let needs = |c: char| !c.is_ascii_control() && is_control(c) || c == '\u{7f}';
    if !json.contains(needs) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if needs(c) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn replaced(text: &str, hides: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hides) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if hides(c) { picture(c) } else { c }).collect())
}

/// Returns the Unicode symbol for an ASCII control character; other control characters have none.
fn picture(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '\u{2421}',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All control characters of category Cc, and the bidirectional ones.
    fn controls() -> impl Iterator<Item = char> {
        let codes = (0..0x20_u32).chain(0x7f..0xa0).chain(0x202a..0x202f).chain(0x2066..0x206a);
        codes.map(|code| char::from_u32(code).unwrap())
    }

    #[test]
    fn no_control_character_remains_and_each_is_one_character() {
        let text: String = controls().collect();
        assert_eq!(text.chars().count(), 32 + 33 + 5 + 4);
        for shown in [masked(&text), masked_line(&text)] {
            assert_eq!(shown.chars().count(), text.chars().count());
            assert!(controls().filter(|c| *c != '\n').all(|c| !shown.contains(c)), "{shown:?}");
        }
        assert!(masked(&text).contains('\n') && !masked_line(&text).contains('\n'));
        assert_eq!(masked_line("a\u{1b}]0;b\u{7}\u{9b}31m\r\n"), "a␛]0;b␇\u{fffd}31m␍␊");
    }

    #[test]
    fn other_text_is_the_same_text() {
        let text = "Füße 東京 — ± 🦀 עברית\u{200f} e\u{301}\n";
        assert!(matches!(masked(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn json_stays_the_same_document_without_any() {
        let text: String = controls().collect();
        let document = serde_json::json!({ "name": text, "list": [1, 2] });
        let printed = serde_json::to_string_pretty(&document).unwrap();
        let escaped = escaped_json(&printed);
        assert!(!escaped.contains(|c: char| c != '\n' && is_control(c)), "{escaped:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), document);
    }
}
