//! The files that a task names: on this machine, and on the hub.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::file_pattern::FilePattern;
use super::hub_data::{DataSplit, HubFiles};
use crate::hub::{Hub, Snapshot};
use crate::table::TableOptions;
use crate::table::paths;
use crate::task::{RepositoryCommit, SplitFile};

/// Files to find: paths and patterns on this machine, and data sets of the hub.
#[derive(Clone, Copy, Debug)]
pub struct FilesWanted<'a> {
    /// The split that they are for; `None` if data sets of the hub have to name their files.
    pub split: Option<DataSplit>,
    pub patterns: &'a [FilePattern],
}

/// What was found.
#[derive(Debug)]
pub struct FilesFound {
    /// The files of each list.
    pub lists: Vec<NamedFiles>,
    /// The repositories of the hub that some come from.
    pub commits: Vec<RepositoryCommit>,
    /// Notes for the user.
    pub remarks: Vec<String>,
}

/// Files in row order.
#[derive(Clone, Debug)]
pub struct NamedFiles {
    pub paths: Vec<PathBuf>,
    /// What messages call each of them.
    pub names: Vec<String>,
}

impl NamedFiles {
    /// Returns the files as one split.
    #[must_use]
    pub fn tables(self, options: TableOptions) -> SplitFile {
        SplitFile::tables(self.paths, options).called(self.names)
    }
}

/// A file of a data set, in the cache.
struct HubFile {
    path: PathBuf,
    name: String,
}

/// An entry of a list.
enum ListEntry {
    Local(String),
    Hub(HubFiles),
}

/// Finds the files of several lists; all files of one repository come from one commit.
///
/// # Errors
/// A file does not exist or is named twice; or the hub cannot be reached, or has no such data set.
pub fn find(wanted: &[FilesWanted<'_>], hub: &Hub) -> Result<FilesFound> {
    let mut lists: Vec<Vec<ListEntry>> = Vec::new();
    for list in wanted {
        let entry = |pattern: &FilePattern| match pattern {
            FilePattern::Hub(data) => ListEntry::Hub(HubFiles { data: data.clone(), split: list.split }),
            FilePattern::Local(pattern) => ListEntry::Local(pattern.clone()),
        };
        lists.push(list.patterns.iter().map(entry).collect());
    }
    let (mut of_hub, mut commits, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
    let all: Vec<&HubFiles> = lists.iter().flatten().filter_map(ListEntry::hub).collect();
    for files in &all {
        let same = |other: &&HubFiles| (&other.data.id, &other.data.revision) == (&files.data.id, &files.data.revision);
        if of_hub.iter().any(|(known, _): &(&HubFiles, Vec<HubFile>)| same(known)) {
            continue;
        }
        let group: Vec<&HubFiles> = all.iter().copied().filter(same).collect();
        let probes: Vec<&str> = group.iter().find_map(|files| files.data.whole_path()).into_iter().collect();
        let gathered = hub.gather(&files.data.repository(), &probes, |snapshot| {
            group.iter().map(|files| downloaded(files, snapshot)).collect::<Result<Vec<_>>>()
        })?;
        commits.push(RepositoryCommit { repository: gathered.id, commit: gathered.commit });
        remarks.extend(gathered.remark);
        of_hub.extend(group.into_iter().zip(gathered.value));
    }
    let take = |files: &HubFiles| {
        let place = of_hub.iter().position(|(known, _)| std::ptr::eq(*known, files));
        place.map(|place| &of_hub[place].1).into_iter().flatten()
    };
    let lists = lists.iter().map(|list| named(list, take)).collect::<Result<_>>()?;
    Ok(FilesFound { lists, commits, remarks })
}

impl ListEntry {
    fn hub(&self) -> Option<&HubFiles> {
        match self {
            Self::Hub(files) => Some(files),
            Self::Local(_) => None,
        }
    }
}

/// Finds a data set's files in a commit, and downloads them.
fn downloaded(files: &HubFiles, snapshot: &Snapshot<'_>) -> Result<Vec<HubFile>> {
    let file = |path: &str, found: PathBuf| HubFile { path: found, name: files.data.with_files(path).to_string() };
    // A whole path needs no list of files, so that what another program has downloaded is found without a network.
    if let Some(path) = files.data.whole_path()
        && let Some(found) = snapshot.find(path)?
    {
        return Ok(vec![file(path, found)]);
    }
    let paths = files.paths(&snapshot.listing()?)?;
    paths.iter().map(|path| Ok(file(path, snapshot.first_of(&[path])?))).collect()
}

/// Returns the files of a list in its order.
fn named<'f, F: Iterator<Item = &'f HubFile>>(list: &[ListEntry], of_hub: impl Fn(&HubFiles) -> F) -> Result<NamedFiles> {
    let (mut patterns, mut names) = (Vec::new(), Vec::new());
    for entry in list {
        match entry {
            ListEntry::Local(pattern) => patterns.push(pattern.clone()),
            ListEntry::Hub(files) => {
                for file in of_hub(files) {
                    let path = file.path.to_str().context("the path of the hub's cache is not UTF-8")?;
                    patterns.push(path.into());
                    names.push((file.path.clone(), file.name.clone()));
                }
            }
        }
    }
    let paths = paths(&patterns, Path::new(""))?;
    let name = |path: &PathBuf| {
        names.iter().find(|(of_hub, _)| of_hub == path).map_or_else(|| path.display().to_string(), |(_, name)| name.clone())
    };
    Ok(NamedFiles { names: paths.iter().map(name).collect(), paths })
}
