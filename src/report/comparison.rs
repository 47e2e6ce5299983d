//! A comparison as a table: for terminals, Markdown and spreadsheets.

use super::latex::{LatexTable, latex_comment};
use super::{Column, Table};
use crate::compare::statistics::Method;
use crate::compare::{Basis, Comparison, Variant, conclusions};
use crate::numbers::{counted, duration, p_value, rate, score};
use crate::plan::shown;
use crate::runs::Status;
use crate::terminal::{Width, paragraph};

/// Header of the p-value column if there are several p-values.
const ADJUSTED_P: &str = "adjusted p (Holm)";

/// A comparison as cells, without empty columns.
#[derive(Clone, Debug)]
pub struct ComparisonGrid {
    /// Names of the columns.
    pub header: Vec<String>,
    /// Which columns hold numbers, and are right-aligned.
    pub numbers: Vec<bool>,
    /// One row per variant.
    pub rows: Vec<Vec<String>>,
    /// Index of the row with the best mean, if there is more than one row.
    pub best: Option<usize>,
}

/// Returns the cells of a comparison's table.
#[must_use]
pub fn comparison_grid(comparison: &Comparison) -> ComparisonGrid {
    let rows: Vec<Vec<String>> = (0..comparison.variants.len()).map(|index| cells(comparison, index)).collect();
    let header = header(comparison);
    // With a single variant there is no reference either.
    let alone = rows.len() == 1;
    let is_kept = |column: usize| rows.iter().any(|row| !(row[column].is_empty() || alone && row[column] == "reference"));
    let kept: Vec<usize> = (0..header.len()).filter(|column| is_kept(*column)).collect();
    let pick = |cells: &[String]| kept.iter().map(|column| cells[*column].clone()).collect::<Vec<String>>();
    let header = pick(&header);
    ComparisonGrid {
        numbers: header.iter().map(|name| is_number(comparison, name)).collect(),
        rows: rows.iter().map(|row| pick(row)).collect(),
        best: best(comparison),
        header,
    }
}

/// Formats the table for a terminal, followed by the conclusions.
#[must_use]
pub fn comparison_text(comparison: &Comparison, width: Width) -> String {
    let grid = comparison_grid(comparison);
    let mut table = Table::new(grid.header.iter().map(|name| column(comparison, name)).collect());
    for row in grid.rows {
        table.row(row);
    }
    let mut text = format!("{}\n\n{}", title(comparison), table.text(width));
    let sentences = conclusions(comparison);
    if !sentences.is_empty() {
        text += &format!("\n\n{}", paragraph(&sentences.join("\n"), width));
    }
    text
}

/// Formats the table in Markdown, with the best variant in bold.
#[must_use]
pub fn comparison_markdown(comparison: &Comparison) -> String {
    let grid = comparison_grid(comparison);
    let escaped = |cells: Vec<String>| cells.into_iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>();
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let rules = grid.numbers.iter().map(|number| if *number { "---:".to_string() } else { "---".to_string() }).collect();
    let mut lines = vec![title(comparison), String::new(), row(escaped(grid.header)), row(rules)];
    for (index, cells) in grid.rows.into_iter().enumerate() {
        let bold = |cell: String| if Some(index) == grid.best && !cell.is_empty() { format!("**{cell}**") } else { cell };
        lines.push(row(escaped(cells).into_iter().map(bold).collect()));
    }
    let sentences = conclusions(comparison);
    if !sentences.is_empty() {
        lines.push(String::new());
        lines.push(sentences.join("\n"));
    }
    lines.join("\n")
}

/// The table in LaTeX, the best variant in bold; title and conclusions are comments.
#[must_use]
pub fn comparison_latex(comparison: &Comparison) -> String {
    let grid = comparison_grid(comparison);
    let table = LatexTable {
        header: grid.header.iter().map(String::as_str).collect(),
        rows: grid.rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect(),
        numbers: grid.numbers,
        bold: &|row, _| Some(row) == grid.best,
    };
    let packages = "The rules need \\usepackage{booktabs}.";
    let mut parts = vec![latex_comment(&format!("{}\n{packages}", title(comparison))), table.tabular()];
    parts.extend(conclusions(comparison).iter().map(|sentence| latex_comment(sentence)));
    parts.join("\n")
}

