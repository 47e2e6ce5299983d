//! Tables without lines, for terminals and pipes, fitted to the available width.
//!
//! If a table is too wide, paths are cut in the middle and long text is wrapped between words; then optional columns are
//! dropped, highest rank first; then every row becomes a block with a line for each column.

use super::latex::LatexTable;
use crate::terminal::{Width, masked_line, shortened, width_of, wrapped};

/// Spaces between columns.
const GAP: usize = 2;
/// Minimum width of a path column, unless its header is wider.
const NARROWEST_PATH: usize = 16;
/// Likewise for text, which is wrapped instead of cut.
const NARROWEST_TEXT: usize = 24;

/// What a column holds, which decides how it is shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColumnKind {
    /// One or a few words, never cut.
    Words,
    /// Likewise, right-aligned.
    Number,
    /// A path or a name, cut in the middle.
    Path,
    /// Sentences and lists, wrapped between words.
    Text,
}

#[derive(Clone, Debug)]
pub struct Column {
    name: String,
    kind: ColumnKind,
    /// 0 for columns that always stay.
    rank: u8,
}

impl Column {
    /// Creates a left-aligned column of words.
    pub fn words(name: impl Into<String>) -> Self {
        Self::of(name, ColumnKind::Words)
    }

    /// Creates a right-aligned column of numbers.
    pub fn number(name: impl Into<String>) -> Self {
        Self::of(name, ColumnKind::Number)
    }

    /// Creates a column of paths or long names, which are cut in the middle if space is short.
    pub fn path(name: impl Into<String>) -> Self {
        Self::of(name, ColumnKind::Path)
    }

    /// Creates a column of text, which is wrapped between words if space is short.
    pub fn text(name: impl Into<String>) -> Self {
        Self::of(name, ColumnKind::Text)
    }

    fn of(name: impl Into<String>, kind: ColumnKind) -> Self {
        Self { name: masked_line(&name.into()).into_owned(), kind, rank: 0 }
    }

    /// Makes the column optional. If space is short, the highest rank is dropped first; among equal ranks, the last column.
    #[must_use]
    pub fn optional(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }
}

