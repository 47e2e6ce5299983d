//! Reads weights from safetensors or PyTorch files, converting any float type to f32.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use pytorch_reader::PytorchReader;
use sha2::{Digest, Sha256};

use super::HostTensor;
use super::format::FloatFormat;
use super::tensors::{StoredTensor, read_hashed};
use crate::architecture::Architecture;
use crate::machine::digest::hex;
use crate::machine::input_file::HashingReader;
use crate::terminal::brief;

/// The tensors of a checkpoint, by the names that transformers uses today.
#[derive(Debug)]
pub struct Weights<'a> {
    architecture: &'a Architecture,
    tensors: BTreeMap<String, HostTensor>,
    /// The stored formats other than f32.
    cast: BTreeMap<String, FloatFormat>,
    sha256: String,
}

impl<'a> Weights<'a> {
    /// Reads `model.safetensors` or `pytorch_model.bin`; the latter without executing any code from the file.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, or a tensor is not of a float type.
    pub fn read(path: &Path, architecture: &'a Architecture) -> Result<Self> {
        Self::read_all(&[path.to_path_buf()], architecture)
    }

    /// Reads a checkpoint's weights from one file or from all its shards.
    pub fn read_all(paths: &[PathBuf], architecture: &'a Architecture) -> Result<Self> {
        let mut tensors: BTreeMap<String, HostTensor> = BTreeMap::new();
        let mut cast = BTreeMap::new();
        let mut hasher = Sha256::new();
        for path in paths {
            let read;
            (read, hasher) = read_file(path, hasher).with_context(|| format!("cannot use the weights in {}", path.display()))?;
            for StoredTensor { name, format, tensor } in read {
                let name = Architecture::rename(&name);
                if format != FloatFormat::F32 {
                    cast.insert(name.clone(), format);
                }
                if tensors.insert(name.clone(), tensor).is_some() {
                    bail!("cannot use the weights: {} holds {}, which is there already", path.display(), brief(&name));
                }
            }
        }
        Ok(Self { architecture, tensors, cast, sha256: hex(&hasher.finalize()) })
    }

    /// SHA-256 of the files that were read, concatenated, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Removes and returns a tensor by its full name, even if the file omits the family's prefix.
    pub fn take(&mut self, name: &str) -> Option<HostTensor> {
        self.tensors.remove(name).or_else(|| self.tensors.remove(self.architecture.name_without_prefix(name)?))
    }

    /// The dtype that a tensor has in the file, if it was cast to f32.
    pub(super) fn cast_from(&self, name: &str) -> Option<&'static str> {
        let format = self.cast.get(name).or_else(|| self.cast.get(self.architecture.name_without_prefix(name)?))?;
        Some(format.name())
    }

    /// The shape of a tensor that has not been taken.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// Names of the tensors that have not been taken.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }
}

/// Reads the tensors of a file and hashes the file.
fn read_file(path: &Path, hasher: Sha256) -> Result<(Vec<StoredTensor>, Sha256)> {
    let is_safetensors = path.extension().is_some_and(|extension| extension == "safetensors");
    let (tensors, hasher) = if is_safetensors { read_hashed(path, hasher)? } else { read_pytorch(path, hasher)? };
    if let Some(stored) = tensors.iter().find(|stored| stored.tensor.values.iter().any(|value| !value.is_finite())) {
        bail!("{} contains numbers that are not finite", brief(&stored.name));
    }
    Ok((tensors, hasher))
}

/// The reader opens the file itself, more than once, so the file is hashed before and after to detect changes.
fn read_pytorch(path: &Path, hasher: Sha256) -> Result<(Vec<StoredTensor>, Sha256)> {
    use pytorch_reader::DType;
    let open = || PytorchReader::new(path).map_err(|error| anyhow!("the file is damaged or not a PyTorch checkpoint: {error}"));
    let first = HashingReader::continuing(path, hasher.clone())?;
    // Fail early: a file that is not a checkpoint may be large, and need not be hashed in full.
    drop(open()?);
    let before = first.hasher()?;
    let reader = open()?;
    let mut read = Vec::new();
    for (name, tensor) in reader.tensors() {
        let format = match tensor.dtype() {
            DType::F32 => FloatFormat::F32,
            DType::F16 => FloatFormat::F16,
            DType::BF16 => FloatFormat::Bf16,
            DType::F64 => FloatFormat::F64,
            _ => continue,
        };
        let bytes = tensor.read().with_context(|| format!("cannot read {}", brief(name)))?;
        let tensor = HostTensor { shape: tensor.shape().to_vec(), values: format.widen(&bytes) };
        read.push(StoredTensor { name: name.clone(), format, tensor });
    }
    let after = HashingReader::continuing(path, hasher)?.hasher()?;
    ensure!(
        before.clone().finalize() == after.finalize(),
        "the file changed while it was being read; try again when nothing writes to it"
    );
    Ok((read, before))
}
