//! Reads and writes named tensors as safetensors.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorView};
use sha2::{Digest, Sha256};

use super::HostTensor;
use super::format::FloatFormat;
use crate::machine::input_file::HashingReader;
use crate::machine::memory::NotEnoughMemory;
use crate::machine::memory_info;

/// Serializes tensors to the bytes of a safetensors file.
pub fn tensor_bytes<'a>(tensors: impl Iterator<Item = (&'a str, &'a HostTensor)>) -> Result<Vec<u8>> {
    let tensors: Vec<(&str, &HostTensor)> = tensors.collect();
    // Borrows the values on little-endian machines.
    let bytes: Vec<Cow<'_, [u8]>> = tensors.iter().map(|(_, tensor)| little_endian(&tensor.values)).collect();
    let views =
        tensors.iter().zip(&bytes).map(|((name, tensor), bytes)| view(name, tensor, bytes)).collect::<Result<Vec<_>>>()?;
    // transformers rejects files without a `format` entry.
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    Ok(safetensors::serialize(views, Some(metadata))?)
}

fn view<'a, 'b>(name: &'a str, tensor: &HostTensor, bytes: &'b [u8]) -> Result<(&'a str, TensorView<'b>)> {
    Ok((name, TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?))
}

fn little_endian(values: &[f32]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        bytemuck::cast_slice(values).into()
    } else {
        values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
    }
}

/// Reads the float tensors of a safetensors file, converted to f32.
///
/// # Errors
/// The file cannot be read or is damaged, or a tensor has an unsupported type.
pub fn read_tensors(path: &Path) -> Result<Vec<(String, HostTensor)>> {
    let (stored, _) = read_hashed(path, Sha256::new())?;
    Ok(stored.into_iter().map(|StoredTensor { name, tensor, .. }| (name, tensor)).collect())
}

/// A tensor as read from a file.
pub(super) struct StoredTensor {
    pub name: String,
    /// The format in the file.
    pub format: FloatFormat,
    pub tensor: HostTensor,
}

/// Like `read_tensors`, and also hashes the entire file.
pub(super) fn read_hashed(path: &Path, hasher: Sha256) -> Result<(Vec<StoredTensor>, Sha256)> {
    let mut file = HashingReader::continuing(path, hasher)?;
    let header = header(&mut file)?;
    let room = memory_info::available().is_none_or(|available| header.data_len() as u64 <= available);
    ensure!(room, NotEnoughMemory(format!("{} bytes of weights", header.data_len())));
    let mut read = Vec::new();
    // In byte order, which is the order in the file.
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else { continue };
        let (start, end) = info.data_offsets;
        let Some(format) = format(&name, info.dtype)? else {
            skip(&mut file, end - start).with_context(|| format!("{CUT} in {name}"))?;
            continue;
        };
        let values = format.read(&mut file, info.shape.iter().product()).with_context(|| format!("{CUT} in {name}"))?;
        read.push(StoredTensor { name, format, tensor: HostTensor { shape: info.shape.clone(), values } });
    }
    Ok((read, file.hasher()?))
}

const CUT: &str = "the file is damaged or cut off";

/// Maximum header size in bytes, as in the safetensors library.
const LARGEST_HEADER: u64 = 100_000_000;

/// Reads the header, and checks it against the file's size before anything else is read.
fn header(file: &mut HashingReader) -> Result<Metadata> {
    let total = file.length();
    ensure!(total > 0, "the file is empty");
    let mut length = [0; 8];
    file.read_exact(&mut length).context(CUT)?;
    let length = u64::from_le_bytes(length);
    ensure!(length <= LARGEST_HEADER && length + 8 <= total, "{CUT}: it announces a header of {length} bytes");
    let mut header = vec![0; usize::try_from(length)?];
    file.read_exact(&mut header).context(CUT)?;
    let header: Metadata = serde_json::from_slice(&header).map_err(|error| anyhow!("{CUT}: {error}"))?;
    let announced = 8 + length + header.data_len() as u64;
    ensure!(announced == total, "{CUT}: it should have {announced} bytes, and has {total}");
    Ok(header)
}

/// The storage format of a tensor; `None` for buffers that are not parameters, such as position_ids.
fn format(name: &str, dtype: Dtype) -> Result<Option<FloatFormat>> {
    Ok(Some(match dtype {
        Dtype::I64 | Dtype::I32 | Dtype::U8 | Dtype::BOOL => return Ok(None),
        Dtype::F32 => FloatFormat::F32,
        Dtype::F16 => FloatFormat::F16,
        Dtype::BF16 => FloatFormat::Bf16,
        Dtype::F64 => FloatFormat::F64,
        other => bail!("{name} is stored as {other:?}, which is not a supported float type"),
    }))
}

fn skip(file: &mut HashingReader, bytes: usize) -> Result<()> {
    let skipped = std::io::copy(&mut file.by_ref().take(bytes as u64), &mut std::io::sink())?;
    ensure!(skipped == bytes as u64, "it ends too early");
    Ok(())
}
