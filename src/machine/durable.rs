//! Files and folders that are whole or absent, whenever the process is killed or the power goes.
//!
//! What is new is written beside its place, synced, and renamed; then the folder that holds it is synced, so that the
//! name is on the disk as well. A folder carries a manifest of what is in it, written last.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::machine::digest::hex;
use crate::machine::input_file::sha256;

/// Name of the manifest in a folder.
pub const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 1;
/// What is being written, and not yet what it is called.
const PARTIAL: &str = "partial";

/// The content of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the manifest's format.
    pub format_version: u32,
    /// By name, every other file of the folder.
    pub files: BTreeMap<String, Entry>,
}

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of what was to be written, in hexadecimal.
    pub sha256: String,
}

/// Writes a file whole.
///
/// # Errors
/// The disk is full or the folder cannot be written; an older version of the file stays as it was.
pub fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    let partial = path.with_extension(PARTIAL);
    let write = || -> std::io::Result<()> {
        create(&partial, content)?;
        fs::rename(&partial, path)?;
        sync_parent(path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&partial))).with_context(|| format!("cannot write {}", path.display()))
}

/// A folder in the making.
pub struct NewFolder {
    path: PathBuf,
    files: BTreeMap<String, Entry>,
}

impl NewFolder {
    /// Writes a file.
    pub fn write(&mut self, name: &str, content: &[u8]) -> Result<()> {
        create(&self.path.join(name), content).with_context(|| format!("cannot write {name}"))?;
        self.files.insert(name.into(), Entry::of(content));
        Ok(())
    }
}

/// Writes a folder of files with their manifest, in place of one of this name if there is one.
///
/// # Errors
/// The disk is full, or the folder cannot be written; nothing is left behind then.
pub fn write_folder(path: &Path, fill: impl FnOnce(&mut NewFolder) -> Result<()>) -> Result<()> {
    let partial = path.with_extension(PARTIAL);
    let write = || -> Result<()> {
        // Left behind by a process that was killed.
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
    // What caused the error is reported; that the remains could not be removed either adds nothing.
    write().inspect_err(|_| drop(fs::remove_dir_all(&partial)))
}

/// Removes a folder, if there is one.
pub fn remove_folder(path: &Path) -> std::io::Result<()> {
    missing_is_fine(fs::remove_dir_all(path))
}

/// The same for a folder with a manifest, which takes another name first: one of which half is gone would pass for a damaged
/// one.
///
/// # Errors
/// It cannot be removed; unless it could not even be renamed, it is none of its kind any more.
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

/// Compares a folder with its manifest.
///
/// # Errors
/// There is no manifest, or a file is missing, or is not what was written.
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

/// A name that stays in its folder.
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

/// Makes a rename last.
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