/// Rows under a header.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Creates a table with these columns.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, mut cells: Vec<String>) {
        for cell in &mut cells {
            *cell = masked_line(cell).into_owned();
        }
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    /// Returns whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Formats the table to this width, without trailing spaces.
    #[must_use]
    pub fn text(&self, width: Width) -> String {
        let mut kept: Vec<usize> = (0..self.columns.len()).collect();
        let natural: Vec<usize> = kept.iter().map(|column| self.natural(*column)).collect();
        let Width::Columns(most) = width else { return self.lines(&kept, &natural) };
        loop {
            if let Some(widths) = self.widths(&kept, &natural, most) {
                let absent: Vec<&str> = (0..self.columns.len())
                    .filter(|column| !kept.contains(column))
                    .map(|column| self.columns[column].name.as_str())
                    .collect();
                return self.lines(&kept, &widths) + &note(&absent, total(&natural), most);
            }
            let droppable = (0..kept.len()).filter(|index| self.columns[kept[*index]].rank > 0);
            match droppable.max_by_key(|index| self.columns[kept[*index]].rank) {
                Some(last) => drop(kept.remove(last)),
                None => return self.blocks(most),
            }
        }
    }

    /// Formats the table as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let row = |cells: Vec<&str>| {
            let escaped: Vec<String> = cells.into_iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |", escaped.join(" | "))
        };
        let rules = self.columns.iter().map(|column| if column.kind == ColumnKind::Number { "---:" } else { "---" }).collect();
        let header = row(self.columns.iter().map(|column| column.name.as_str()).collect());
        let rows = self.rows.iter().map(|cells| row(cells.iter().map(String::as_str).collect()));
        [header, row(rules)].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
    }

    /// The table in LaTeX.
    #[must_use]
    pub fn latex(&self) -> String {
        let table = LatexTable {
            header: self.columns.iter().map(|column| column.name.as_str()).collect(),
            numbers: self.columns.iter().map(|column| column.kind == ColumnKind::Number).collect(),
            rows: self.rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect(),
            bold: &|_, _| false,
        };
        table.tabular()
    }

    /// Formats the cells as comma-separated values.
    pub fn csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|column| &column.name))?;
        self.rows.iter().try_for_each(|cells| writer.write_record(cells))?;
        Ok(String::from_utf8(writer.into_inner()?)?.trim_end().to_string())
    }

    fn natural(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| width_of(&row[column]));
        cells.chain([width_of(&self.columns[column].name)]).max().unwrap_or(0)
    }

    /// Returns the minimum width of a column.
    fn least(&self, column: usize, natural: usize) -> usize {
        match self.columns[column].kind {
            ColumnKind::Words | ColumnKind::Number => natural,
            ColumnKind::Path => natural.min(NARROWEST_PATH.max(width_of(&self.columns[column].name))),
            ColumnKind::Text => natural.min(NARROWEST_TEXT.max(width_of(&self.columns[column].name))),
        }
    }

    /// Returns widths at which the kept columns fit; `None` if they cannot.
    fn widths(&self, kept: &[usize], natural: &[usize], most: usize) -> Option<Vec<usize>> {
        let mut widths: Vec<usize> = kept.iter().map(|column| natural[*column]).collect();
        let least: Vec<usize> = kept.iter().map(|column| self.least(*column, natural[*column])).collect();
        while total(&widths) > most {
            // Of the columns that can shrink, the widest shrinks first.
            let widest = (0..kept.len()).filter(|index| widths[*index] > least[*index]).max_by_key(|index| widths[*index])?;
            widths[widest] -= 1;
        }
        Some(widths)
    }

    fn lines(&self, kept: &[usize], widths: &[usize]) -> String {
        let header: Vec<Vec<String>> = kept.iter().map(|column| vec![self.columns[*column].name.clone()]).collect();
        let cell = |row: &[String], index: usize| match self.columns[kept[index]].kind {
            ColumnKind::Words | ColumnKind::Number => vec![row[kept[index]].clone()],
            ColumnKind::Path => vec![shortened(&row[kept[index]], widths[index])],
            ColumnKind::Text => wrapped(&row[kept[index]], widths[index]),
        };
        let rows = self.rows.iter().map(|row| (0..kept.len()).map(|index| cell(row, index)).collect());
        let lines: Vec<String> =
            [header].into_iter().chain(rows).map(|cells: Vec<Vec<String>>| self.line(kept, widths, &cells)).collect();
        lines.join("\n")
    }

    /// Formats one row, with as many lines as its tallest cell.
    fn line(&self, kept: &[usize], widths: &[usize], cells: &[Vec<String>]) -> String {
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        let part = |index: usize, line: usize| {
            let text = cells[index].get(line).map_or("", String::as_str);
            let blanks = " ".repeat(widths[index].saturating_sub(width_of(text)));
            if self.columns[kept[index]].kind == ColumnKind::Number {
                format!("{blanks}{text}")
            } else {
                format!("{text}{blanks}")
            }
        };
        let line = |line: usize| {
            let parts: Vec<String> = (0..kept.len()).map(|index| part(index, line)).collect();
            parts.join(&" ".repeat(GAP)).trim_end().to_string()
        };
        (0..height).map(line).collect::<Vec<_>>().join("\n")
    }

    /// Formats every row as a block: the column names on the left, the cells beside them or, if that is too narrow, below.
    fn blocks(&self, most: usize) -> String {
        let names = self.columns.iter().map(|column| width_of(&column.name)).max().unwrap_or(0);
        let beside = most.saturating_sub(names + GAP);
        let (indent, room) = if beside >= NARROWEST_PATH { (names + GAP, beside) } else { (GAP, most.saturating_sub(GAP)) };
        let block = |row: &Vec<String>| {
            let mut lines = Vec::new();
            for (column, cell) in self.columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
                let cell = if column.kind == ColumnKind::Path { vec![shortened(cell, room)] } else { wrapped(cell, room) };
                let name = &column.name;
                let name = if indent > GAP {
                    format!("{name}{}", " ".repeat(indent - width_of(name)))
                } else {
                    format!("{name}\n{}", " ".repeat(GAP))
                };
                lines.push(format!("{name}{}", cell.join(&format!("\n{}", " ".repeat(indent)))));
            }
            lines.join("\n")
        };
        self.rows.iter().map(block).collect::<Vec<_>>().join("\n\n")
    }
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Names the columns that are not shown, and the width that shows them.
fn note(absent: &[&str], needed: usize, most: usize) -> String {
    if absent.is_empty() {
        return String::new();
    }
    let note = format!("(columns not shown: {}; all fit in {needed} columns)", absent.join(", "));
    format!("\n{}", wrapped(&note, most).join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs() -> Table {
        let columns = vec![
            Column::words("id"),
            Column::path("name"),
            Column::number("steps").optional(1),
            Column::words("task").optional(2),
            Column::text("differs in"),
        ];
        let mut table = Table::new(columns);
        let name = "a-name-that-says-everything-about-an-experiment";
        table.row(vec![
            "a0".into(),
            name.into(),
            "1377".into(),
            "mrpc".into(),
            "learning_rate 2e-5, data.batch_size 16, seed 1".into(),
        ]);
        table.row(vec!["b0".into(), "東京".into(), "20/40".into(), "sst2".into()]);
        table
    }

    fn widest(text: &str) -> usize {
        text.lines().map(width_of).max().unwrap_or(0)
    }

    #[test]
    fn without_a_limit_everything_is_shown_whole() {
        insta::assert_snapshot!(runs().text(Width::Unlimited));
    }

    #[test]
    fn in_80_columns_what_can_gives_way() {
        let text = runs().text(Width::Columns(80));
        assert!(widest(&text) <= 80);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn in_less_columns_go_by_rank_and_that_is_said() {
        let text = runs().text(Width::Columns(46));
        assert!(widest(&text) <= 46);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn in_still_less_each_row_is_a_block() {
        for most in [20, 30] {
            let text = runs().text(Width::Columns(most));
            assert!(widest(&text) <= most);
            insta::assert_snapshot!(format!("blocks-of-{most}"), text);
        }
    }

    #[test]
    fn no_width_is_exceeded_and_no_word_is_broken() {
        for most in 20..140 {
            let text = runs().text(Width::Columns(most));
            assert!(widest(&text) <= most, "{most}:\n{text}");
            for word in ["learning_rate", "data.batch_size", "mrpc"] {
                let pieces = text.split_whitespace().filter(|piece| piece.starts_with(&word[..3]));
                assert!(
                    pieces.clone().all(|piece| piece.trim_end_matches(',') == word || piece.contains('…')),
                    "{most}:\n{text}"
                );
            }
        }
    }

    #[test]
    fn what_is_in_a_cell_stays_in_its_line() {
        let mut table = Table::new(vec![Column::words("a\u{1b}[2J"), Column::words("b")]);
        table.row(vec!["x\nb".into(), "\u{202e}y\t".into()]);
        assert_eq!(table.text(Width::Unlimited), "a␛[2J  b\nx␊b    \u{fffd}y␉");
    }
}
