//! Data sets on the hub: their names, and which of their files are those of a split.

mod configuration;
mod name;
mod split_files;

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use glob::Pattern;

use crate::hub::Listing;
use crate::numbers::counted;
use crate::table::{AS_IN_A_SHELL, DataFormat};
use crate::terminal::listed;

use configuration::Configuration;
use split_files::{files_by_folder, part};

pub use name::HubData;
pub use split_files::DataSplit;

/// What is asked of a data set: the files of a split, or those that its name names.
#[derive(Clone, Debug)]
pub struct HubFiles {
    pub data: HubData,
    /// The split; `None` if the files have to be named.
    pub split: Option<DataSplit>,
}

impl HubFiles {
    /// Returns the paths of the files in the repository, in the order of their rows.
    ///
    /// # Errors
    /// There is no such file, or it is not clear which ones are meant; the message lists what there is.
    pub fn paths(&self, listing: &Listing) -> Result<Vec<String>> {
        let all: Vec<&str> = listing.files().collect();
        if let Some(pattern) = &self.data.files {
            return self.matches(pattern, &all);
        }
        let tables: Vec<&str> = all.iter().copied().filter(|path| is_table(path)).collect();
        if tables.is_empty() {
            return Err(self.without_tables(&all));
        }
        let Some(split) = self.split else {
            bail!("{} has {}; name those that are meant, such as {}", self.data, listed(&tables), self.example(tables[0]));
        };
        let configurations = listing.configurations().map(Configuration::declared).transpose();
        let configurations = configurations.with_context(|| self.data.to_string())?.unwrap_or_default();
        let declared = configurations.iter().any(|configuration| configuration.patterns.is_some());
        let files = if declared { self.declared(&configurations, split, &all)? } else { self.inferred(&tables, split)? };
        self.sound(files)
    }

    /// Returns the files that the card declares for a split.
    fn declared(&self, configurations: &[Configuration], split: DataSplit, all: &[&str]) -> Result<Vec<String>> {
        let Some(usual) = Configuration::usual(configurations) else {
            let names: Vec<&str> = configurations.iter().map(|configuration| configuration.name.as_str()).collect();
            let example = configurations.iter().find_map(|configuration| configuration.patterns_of(split));
            let example = example.and_then(|patterns| patterns.into_iter().next()).unwrap_or_else(|| "path".into());
            return Err(self.several("configurations", &names, &example));
        };
        if usual.patterns.is_none() {
            let inside = format!("{}/", usual.folder);
            let below = |path: &&str| usual.folder.is_empty() || path.starts_with(&inside);
            let tables: Vec<&str> = all.iter().copied().filter(|path| is_table(path)).filter(below).collect();
            return self.inferred(&tables, split);
        }
        let Some(patterns) = usual.patterns_of(split) else {
            let splits: Vec<&str> = usual.patterns.iter().flatten().map(|(name, _)| name.as_str()).collect();
            let example = usual.patterns.iter().flatten().flat_map(|(_, patterns)| patterns).next();
            return Err(self.without_split(split, &splits, example.map_or("path", String::as_str)));
        };
        let mut files = Vec::new();
        for pattern in patterns {
            files.extend(self.matches(&pattern, all)?);
        }
        Ok(files)
    }

    /// Returns the files that a split has by their names.
    fn inferred(&self, tables: &[&str], split: DataSplit) -> Result<Vec<String>> {
        let mut folders = files_by_folder(tables, split);
        if folders.len() > 1 {
            let names: Vec<&str> = folders.keys().map(|folder| if folder.is_empty() { "." } else { folder.as_str() }).collect();
            let example = folders.values().flatten().next().map_or("path", String::as_str);
            return Err(self.several(&format!("folders with files for the {} split", split.name()), &names, example));
        }
        let files = folders.pop_first().map(|(_, files)| files);
        files.ok_or_else(|| self.without_split(split, tables, tables.first().copied().unwrap_or("path")))
    }

