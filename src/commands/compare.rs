//! `gluepot compare`.

use std::collections::BTreeSet;

use serde_json::json;

use super::{find_failure, pretty, print, print_data, warn};
use crate::cli::{Compare, Format, Selection};
use crate::compare::{
    APART, ComparedRun, Comparison, Examples, Filter, Options, Picked, Selected, Sort, compare as build, conclusions, select_all,
};
use crate::experiment::{Equivalent, equivalent, nearest};
use crate::failure::{Failure, Outcome};
use crate::numbers::{count, counted, p_value};
use crate::report::{Column, Table, comparison_csv, comparison_markdown, comparison_text};
use crate::sweep::SweepDirectory;
use crate::terminal::Width;

/// Examples on which two runs disagree that are shown on a terminal.
const SHOWN: usize = 20;

/// Compares runs, grouped into variants.
pub fn compare(arguments: &Compare) -> Outcome<()> {
    if arguments.examples {
        return examples(&arguments.selection, arguments.format.format());
    }
    let compared = compared(&arguments.selection)?;
    let format = arguments.format.format();
    if matches!(format, Format::Csv | Format::Json) {
        for sentence in compared.selected.sentences() {
            warn(&sentence);
        }
    }
    let text = rendered(&compared, format)?;
    if format == Format::Csv { print_data(&text) } else { print(&text) }
}

/// The runs that are meant, and their comparisons.
pub(super) struct Compared {
    /// The runs, and what is missing.
    pub selected: Selected,
    /// One for each task, data set and metric.
    pub comparisons: Vec<Comparison>,
}

/// Compares the runs that are meant.
pub(super) fn compared(selection: &Selection) -> Outcome<Compared> {
    let selected = selected(selection, &selection.which)?;
    let options = Options {
        metric: selection.metric.clone().or_else(|| metric_of_sweep(selection)),
        by: selection.by.clone(),
        reference: selection.reference.clone(),
        sort: selection.sort.clone().map_or(Sort::Score, Sort::By),
    };
    let comparisons = build(&selected.runs, &options).map_err(|problem| Failure::Usage(anyhow::anyhow!(problem)))?;
    Ok(Compared { selected, comparisons })
}

/// A sweep alone is ranked by its own metric.
fn metric_of_sweep(selection: &Selection) -> Option<String> {
    let [only] = selection.which.as_slice() else { return None };
    Some(SweepDirectory::find(&selection.runs.root, only)?.facts().ok()?.metric)
}

fn selected(selection: &Selection, which: &[String]) -> Outcome<Selected> {
    let mut selected = select_all(&selection.runs.root, which).map_err(find_failure)?;
    if let Some(filter) = &selection.filter {
        selected.runs = filtered(selected.runs, filter)?;
    }
    Ok(selected)
}

fn filtered(runs: Vec<ComparedRun>, filter: &Filter) -> Outcome<Vec<ComparedRun>> {
    let kept = matching(runs, filter)?;
    if kept.is_empty() { Err(Failure::Usage(anyhow::anyhow!("no run matches the filter"))) } else { Ok(kept) }
}

/// The runs that match, perhaps none; names that none of them has are mistakes.
pub(super) fn matching(runs: Vec<ComparedRun>, filter: &Filter) -> Outcome<Vec<ComparedRun>> {
    if let Some(unknown) = filter.names().into_iter().find(|name| runs.iter().all(|run| run.quantity(name).is_none())) {
        let known: BTreeSet<&str> = runs.iter().flat_map(ComparedRun::quantities).collect();
        let here = equivalent(unknown).and_then(|meaning| match meaning {
            Equivalent::Same(path) | Equivalent::Other(path, _) | Equivalent::Switch(path, _) => Some(path),
            Equivalent::Nothing(_) => None,
        });
        let meant = here.filter(|name| known.contains(name)).or_else(|| nearest(unknown, known.iter().copied()));
        let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
        return Err(Failure::Usage(anyhow::anyhow!("unknown name \"{unknown}\" in --filter{meant}")));
    }
    Ok(runs.into_iter().filter(|run| filter.holds(&|name| run.quantity(name))).collect())
}

fn rendered(compared: &Compared, format: Format) -> Outcome<String> {
    let Compared { selected, comparisons } = compared;
    let join = |each: &dyn Fn(&Comparison) -> String| {
        let apart = (comparisons.len() > 1).then(|| APART.to_string());
        let left_out = Some(selected.sentences().join("\n")).filter(|text| !text.is_empty());
        apart.into_iter().chain(comparisons.iter().map(each)).chain(left_out).collect::<Vec<_>>().join("\n\n")
    };
    Ok(match format {
        Format::Text => join(&|comparison| comparison_text(comparison, Width::of_stdout())),
        Format::Markdown => join(&comparison_markdown),
        Format::Csv => comparison_csv(comparisons).map_err(Failure::Internal)?,
        Format::Json => {
            let whole = |comparison: &Comparison| {
                let mut whole = json!(comparison);
                whole["conclusions"] = json!(conclusions(comparison));
                whole["left_out"] = json!(selected.left_out);
                whole
            };
            pretty(&json!(comparisons.iter().map(whole).collect::<Vec<_>>()))
        }
    })
}

/// The runs of each argument, in the order of the arguments.
fn in_order(selection: &Selection) -> Outcome<Vec<ComparedRun>> {
    let mut runs: Vec<ComparedRun> = Vec::new();
    for argument in &selection.which {
        for run in selected(selection, std::slice::from_ref(argument))?.runs {
            if runs.iter().all(|known| known.run.path != run.run.path) {
                runs.push(run);
            }
        }
    }
    if selection.which.is_empty() { Ok(selected(selection, &[])?.runs) } else { Ok(runs) }
}

fn examples(selection: &Selection, format: Format) -> Outcome<()> {
    let runs = in_order(selection)?;
    let [first, second] = runs.as_slice() else {
        return Err(Failure::Usage(anyhow::anyhow!("--examples needs two runs; {} given", runs.len())));
    };
    let examples = Examples::of(first, second).map_err(Failure::RunDirectory)?;
    if format == Format::Json {
        return print(&pretty(&json!(examples)));
    }
    let (a, b) = (&examples.first_run, &examples.second_run);
    let picked = |id: &str, picked: Picked| {
        let best_of =
            picked.evaluations.map_or(String::new(), |n| format!(", the best of {}", counted(n, "evaluation", "evaluations")));
        format!("{id}: checkpoint of step {}{best_of}", count(picked.step))
    };
    let mut lines = vec![
        picked(a, examples.first_checkpoint),
        picked(b, examples.second_checkpoint),
        String::new(),
        format!("both right            {}", examples.both_right),
        format!("only {a} right    {}", examples.only_first),
        format!("only {b} right    {}", examples.only_second),
        format!("both wrong            {}", examples.both_wrong),
        format!("McNemar's exact test  p {}{}", if examples.p < 0.001 { "" } else { "= " }, p_value(examples.p)),
    ];
    let (one, other) = (examples.first_checkpoint.evaluations, examples.second_checkpoint.evaluations);
    if one.is_some() && other.is_some() && one != other {
        lines.push("The runs were not evaluated equally often, and the best of more evaluations is better by chance.".into());
    }
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
        let examples = counted(count, "example", "examples");
        lines.push(format!("\nthey disagree on {examples}{more}\n{}", table.text(Width::of_stdout())));
    }
    print(&lines.join("\n"))
}
