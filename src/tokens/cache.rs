//! A disk cache of encoded splits, keyed by the content they were made from.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize};
use sha2::{Digest, Sha256};

use super::Encoded;
use crate::machine::caches;
use crate::machine::digest::hex;
use crate::task::Target;

/// The cache folder for encoded splits; `None` disables the cache.
#[derive(Clone, Debug, Default)]
pub struct TokenCache {
    folder: Option<PathBuf>,
}

impl TokenCache {
    #[must_use]
    pub fn at(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    /// The cache in the user's cache folder.
    #[must_use]
    pub fn of_user() -> Self {
        Self { folder: caches::of_user().map(|caches| caches.join("tokens")) }
    }

    /// Returns the cached split for this key, or calls `encode` and caches the result.
    ///
    /// A file that is damaged, belongs to another key or is rejected by `fits` is replaced. Failure to write to the cache is
    /// ignored.
    pub fn get(
        &self,
        key: &str,
        fits: impl Fn(&[Encoded]) -> bool,
        encode: impl FnOnce() -> Result<Vec<Encoded>>,
    ) -> Result<Vec<Encoded>> {
        let Some(path) = self.folder.as_ref().map(|folder| folder.join(format!("{key}.safetensors"))) else { return encode() };
        let kept = fs::read(&path).map_err(anyhow::Error::from).and_then(|bytes| unpack(key, &bytes));
        if let Some(kept) = kept.ok().filter(|kept| fits(kept)) {
            return Ok(kept);
        }
        let encoded = encode()?;
        let _ = keep(&path, key, &encoded);
        Ok(encoded)
    }
}

fn keep(path: &Path, key: &str, encoded: &[Encoded]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Several processes may write the same split at the same time.
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let written = fs::write(&partial, pack(key, encoded)?).and_then(|()| fs::rename(&partial, path));
    written.inspect_err(|_| drop(fs::remove_file(&partial)))?;
    Ok(())
}

/// The u32 columns: token and segment ids of all rows, concatenated, and the rows' lengths.
const COLUMNS: [&str; 3] = ["tokens", "segments", "lengths"];

/// The metadata key of the checksum.
const CHECKSUM: &str = "sha256";

/// A column of a cache file.
struct CachedColumn {
    name: &'static str,
    dtype: Dtype,
    bytes: Vec<u8>,
}

/// SHA-256 of a split's key and columns.
fn checksum<'a>(key: &str, columns: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(key);
    for (name, column) in columns {
        hasher.update(format!(" {name} {} ", column.len()));
        hasher.update(column);
    }
    hex(&hasher.finalize())
}

/// The targets of all examples, if `of` applies to every one of them.
fn all<'a, T>(encoded: &'a [Encoded], of: impl Fn(&'a Target) -> Option<T>) -> Option<Vec<T>> {
    encoded.iter().map(|row| row.target.as_ref().and_then(&of)).collect()
}

/// The column of the targets, which must all be of the same type; `None` if there are none.
fn target_column(encoded: &[Encoded]) -> Result<Option<CachedColumn>> {
    if encoded.iter().all(|row| row.target.is_none()) {
        return Ok(None);
    }
    let column = |name, dtype, bytes| Ok(Some(CachedColumn { name, dtype, bytes }));
    if let Some(classes) = all(encoded, Target::class) {
        let bytes = classes.into_iter().map(|class| Ok(u32::try_from(class)?.to_le_bytes())).collect::<Result<Vec<_>>>()?;
        return column("labels", Dtype::U32, bytes.concat());
    }
    if let Some(values) = all(encoded, Target::value) {
        return column("values", Dtype::F32, values.into_iter().flat_map(f32::to_le_bytes).collect());
    }
    let labels = all(encoded, Target::labels).context("the targets are of different kinds")?;
    ensure!(labels.windows(2).all(|pair| pair[0].len() == pair[1].len()), "the lists of labels have different lengths");
    column("label_bits", Dtype::U8, labels.concat().into_iter().map(u8::from).collect())
}

