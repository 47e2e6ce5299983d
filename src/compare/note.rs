//! A remark beside a comparison.

use serde::Serialize;

/// Something to know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    pub kind: &'static str,
    /// How many runs, or seeds for `unpaired`, it is about.
    pub count: usize,
    /// Their ids, where it is about single runs.
    pub runs: Vec<String>,
    /// In a sentence.
    pub text: String,
}

/// The first few of a list, and how many more there are.
pub(super) fn few(items: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = items.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN {
        text += &format!(" and {} more", items.len() - SHOWN);
    }
    text
}
