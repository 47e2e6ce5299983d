//! Snapshots of text that varies between runs and machines: exactly the varying parts are replaced by
//! placeholders of fixed width, and everything else is compared literally, including blanks.

use std::path::Path;

use crate::shell::Shell;

/// Table columns with measured values.
const MEASURED_COLUMNS: [&str; 2] = ["time", "ex/s"];
/// Units of measured values; settings never have these.
const MEASURED_UNITS: [&str; 9] =
    [" ex/s", " examples/s", " tokens/s", " threads", " s", " B free", " kB free", " MB free", " GB free"];

/// Replaces the varying parts of a text.
pub struct Redactor {
    /// Texts found on this disk, and their replacements.
    known: Vec<(String, String)>,
    measured: bool,
    trained: bool,
}

impl Redactor {
    /// Replaces the paths of this folder and of the project.
    pub fn new(shell: &Shell) -> Self {
        Self { known: shell.places(), measured: false, trained: false }
    }

    /// Also replaces the names of runs and sweeps below this folder, and the ids of runs and trials.
    pub fn identities(mut self, shell: &Shell) -> Self {
        collect(&shell.path(""), &mut self.known);
        // The longest first: an id is part of its run's name.
        self.known.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        self
    }

    /// Also replaces durations, rates, free space and thread counts.
    pub fn measured(mut self) -> Self {
        self.measured = true;
        self
    }

    /// Also replaces losses and scores, whose last digits depend on the processor: numbers with four decimals.
    pub fn trained(mut self) -> Self {
        self.trained = true;
        self
    }

    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_string();
        for (known, placeholder) in &self.known {
            text = text.replace(known, placeholder);
        }
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        if self.trained {
            // How many of a few short runs have learned anything depends on the processor, too.
            lines.retain(|line| !line.contains(" no better than always guessing one class "));
            for line in &mut lines {
                *line = trained(line);
            }
        }
        if self.measured {
            for name in MEASURED_COLUMNS {
                mask_column(&mut lines, name);
            }
            for line in &mut lines {
                *line = numbers(line, measured);
            }
        }
        lines.join("\n")
    }
}

/// Collects the names and ids of the runs and sweeps in and below a folder.
fn collect(folder: &Path, known: &mut Vec<(String, String)>) {
    for path in std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some((stamp, _)) = name.split_once('_').filter(|(stamp, _)| stamp.len() == 20 && stamp.ends_with('Z')) {
            known.push((stamp.into(), "YYYY-MM-DDTHH-MM-SSZ".into()));
            let (date, time) = stamp.split_once('T').unwrap();
            known.push((format!("{date} {}", time[..5].replace('-', ":")), "YYYY-MM-DD HH:MM".into()));
            if path.join("run.json").is_file() {
                known.push((name.rsplit('_').next().unwrap().into(), "RUN-ID".into()));
            }
        }
        for line in std::fs::read_to_string(path.join("plan.jsonl")).unwrap_or_default().lines() {
            let trial: serde_json::Value = serde_json::from_str(line).unwrap();
            known.push((trial["id"].as_str().unwrap().into(), "TRIAL-ID----".into()));
        }
        collect(&path, known);
    }
}

/// Replaces numbers, depending on what follows them.
fn numbers(line: &str, replacement: impl Fn(&str, &str) -> Option<String>) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let length = rest[start..].find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(rest.len() - start);
        let number = rest[start..start + length].trim_end_matches(['.', ',']);
        let (before, after) = (&rest[..start], &rest[start + number.len()..]);
        text.push_str(before);
        // Part of a word, or of a number such as 1e-4.
        let is_part = text.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.') || text.ends_with("e-");
        match replacement(number, after).filter(|_| !is_part) {
            Some(placeholder) => text.push_str(&placeholder),
            None => text.push_str(number),
        }
        rest = after;
    }
    text + rest
}

fn is_score(number: &str) -> bool {
    number.split_once('.').is_some_and(|(_, digits)| digits.len() == 4)
}

/// Masks each digit.
fn digits(number: &str) -> String {
    number.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect()
}

