//! Tables without lines, for terminals and pipes alike, that fit the width there is.
//!
//! What does not fit gives way in this order: paths are cut in their middle and long text is wrapped between words; then
//! columns that may be absent go, those of the highest rank first; then every row becomes a block of its own, with a line for
//! each column.

use crate::terminal::{Width, masked_line, shortened, width_of, wrapped};

/// Blanks between columns.
const GAP: usize = 2;
/// A path is not made narrower than this, or than its header.
const NARROWEST_PATH: usize = 16;
/// Likewise text, which takes more lines instead.
const NARROWEST_TEXT: usize = 24;

/// What a column holds, which decides how it gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColumnKind {
    /// A word or a few, never cut.
    Words,
    /// Likewise, and aligned to the right.
    Number,
    /// A path or a name, cut in its middle.
    Path,
    /// Sentences and lists, wrapped between words.
    Text,
}

#[derive(Clone, Debug)]
pub struct Column {
    name: String,
    kind: ColumnKind,
    /// 0 for what always stays.
    rank: u8,
}

impl Column {
    /// A column of words, aligned to the left.
    pub fn words(name: impl Into<String>) -> Self {
        Self::of(name, ColumnKind::Words)
    }

    /// A column of numbers, aligned to the right.
    pub fn number(name: impl Into<String>) -> Self {
        Self::of(name, ColumnKind::Number)
    }

    /// A column of paths or long names, which are cut in their middle where room is short.
    pub fn path(name: impl Into<String>) -> Self {
        Self::of(name, ColumnKind::Path)
    }

    /// A column of text, which is wrapped between words where room is short.
    pub fn text(name: impl Into<String>) -> Self {
        Self::of(name, ColumnKind::Text)
    }

    fn of(name: impl Into<String>, kind: ColumnKind) -> Self {
        Self { name: masked_line(&name.into()).into_owned(), kind, rank: 0 }
    }

    /// A column that may be absent where room is short: the highest rank goes first, of equal ones the last.
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
    /// A table of these columns.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; cells that are missing are empty.
    pub fn row(&mut self, mut cells: Vec<String>) {
        for cell in &mut cells {
            *cell = masked_line(cell).into_owned();
        }
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table's lines, without blanks at their ends, in this width.
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

    /// The table in Markdown.
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

    /// The cells as comma-separated values.
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

    /// The least that a column can be made to take.
    fn least(&self, column: usize, natural: usize) -> usize {
        match self.columns[column].kind {
            ColumnKind::Words | ColumnKind::Number => natural,
            ColumnKind::Path => natural.min(NARROWEST_PATH.max(width_of(&self.columns[column].name))),
            ColumnKind::Text => natural.min(NARROWEST_TEXT.max(width_of(&self.columns[column].name))),
        }
    }

    /// Widths of the kept columns that together fit; none if they cannot.
    fn widths(&self, kept: &[usize], natural: &[usize], most: usize) -> Option<Vec<usize>> {
        let mut widths: Vec<usize> = kept.iter().map(|column| natural[*column]).collect();
        let least: Vec<usize> = kept.iter().map(|column| self.least(*column, natural[*column])).collect();
        while total(&widths) > most {
            // The widest of those that give way gives way first.
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

    /// One row, of as many lines as its highest cell.
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

    /// Every row as a block: the names of the columns at the left, what is in them beside or, where that is too narrow, below.
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

/// Which columns are absent, and how to see them.
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
