//! Reading weights: safetensors and PyTorch's own format, of any float type, widened to f32.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use pytorch_reader::PytorchReader;

use super::HostTensor;
use super::format::Format;
use super::tensors::read_tensors;

/// The tensors of a weights file, by the names that transformers uses today.
#[derive(Debug, Default)]
pub struct Weights {
    tensors: BTreeMap<String, HostTensor>,
}

impl Weights {
    /// Reads `model.safetensors` or `pytorch_model.bin`; the latter by a reader that runs no code.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, or a tensor is not of a float type.
    pub fn read(path: &Path) -> Result<Self> {
        let is_safetensors = path.extension().is_some_and(|extension| extension == "safetensors");
        let tensors = if is_safetensors { read_tensors(path) } else { read_pytorch(path) };
        let tensors = tensors.with_context(|| format!("cannot use the weights in {}", path.display()))?;
        if let Some((name, _)) = tensors.iter().find(|(_, tensor)| tensor.values.iter().any(|value| !value.is_finite())) {
            bail!("cannot use the weights in {}: {name} holds numbers that are not finite", path.display());
        }
        Ok(Self { tensors: tensors.into_iter().map(|(name, tensor)| (current_name(&name), tensor)).collect() })
    }

    /// Reads the one file, or all shards, that hold a checkpoint's weights.
    ///
    /// # Errors
    /// As [`Weights::read`]; or two shards hold tensors of one name.
    pub fn read_all(paths: &[PathBuf]) -> Result<Self> {
        let mut all = Self::default();
        for path in paths {
            for (name, tensor) in Self::read(path)?.tensors {
                if all.tensors.insert(name.clone(), tensor).is_some() {
                    bail!("cannot use the weights: {} holds {name}, which another shard holds already", path.display());
                }
            }
        }
        Ok(all)
    }

    /// Takes a tensor out by its full name, also where the file leaves the `bert.` prefix away.
    pub fn take(&mut self, name: &str) -> Option<HostTensor> {
        self.tensors.remove(name).or_else(|| self.tensors.remove(name.strip_prefix("bert.")?))
    }

    /// Names of the tensors that nobody took.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }
}

/// Checkpoints converted from TensorFlow name the parameters of a layer norm gamma and beta.
fn current_name(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((layer, "gamma")) => format!("{layer}.weight"),
        Some((layer, "beta")) => format!("{layer}.bias"),
        _ => name.to_string(),
    }
}

fn read_pytorch(path: &Path) -> Result<Vec<(String, HostTensor)>> {
    use pytorch_reader::DType;
    let reader = PytorchReader::new(path).map_err(|error| anyhow!("the file is damaged or no PyTorch checkpoint: {error}"))?;
    let mut read = Vec::new();
    for (name, tensor) in reader.tensors() {
        let format = match tensor.dtype() {
            DType::F32 => Format::F32,
            DType::F16 => Format::F16,
            DType::BF16 => Format::Bf16,
            DType::F64 => Format::F64,
            _ => continue,
        };
        let bytes = tensor.read().with_context(|| format!("cannot read {name}"))?;
        read.push((name.clone(), HostTensor { shape: tensor.shape().to_vec(), values: format.widen(&bytes) }));
    }
    Ok(read)
}
