//! Reads GLUE's own layout: tab-separated values, usually with a header, without quoting.

use std::io::Read;
use std::path::Path;

use anyhow::{Error, Result, anyhow, bail, ensure};

use super::{ColumnName, Example, Reads, Task, TsvColumn};
use crate::machine::input_file::HashingReader;
use crate::numbers::counted;
use crate::table::{LineError, LineProblem, LineReader, without_end};
use crate::terminal::{brief, listed};

/// Reads every row of a .tsv file and leaves the reader at its end.
///
/// # Errors
/// The file cannot be read, its header lacks a column, or a row is invalid, which is named by its line.
pub fn read(reader: &mut HashingReader, path: &Path, task: &Task, reads: Reads) -> Result<(Vec<Example>, Option<String>)> {
    let (examples, skipped) = rows(reader, task, reads).map_err(|problem| anyhow!("{}, {problem:#}", path.display()))?;
    let remark = (!skipped.is_empty()).then(|| {
        let lines = listed(&skipped.iter().map(ToString::to_string).collect::<Vec<_>>());
        let rows = counted(skipped.len(), "row", "rows");
        format!("{}: skipped {rows} with too few or too many columns, as the hub does: line {lines}", path.display())
    });
    Ok((examples, remark))
}

/// Returns the examples, and the lines of rows that were skipped.
fn rows(reader: &mut impl Read, task: &Task, reads: Reads) -> Result<(Vec<Example>, Vec<u64>)> {
    let mut lines = LineReader::new(reader).map_err(described)?;
    let first = lines.next_line().map_err(described)?.map(without_end).unwrap_or_default();
    let first = first.strip_prefix('\u{feff}').unwrap_or(first).to_string();
    let table = TsvTable::of(&first, task, reads)?;
    let (mut examples, mut skipped) = (Vec::new(), Vec::new());
    if !table.has_header && !first.is_empty() {
        examples.push(table.example(&first, task, reads).map_err(|problem| anyhow!("line 1: {problem}"))?);
    }
    while let Some(line) = lines.next_line().map_err(described)?.map(without_end) {
        // Many files end with an empty line, and it is never a valid row.
        if line.is_empty() {
            continue;
        }
        if task.splits.skips_ragged_rows && !table.has_width_of(line) {
            skipped.push(lines.number());
            continue;
        }
        let example = table.example(line, task, reads);
        examples.push(example.map_err(|problem| anyhow!("line {}: {problem}", lines.number()))?);
    }
    Ok((examples, skipped))
}

/// Describes why a line cannot be read; a failing disk has nothing to do with the line.
fn described(error: LineError) -> Error {
    match error.problem {
        LineProblem::Unreadable(cause) => Error::new(cause).context("cannot be read"),
        _ => error.into(),
    }
}

/// The position of a task's columns in a table.
struct TsvTable {
    /// The column indices, in the task's order.
    columns: Vec<usize>,
    /// The number of columns in each row.
    width: usize,
    /// Whether the first line is a header; if the task identifies columns by index, it is a row.
    has_header: bool,
}

impl TsvTable {
    fn of(first: &str, task: &Task, reads: Reads) -> Result<Self> {
        let header: Vec<&str> = first.split('\t').collect();
        let wanted = task.columns(reads);
        let has_header = !wanted.iter().any(|column| matches!(column.tsv, Some(TsvColumn::Number(_))));
        let columns = wanted.iter().map(|column| place(&header, column, task)).collect::<Result<_>>()?;
        Ok(Self { columns, width: header.len(), has_header })
    }

    fn has_width_of(&self, line: &str) -> bool {
        line.split('\t').count() == self.width
    }

    fn example(&self, line: &str, task: &Task, reads: Reads) -> Result<Example, String> {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields.len() != self.width {
            let other = if self.has_header { "header" } else { "first row" };
            return Err(format!("the row has {} columns, the {other} has {}", fields.len(), self.width));
        }
        task.example(&self.columns.iter().map(|column| fields[*column].to_string()).collect::<Vec<_>>(), reads)
    }
}

