//! Where a task's rows come from.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use sha2::{Digest, Sha256};

use super::parquet_names::{is_saved_to_disk, parquet_files};
use super::{Example, Split, SplitNames, Task, parquet, tsv};
use crate::hub::{Commit, Hub, Repository};
use crate::machine::digest::hex;
use crate::machine::input_file::HashingReader;

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
    /// The commit that both come from, where they come from the hub.
    pub commit: Option<Commit>,
    /// What people should know of how they were found.
    pub remark: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitFile {
    /// Where they are, in the order of their rows; only parquet comes in more than one.
    pub paths: Vec<PathBuf>,
    format: FileFormat,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SplitRows {
    /// In the order of the files.
    pub examples: Vec<Example>,
    /// SHA-256 of the bytes that they were read from, those of several files one after the other, in hexadecimal.
    pub sha256: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileFormat {
    Tsv,
    Parquet,
}

const REPOSITORY: &str = "nyu-mll/glue";

/// What a split's file is called on the hub: today, and as its converter named it before.
fn hub_names(task: &Task, split: Split) -> [String; 3] {
    let (task, split) = (&task.name, &task.splits.names(split).name);
    [
        format!("{task}/{split}-00000-of-00001.parquet"),
        format!("{task}/{split}/0000.parquet"),
        format!("{task}/glue-{split}.parquet"),
    ]
}

fn as_words(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

impl Source {
    /// Finds the files of a task, downloading what is on the hub and not cached.
    ///
    /// # Errors
    /// A file does not exist, or the hub cannot be reached.
    pub fn find(origin: &Origin, task: &Task, hub: &Hub) -> Result<Self> {
        match origin {
            Origin::Hub => {
                let names = |split: Split| hub_names(task, split);
                let probes = names(Split::Train);
                let gathered = hub.gather(&Repository::dataset(REPOSITORY), &as_words(&probes), |snapshot| {
                    let file = |split: Split| -> Result<SplitFile> {
                        Ok(SplitFile { paths: vec![snapshot.first_of(&as_words(&names(split)))?], format: FileFormat::Parquet })
                    };
                    Ok((file(Split::Train)?, file(Split::Validation)?))
                })?;
                let (train, validation) = gathered.value;
                Ok(Self { train, validation, commit: Some(gathered.commit), remark: gathered.remark })
            }
            Origin::Folder(folder) => {
                if !folder.is_dir() {
                    bail!("there is no data folder {}", folder.display());
                }
                let file = |split| SplitFile::in_folder(folder, task, split);
                Ok(Self { train: file(Split::Train)?, validation: file(Split::Validation)?, commit: None, remark: None })
            }
        }
    }
}

impl SplitFile {
    fn in_folder(folder: &Path, task: &Task, split: Split) -> Result<Self> {
        let SplitNames { name, tsv } = task.splits.names(split);
        let own = task.splits.folder.as_deref().into_iter().chain([task.name.as_str()]);
        let folders: Vec<PathBuf> = [""].into_iter().chain(own.clone()).chain(["data"]).map(|inner| folder.join(inner)).collect();
        for folder in &folders {
            let table = folder.join(tsv);
            // Also what turns out to be no file: it is refused by its name then.
            if table.symlink_metadata().is_ok() {
                return Ok(Self { paths: vec![table], format: FileFormat::Tsv });
            }
            let paths = parquet_files(folder, name)?;
            if !paths.is_empty() {
                return Ok(Self { paths, format: FileFormat::Parquet });
            }
        }
        if let Some(saved) = folders.iter().find(|folder| is_saved_to_disk(folder, name)) {
            bail!(
                "{} was written by save_to_disk as Arrow files, which are not supported; write {name}.parquet with \
                 load_from_disk(…)[\"{name}\"].to_parquet(\"{name}.parquet\")",
                saved.display()
            );
        }
        bail!(
            "no {name} split of {} in {}: looked for {tsv} or {name}-*.parquet there and in its {}",
            task.name,
            folder.display(),
            own.map(|inner| format!("{inner}/")).collect::<Vec<_>>().join(" and ")
        )
    }

    /// Reads every row.
    ///
    /// # Errors
    /// The file cannot be read, or a row does not fit the task.
    pub fn read(&self, task: &Task) -> Result<SplitRows> {
        let mut examples = Vec::new();
        let mut hasher = Sha256::new();
        for path in &self.paths {
            let mut reader = HashingReader::continuing(path, hasher)?;
            examples.append(&mut match self.format {
                FileFormat::Tsv => tsv::read(&mut reader, path, task)?,
                FileFormat::Parquet => parquet::read(&mut reader, path, task)?,
            });
            hasher = reader.hasher()?;
        }
        Ok(SplitRows { examples, sha256: hex(&hasher.finalize()) })
    }

    /// The files in words.
    #[must_use]
    pub fn shown(&self) -> String {
        self.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}
