//! Where a task's rows come from.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Example, Split, Task, parquet, tsv};
use crate::hub::{Hub, Repository};

/// How an experiment names its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `nyu-mll/glue` on the hub.
    Hub,
    /// A folder: the task's own, or the one that holds the tasks' folders.
    Folder(PathBuf),
}

/// The two files of a task.
#[derive(Clone, Debug)]
pub struct Source {
    /// Learnt from.
    pub train: SplitFile,
    /// Scored on.
    pub validation: SplitFile,
}

/// The file of one split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitFile {
    /// Where it is.
    pub path: PathBuf,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Tsv,
    Parquet,
}

const REPOSITORY: &str = "nyu-mll/glue";

impl Source {
    /// Finds the files of a task, downloading what is on the hub and not cached.
    ///
    /// # Errors
    /// A file does not exist, or the hub cannot be reached.
    pub fn find(origin: &Origin, task: &Task, hub: &Hub) -> Result<Self> {
        match origin {
            Origin::Hub => {
                let repository = Repository::dataset(REPOSITORY);
                let file = |split: Split| -> Result<SplitFile> {
                    let name = format!("{}/{}-00000-of-00001.parquet", task.name, split.name());
                    Ok(SplitFile { path: hub.file(&repository, &name)?, format: Format::Parquet })
                };
                Ok(Self { train: file(Split::Train)?, validation: file(Split::Validation)? })
            }
            Origin::Folder(folder) => {
                if !folder.is_dir() {
                    bail!("there is no data folder {}", folder.display());
                }
                std::fs::read_dir(folder).with_context(|| format!("cannot read the data folder {}", folder.display()))?;
                let file = |split| SplitFile::in_folder(folder, task, split);
                Ok(Self { train: file(Split::Train)?, validation: file(Split::Validation)? })
            }
        }
    }
}

impl SplitFile {
    fn in_folder(folder: &Path, task: &Task, split: Split) -> Result<Self> {
        let folders = [folder.to_path_buf(), folder.join(task.folder), folder.join(task.name)];
        for folder in &folders {
            let tsv = folder.join(split.tsv());
            if tsv.is_file() {
                return Ok(Self { path: tsv, format: Format::Tsv });
            }
            if let Some(path) = first_parquet(folder, split) {
                return Ok(Self { path, format: Format::Parquet });
            }
        }
        bail!(
            "no {} split of {} in {}: looked for {} or {}-*.parquet there and in its {}/ and {}/",
            split.name(),
            task.name,
            folder.display(),
            split.tsv(),
            split.name(),
            task.folder,
            task.name
        )
    }

    /// Reads every row.
    ///
    /// # Errors
    /// The file cannot be read, or a row does not fit the task.
    pub fn read(&self, task: &Task) -> Result<Vec<Example>> {
        match self.format {
            Format::Tsv => tsv::read(&self.path, task),
            Format::Parquet => parquet::read(&self.path, task),
        }
    }
}

/// `train.parquet` or `train-00000-of-00001.parquet`.
fn first_parquet(folder: &Path, split: Split) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.strip_prefix(split.name())
                .is_some_and(|rest| rest == ".parquet" || (rest.starts_with('-') && rest.ends_with(".parquet")))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().next()
}
