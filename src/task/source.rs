//! Finds and reads the files of a task.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::parquet_names::{is_saved_to_disk, parquet_files};
use super::{Example, Reads, SplitNames, Splits, Task, parquet, tables, tsv};
use crate::hub::{Commit, Hub, Repository};
use crate::machine::digest::hex;
use crate::machine::input_file::HashingReader;
use crate::table::TableOptions;

/// Where an experiment's data comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `nyu-mll/glue` on the hub.
    Hub,
    /// A folder: the task's own, or one that contains the tasks' folders.
    Folder(PathBuf),
}

/// The files to train with.
#[derive(Clone, Debug)]
pub struct Source {
    /// The training split.
    pub train: SplitFile,
    /// The validation split, which picks the best checkpoint.
    pub validation: SplitFile,
    /// Further validation splits by name.
    pub further: Vec<(String, SplitFile)>,
    /// The commits of those that come from the hub.
    pub commits: Vec<RepositoryCommit>,
    /// Notes for the user about how the files were found.
    pub remarks: Vec<String>,
}

/// A repository of the hub that data was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryCommit {
    /// `owner/name`.
    pub repository: String,
    pub commit: Commit,
}

/// The files of some splits, in the order asked for.
#[derive(Clone, Debug)]
pub struct FoundSplits {
    pub files: Vec<SplitFile>,
    /// The commit that all come from, if they come from the hub.
    pub commit: Option<RepositoryCommit>,
    /// A note for the user about how the files were found.
    pub remark: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitFile {
    /// The files in row order; of GLUE's own, only parquet can have more than one.
    pub paths: Vec<PathBuf>,
    /// What messages call them, if not by their paths.
    names: Option<Vec<String>>,
    format: FileFormat,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SplitRows {
    /// The examples, in file order.
    pub examples: Vec<Example>,
    /// SHA-256 of the bytes read, in hexadecimal; several files are hashed as one.
    pub sha256: String,
    /// Notes for the user.
    pub remarks: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileFormat {
    Tsv,
    Parquet,
    /// A table of the user's own.
    Table(TableOptions),
}

const REPOSITORY: &str = "nyu-mll/glue";

/// Returns the possible names of a split's file on the hub: the current name, then those of its converter in the past.
fn hub_names(task: &Task, split: &SplitNames) -> [String; 3] {
    let (task, split) = (&task.name, &split.name);
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
    /// Finds the files to train with; downloads those on the hub that are not cached.
    ///
    /// # Errors
    /// A file does not exist, or the hub cannot be reached.
    pub fn find(origin: &Origin, task: &Task, hub: &Hub) -> Result<Self> {
        let Splits { train, validation, further_validation, .. } = &task.splits;
        let names: Vec<&SplitNames> = [train, validation].into_iter().chain(further_validation).collect();
        let FoundSplits { files, commit, remark } = FoundSplits::find(origin, task, &names, hub)?;
        let mut files = files.into_iter();
        let mut next = || files.next().context("a split is missing");
        let (train, validation) = (next()?, next()?);
        let further = further_validation.iter().map(|names| names.name.clone()).zip(files).collect();
        Ok(Self { train, validation, further, commits: commit.into_iter().collect(), remarks: remark.into_iter().collect() })
    }
}

impl FoundSplits {
    /// Finds the files of some splits of a task; downloads those on the hub that are not cached.
    ///
    /// # Errors
    /// A file does not exist, or the hub cannot be reached.
    pub fn find(origin: &Origin, task: &Task, splits: &[&SplitNames], hub: &Hub) -> Result<Self> {
        match origin {
            Origin::Hub => {
                let names: Vec<[String; 3]> = splits.iter().map(|split| hub_names(task, split)).collect();
                let probes = names.first().context("a task without splits")?;
                let gathered = hub.gather(&Repository::dataset(REPOSITORY, None), &as_words(probes), |snapshot| {
                    let file = |names: &[String; 3]| -> Result<SplitFile> {
                        Ok(SplitFile {
                            paths: vec![snapshot.first_of(&as_words(names))?],
                            names: None,
                            format: FileFormat::Parquet,
                        })
                    };
                    names.iter().map(file).collect::<Result<Vec<_>>>()
                })?;
                let commit = RepositoryCommit { repository: gathered.id, commit: gathered.commit };
                Ok(Self { files: gathered.value, commit: Some(commit), remark: gathered.remark })
            }
            Origin::Folder(folder) => {
                if !folder.is_dir() {
                    bail!("there is no data folder {}", folder.display());
                }
                let files = splits.iter().map(|split| SplitFile::in_folder(folder, task, split)).collect::<Result<_>>()?;
                Ok(Self { files, commit: None, remark: None })
            }
        }
    }
}

impl SplitFile {
    /// Files that a user names for a task: in GLUE's layout if they are .tsv or parquet files of a GLUE task, otherwise tables with
    /// the task's columns.
    #[must_use]
    pub fn given(paths: Vec<PathBuf>, task: &Task, options: TableOptions) -> Self {
        let extension = |path: &PathBuf| path.extension().and_then(|extension| extension.to_str()).map(str::to_lowercase);
        let is_glue = task.splits.folder.is_some();
        let all = |wanted: &str| is_glue && paths.iter().all(|path| extension(path).as_deref() == Some(wanted));
        let format = if all("tsv") {
            FileFormat::Tsv
        } else if all("parquet") {
            FileFormat::Parquet
        } else {
            FileFormat::Table(options)
        };
        Self { paths, names: None, format }
    }

    /// Users' own tables, as one split.
    #[must_use]
    pub fn tables(paths: Vec<PathBuf>, options: TableOptions) -> Self {
        Self { paths, names: None, format: FileFormat::Table(options) }
    }

    /// Returns the same files, called by these names in messages.
    #[must_use]
    pub fn called(self, names: Vec<String>) -> Self {
        Self { names: Some(names), ..self }
    }

    fn in_folder(folder: &Path, task: &Task, split: &SplitNames) -> Result<Self> {
        let SplitNames { name, tsv } = split;
        let own = task.splits.folder.as_deref().into_iter().chain([task.name.as_str()]);
        let folders: Vec<PathBuf> = [""].into_iter().chain(own.clone()).chain(["data"]).map(|inner| folder.join(inner)).collect();
        for folder in &folders {
            let table = folder.join(tsv);
            // Also if it turns out not to be a regular file, so that the error names it.
            if table.symlink_metadata().is_ok() {
                return Ok(Self { paths: vec![table], names: None, format: FileFormat::Tsv });
            }
            let paths = parquet_files(folder, name)?;
            if !paths.is_empty() {
                return Ok(Self { paths, names: None, format: FileFormat::Parquet });
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

    /// Reads all rows, with their targets or without.
    ///
    /// # Errors
    /// The file cannot be read, or a row does not fit the task.
    pub fn read(&self, task: &Task, reads: Reads) -> Result<SplitRows> {
        if let FileFormat::Table(options) = &self.format {
            return tables::read(&self.paths, options, task, reads);
        }
        let (mut examples, mut remarks) = (Vec::new(), Vec::new());
        let mut hasher = Sha256::new();
        for path in &self.paths {
            let mut reader = HashingReader::continuing(path, hasher)?;
            if self.format == FileFormat::Tsv {
                let (mut rows, remark) = tsv::read(&mut reader, path, task, reads)?;
                examples.append(&mut rows);
                remarks.extend(remark);
            } else {
                examples.append(&mut parquet::read(&mut reader, path, task, reads)?);
            }
            hasher = reader.hasher()?;
        }
        Ok(SplitRows { examples, sha256: hex(&hasher.finalize()), remarks })
    }

    /// What messages call the files.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.names.clone().unwrap_or_else(|| self.paths.iter().map(|path| path.display().to_string()).collect())
    }

    /// Lists the files for a message.
    #[must_use]
    pub fn shown(&self) -> String {
        self.names().join(", ")
    }
}
