//! Parquet: top-level columns, read row by row; of each column, a page at a time is in memory.

use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytes::Bytes;
use parquet::basic::{Compression, ConvertedType, LogicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use crate::machine::input_file::HashingReader;
use crate::machine::panics;

/// An open parquet file.
pub struct ParquetTable {
    file: Box<dyn FileReader>,
    columns: Vec<String>,
}

/// What a column of a parquet file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParquetColumn {
    Values,
    Lists,
    /// Structs, maps, or lists of lists.
    Nested,
}

/// The rows of some columns.
pub struct ParquetRows {
    rows: RowIter<'static>,
    wanted: Vec<String>,
    announced: u64,
    read: u64,
}

/// Refuses a file that does not begin and end as parquet files do.
pub fn refuse_other_files(reader: &mut HashingReader) -> Result<()> {
    if !reader.is_between(b"PAR1")? {
        let is_arrow = reader.is_between(b"ARROW1")?;
        bail!(if is_arrow { "this is an Arrow file, not a parquet file" } else { "the file is damaged or not a parquet file" });
    }
    Ok(())
}

/// Turns a panic into an error: the library panics on some damaged files.
fn without_panic<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(anyhow!("the file is damaged: {}", panics::last())))
}

impl ParquetTable {
    /// Opens a file whose pages are read when rows need them.
    ///
    /// # Errors
    /// It is no parquet file, or is damaged.
    pub fn open(reader: &mut HashingReader) -> Result<Self> {
        refuse_other_files(reader)?;
        let length = reader.length();
        Self::of(RandomAccessFile { file: Arc::new(reader.random_access()?), length })
    }

    /// Opens a file in memory.
    ///
    /// # Errors
    /// It is no parquet file, or is damaged.
    pub fn in_memory(bytes: Bytes) -> Result<Self> {
        Self::of(bytes)
    }

    fn of<R: ChunkReader + 'static>(source: R) -> Result<Self> {
        without_panic(|| {
            let file = SerializedFileReader::new(source)
                .map_err(|error| anyhow!("the file is damaged or not a parquet file: {error}"))?;
            refuse_unknown_codecs(file.metadata())?;
            let fields = file.metadata().file_metadata().schema().get_fields();
            let columns = fields.iter().map(|field| field.name().to_string()).collect();
            Ok(Self { file: Box::new(file), columns })
        })
    }

    /// Returns the names of the top-level columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Returns the number of rows according to the file.
    #[must_use]
    pub fn announced(&self) -> i64 {
        self.file.metadata().file_metadata().num_rows()
    }

    /// Returns what a column contains.
    ///
    /// # Errors
    /// There is no such column, or several.
    pub fn column(&self, name: &str) -> Result<ParquetColumn> {
        let field = self.field(name)?;
        Ok(if field.is_primitive() {
            ParquetColumn::Values
        } else if is_list_of_values(&field) {
            ParquetColumn::Lists
        } else {
            ParquetColumn::Nested
        })
    }

    fn field(&self, name: &str) -> Result<Arc<Type>> {
        let schema = self.file.metadata().file_metadata().schema();
        let mut found = schema.get_fields().iter().filter(|field| field.name() == name);
        let field = found.next().with_context(|| format!("there is no column \"{name}\""))?;
        ensure!(found.next().is_none(), "the file has two columns \"{name}\"");
        Ok(Arc::clone(field))
    }

    /// Reads some columns; all others may be of any type.
    ///
    /// # Errors
    /// A column is missing, or the file is damaged.
    pub fn rows(self, wanted: &[&str]) -> Result<ParquetRows> {
        let mut read: Vec<&str> = wanted.to_vec();
        read.sort_unstable();
        read.dedup();
        let fields = read.into_iter().map(|column| self.field(column)).collect::<Result<Vec<_>>>()?;
        let announced = u64::try_from(self.announced()).context("the file is damaged: it announces fewer than no rows")?;
        let schema = self.file.metadata().file_metadata().schema();
        let projection = Type::group_type_builder(schema.name()).with_fields(fields).build()?;
        let rows = without_panic(|| Ok(RowIter::from_file_into(self.file).project(Some(projection))?))?;
        Ok(ParquetRows { rows, wanted: wanted.iter().map(ToString::to_string).collect(), announced, read: 0 })
    }
}

impl ParquetRows {
    /// Returns the number of rows read so far; the next row's number, counted from 0.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Returns the next row's values in the order asked for.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn next_row(&mut self) -> Result<Option<Vec<Field>>> {
        let Some(row) = without_panic(|| Ok(self.rows.next()))? else {
            ensure!(self.read == self.announced, "the file is damaged: it has {} of {} rows", self.read, self.announced);
            return Ok(None);
        };
        let row = row.map_err(|error| anyhow!("row {}: the file is damaged: {error}", self.read))?;
        self.read += 1;
        let value = |column: &String| {
            let found = row.get_column_iter().find(|(name, _)| *name == column);
            found.map(|(_, field)| field.clone()).with_context(|| format!("the file is damaged: \"{column}\" is missing"))
        };
        self.wanted.iter().map(value).collect::<Result<_>>().map(Some)
    }
}

/// Refuses LZO, the only compression that is not supported.
fn refuse_unknown_codecs(metadata: &ParquetMetaData) -> Result<()> {
    let mut codecs = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns).map(ColumnChunkMetaData::compression);
    if codecs.any(|codec| codec == Compression::LZO) {
        bail!("it is compressed with LZO, which is not supported; rewrite it with another compression, such as snappy");
    }
    Ok(())
}

/// Whether a group is a list of primitive values:
/// <https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists>.
fn is_list_of_values(field: &Type) -> bool {
    let info = field.get_basic_info();
    let is_list = info.converted_type() == ConvertedType::LIST || info.logical_type_ref() == Some(&LogicalType::List);
    let [repeated] = field.get_fields() else { return false };
    is_list && (repeated.is_primitive() || matches!(repeated.get_fields(), [element] if element.is_primitive()))
}

/// A file read at any place, which does not move the place where it is hashed.
struct RandomAccessFile {
    file: Arc<File>,
    length: u64,
}

/// Reads on from a place.
struct ReaderFrom {
    file: Arc<File>,
    place: u64,
}

impl Read for ReaderFrom {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(buffer, self.place)?;
        self.place += read as u64;
        Ok(read)
    }
}

impl Length for RandomAccessFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for RandomAccessFile {
    type T = BufReader<ReaderFrom>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(ReaderFrom { file: Arc::clone(&self.file), place: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        // A damaged file may announce anything.
        if start.saturating_add(length as u64) > self.length {
            return Err(ParquetError::EOF("a part of it is said to be beyond its end".into()));
        }
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(length)
            .map_err(|_| Error::new(ErrorKind::OutOfMemory, format!("no memory for {length} bytes")))?;
        bytes.resize(length, 0);
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}