fn pack(key: &str, encoded: &[Encoded]) -> Result<Vec<u8>> {
    let bytes = |numbers: &mut dyn Iterator<Item = u32>| numbers.flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
    let ids = [
        bytes(&mut encoded.iter().flat_map(|row| row.tokens.iter().copied())),
        bytes(&mut encoded.iter().flat_map(|row| row.segments.iter().copied())),
        bytes(&mut encoded.iter().map(|row| row.tokens.len() as u32)),
    ];
    let ids = COLUMNS.into_iter().zip(ids).map(|(name, bytes)| CachedColumn { name, dtype: Dtype::U32, bytes });
    let columns: Vec<CachedColumn> = ids.chain(target_column(encoded)?).collect();
    let mut views = HashMap::new();
    for CachedColumn { name, dtype, bytes } in &columns {
        let width = if *dtype == Dtype::U8 { 1 } else { 4 };
        // Label bits have one row per example.
        let shape =
            if *dtype == Dtype::U8 { vec![encoded.len(), bytes.len() / encoded.len()] } else { vec![bytes.len() / width] };
        views.insert(*name, TensorView::new(*dtype, shape, bytes)?);
    }
    let checksum = checksum(key, columns.iter().map(|column| (column.name, column.bytes.as_slice())));
    Ok(serialize(views, Some(HashMap::from([(CHECKSUM.to_string(), checksum)])))?)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    bytes.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]])
}

