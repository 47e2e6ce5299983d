//! A note on a comparison.

use serde::Serialize;

/// Something that the reader of a comparison should know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    pub kind: &'static str,
    /// Number of runs, or seeds for `unpaired`, that it is about.
    pub count: usize,
    /// Their ids, if it is about individual runs.
    pub runs: Vec<String>,
    /// The note as a sentence.
    pub text: String,
}

/// Lists the first few items, and how many more there are.
pub(super) fn few(items: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = items.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN {
        text += &format!(" and {} more", items.len() - SHOWN);
    }
    text
}
