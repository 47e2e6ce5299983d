//! The width of text on a terminal, and how to fit text into a given width.

use std::io::IsTerminal;

use terminal_size::{Width as Measured, terminal_size_of};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The width available for lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// No limit: output to files and pipes.
    Unlimited,
    /// At most this many columns.
    Columns(usize),
}

/// The minimum width that layouts assume.
const NARROWEST: usize = 20;

impl Width {
    /// Returns the width of standard output: `COLUMNS` if set, else the terminal's width, else unlimited.
    #[must_use]
    pub fn of_stdout() -> Self {
        Self::of(&std::io::stdout())
    }

    /// Returns the width of standard error, in the same way.
    #[must_use]
    pub fn of_stderr() -> Self {
        Self::of(&std::io::stderr())
    }

    fn of(stream: &(impl IsTerminal + std::os::fd::AsFd)) -> Self {
        let measured = || terminal_size_of(stream).map(|(Measured(columns), _)| usize::from(columns));
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
        Self::chosen(columns, stream.is_terminal().then(measured).flatten())
    }

    fn chosen(asked: Option<usize>, measured: Option<usize>) -> Self {
        let columns = asked.filter(|columns| *columns > 0).or(measured.filter(|columns| *columns > 0));
        columns.map_or(Self::Unlimited, |columns| Self::Columns(columns.max(NARROWEST)))
    }

    /// Returns the number of columns, at most `most`.
    #[must_use]
    pub fn at_most(self, most: usize) -> usize {
        match self {
            Self::Unlimited => most,
            Self::Columns(columns) => columns.min(most),
        }
    }
}

/// Returns the number of columns that a line of text takes; East Asian characters and emoji take two.
#[must_use]
pub fn width_of(text: &str) -> usize {
    text.width()
}

/// Shortens text to at most `most` columns by an ellipsis in the middle. Keeps more of the end than of the beginning,
/// because names differ at their ends.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    if width_of(text) <= most {
        return text.into();
    }
    let room = most.saturating_sub(1);
    let head = taken(text.chars(), room / 3);
    let tail: String = taken(text.chars().rev(), room - width_of(&head)).chars().rev().collect();
    format!("{head}…{tail}")
}

/// Returns the first characters that fit into `most` columns.
fn taken(characters: impl Iterator<Item = char>, most: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= most
    };
    characters.take_while(fits).collect()
}

/// Wraps text to lines of at most `most` columns; a word longer than a line is shortened in the middle.
#[must_use]
pub fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let word = shortened(word, most);
        let Some(line) = lines.last_mut() else { continue };
        if line.is_empty() {
            *line = word;
        } else if width_of(line) + 1 + width_of(&word) <= most {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

/// Wraps long lines between words; a word longer than a line, such as a path, stays whole.
#[must_use]
pub fn paragraph(text: &str, width: Width) -> String {
    let Width::Columns(most) = width else { return text.into() };
    let broken = |line: &str| {
        if width_of(line) <= most {
            return line.to_string();
        }
        let indent = line.len() - line.trim_start().len();
        let mut lines = vec![line[..indent].to_string()];
        for word in line.trim_start().split(' ') {
            let Some(last) = lines.last_mut() else { continue };
            let begins = last.trim().is_empty();
            if begins || width_of(last) + 1 + width_of(word) <= most {
                last.push_str(if begins { "" } else { " " });
                last.push_str(word);
            } else {
                lines.push(format!("{}{word}", &line[..indent]));
            }
        }
        lines.join("\n")
    };
    text.lines().map(broken).collect::<Vec<_>>().join("\n")
}

/// Joins as many parts as fit into `most` columns, separated by two spaces. Parts of the highest rank are dropped first, of
/// equal ranks the last one; parts of rank 0 are never dropped. A line that is still too long is truncated.
#[must_use]
pub fn fitted(parts: &[(String, u8)], most: usize) -> String {
    let mut kept: Vec<&(String, u8)> = parts.iter().filter(|(text, _)| !text.is_empty()).collect();
    let joined = |kept: &[&(String, u8)]| kept.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join("  ");
    while width_of(&joined(&kept)) > most {
        let last = (0..kept.len()).filter(|index| kept[*index].1 > 0).max_by_key(|index| kept[*index].1);
        let Some(last) = last else { break };
        kept.remove(last);
    }
    let line = joined(&kept);
    if width_of(&line) <= most { line } else { taken(line.chars(), most.saturating_sub(1)) + "…" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_before_what_is_measured_and_nothing_is_unlimited() {
        assert_eq!(Width::chosen(Some(100), Some(80)), Width::Columns(100));
        assert_eq!(Width::chosen(None, Some(80)), Width::Columns(80));
        assert_eq!(Width::chosen(Some(0), Some(0)), Width::Unlimited);
        assert_eq!(Width::chosen(None, None), Width::Unlimited);
        assert_eq!(Width::chosen(Some(1), None), Width::Columns(NARROWEST));
    }

    #[test]
    fn a_long_path_keeps_both_ends() {
        let path = "/home/me/experiments/runs/2026-11-23T05-00-00Z_x_a0/checkpoints/best";
        assert_eq!(shortened(path, 31), "/home/me/e…_a0/checkpoints/best");
        assert_eq!(width_of(&shortened(path, 30)), 30);
        assert_eq!(shortened(path, 100), path);
        // Two columns per character: besides the ellipsis, 13 columns remain, of which 4 before it and 8 after it can be filled.
        assert_eq!(shortened("東京東京東京東京東京", 14), "東京…東京東京");
        assert!(width_of(&shortened("東京東京東京東京東京", 13)) <= 13);
    }

    #[test]
    fn words_are_never_broken() {
        assert_eq!(wrapped("learning_rate 2e-5, data.batch_size 16", 20), ["learning_rate 2e-5,", "data.batch_size 16"]);
        assert_eq!(wrapped("one", 20), ["one"]);
        assert_eq!(wrapped("a 0123456789 b", 5), ["a", "0…789", "b"]);
    }

    #[test]
    fn paragraphs_break_between_words_alone() {
        let text = "  one two/three/four/five/six/seven eight\nshort";
        assert_eq!(paragraph(text, Width::Columns(20)), "  one\n  two/three/four/five/six/seven\n  eight\nshort");
        assert_eq!(paragraph(text, Width::Unlimited), text);
    }

    #[test]
    fn parts_go_by_rank() {
        let parts = [("12/20".to_string(), 0), ("loss 0.5".into(), 1), ("lr 1e-5".into(), 3), ("f1 0.9".into(), 2)];
        assert_eq!(fitted(&parts, 80), "12/20  loss 0.5  lr 1e-5  f1 0.9");
        assert_eq!(fitted(&parts, 31), "12/20  loss 0.5  f1 0.9");
        assert_eq!(fitted(&parts, 20), "12/20  loss 0.5");
        assert_eq!(fitted(&parts, 4), "12/…");
    }
}
