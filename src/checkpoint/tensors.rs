//! Named tensors as safetensors, and back.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use memmap2::Mmap;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::HostTensor;
use super::format::Format;

/// The bytes of a safetensors file.
///
/// # Errors
/// A shape does not fit its values.
pub fn tensor_bytes<'a>(tensors: impl Iterator<Item = (&'a str, &'a HostTensor)>) -> Result<Vec<u8>> {
    let tensors: Vec<(&str, &HostTensor)> = tensors.collect();
    // As the values lie in memory, where that is the file's order.
    let bytes: Vec<Cow<'_, [u8]>> = tensors.iter().map(|(_, tensor)| little_endian(&tensor.values)).collect();
    let views =
        tensors.iter().zip(&bytes).map(|((name, tensor), bytes)| view(name, tensor, bytes)).collect::<Result<Vec<_>>>()?;
    // transformers refuses files that do not name their framework.
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

/// The float tensors of a safetensors file, widened to f32.
///
/// # Errors
/// The file cannot be read or is damaged, or a tensor is of no float type.
pub fn read_tensors(path: &Path) -> Result<Vec<(String, HostTensor)>> {
    let file = File::open(path).context("cannot open the file")?;
    ensure!(file.metadata()?.len() > 0, "the file is empty");
    // SAFETY: the map is read once, here; a file that another process changes meanwhile yields wrong
    // values, as any other way of reading it would.
    #[allow(unsafe_code)]
    let bytes = unsafe { Mmap::map(&file) }.context("cannot map the file into memory")?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| anyhow!("the file is damaged or cut off: {error}"))?;
    let mut read = Vec::new();
    for (name, view) in tensors.iter() {
        // Buffers that are no parameters, such as position_ids.
        if matches!(view.dtype(), Dtype::I64 | Dtype::I32 | Dtype::U8 | Dtype::BOOL) {
            continue;
        }
        let format = match view.dtype() {
            Dtype::F32 => Format::F32,
            Dtype::F16 => Format::F16,
            Dtype::BF16 => Format::Bf16,
            Dtype::F64 => Format::F64,
            other => bail!("{name} is stored as {other:?}, which is no float type known here"),
        };
        read.push((name.to_string(), HostTensor { shape: view.shape().to_vec(), values: format.widen(view.data()) }));
    }
    Ok(read)
}