/// Finds the index of a column in a table.
fn place(header: &[&str], column: &ColumnName, task: &Task) -> Result<usize> {
    let name = match &column.tsv {
        None => &column.name,
        Some(TsvColumn::Name(name)) => name,
        Some(TsvColumn::Number(number)) => {
            let found = header.len();
            ensure!(*number < found, "line 1: {} needs at least {} columns, and the row has {found}", task.name, number + 1);
            return Ok(*number);
        }
    };
    let mut places = header.iter().enumerate().filter(|(_, found)| *found == name).map(|(index, _)| index);
    let Some(first) = places.next() else {
        let found: Vec<String> = header.iter().map(|name| format!("\"{}\"", brief(name))).collect();
        bail!("line 1: {} needs a column \"{name}\", and the header has {}", task.name, listed(&found));
    };
    if let Some(second) = places.next() {
        bail!("line 1: the header has \"{name}\" twice, as columns {} and {}; remove one", first + 1, second + 1);
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Target, Text};

    /// Returns the sentences and labels of an SST-2 table, or why it is refused.
    fn read_table(content: &[u8]) -> Result<Vec<(String, u32)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.tsv");
        std::fs::write(&path, content).unwrap();
        let task = crate::task::glue::task("sst2").unwrap();
        let (rows, _) =
            read(&mut HashingReader::open(&path).unwrap(), &path, &task, Reads::Labeled).map_err(|error| format!("{error:#}"))?;
        let row = |row| match row {
            Example { text: Text::Single(text), target: Some(Target::Class(class)) } => (text, class),
            other => panic!("{other:?}"),
        };
        Ok(rows.into_iter().map(row).collect())
    }

    #[test]
    fn lines_end_as_files_have_them() {
        let expected = vec![("a b".to_string(), 1), ("c".to_string(), 0)];
        for table in [
            "sentence\tlabel\na b\t1\nc\t0\n",
            "sentence\tlabel\na b\t1\nc\t0",
            "sentence\tlabel\r\na b\t1\r\nc\t0\r\n",
            "sentence\tlabel\ra b\t1\rc\t0\r",
            "sentence\tlabel\ra b\t1\rc\t0",
            "\u{feff}sentence\tlabel\na b\t1\nc\t0\n\n\n",
            "sentence\tlabel\r\na b\t1\r\n\r\nc\t0\r\n\r\n",
            "label\tsentence\n1\ta b\n0\tc\n",
        ] {
            assert_eq!(read_table(table.as_bytes()).unwrap(), expected, "{table:?}");
        }
        // Within a line, a carriage return is ordinary white space.
        assert_eq!(read_table(b"sentence\tlabel\na\rb\t1\n").unwrap(), [("a\rb".to_string(), 1)]);
        assert_eq!(read_table(b"sentence\tlabel\n").unwrap(), []);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_in_few_words() {
        let long = "x".repeat(100_000);
        let many = (0..100_000).map(|column| format!("c{column}")).collect::<Vec<_>>().join("\t");
        let without_end = "a".repeat(33 << 20);
        let utf16: Vec<u8> = "\u{feff}sentence\tlabel\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let cases: [(&str, Vec<u8>); 11] = [
            ("line 3", b"sentence\tlabel\na\t1\nb\n".to_vec()),
            ("line 2", b"sentence\tlabel\na\tb\t1\n".to_vec()),
            ("line 2", format!("sentence\tlabel\na\t{long}\n").into()),
            ("line 1", many.into()),
            ("line 1", b"sentence\tlabel\tsentence\na\t1\tb\n".to_vec()),
            ("line 1", b"".to_vec()),
            ("line 1", utf16),
            ("line 1", without_end.clone().into()),
            ("line 2", format!("sentence\tlabel\n{without_end}\t1\n").into()),
            ("line 3", b"sentence\tlabel\na\t1\nb\0\t1\n".to_vec()),
            ("line 2", b"sentence\tlabel\na\xff\t1\n".to_vec()),
        ];
        for (line, table) in cases {
            let problem = read_table(&table).unwrap_err();
            assert!(problem.contains(&format!("train.tsv, {line}: ")) && problem.len() < 400, "{problem}");
        }
        assert!(read_table(b"sentence\tlabel\ra\t1\rb\t1\n").is_err());
    }
}
