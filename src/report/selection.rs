//! The runs named on the command line, and their comparisons.

use anyhow::anyhow;
use serde_json::{Value, json};

use super::latex::latex_comment;
use super::{comparison_csv, comparison_latex, comparison_markdown, comparison_text};
use crate::cli::{Format, Selection};
use crate::compare::{APART, ComparedRun, Comparison, Options, Selected, Sort, compare, conclusions, matching, select_all};
use crate::failure::{Failure, Outcome};
use crate::sweep::SweepDirectory;
use crate::terminal::Width;

/// The selected runs and their comparisons.
pub struct Compared {
    /// The runs, and what is missing among them.
    pub selected: Selected,
    /// One for each task, data set and metric.
    pub comparisons: Vec<Comparison>,
}

impl Compared {
    /// Compares the selected runs.
    ///
    /// # Errors
    /// Runs cannot be found or read, or no run has what is asked for.
    pub fn of(selection: &Selection) -> Outcome<Self> {
        let selected = selected(selection, &selection.which)?;
        let options = Options {
            metric: selection.metric.clone().or_else(|| metric_of_sweep(selection)),
            by: selection.by.clone(),
            reference: selection.reference.clone(),
            sort: selection.sort.clone().map_or(Sort::Score, Sort::By),
        };
        let comparisons = compare(&selected.runs, &options).map_err(|problem| Failure::Usage(anyhow!(problem)))?;
        Ok(Self { selected, comparisons })
    }

    pub fn rendered(&self, format: Format, width: Width) -> Outcome<String> {
        Ok(match format {
            Format::Text => self.joined(&|comparison| comparison_text(comparison, width), &str::to_string),
            Format::Markdown => self.joined(&comparison_markdown, &str::to_string),
            Format::Latex => self.joined(&comparison_latex, &latex_comment),
            Format::Csv => comparison_csv(&self.comparisons).map_err(Failure::Internal)?,
            Format::Json => super::pretty_json(&self.json()),
        })
    }

    /// The comparisons, and the sentences around them.
    fn joined(&self, each: &dyn Fn(&Comparison) -> String, sentence: &dyn Fn(&str) -> String) -> String {
        let apart = (self.comparisons.len() > 1).then(|| sentence(APART));
        let left_out = Some(self.selected.sentences().join("\n")).filter(|text| !text.is_empty()).map(|text| sentence(&text));
        let parts = apart.into_iter().chain(self.comparisons.iter().map(each)).chain(left_out);
        parts.collect::<Vec<_>>().join("\n\n")
    }

    fn json(&self) -> Value {
        let whole = |comparison: &Comparison| {
            let mut whole = json!(comparison);
            whole["conclusions"] = json!(conclusions(comparison));
            whole["left_out"] = json!(self.selected.left_out);
            whole
        };
        json!(self.comparisons.iter().map(whole).collect::<Vec<_>>())
    }
}

/// Returns the metric of a sweep if it is the only argument: a single sweep is ranked by its own metric.
fn metric_of_sweep(selection: &Selection) -> Option<String> {
    let [only] = selection.which.as_slice() else { return None };
    SweepDirectory::find(&selection.runs.root, only)?.facts().ok()?.ranked_by.map(|ranked_by| ranked_by.metric)
}

fn selected(selection: &Selection, which: &[String]) -> Outcome<Selected> {
    let mut selected = select_all(&selection.runs.root, which)?;
    if let Some(filter) = &selection.filter {
        selected.runs = matching(selected.runs, filter).map_err(|problem| Failure::Usage(anyhow!(problem)))?;
        if selected.runs.is_empty() {
            return Err(Failure::Usage(anyhow!("no run matches the filter")));
        }
    }
    Ok(selected)
}

/// Returns the runs of each argument, in the order of the arguments.
pub fn in_order(selection: &Selection) -> Outcome<Vec<ComparedRun>> {
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