/// Formats comparisons as CSV, one row per variant, with every number in full.
pub fn comparison_csv(comparisons: &[Comparison]) -> anyhow::Result<String> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for comparison in comparisons {
        let mut header: Vec<String> = vec!["task".into(), "metric".into()];
        header.extend(comparison.columns.clone());
        let fixed = ["n", "failed", "pruned", "collapsed", "mean", "sd", "low", "high", "median", "min", "max"];
        header.extend(fixed.map(String::from));
        header.extend(comparison.others.clone());
        let last = [
            "seconds",
            "examples_per_second",
            "reference",
            "difference",
            "difference_low",
            "difference_high",
            "p",
            "adjusted_p",
            "method",
            "adjustment",
            "basis",
            "best_mean",
            "evaluations",
            "unfinished",
            "repeated",
            "left_out",
        ];
        header.extend(last.map(String::from));
        writer.write_record(&header)?;
        for (index, variant) in comparison.variants.iter().enumerate() {
            writer.write_record(full_row(comparison, variant, index == comparison.reference))?;
        }
    }
    Ok(String::from_utf8(writer.into_inner()?)?.trim_end().to_string())
}

fn full_row(comparison: &Comparison, variant: &Variant, is_reference: bool) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let of_score =
        |value: fn(&crate::compare::statistics::Description) -> Option<f64>| number(variant.score.as_ref().and_then(value));
    let difference = variant.difference.as_ref();
    let mut row = vec![comparison.task.clone(), comparison.metric.clone()];
    row.extend(
        comparison.columns.iter().map(|column| variant.settings.get(column).map_or(String::new(), |value| shown(Some(value)))),
    );
    row.extend([variant.scores.len(), variant.failed, variant.pruned, variant.collapsed].map(|count| count.to_string()));
    row.extend([
        of_score(|score| Some(score.mean)),
        of_score(|score| score.sd),
        of_score(|score| Some(score.interval?.0)),
        of_score(|score| Some(score.interval?.1)),
        of_score(|score| Some(score.median)),
        of_score(|score| Some(score.min)),
        of_score(|score| Some(score.max)),
    ]);
    row.extend(comparison.others.iter().map(|name| number(variant.others.get(name).copied())));
    row.extend([number(variant.seconds), number(variant.examples_per_second), is_reference.to_string()]);
    row.extend([
        number(difference.map(|difference| difference.mean)),
        number(difference.and_then(|difference| Some(difference.interval?.0))),
        number(difference.and_then(|difference| Some(difference.interval?.1))),
        number(difference.and_then(|difference| difference.p)),
        number(variant.adjusted_p),
        difference.map_or(String::new(), |difference| method(difference.method).to_string()),
        variant.adjusted_p.map_or(String::new(), |_| comparison.adjustment.into()),
        serde_json::to_value(comparison.basis).ok().and_then(|basis| Some(basis.as_str()?.to_string())).unwrap_or_default(),
        number(variant.best.as_ref().map(|best| best.mean)),
        evaluations(variant),
        variant.unfinished.values().sum::<usize>().to_string(),
        variant.repeats.len().to_string(),
        (variant.lacking.len() + variant.unmatched.len()).to_string(),
    ]);
    row
}

/// Formats how often the runs of a variant were evaluated: `3`, or `3-12`.
fn evaluations(variant: &Variant) -> String {
    match variant.evaluations {
        None => String::new(),
        Some((low, high)) if low == high => low.to_string(),
        Some((low, high)) => format!("{low}-{high}"),
    }
}

/// Returns the name of a test.
pub(super) fn method(method: Method) -> &'static str {
    match method {
        Method::SignFlip => "sign-flip",
        Method::PairedT => "paired t",
        Method::Welch => "Welch",
        Method::Permutation => "permutation",
    }
}

fn title(comparison: &Comparison) -> String {
    let data = comparison.validation.get(..8).unwrap_or(&comparison.validation);
    let examples = counted(comparison.validation_examples, "validation example", "validation examples");
    format!("{}, {} {}, {examples} (data {data})", comparison.task, comparison.metric, basis_text(comparison))
}

/// Describes which evaluations the scores of a comparison come from.
#[must_use]
pub fn basis_text(comparison: &Comparison) -> String {
    match comparison.basis {
        Basis::Best => "at the best checkpoint".into(),
        Basis::Last => "at the last evaluation".into(),
        Basis::Common => format!("at the best of {} evaluations that all runs have", comparison.steps_used.len()),
    }
}

/// Returns the index of the variant with the best mean, if there is more than one.
fn best(comparison: &Comparison) -> Option<usize> {
    let means = comparison.variants.iter().enumerate().filter_map(|(index, variant)| Some((index, variant.score.as_ref()?.mean)));
    let best = means.reduce(|best, next| if comparison.direction.improves(next.1, best.1) { next } else { best })?;
    (comparison.variants.len() > 1).then_some(best.0)
}