fn trained(line: &str) -> String {
    let remark = line.strip_suffix(" no better than guessing");
    let line = remark.map_or(line, |row| row.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ' || c == ','));
    match line.split_once('┤') {
        Some((scale, _)) => format!("{}┤ (curve)", digits(scale)),
        None => match line.split_once("  grad norm ") {
            Some((before, norm)) => {
                let end = norm.find(' ').unwrap_or(norm.len());
                format!("{}  grad norm {}{}", trained(before), digits(&norm[..end]), &norm[end..])
            }
            None => numbers(line, |number, _| is_score(number).then(|| digits(number))),
        },
    }
}

fn measured(_: &str, after: &str) -> Option<String> {
    let ends = |rest: &str| !rest.starts_with(char::is_alphanumeric);
    MEASURED_UNITS.iter().any(|unit| after.strip_prefix(unit).is_some_and(ends)).then(|| "#.#".into())
}

/// Returns the extent of the cell that overlaps these columns of a row; cells are separated by two blanks.
fn cell(row: &[char], (start, end): (usize, usize)) -> Option<(usize, usize)> {
    let at = (start..end.min(row.len())).find(|at| row[*at] != ' ')?;
    let is_gap = |at: usize| row[at] == ' ' && row[at + 1] == ' ';
    let first = (0..at).rev().find(|at| is_gap(*at)).map_or(0, |gap| gap + 2);
    let last = (at..row.len() - 1).find(|at| is_gap(*at)).unwrap_or(row.len());
    Some((first, last))
}

/// Masks a column of measured values with a fixed width, in each table that has it.
fn mask_column(lines: &mut [String], name: &str) {
    for table in lines.split_mut(String::is_empty) {
        let Some(header) = table.iter().position(|line| line.contains(&format!("  {name}"))) else { continue };
        let rows: Vec<Vec<char>> = table[header..].iter().map(|row| row.chars().collect()).collect();
        let title = format!(" {name}");
        let Some(byte) = table[header].find(&title) else { continue };
        let start = table[header][..byte].chars().count() + 1;
        let place = (start, start + name.len());
        let cells: Vec<Option<(usize, usize)>> = rows.iter().map(|row| cell(row, place)).collect();
        let left = cells.iter().flatten().map(|cell| cell.0).min().unwrap_or(start);
        let right = cells.iter().flatten().map(|cell| cell.1).max().unwrap_or(place.1);
        let is_left_aligned = cells.iter().flatten().all(|cell| cell.0 == left);
        for (index, (row, cell)) in rows.iter().zip(&cells).enumerate().filter(|(_, (row, _))| row.len() > left) {
            let text = if index == 0 {
                name
            } else if cell.is_some() {
                "#.#"
            } else {
                ""
            };
            let text = if is_left_aligned { format!("{text:<6}") } else { format!("{text:>6}") };
            let after = row.iter().skip(right);
            let masked: String = row[..left].iter().copied().chain(text.chars()).chain(after.copied()).collect();
            table[header + index] = masked.trim_end().into();
        }
    }
}

/// Realigns the last column of a table after the column before it has become shorter.
pub fn aligned(text: &str, last: &str) -> String {
    let cells =
        |line: &str| line.rsplit_once("  ").map(|(before, cell)| (before.trim_end().to_string(), cell.trim().to_string()));
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    for table in lines.split_mut(String::is_empty).filter(|table| table[0].ends_with(&format!("  {last}"))) {
        let rows: Vec<(String, String)> = table.iter().filter_map(|line| cells(line)).collect();
        let width = rows.iter().map(|(before, _)| before.chars().count()).max().unwrap_or(0);
        rows.iter().zip(table).for_each(|((before, cell), line)| *line = format!("{before:width$}  {cell}"));
    }
    lines.join("\n")
}

/// Compares a text with the snapshot of this name.
macro_rules! snapshot {
    ($name:expr, $text:expr) => {{
        let text = $text;
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!($name, text));
    }};
}
pub(crate) use snapshot;