    /// Returns the files that a path or a pattern names.
    fn matches(&self, pattern: &str, all: &[&str]) -> Result<Vec<String>> {
        if all.contains(&pattern) {
            return Ok(vec![pattern.into()]);
        }
        let parsed = Pattern::new(pattern).with_context(|| format!("{}: \"{pattern}\" is not a valid pattern", self.data))?;
        let mut found: Vec<String> =
            all.iter().filter(|path| parsed.matches_with(path, AS_IN_A_SHELL)).map(ToString::to_string).collect();
        if found.is_empty() {
            let inside = format!("{}/", pattern.trim_end_matches('/'));
            if let Some(file) = all.iter().find(|path| path.starts_with(&inside)) {
                let extension = file.rsplit_once('.').map_or("*", |(_, extension)| extension);
                let example = self.example(&format!("{inside}*.{extension}"));
                bail!("{} is a folder; name its files, such as {example}", self.data);
            }
            let tables: Vec<&str> = all.iter().copied().filter(|path| is_table(path)).collect();
            let there = if tables.is_empty() { all } else { &tables };
            bail!("{}: no file matches \"{pattern}\"; it has {}", self.data, listed(there));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Refuses files that cannot be one table.
    fn sound(&self, files: Vec<String>) -> Result<Vec<String>> {
        if let Some(unread) = files.iter().find(|path| !is_table(path)) {
            bail!("{} has {unread} for this split, which is not in a format that can be read: {FORMATS}", self.data);
        }
        let formats: BTreeSet<&str> = files.iter().filter_map(|path| DataFormat::of_name(path).0).map(DataFormat::name).collect();
        if formats.len() > 1 {
            bail!(
                "{} has this split in several formats: {}; name the files of one, such as {}",
                self.data,
                listed(&files),
                self.example(&files[0])
            );
        }
        let parts: Vec<(usize, usize)> = files.iter().filter_map(|path| part(path)).collect();
        if let Some((_, count)) = parts.first() {
            let mut numbers: Vec<usize> = parts.iter().map(|(number, _)| *number).collect();
            numbers.sort_unstable();
            let is_whole =
                parts.len() == files.len() && parts.iter().all(|(_, of)| of == count) && numbers.into_iter().eq(0..*count);
            ensure!(
                is_whole,
                "{}: this split should have {}, but has {}",
                self.data,
                counted(*count, "part", "parts"),
                listed(&files)
            );
        }
        Ok(files)
    }

    /// Returns how to name a file, in quotes.
    fn example(&self, path: &str) -> String {
        format!("\"{}\"", self.data.with_files(path))
    }

    fn several(&self, what: &str, names: &[&str], example: &str) -> anyhow::Error {
        anyhow::anyhow!(
            "{} has {} {what}: {}; name the files of one, such as {}",
            self.data,
            names.len(),
            listed(names),
            self.example(example)
        )
    }

    fn without_split(&self, split: DataSplit, there: &[&str], example: &str) -> anyhow::Error {
        let share = if split == DataSplit::Validation { ", or set `task.validation_share` instead" } else { "" };
        anyhow::anyhow!(
            "{} has no files for the {} split (it has {}); name those that are meant, such as {}{share}",
            self.data,
            split.name(),
            listed(there),
            self.example(example)
        )
    }

    fn without_tables(&self, all: &[&str]) -> anyhow::Error {
        let name = self.data.id.rsplit('/').next().unwrap_or_default();
        let script = format!("{name}.py");
        if all.contains(&script.as_str()) {
            let converted = HubData { revision: Some("refs/convert/parquet".into()), ..self.data.clone() };
            return anyhow::anyhow!(
                "{} is made by a script, {script}, which is not run; if the hub has converted it to parquet, name \"{converted}\"",
                self.data
            );
        }
        let shown: Vec<&str> = all.iter().copied().filter(|path| !path.starts_with('.')).collect();
        anyhow::anyhow!("{} has no files that can be read ({FORMATS}); it has {}", self.data, listed(&shown))
    }
}

/// The formats of tables, for messages.
const FORMATS: &str = ".csv, .tsv, .jsonl, .parquet";

/// Whether a file's name is that of a table with columns.
fn is_table(path: &str) -> bool {
    let (format, compression) = DataFormat::of_name(path);
    format.is_some_and(|format| format != DataFormat::Lines && (format != DataFormat::Parquet || compression.is_none()))
}
