//! The manifest of a run directory: size and SHA-256 of every file that the run wrote. Any change to these files, or to the
//! manifest itself, is detected.
//!
//! The manifest is written before the files that it announces, so that a process killed in between leaves a consistent directory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::directory::{RunDirectory, files};
use super::facts::RunFacts;
use super::step_folder::{folder, step_of};
use crate::machine::digest::hex;
use crate::machine::durable::Entry;

const FORMAT: u32 = 1;
/// Files that grow while the run trains.
const GROWING: [&str; 4] = [files::TRAIN, files::SPEED, files::EVAL, files::LOG];

/// The content of a run directory's `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunManifest {
    format_version: u32,
    /// Whether the run had ended, so that the growing files have their final length and all files are listed. Until then, they
    /// may have grown, and there may be more files.
    complete: bool,
    files: BTreeMap<String, Entry>,
    /// Entries of files that were about to be replaced.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    replacing: BTreeMap<String, Entry>,
    /// SHA-256 of this file with an empty seal.
    seal: String,
}

impl RunManifest {
    fn new(complete: bool) -> Self {
        Self { format_version: FORMAT, complete, files: BTreeMap::new(), replacing: BTreeMap::new(), seal: String::new() }
    }

    /// Reads a run's manifest; `None` if the file does not exist.
    pub fn read(directory: &RunDirectory) -> Result<Option<Self>> {
        let path = directory.path(files::MANIFEST);
        match fs::symlink_metadata(&path) {
            Ok(metadata) => ensure!(metadata.is_file(), "is not a regular file"),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context("cannot be read"),
        }
        let text = fs::read_to_string(path).context("cannot be read")?;
        let manifest: Self = serde_json::from_str(&text).context("is damaged")?;
        ensure!(manifest.format_version == FORMAT, "has format version {}, expected {FORMAT}", manifest.format_version);
        let sealed = Self { seal: String::new(), ..manifest.clone() }.sealed()?;
        ensure!(sealed.as_bytes() == text.as_bytes(), "was modified: its seal does not match");
        Ok(Some(manifest))
    }

    /// Whether the run had ended when the manifest was written.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The names of all listed files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Whether it lists this file.
    #[must_use]
    pub fn lists(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Checks a file against the manifest; a file that is not listed passes.
    pub fn check(&self, directory: &RunDirectory, name: &str) -> Result<()> {
        let Some(entry) = self.files.get(name) else { return Ok(()) };
        let path = directory.path(name);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => bail!("is missing"),
            Err(error) => return Err(error).context("cannot be read"),
        };
        ensure!(metadata.is_file(), "is not a regular file");
        let may_grow = GROWING.contains(&name) && !self.complete;
        let expected: Vec<&Entry> = [entry].into_iter().chain(self.replacing.get(name)).collect();
        let fits =
            |expected: &&&Entry| if may_grow { metadata.len() >= expected.bytes } else { metadata.len() == expected.bytes };
        if !expected.iter().any(|expected| fits(&expected)) {
            bail!("has {} bytes instead of {}", metadata.len(), entry.bytes);
        }
        for expected in expected.iter().filter(fits) {
            if &of_beginning(&path, expected.bytes).context("cannot be read")? == *expected {
                return Ok(());
            }
        }
        bail!("was modified: its SHA-256 does not match")
    }

    fn sealed(mut self) -> Result<String> {
        self.seal.clear();
        let text = serde_json::to_string_pretty(&self)?;
        self.seal = hex(&Sha256::digest(text.as_bytes()));
        Ok(serde_json::to_string_pretty(&self)? + "\n")
    }

    fn write(self, directory: &RunDirectory) -> Result<()> {
        directory.write(files::MANIFEST, self.sealed()?.as_bytes())
    }

    /// Adds a file as it is on disk, if it exists.
    fn add(&mut self, directory: &RunDirectory, name: &str) -> Result<()> {
        let path = directory.path(name);
        let bytes = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        self.add_beginning(directory, name, bytes)
    }

    fn add_beginning(&mut self, directory: &RunDirectory, name: &str, bytes: u64) -> Result<()> {
        let path = directory.path(name);
        let entry = of_beginning(&path, bytes).with_context(|| format!("cannot read {}", path.display()))?;
        self.files.insert(name.into(), entry);
        Ok(())
    }

    /// Adds the files that a run has from the start: the experiment, its bases, the settings, and `run.json`.
    fn add_fixed(&mut self, directory: &RunDirectory) -> Result<()> {
        for name in [files::EXPERIMENT, files::RESOLVED, files::RUN] {
            self.add(directory, name)?;
        }
        for name in names(directory.root(), |name| name.starts_with("base-"))? {
            self.add(directory, &name)?;
        }
        Ok(())
    }

    /// Adds the manifests of the folders of these steps.
    fn add_folders(&mut self, directory: &RunDirectory, place: &str, steps: impl Iterator<Item = u64>) -> Result<()> {
        for step in steps {
            self.add(directory, &format!("{place}/{}/{}", folder(step), crate::machine::durable::MANIFEST))?;
        }
        Ok(())
    }

    /// The manifest of everything that an ended run has left.
    fn of_all(directory: &RunDirectory) -> Result<Self> {
        let mut manifest = Self::new(true);
        manifest.add_fixed(directory)?;
        for name in GROWING.into_iter().chain([files::PREDICTIONS, files::SUMMARY, files::BEST, files::LAST]) {
            manifest.add(directory, name)?;
        }
        for place in [files::CHECKPOINTS, files::STATES] {
            let steps: Vec<String> = names(&directory.path(place), |name| step_of(name).is_some())?;
            manifest.add_folders(directory, place, steps.iter().filter_map(|name| step_of(name)))?;
        }
        Ok(manifest)
    }

