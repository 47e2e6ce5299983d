//! `gluepot compare`.

use serde_json::json;

use super::{find_failure, pretty, print, print_data};
use crate::cli::{Compare, Format, Selection};
use crate::compare::{ComparedRun, Comparison, Examples, Filter, Options, Sort, compare as build, select};
use crate::failure::{Failure, Outcome};
use crate::report::{Column, Table, comparison_csv, comparison_markdown, comparison_text};
use crate::sweep::SweepDirectory;
use crate::terminal::Width;

/// Examples on which two runs disagree that are shown on a terminal.
const SHOWN: usize = 20;

/// Compares runs, grouped into variants.
pub fn compare(arguments: &Compare) -> Outcome<()> {
    if arguments.examples {
        return examples(&selected(&arguments.selection)?, arguments.format.format());
    }
    let (_, comparisons) = compared(&arguments.selection)?;
    let format = arguments.format.format();
    let text = rendered(&comparisons, format)?;
    if format == Format::Csv { print_data(&text) } else { print(&text) }
}

/// The runs that are meant, and their comparisons.
pub(super) fn compared(selection: &Selection) -> Outcome<(Vec<ComparedRun>, Vec<Comparison>)> {
    let runs = selected(selection)?;
    let options = Options {
        metric: selection.metric.clone().or_else(|| metric_of_sweep(selection)),
        by: selection.by.clone(),
        reference: selection.reference.clone(),
        sort: selection.sort.clone().map_or(Sort::Score, Sort::By),
    };
    let comparisons = build(&runs, &options).map_err(|problem| Failure::Usage(anyhow::anyhow!(problem)))?;
    Ok((runs, comparisons))
}

/// A sweep alone is ranked by its own metric.
fn metric_of_sweep(selection: &Selection) -> Option<String> {
    let [only] = selection.which.as_slice() else { return None };
    Some(SweepDirectory::find(&selection.runs.root, only)?.facts().ok()?.metric)
}

fn selected(selection: &Selection) -> Outcome<Vec<ComparedRun>> {
    let runs = select(&selection.runs.root, &selection.which).map_err(find_failure)?;
    match &selection.filter {
        Some(filter) => filtered(runs, filter),
        None => Ok(runs),
    }
}

fn filtered(runs: Vec<ComparedRun>, filter: &Filter) -> Outcome<Vec<ComparedRun>> {
    let kept = matching(runs, filter)?;
    if kept.is_empty() { Err(Failure::Usage(anyhow::anyhow!("no run passes the filter"))) } else { Ok(kept) }
}

/// The runs that match, perhaps none; names that none of them has are mistakes.
pub(super) fn matching(runs: Vec<ComparedRun>, filter: &Filter) -> Outcome<Vec<ComparedRun>> {
    if let Some(unknown) = filter.names().into_iter().find(|name| runs.iter().all(|run| run.quantity(name).is_none())) {
        return Err(Failure::Usage(anyhow::anyhow!("no run has a \"{unknown}\": a setting's path, a metric or status is meant")));
    }
    Ok(runs.into_iter().filter(|run| filter.holds(&|name| run.quantity(name))).collect())
}

fn rendered(comparisons: &[Comparison], format: Format) -> Outcome<String> {
    let apart = "Runs of different tasks or data cannot be compared; each group stands for itself.\n\n";
    let join = |each: &dyn Fn(&Comparison) -> String| {
        let texts: Vec<String> = comparisons.iter().map(each).collect();
        format!("{}{}", if comparisons.len() > 1 { apart } else { "" }, texts.join("\n\n"))
    };
    Ok(match format {
        Format::Text => join(&|comparison| comparison_text(comparison, Width::of_stdout())),
        Format::Markdown => join(&comparison_markdown),
        Format::Csv => comparison_csv(comparisons).map_err(Failure::Internal)?,
        Format::Json => pretty(&json!(comparisons)),
    })
}

fn examples(runs: &[ComparedRun], format: Format) -> Outcome<()> {
    let [first, second] = runs else {
        return Err(Failure::Usage(anyhow::anyhow!("--examples compares two runs, and {} are meant", runs.len())));
    };
    let examples = Examples::of(first, second).map_err(Failure::RunDirectory)?;
    if format == Format::Json {
        return print(&pretty(&json!(examples)));
    }
    let (a, b) = (&first.run.facts.id, &second.run.facts.id);
    let mut lines = vec![
        format!("both right            {}", examples.both_right),
        format!("only {a} right    {}", examples.only_first),
        format!("only {b} right    {}", examples.only_second),
        format!("both wrong            {}", examples.both_wrong),
        format!("McNemar's exact test  p = {:.4}", examples.p),
    ];
    let mut table = Table::new(vec![
        Column::number("example"),
        Column::words("label"),
        Column::words(a),
        Column::words(b),
        Column::text("text"),
    ]);
    for one in examples.disagreements.iter().take(SHOWN) {
        table.row(vec![one.index.to_string(), one.label.clone(), one.first.clone(), one.second.clone(), one.text.join("  |  ")]);
    }
    if !examples.disagreements.is_empty() {
        let count = examples.disagreements.len();
        let more = if count > SHOWN { format!(", the first {SHOWN} of them (--format json has all)") } else { String::new() };
        lines.push(format!("\nthey disagree on {count} examples{more}\n{}", table.text(Width::of_stdout())));
    }
    print(&lines.join("\n"))
}
