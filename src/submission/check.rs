//! Everything that is wrong with the zip of a submission.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::archive::{self, LARGEST_FILE, PackedFile, Unread};
use super::{Flaw, FlawKind, GlueFile, lines};
use crate::machine::input_file::{InputFile, MIB};
use crate::numbers::counted;

/// The largest zip that is read. A submission has about 1 MiB, and 5 MiB without compression.
const LARGEST_ZIP: u64 = 64 * MIB;

/// What was found in a zip.
#[derive(Clone, Debug)]
pub struct SubmissionReport {
    /// The path that was given.
    pub path: PathBuf,
    /// In the order of [`GlueFile::ALL`].
    pub files: Vec<CheckedFile>,
    /// Names of files in the zip that are not part of a submission, in order.
    pub extra: Vec<String>,
}

/// What was found of one file of a submission.
#[derive(Clone, Debug)]
pub struct CheckedFile {
    pub file: GlueFile,
    /// The number of rows; `None` if the file could not be read.
    pub rows: Option<usize>,
    pub flaws: Vec<Flaw>,
}

impl SubmissionReport {
    /// Says in a sentence what keeps the zip from being a submission; `None` if nothing does. Many lines of one file with a
    /// flaw of the same kind are one problem.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let flawed = self.files.iter().filter(|file| !file.flaws.is_empty());
        let files = flawed.clone().count() + self.extra.len();
        let problems = flawed.map(|file| file.flaws.len()).sum::<usize>() + self.extra.len();
        let text = || {
            let (problems, files) = (counted(problems, "problem", "problems"), counted(files, "file", "files"));
            format!("{} is not a submission to GLUE: {problems} in {files}", self.path.display())
        };
        (problems > 0).then(text)
    }
}

/// Checks the zip of a submission. A file that is in a folder or has another case is reported, and checked all the same.
///
/// Memory and time are bounded whatever the zip claims to hold.
///
/// # Errors
/// The zip cannot be read, is larger than 64 MiB, is not a zip, or holds more than 1,000 files.
pub fn check(path: &Path) -> Result<SubmissionReport> {
    let zip = InputFile::read(path, LARGEST_ZIP)?;
    let mut found = archive::listed(zip.bytes()).with_context(|| format!("cannot check {}", path.display()))?;
    let files = GlueFile::ALL.map(|file| checked(file, &mut found, zip.bytes())).into();
    Ok(SubmissionReport { path: path.into(), files, extra: found.into_iter().map(|file| file.name).collect() })
}

/// Takes a file from what was found in the zip, and checks it.
fn checked(file: GlueFile, found: &mut Vec<PackedFile>, zip: &[u8]) -> CheckedFile {
    let own: Vec<PackedFile> = found.extract_if(.., |packed| packed.name == file.name()).collect();
    let mut flaws = Vec::new();
    if own.len() > 1 {
        flaws.push(Flaw::of_file(FlawKind::Repeated(own.len())));
    }
    let packed = own.into_iter().next().or_else(|| {
        let base = |name: &str| name.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
        let place = found.iter().position(|packed| base(&packed.name) == file.name().to_lowercase())?;
        let packed = found.remove(place);
        flaws.push(Flaw::of_file(FlawKind::Misplaced { found: packed.name.clone(), expected: file.name() }));
        Some(packed)
    });
    let content = packed.map(|packed| packed.read(zip));
    let unread = match content {
        Some(Ok(content)) => {
            let (rows, in_lines) = lines::checked(file, &content);
            flaws.extend(in_lines);
            return CheckedFile { file, rows: Some(rows), flaws };
        }
        Some(Err(Unread::TooLarge)) => FlawKind::TooLarge(LARGEST_FILE / MIB),
        Some(Err(Unread::Damaged(error))) => FlawKind::Unreadable(error.to_string()),
        None => FlawKind::Missing,
    };
    flaws.push(Flaw::of_file(unread));
    CheckedFile { file, rows: None, flaws }
}
