//! Tables in LaTeX, as papers print them: with the rules of the package booktabs, and escaped text.

use crate::terminal::{masked_line, width_of};

/// Blanks before each row in the source.
const INDENT: &str = "  ";

/// A table: names of columns, whether each holds numbers and is aligned to the right, rows of as many cells, and which cells, by
/// row and column, are printed in bold.
pub struct LatexTable<'a> {
    pub header: Vec<&'a str>,
    pub numbers: Vec<bool>,
    pub rows: Vec<Vec<&'a str>>,
    pub bold: &'a dyn Fn(usize, usize) -> bool,
}

impl LatexTable<'_> {
    /// Returns the environment `tabular`; its columns are aligned in the source, too.
    #[must_use]
    pub fn tabular(&self) -> String {
        let bold = |row: usize, column: usize, cell: String| {
            if (self.bold)(row, column) && !cell.is_empty() { format!("\\textbf{{{cell}}}") } else { cell }
        };
        let cells = |index: usize, row: &[&str]| -> Vec<String> {
            row.iter().enumerate().map(|(column, cell)| bold(index, column, escaped(cell))).collect()
        };
        let header: Vec<String> = self.header.iter().map(|cell| escaped(cell)).collect();
        let rows: Vec<Vec<String>> = self.rows.iter().enumerate().map(|(index, row)| cells(index, row)).collect();
        let widths: Vec<usize> = (0..header.len())
            .map(|column| rows.iter().chain([&header]).map(|row| width_of(&row[column])).max().unwrap_or(0))
            .collect();
        let line = |cells: &Vec<String>| {
            let padded = (0..cells.len()).map(|column| {
                let blanks = " ".repeat(widths[column] - width_of(&cells[column]));
                let (before, after) = if self.numbers[column] { (blanks.as_str(), "") } else { ("", blanks.as_str()) };
                format!("{before}{}{after}", cells[column])
            });
            format!("{INDENT}{} \\\\", padded.collect::<Vec<_>>().join(" & "))
        };
        let alignment: String = self.numbers.iter().map(|number| if *number { 'r' } else { 'l' }).collect();
        let mut lines = vec![format!("\\begin{{tabular}}{{{alignment}}}"), format!("{INDENT}\\toprule"), line(&header)];
        lines.push(format!("{INDENT}\\midrule"));
        lines.extend(rows.iter().map(line));
        lines.extend([format!("{INDENT}\\bottomrule"), "\\end{tabular}".into()]);
        lines.join("\n")
    }
}

/// Lines that LaTeX ignores.
#[must_use]
pub fn latex_comment(text: &str) -> String {
    text.lines().map(|line| format!("% {}", masked_line(line))).collect::<Vec<_>>().join("\n")
}

/// Text that LaTeX prints as it is, in any of its font encodings. Letters beyond ASCII stay: LaTeX reads UTF-8.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let mut before = ' ';
    for c in masked_line(text).chars() {
        match c {
            '_' | '%' | '&' | '#' | '$' | '{' | '}' => escaped.extend(['\\', c]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '±' => escaped.push_str("$\\pm$"),
            '<' | '>' | '|' => escaped.extend(['$', c, '$']),
            // A minus at the beginning of a number, not a hyphen.
            '-' if before == ' ' => escaped.push_str("$-$"),
            '–' => escaped.push_str("--"),
            '…' => escaped.push_str("\\ldots{}"),
            // A row that begins with a bracket is an argument of the line break before it.
            '[' | ']' => escaped.extend(['{', c, '}']),
            c => escaped.push(c),
        }
        before = c;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_of_a_cell_means_anything_to_latex() {
        for (text, expected) in [
            ("_%&#${}", r"\_\%\&\#\$\{\}"),
            (r"a\b~c^d", r"a\textbackslash{}b\textasciitilde{}c\textasciicircum{}d"),
            (r"\input{x}", r"\textbackslash{}input\{x\}"),
            ("data.batch_size [8]", r"data.batch\_size {[}8{]}"),
            ("0.8733 ± 0.0062", r"0.8733 $\pm$ 0.0062"),
            ("-0.0021 – +0.0105", r"$-$0.0021 -- +0.0105"),
            ("5e-5, all-MiniLM", "5e-5, all-MiniLM"),
            ("< 0.001", r"$<$ 0.001"),
            ("東京\n%", "東京␊\\%"),
        ] {
            assert_eq!(escaped(text), expected, "{text}");
        }
        assert_eq!(latex_comment("a\n50% of b\u{1b}"), "% a\n% 50% of b␛");
    }

    #[test]
    fn a_table_has_rules_and_aligned_columns() {
        let table = LatexTable {
            header: vec!["learning_rate", "n", "f1 mean ± sd"],
            numbers: vec![false, true, true],
            rows: vec![vec!["5e-5", "6", "0.8733 ± 0.0062"], vec!["1e-2", "12", ""]],
            bold: &|row, _| row == 0,
        };
        insta::assert_snapshot!(table.tabular());
    }
}