    /// Announces the new `run.json` in the manifest, calls `between`, and then writes `run.json`.
    fn write_with(mut self, directory: &RunDirectory, facts: &RunFacts, between: impl FnOnce() -> Result<()>) -> Result<()> {
        let json = serde_json::to_vec_pretty(facts)?;
        self.announce(files::RUN, &json);
        self.write(directory)?;
        between()?;
        directory.write(files::RUN, &json)
    }

    fn forget(&mut self, folders: &[String]) {
        let is_in_one = |name: &str| folders.iter().any(|folder| Path::new(name).starts_with(folder));
        self.files.retain(|name, _| !is_in_one(name));
    }

    fn announce(&mut self, name: &str, content: &[u8]) {
        let next = Entry::of(content);
        if self.files.contains_key(name) {
            self.replacing.insert(name.into(), next);
        } else {
            self.files.insert(name.into(), next);
        }
    }
}

/// Writes the manifest of a new run and its `run.json`.
pub fn begin(directory: &RunDirectory, facts: &RunFacts) -> Result<()> {
    let mut manifest = RunManifest::new(false);
    manifest.add_fixed(directory)?;
    manifest.write_with(directory, facts, || Ok(()))
}

/// Writes the manifest of a run that is being resumed: the files that stay, and the settings and `run.json` about to be written.
pub fn go_on(directory: &RunDirectory, facts: &RunFacts, stays: &Stays<'_>, resolved: Option<&[u8]>) -> Result<()> {
    let mut manifest = RunManifest::new(false);
    manifest.add_fixed(directory)?;
    stays.add(&mut manifest, directory)?;
    if let Some(resolved) = resolved {
        manifest.announce(files::RESOLVED, resolved);
    }
    manifest.write_with(directory, facts, || {
        // With a summary, the run would look finished.
        let summary = directory.path(files::SUMMARY);
        if summary.exists() {
            fs::remove_file(&summary).with_context(|| format!("cannot remove {}", summary.display()))?;
        }
        resolved.map_or(Ok(()), |resolved| directory.write(files::RESOLVED, resolved))
    })
}

/// Writes the manifest of a run that has just saved a state.
pub fn renew(directory: &RunDirectory, stays: &Stays<'_>) -> Result<()> {
    let mut manifest = RunManifest::new(false);
    manifest.add_fixed(directory)?;
    stays.add(&mut manifest, directory)?;
    manifest.write(directory)
}

/// Writes the manifest of a run that has ended, and its `run.json`.
pub fn end(directory: &RunDirectory, facts: &RunFacts) -> Result<()> {
    RunManifest::of_all(directory)?.write_with(directory, facts, || Ok(()))
}

/// Removes folders that are about to be deleted from a run's manifest, if it has one.
pub fn forget(directory: &RunDirectory, folders: &[String]) -> Result<()> {
    let known = RunManifest::read(directory).context(files::MANIFEST)?.filter(|_| !folders.is_empty());
    let Some(mut manifest) = known else { return Ok(()) };
    manifest.forget(folders);
    manifest.write(directory)
}

/// Replaces a run's `run.json`, and updates its manifest, if it has one.
pub fn replace_facts(directory: &RunDirectory, facts: &RunFacts) -> Result<()> {
    replace_facts_without(directory, facts, &[])
}

/// Like `replace_facts`, and also removes these folders from the manifest.
pub fn replace_facts_without(directory: &RunDirectory, facts: &RunFacts, folders: &[String]) -> Result<()> {
    let known = RunManifest::read(directory).context(files::MANIFEST)?;
    let Some(mut manifest) = known else {
        return directory.write(files::RUN, &serde_json::to_vec_pretty(facts)?);
    };
    // Fails if someone else changed `run.json`: this update must not make that change look valid.
    manifest.check(directory, files::RUN).with_context(|| directory.path(files::RUN).display().to_string())?;
    manifest.add(directory, files::RUN)?;
    manifest.replacing.remove(files::RUN);
    manifest.forget(folders);
    manifest.write_with(directory, facts, || Ok(()))
}

/// The files that remain unchanged until the next state, even if the run is killed.
pub struct Stays<'a> {
    /// Names of the growing tables, and how many of their bytes stay.
    pub tables: [(&'static str, u64); 3],
    /// Steps of the checkpoints.
    pub checkpoints: &'a [u64],
    /// Steps of the states.
    pub states: &'a [u64],
}

impl Stays<'_> {
    fn add(&self, manifest: &mut RunManifest, directory: &RunDirectory) -> Result<()> {
        for (name, bytes) in self.tables {
            manifest.add_beginning(directory, name, bytes)?;
        }
        manifest.add(directory, files::LOG)?;
        manifest.add_folders(directory, files::CHECKPOINTS, self.checkpoints.iter().copied())?;
        manifest.add_folders(directory, files::STATES, self.states.iter().copied())
    }
}

/// Size and SHA-256 of the first `bytes` bytes of a file.
fn of_beginning(path: &Path, bytes: u64) -> std::io::Result<Entry> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?.take(bytes);
    let (mut buffer, mut found) = (vec![0; 1 << 16], 0);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Entry { bytes: found, sha256: hex(&hasher.finalize()) }),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                found += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn names(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter(|name| wanted(name)).collect())
}
