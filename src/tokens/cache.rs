//! Encoded splits on disk, by the content that they were made from, so that a split is encoded once.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize};

use super::Encoded;
use crate::caches;

/// Where encoded splits are kept; nowhere is a place too.
#[derive(Clone, Debug, Default)]
pub struct TokenCache {
    folder: Option<PathBuf>,
}

impl TokenCache {
    /// In this folder.
    #[must_use]
    pub fn at(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    /// In the user's folder for caches.
    #[must_use]
    pub fn of_user() -> Self {
        Self { folder: caches::of_user().map(|caches| caches.join("tokens")) }
    }

    /// The split of this key, or what `encode` gives, which is kept for the next time.
    ///
    /// A file that is damaged is made anew; one that cannot be written is done without.
    ///
    /// # Errors
    /// Those of `encode`.
    pub fn get(&self, key: &str, encode: impl FnOnce() -> Result<Vec<Encoded>>) -> Result<Vec<Encoded>> {
        let Some(path) = self.folder.as_ref().map(|folder| folder.join(format!("{key}.safetensors"))) else { return encode() };
        if let Ok(kept) = fs::read(&path).map_err(anyhow::Error::from).and_then(|bytes| unpack(&bytes)) {
            return Ok(kept);
        }
        let encoded = encode()?;
        let _ = keep(&path, &encoded);
        Ok(encoded)
    }
}

fn keep(path: &Path, encoded: &[Encoded]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Several processes may keep the same split at once.
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let written = fs::write(&partial, pack(encoded)?).and_then(|()| fs::rename(&partial, path));
    written.inspect_err(|_| drop(fs::remove_file(&partial)))?;
    Ok(())
}

/// Rows end to end, with their lengths beside them.
fn pack(encoded: &[Encoded]) -> Result<Vec<u8>> {
    let bytes = |numbers: &mut dyn Iterator<Item = u32>| numbers.flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
    let columns = [
        ("tokens", bytes(&mut encoded.iter().flat_map(|row| row.tokens.iter().copied()))),
        ("segments", bytes(&mut encoded.iter().flat_map(|row| row.segments.iter().copied()))),
        ("lengths", bytes(&mut encoded.iter().map(|row| row.tokens.len() as u32))),
        ("labels", bytes(&mut encoded.iter().map(|row| row.label as u32))),
    ];
    let mut views = HashMap::new();
    for (name, column) in &columns {
        views.insert(*name, TensorView::new(Dtype::U32, vec![column.len() / 4], column)?);
    }
    // The count of a split is checked when it is read again.
    let rows = HashMap::from([("rows".to_string(), encoded.len().to_string())]);
    Ok(serialize(views, Some(rows))?)
}

fn unpack(bytes: &[u8]) -> Result<Vec<Encoded>> {
    let file = SafeTensors::deserialize(bytes)?;
    let column = |name: &str| -> Result<Vec<u32>> {
        let view = file.tensor(name)?;
        if view.dtype() != Dtype::U32 {
            bail!("{name} is not of whole numbers");
        }
        Ok(view.data().chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect())
    };
    let (tokens, segments, lengths, labels) = (column("tokens")?, column("segments")?, column("lengths")?, column("labels")?);
    let total: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
    if total != tokens.len() as u64 || tokens.len() != segments.len() || labels.len() != lengths.len() {
        bail!("the columns do not belong together");
    }
    let mut start = 0;
    let rows = lengths.iter().zip(labels).map(|(length, label)| {
        let range = start..start + *length as usize;
        start = range.end;
        Encoded { tokens: tokens[range.clone()].to_vec(), segments: segments[range].to_vec(), label: label as usize }
    });
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split() -> Vec<Encoded> {
        (0..5).map(|n| Encoded { tokens: (0..=n).collect(), segments: vec![0; n as usize + 1], label: n as usize % 2 }).collect()
    }

    #[test]
    fn a_split_is_encoded_once_and_again_when_its_file_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = TokenCache::at(folder.path().join("deep"));
        let mut times = 0;
        let mut get = || {
            let made = cache.get("x", || {
                times += 1;
                Ok(split())
            });
            (made.unwrap(), times)
        };
        assert_eq!(get(), (split(), 1));
        assert_eq!(get(), (split(), 1));
        let file = folder.path().join("deep/x.safetensors");
        let whole = fs::read(&file).unwrap();
        for damaged in [&[][..], &whole[..40], &[255; 64]] {
            fs::write(&file, damaged).unwrap();
            assert_eq!(get().0, split());
            assert_eq!(fs::read(&file).unwrap(), whole);
        }
        assert_eq!(times, 4);
    }

    #[test]
    fn without_a_folder_it_encodes_each_time() {
        assert_eq!(TokenCache::default().get("x", || Ok(split())).unwrap(), split());
        assert!(TokenCache::default().get("x", || bail!("no")).is_err());
    }
}