fn unpack(key: &str, bytes: &[u8]) -> Result<Vec<Encoded>> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let file = SafeTensors::deserialize(bytes)?;
    let mut columns: Vec<(&str, &[u8])> = Vec::new();
    for name in COLUMNS {
        let view = file.tensor(name)?;
        ensure!(view.dtype() == Dtype::U32, "{name} does not hold whole numbers");
        columns.push((name, view.data()));
    }
    let kinds = [("labels", Dtype::U32), ("values", Dtype::F32), ("label_bits", Dtype::U8)];
    let target = kinds.into_iter().find_map(|(name, dtype)| Some((name, file.tensor(name).ok()?, dtype)));
    if let Some((name, view, dtype)) = &target {
        ensure!(view.dtype() == *dtype, "{name} has the wrong type");
        columns.push((name, view.data()));
    }
    let recorded = header.metadata().as_ref().and_then(|metadata| metadata.get(CHECKSUM));
    ensure!(recorded.is_some_and(|recorded| *recorded == checksum(key, columns.iter().copied())), "the checksum does not match");
    let ids = |column: usize| words(columns[column].1).map(u32::from_le_bytes).collect::<Vec<u32>>();
    let (tokens, segments, lengths) = (ids(0), ids(1), ids(2));
    let targets: Vec<Option<Target>> = match target {
        None => vec![None; lengths.len()],
        Some(("labels", view, _)) => words(view.data()).map(|word| Some(Target::Class(u32::from_le_bytes(word)))).collect(),
        Some(("values", view, _)) => words(view.data()).map(|word| Some(Target::Value(f32::from_le_bytes(word)))).collect(),
        Some((_, view, _)) => {
            let width = view.data().len() / lengths.len().max(1);
            let row = |bits: &[u8]| Some(Target::Labels(bits.iter().map(|bit| *bit == 1).collect()));
            view.data().chunks_exact(width.max(1)).map(row).collect()
        }
    };
    let total: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
    ensure!(
        total == tokens.len() as u64 && tokens.len() == segments.len() && targets.len() == lengths.len(),
        "the columns do not match"
    );
    let mut start = 0;
    let rows = lengths.iter().zip(targets).map(|(length, target)| {
        let range = start..start + *length as usize;
        start = range.end;
        Encoded { tokens: tokens[range.clone()].to_vec(), segments: segments[range].to_vec(), target }
    });
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_of(target: impl Fn(u32) -> Option<Target>) -> Vec<Encoded> {
        (0..5).map(|n| Encoded { tokens: (0..=n).collect(), segments: vec![0; n as usize + 1], target: target(n) }).collect()
    }

    fn split() -> Vec<Encoded> {
        split_of(|n| Some(Target::Class(n % 2)))
    }

    /// Gets a split from a cache, and returns whether it was encoded again.
    fn get(cache: &TokenCache, key: &str, fits: bool) -> (Vec<Encoded>, bool) {
        let made = std::cell::Cell::new(false);
        let encode = || {
            made.set(true);
            Ok(split())
        };
        (cache.get(key, |_| fits, encode).unwrap(), made.get())
    }

    #[test]
    fn a_split_is_encoded_once() {
        let folder = tempfile::tempdir().unwrap();
        let cache = TokenCache::at(folder.path().join("deep"));
        assert_eq!(get(&cache, "x", true), (split(), true));
        assert_eq!(get(&cache, "x", true), (split(), false));
        // A different key means a different split.
        assert_eq!(get(&cache, "y", true), (split(), true));
        // A split that no longer fits is encoded again.
        assert_eq!(get(&cache, "x", false), (split(), true));
    }

    #[test]
    fn whatever_byte_is_another_the_split_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let cache = TokenCache::at(folder.path().to_path_buf());
        let _ = get(&cache, "x", true);
        let file = folder.path().join("x.safetensors");
        let whole = fs::read(&file).unwrap();
        let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
        assert_eq!(whole.len() - header, 4 * (15 + 15 + 5 + 5));
        let flipped = (header..whole.len()).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        });
        let cut = [0, 7, 40, header, whole.len() - 4].map(|length| whole[..length].to_vec());
        for damaged in flipped.chain(cut).chain([vec![255; 64], [whole.as_slice(), &[0; 4]].concat()]) {
            fs::write(&file, damaged).unwrap();
            assert_eq!(get(&cache, "x", true), (split(), true));
            assert_eq!(fs::read(&file).unwrap(), whole);
        }
        // An intact file, but under another key.
        fs::copy(&file, folder.path().join("y.safetensors")).unwrap();
        assert_eq!(get(&cache, "y", true), (split(), true));
    }

    #[test]
    fn targets_of_every_kind_are_kept() {
        let label = |n: u32| Some(Target::Labels([n > 1, n == 0, true].into()));
        for split in [split(), split_of(|n| Some(Target::Value(0.1 - n as f32))), split_of(label), split_of(|_| None), Vec::new()]
        {
            assert_eq!(unpack("x", &pack("x", &split).unwrap()).unwrap(), split);
        }
        assert!(pack("x", &split_of(|n| (n > 0).then_some(Target::Class(0)))).is_err());
        assert!(pack("x", &split_of(|n| Some(if n > 0 { Target::Class(0) } else { Target::Value(0.0) }))).is_err());
    }

    #[test]
    fn a_file_without_a_checksum_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let cache = TokenCache::at(folder.path().to_path_buf());
        let column = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let columns = [column(&[7, 8, 9]), column(&[0, 0, 0]), column(&[1, 2]), column(&[0, 1])];
        let views = COLUMNS.iter().chain(&["labels"]).zip(&columns);
        let views = views.map(|(name, bytes)| (*name, TensorView::new(Dtype::U32, vec![bytes.len() / 4], bytes).unwrap()));
        let rows = HashMap::from([("rows".to_string(), "2".to_string())]);
        fs::write(folder.path().join("x.safetensors"), serialize(views, Some(rows)).unwrap()).unwrap();
        assert_eq!(get(&cache, "x", true), (split(), true));
    }

    #[test]
    fn without_a_folder_it_encodes_each_time() {
        assert_eq!(get(&TokenCache::default(), "x", true), (split(), true));
        assert!(TokenCache::default().get("x", |_| true, || anyhow::bail!("no")).is_err());
    }
}
