//! Files collected from several runs until a submission is complete.

use std::collections::BTreeMap;
use std::path::Path;

use thiserror::Error;

use super::{GlueFile, GlueRows, archive};
use crate::machine::durable::write_file;

/// Some of a submission's files.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    files: BTreeMap<GlueFile, GlueRows>,
    /// The run that has predicted each task.
    runs: BTreeMap<&'static str, String>,
}

/// All files of a submission.
#[derive(Clone, Debug)]
pub struct Submission {
    /// In the order of [`GlueFile::ALL`].
    files: Vec<GlueRows>,
}

/// Why files are not a submission.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum DraftError {
    #[error("{first} and {second} are both runs of {task}; a submission takes one run of each task")]
    TwoRuns { task: &'static str, first: String, second: String },
    #[error("the run {run} is given twice")]
    SameRun { run: String },
    #[error("a submission needs all of GLUE's files; missing: {}", named(.0))]
    Missing(Vec<GlueFile>),
}

impl Draft {
    /// Adds the files that a run predicts.
    ///
    /// # Errors
    /// There is already a run of the same task; nothing is added.
    pub fn add(&mut self, run: &str, files: Vec<GlueRows>) -> Result<(), DraftError> {
        for task in files.iter().map(|rows| rows.file().task()) {
            match self.runs.get(task) {
                Some(first) if first == run => return Err(DraftError::SameRun { run: run.into() }),
                Some(first) => return Err(DraftError::TwoRuns { task, first: first.clone(), second: run.into() }),
                None => {}
            }
        }
        for rows in files {
            self.runs.insert(rows.file().task(), run.into());
            self.files.insert(rows.file(), rows);
        }
        Ok(())
    }

    /// Returns the files that no run has predicted.
    #[must_use]
    pub fn missing(&self) -> Vec<GlueFile> {
        GlueFile::ALL.into_iter().filter(|file| !self.files.contains_key(file)).collect()
    }

    /// Returns the submission.
    ///
    /// # Errors
    /// Files are missing.
    pub fn complete(self) -> Result<Submission, DraftError> {
        let missing = self.missing();
        if missing.is_empty() { Ok(self.filled().0) } else { Err(DraftError::Missing(missing)) }
    }

    /// Returns the submission and which of its files were missing; those predict the same for every example
    /// ([`GlueRows::majority`]), which has to be said.
    #[must_use]
    pub fn filled(mut self) -> (Submission, Vec<GlueFile>) {
        let missing = self.missing();
        let mut take = |file| self.files.remove(&file).unwrap_or_else(|| GlueRows::majority(file));
        (Submission { files: GlueFile::ALL.into_iter().map(&mut take).collect() }, missing)
    }
}

impl Submission {
    /// Writes the zip atomically. Equal submissions are equal byte by byte: the order of the files is fixed, and they have no
    /// date.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let files = self.files.iter().map(|rows| (rows.file().name(), rows.text()));
        write_file(path, &archive::packed(files)?)
    }
}

fn named(files: &[GlueFile]) -> String {
    files.iter().map(|file| file.name()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_one_run() {
        let mut draft = Draft::default();
        let rows = |files: &[GlueFile]| files.iter().map(|file| GlueRows::majority(*file)).collect::<Vec<_>>();
        draft.add("a1", rows(&[GlueFile::MnliMatched, GlueFile::MnliMismatched])).unwrap();
        draft.add("b2", rows(&[GlueFile::Rte])).unwrap();
        let message = |error: DraftError| error.to_string();
        assert_eq!(
            message(draft.add("c3", rows(&[GlueFile::Ax])).unwrap_err()),
            "a1 and c3 are both runs of mnli; a submission takes one run of each task"
        );
        assert_eq!(message(draft.add("b2", rows(&[GlueFile::Rte])).unwrap_err()), "the run b2 is given twice");
        let expected = "CoLA.tsv, SST-2.tsv, MRPC.tsv, QQP.tsv, STS-B.tsv, QNLI.tsv, WNLI.tsv, AX.tsv";
        assert_eq!(named(&draft.missing()), expected);
        assert!(message(draft.clone().complete().unwrap_err()).ends_with(expected));
        let (submission, missing) = draft.filled();
        assert_eq!((submission.files.len(), missing.len()), (11, 8));
    }
}
