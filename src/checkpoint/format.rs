//! Floating-point formats of stored tensors.

use std::io::{ErrorKind, Read};

use anyhow::{Result, anyhow, ensure};
use half::{bf16, f16};

use crate::machine::memory::NotEnoughMemory;

/// Number of bytes read at a time.
const CHUNK: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FloatFormat {
    F64,
    F32,
    F16,
    Bf16,
}

impl FloatFormat {
    /// Name of the dtype in torch.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::F64 => "float64",
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }

    /// Size of a number in bytes.
    fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Reads the next `count` numbers of a file as f32; at most one chunk is in memory twice.
    ///
    /// # Errors
    /// The file cannot be read or ends too early, or there is not enough memory.
    pub(super) fn read(self, file: &mut impl Read, count: usize) -> Result<Vec<f32>> {
        ensure!(Vec::<f32>::new().try_reserve_exact(count).is_ok(), NotEnoughMemory(format!("{count} numbers")));
        let mut exactly = |bytes: &mut [u8]| match file.read_exact(bytes) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(anyhow!("it ends too early")),
            other => Ok(other?),
        };
        if matches!(self, Self::F32) && cfg!(target_endian = "little") {
            let mut values = vec![0.0; count];
            // In chunks, so that the bytes are hashed while they are in the CPU cache.
            bytemuck::cast_slice_mut::<f32, u8>(&mut values).chunks_mut(CHUNK).try_for_each(&mut exactly)?;
            return Ok(values);
        }
        let mut values = Vec::with_capacity(count);
        let mut chunk = vec![0; CHUNK.min(count * self.size())];
        while values.len() < count {
            let bytes = chunk.len().min((count - values.len()) * self.size());
            exactly(&mut chunk[..bytes])?;
            self.widen_into(&chunk[..bytes], &mut values);
        }
        Ok(values)
    }

    /// Converts little-endian numbers of this format to f32.
    pub(super) fn widen(self, bytes: &[u8]) -> Vec<f32> {
        let mut values = Vec::with_capacity(bytes.len() / self.size());
        self.widen_into(bytes, &mut values);
        values
    }

    fn widen_into(self, bytes: &[u8], values: &mut Vec<f32>) {
        fn each<const N: usize>(bytes: &[u8], values: &mut Vec<f32>, read: impl Fn([u8; N]) -> f32) {
            values.extend(bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)));
        }
        match self {
            Self::F64 => each(bytes, values, |b| f64::from_le_bytes(b) as f32),
            Self::F32 => each(bytes, values, f32::from_le_bytes),
            Self::F16 => each(bytes, values, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => each(bytes, values, |b| bf16::from_le_bytes(b).to_f32()),
        }
    }
}