/// Returns the column with its rank for narrow terminals: the least important columns are dropped first.
fn column(comparison: &Comparison, name: &str) -> Column {
    const FIRST_TO_GO: [&str; 9] = ["ex/s", "time", "median", "others", "min – max", "evaluations", "own best", "95% CI", "p"];
    let rank = |name: &str| {
        let place = FIRST_TO_GO.iter().position(|first| *first == name);
        place.map_or(0, |place| (FIRST_TO_GO.len() - place) as u8)
    };
    if !is_number(comparison, name) {
        return if name == "remarks" { Column::text(name) } else { Column::path(name) };
    }
    let ranked = match name {
        _ if comparison.others.iter().any(|other| other == name) => "others",
        ADJUSTED_P => "p",
        _ => name,
    };
    Column::number(name).optional(rank(ranked))
}

/// Returns whether a column holds numbers, which are right-aligned.
fn is_number(comparison: &Comparison, name: &str) -> bool {
    !comparison.columns.iter().any(|column| column == name) && name != "remarks"
}

/// Returns the header of the p-value column; p-values are adjusted if there are several.
fn p_header(comparison: &Comparison) -> &'static str {
    let several = comparison.variants.iter().filter(|variant| variant.adjusted_p.is_some()).count() > 1;
    if several { ADJUSTED_P } else { "p" }
}

fn header(comparison: &Comparison) -> Vec<String> {
    let mut header = comparison.columns.clone();
    header.extend(["n".into(), format!("{} mean ± sd", comparison.metric)]);
    header.extend(["95% CI", "median", "min – max", "difference", "95% CI", p_header(comparison)].map(String::from));
    header.extend(["own best", "evaluations"].map(String::from));
    header.extend(comparison.others.clone());
    header.extend(["time", "ex/s", "remarks"].map(String::from));
    header
}

fn cells(comparison: &Comparison, index: usize) -> Vec<String> {
    let variant = &comparison.variants[index];
    let mut cells: Vec<String> = comparison.columns.iter().map(|column| shown(variant.settings.get(column))).collect();
    let of_score =
        |text: &dyn Fn(&crate::compare::statistics::Description) -> String| variant.score.as_ref().map_or(String::new(), text);
    let interval = |interval: Option<(f64, f64)>| interval.map_or(String::new(), |(low, high)| format!("{low:.4} – {high:.4}"));
    cells.push(variant.scores.len().to_string());
    cells.push(of_score(&|described| match described.sd {
        Some(sd) => format!("{} ± {}", score(described.mean), score(sd)),
        None => score(described.mean),
    }));
    cells.push(of_score(&|described| interval(described.interval)));
    cells.push(of_score(&|described| score(described.median)));
    cells.push(of_score(&|described| format!("{} – {}", score(described.min), score(described.max))));
    match &variant.difference {
        _ if index == comparison.reference => cells.extend(["reference".into(), String::new(), String::new()]),
        None => cells.extend([String::new(), String::new(), String::new()]),
        Some(difference) => {
            cells.push(format!("{:+.4}", difference.mean));
            cells.push(difference.interval.map_or(String::new(), |(low, high)| format!("{low:+.4} – {high:+.4}")));
            cells.push(variant.adjusted_p.map_or(String::new(), |p| format!("{} ({})", p_value(p), method(difference.method))));
        }
    }
    // If each run's best counts, it is already in the table.
    let beside = |text: String| if comparison.basis == Basis::Best { String::new() } else { text };
    cells.push(beside(variant.best.as_ref().map_or(String::new(), |best| score(best.mean))));
    cells.push(beside(evaluations(variant)));
    cells.extend(comparison.others.iter().map(|name| variant.others.get(name).map_or(String::new(), |value| score(*value))));
    cells.push(variant.seconds.map_or(String::new(), duration));
    cells.push(variant.examples_per_second.map_or(String::new(), rate));
    cells.push(remarks(variant).join(", "));
    cells
}

/// Returns remarks on a variant's runs, each in a few words.
fn remarks(variant: &Variant) -> Vec<String> {
    let statuses = variant
        .unfinished
        .iter()
        .filter(|(status, _)| **status != Status::Pruned.name())
        .map(|(status, count)| (*count, *status));
    let guessing = variant.guessing - variant.collapsed.min(variant.guessing);
    let counts = [
        (variant.pruned, "stopped early"),
        (variant.repeats.len(), "repeated"),
        (variant.lacking.len(), "without the metric"),
        (variant.unmatched.len(), "left out"),
        (variant.collapsed, "collapsed"),
        (guessing, "no better than guessing"),
    ];
    let counted = statuses.chain(counts).filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let mixed = variant.computed_by.keys().map(|part| format!("mixed {}", part.replace('_', " ")));
    counted.chain(mixed).collect()
}
