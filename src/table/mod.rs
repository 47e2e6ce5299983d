//! Tables as users have them: CSV, tab-separated text, JSON Lines, parquet and plain lines, read row by row in bounded memory.
//!
//! ```text
//! file ─► HashingReader ─► decompressed ─► UTF-8 ─► records of the format ─► Row
//! ```
//!
//! Text stays as it is written ("007" is not 7), and nothing is repaired: what does not fit is an error by file and line.

mod columns;
mod compression;
mod delimited;
mod encoding;
mod error;
mod files;
mod format;
mod input;
mod json;
mod json_value;
mod lines;
mod options;
pub mod parquet;
mod parquet_cells;
mod paths;
mod quoted;
mod reader;
mod record;
mod row;

use std::io::Read;

pub use error::TableError;
pub use files::{FilesRead, read_files};
pub use format::{Compression, DataFormat};
pub use lines::{LineError, LineProblem, LineReader, without_end};
pub use options::{Separator, TableOptions, TextEncoding};
pub use paths::{AS_IN_A_SHELL, paths};
pub use reader::{Rows, TableReader};
pub use row::{Cell, Row, RowPlace};

/// Bytes that are read once, from a file or a stream.
type TableInput<'r> = Box<dyn Read + Send + 'r>;
