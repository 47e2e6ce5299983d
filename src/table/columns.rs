//! The columns of a table: a sound header, and the places of those that are wanted.

use std::collections::HashSet;

use anyhow::{Result, bail, ensure};

use super::record::MOST_COLUMNS;
use crate::terminal::{brief, listed, nearest};

/// Refuses a header in which a name is there twice, or none at all.
///
/// A column without a name is allowed: pandas writes its index so, and it can never be asked for.
pub(super) fn check(columns: &[String]) -> Result<()> {
    ensure!(columns.len() <= MOST_COLUMNS, "the header has more than {MOST_COLUMNS} columns, the limit");
    ensure!(columns.iter().any(|name| !name.trim().is_empty()), "the header is empty; the first row has to name the columns");
    let mut seen = HashSet::new();
    if let Some(twice) = columns.iter().find(|name| !name.is_empty() && !seen.insert(name.as_str())) {
        let places = columns.iter().enumerate().filter(|(_, name)| *name == twice).map(|(place, _)| (place + 1).to_string());
        let places = places.collect::<Vec<_>>();
        bail!("the header has \"{}\" more than once, as columns {}; rename or remove one", brief(twice), listed(&places));
    }
    Ok(())
}

/// Returns the places of the wanted columns.
///
/// # Errors
/// A column is missing; the message names the one that may be meant, and all there are.
pub(super) fn find(columns: &[String], wanted: &[&str]) -> Result<Vec<usize>> {
    let place = |name: &&str| {
        columns.iter().position(|column| !column.is_empty() && column == name).ok_or_else(|| missing(columns, name))
    };
    wanted.iter().map(place).collect()
}

fn missing(columns: &[String], wanted: &str) -> anyhow::Error {
    let trimmed = columns.iter().find(|column| column.trim() == wanted).map(String::as_str);
    let meant = trimmed.or_else(|| nearest(wanted, columns.iter().map(String::as_str)));
    let meant = meant.map_or(".".into(), |near| format!(", did you mean \"{}\"?", brief(near)));
    let quoted: Vec<String> = columns.iter().map(|name| format!("\"{}\"", brief(name))).collect();
    anyhow::anyhow!("there is no column \"{}\"{meant} The columns are {}", brief(wanted), listed(&quoted))
}
