//! What a model is given, as `check` prints it.

use super::percent::Percent;
use crate::numbers::{count, counted};
use crate::terminal::{Width, width_of, wrapped};
use crate::tokens::{InputContract, ProbeIds, SplitInputs};

/// Width of the labels of all facts.
const LABEL: usize = 12;
/// Width of the names of the probe's texts.
const NAME: usize = 11;
/// The most columns of a line on a terminal of unknown width.
const UNLIMITED: usize = 10_000;

/// Formats the share of unknown tokens and of truncated examples, the worst rows, and the ids of the probe.
#[must_use]
pub fn contract_text(contract: &InputContract, max_length: usize, width: Width) -> String {
    let mut lines: Vec<String> = contract.remark.iter().map(|remark| labeled("tokenizer", remark, width)).collect();
    for (index, (split, inputs)) in contract.splits.iter().enumerate() {
        let name = if index == 0 { "input" } else { "" };
        lines.push(labeled(name, &format!("{split}: {}", shares(inputs, max_length)), width));
    }
    for (index, probe) in contract.probe.iter().enumerate() {
        let name = if index == 0 { "probe" } else { "" };
        lines.push(hanging(&format!("{name:<LABEL$}{:<NAME$} ", probe.name), &ids(probe), width));
    }
    lines.join("\n")
}

/// Formats one fact, with further lines below its first one.
#[must_use]
pub fn labeled(name: &str, text: &str, width: Width) -> String {
    hanging(&format!("{name:<LABEL$}"), text, width)
}

fn hanging(label: &str, text: &str, width: Width) -> String {
    let indent = width_of(label);
    let most = width.at_most(UNLIMITED).saturating_sub(indent).max(1);
    let lines = wrapped(text, most).join(&format!("\n{}", " ".repeat(indent)));
    format!("{label}{lines}")
}

fn shares(inputs: &SplitInputs, max_length: usize) -> String {
    let unknown =
        worst("most in", inputs.most_unknown.iter().map(|row| format!("row {} ({} of {})", row.row, row.unknown, row.tokens)));
    let longest = worst("longest", inputs.longest.iter().map(|row| format!("row {} ({})", row.row, count(row.tokens as u64))));
    format!(
        "{} of {} unknown{unknown}; {} of {} longer than {max_length} tokens{longest}",
        Percent(inputs.unknown, inputs.tokens),
        counted_tokens(inputs.tokens),
        Percent(inputs.truncated as u64, inputs.examples as u64),
        counted(inputs.examples, "example", "examples"),
    )
}

fn counted_tokens(tokens: u64) -> String {
    format!("{} {}", count(tokens), if tokens == 1 { "token" } else { "tokens" })
}

fn worst(words: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() { String::new() } else { format!(", {words} {}", rows.join(", ")) }
}

fn ids(probe: &ProbeIds) -> String {
    let ids = |ids: &[u32]| ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    match probe.segments.iter().position(|segment| *segment > 0) {
        Some(first) => format!("{} | {}", ids(&probe.ids[..first]), ids(&probe.ids[first..])),
        None => ids(&probe.ids),
    }
}
