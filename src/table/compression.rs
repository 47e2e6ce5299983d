//! Decompression whose errors say what is wrong with the file.

use std::io::{BufReader, Error, ErrorKind, Read, Result};

use flate2::bufread::MultiGzDecoder;

use super::Compression;
use super::TableInput;
use crate::machine::input_file::MIB;

impl Compression {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Whether compressed data begins like this; zstd's may begin with a frame that is to be skipped.
    pub(super) fn begins(self, start: &[u8]) -> bool {
        match self {
            Self::Gzip => start.starts_with(b"\x1f\x8b"),
            Self::Zstd => start.starts_with(b"\x28\xb5\x2f\xfd") || matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]),
        }
    }
}

/// Reads all members of a gzip file, or all frames of a zstd file. Holds at most zstd's window, 128 MiB.
pub(super) struct Decompressor<'r> {
    decoder: TableInput<'r>,
    compression: Compression,
}

impl<'r> Decompressor<'r> {
    pub fn new(bytes: TableInput<'r>, compression: Compression) -> Result<Self> {
        let buffered = BufReader::with_capacity(MIB as usize, bytes);
        let decoder: TableInput<'r> = match compression {
            Compression::Gzip => Box::new(MultiGzDecoder::new(buffered)),
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(buffered)?),
        };
        Ok(Self { decoder, compression })
    }
}

impl Read for Decompressor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.decoder.read(buffer).map_err(|error| {
            let name = self.compression.name();
            if error.raw_os_error().is_some() {
                error
            } else if error.kind() == ErrorKind::UnexpectedEof {
                Error::new(
                    error.kind(),
                    format!("the {name} data is cut off, or something else follows it; copy or download the file again"),
                )
            } else {
                Error::new(error.kind(), format!("the {name} data is damaged, or something else follows it ({error})"))
            }
        })
    }
}
