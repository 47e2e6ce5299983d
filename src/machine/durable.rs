//! Files and folders that are complete or absent, even if the process is killed or the power fails.
//!
//! New content is written next to its destination, synced, and renamed; then the parent folder is synced, so that the
//! rename is on disk as well. A folder contains a manifest of its files, which is written last.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::machine::digest::hex;
use crate::machine::input_file::sha256;

/// The name of the manifest in a folder.
pub const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 1;
/// The extension of files and folders that are still being written.
const PARTIAL: &str = "partial";

/// The content of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the manifest's format.
    pub format_version: u32,
    /// All other files of the folder, by name.
    pub files: BTreeMap<String, Entry>,
}

/// The manifest's entry for one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The size in bytes.
    pub bytes: u64,
    /// SHA-256 of the intended content, in hexadecimal.
    pub sha256: String,
}

/// Writes a file atomically.
///
/// # Errors
/// The disk is full or the folder cannot be written; an existing file keeps its content.
pub fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    let partial = path.with_extension(PARTIAL);
    let write = || -> std::io::Result<()> {
        create(&partial, content)?;
        fs::rename(&partial, path)?;
        sync_parent(path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&partial))).with_context(|| format!("cannot write {}", path.display()))
}

/// A folder that is being written.
pub struct NewFolder {
    path: PathBuf,
    files: BTreeMap<String, Entry>,
}

impl NewFolder {
    /// Writes a file into the folder.
    pub fn write(&mut self, name: &str, content: &[u8]) -> Result<()> {
        create(&self.path.join(name), content).with_context(|| format!("cannot write {name}"))?;
        self.files.insert(name.into(), Entry::of(content));
        Ok(())
    }
}

/// Writes a folder of files with their manifest, replacing any folder of that name.
///
/// # Errors
/// The disk is full, or the folder cannot be written; nothing is left over.
pub fn write_folder(path: &Path, fill: impl FnOnce(&mut NewFolder) -> Result<()>) -> Result<()> {
    let partial = path.with_extension(PARTIAL);
    let write = || -> Result<()> {
        // Left over from a process that was killed.
        remove_folder(&partial)?;
        fs::create_dir(&partial)?;
        let mut folder = NewFolder { path: partial.clone(), files: BTreeMap::new() };
        fill(&mut folder)?;
        let manifest = Manifest { format_version: FORMAT, files: folder.files };
        create(&partial.join(MANIFEST), &serde_json::to_vec_pretty(&manifest)?)?;
        File::open(&partial)?.sync_all()?;
        remove_folder(path)?;
        fs::rename(&partial, path)?;
        Ok(sync_parent(path)?)
    };
    // The cause is reported; a failure to clean up adds nothing.
    write().inspect_err(|_| drop(fs::remove_dir_all(&partial)))
}

/// Removes a folder, if it exists.
pub fn remove_folder(path: &Path) -> std::io::Result<()> {
    missing_is_fine(fs::remove_dir_all(path))
}

/// Removes a folder with a manifest, renaming it first: a half-removed folder under its own name would look
/// damaged.
///
/// # Errors
/// The folder cannot be removed; unless the rename failed, it no longer has its name.
pub fn retire_folder(path: &Path) -> std::io::Result<()> {
    let retired = path.with_extension(format!("removed.{PARTIAL}"));
    remove_folder(&retired)?;
    missing_is_fine(fs::rename(path, &retired))?;
    remove_folder(&retired)
}

fn missing_is_fine(result: std::io::Result<()>) -> std::io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Checks a folder against its manifest.
///
/// # Errors
/// There is no manifest, or a file is missing, altered or not in the manifest.
pub fn check_folder(path: &Path) -> Result<Manifest> {
    let manifest = path.join(MANIFEST);
    let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let manifest: Manifest = serde_json::from_str(&text).with_context(|| format!("{} is not a manifest", manifest.display()))?;
    ensure!(manifest.format_version == FORMAT, "its manifest is of version {}, not {FORMAT}", manifest.format_version);
    for (name, entry) in &manifest.files {
        ensure!(is_plain(name), "its manifest names the file {name:?}, which is not in the folder");
        let file = path.join(name);
        let metadata = fs::symlink_metadata(&file).with_context(|| format!("{name} is missing"))?;
        ensure!(metadata.is_file(), "{name} is not a regular file");
        let size = metadata.len();
        if size != entry.bytes {
            bail!("{name} has {size} bytes instead of {}", entry.bytes);
        }
        let hash = sha256(&[file])?;
        ensure!(hash == entry.sha256, "{name} is not what was written: its SHA-256 is {hash}, not {}", entry.sha256);
    }
    for entry in fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        ensure!(name == MANIFEST || manifest.files.contains_key(&name), "{name} is not in its manifest");
    }
    Ok(manifest)
}

/// Whether a name stays within its folder.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(std::path::Component::Normal(_)), None))
}

impl Entry {
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self { bytes: content.len() as u64, sha256: hex(&Sha256::digest(content)) }
    }
}

fn create(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Syncs the parent folder, so that a rename survives a power failure.
fn sync_parent(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(root: &Path) -> PathBuf {
        let path = root.join("step-1");
        write_folder(&path, |folder| {
            folder.write("a", b"one")?;
            folder.write("b", &[7; 5000])
        })
        .unwrap();
        path
    }

    #[test]
    fn a_folder_is_what_was_written() {
        let root = tempfile::tempdir().unwrap();
        let manifest = check_folder(&folder(root.path())).unwrap();
        // printf one | sha256sum
        assert_eq!(manifest.files["a"].sha256, "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
        assert_eq!(manifest.files["b"].bytes, 5000);
        assert!(!root.path().join("step-1.partial").exists());
    }

    #[test]
    fn every_kind_of_damage_is_found() {
        type Damage = fn(&Path);
        let damages: [(&str, Damage); 6] = [
            ("b is missing", |path| fs::remove_file(path.join("b")).unwrap()),
            ("b has 4999 bytes instead of 5000", |path| fs::write(path.join("b"), [7; 4999]).unwrap()),
            ("a is not what was written", |path| fs::write(path.join("a"), "onE").unwrap()),
            ("cannot read", |path| fs::remove_file(path.join(MANIFEST)).unwrap()),
            ("is not a manifest", |path| fs::write(path.join(MANIFEST), "").unwrap()),
            ("which is not in the folder", |path| {
                let text = fs::read_to_string(path.join(MANIFEST)).unwrap().replace("\"a\"", "\"../a\"");
                fs::write(path.join(MANIFEST), text).unwrap();
            }),
        ];
        for (expected, damage) in damages {
            let root = tempfile::tempdir().unwrap();
            let path = folder(root.path());
            damage(&path);
            let error = format!("{:#}", check_folder(&path).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_filled_leaves_the_old_one() {
        let root = tempfile::tempdir().unwrap();
        let path = folder(root.path());
        let failed = write_folder(&path, |folder| {
            folder.write("a", b"two")?;
            bail!("the disk is full")
        });
        assert!(failed.is_err());
        assert_eq!(check_folder(&path).unwrap().files.len(), 2);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
