//! The runs named on the command line, and their comparisons.

use anyhow::anyhow;
use serde_json::{Value, json};

use super::latex::latex_comment;
use super::{comparison_csv, comparison_latex, comparison_markdown, comparison_text};
use super::{matrix_csv, matrix_json, matrix_latex, matrix_markdown, matrix_text};
use crate::cli::{Format, Selection};
use crate::compare::{
    APART, ComparedRun, Comparison, NoMatrix, Note, Options, Selected, Sort, TaskMatrix, compare, conclusions, matching,
    select_all, task_matrix,
};
use crate::failure::{Failure, Outcome};
use crate::sweep::SweepDirectory;
use crate::terminal::Width;

/// The selected runs and their comparisons.
pub struct Compared {
    /// The runs, and what is missing among them.
    pub selected: Selected,
    /// One for each task, data set and metric.
    pub comparisons: Vec<Comparison>,
    /// The table over tasks, or why there is none.
    pub tasks: Result<TaskMatrix, NoMatrix>,
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
        let tasks = task_matrix(&selected.runs, &options, &comparisons);
        Ok(Self { selected, comparisons, tasks })
    }

    /// Formats the table over tasks, if there is one, and every comparison.
    pub fn rendered(&self, format: Format, width: Width) -> Outcome<String> {
        Ok(match format {
            Format::Text => self.joined(
                &|matrix| matrix_text(matrix, width),
                &|comparison| comparison_text(comparison, width),
                &str::to_string,
            ),
            Format::Markdown => self.joined(&matrix_markdown, &comparison_markdown, &str::to_string),
            Format::Latex => self.joined(&matrix_latex, &comparison_latex, &latex_comment),
            Format::Csv => comparison_csv(&self.comparisons).map_err(Failure::Internal)?,
            Format::Json => super::pretty_json(&self.json()),
        })
    }

    /// Formats the table over tasks alone.
    ///
    /// # Errors
    /// The runs are of one task, or those of some task cannot be compared with each other.
    pub fn rendered_tasks(&self, format: Format, width: Width) -> Outcome<String> {
        let matrix = self.tasks.as_ref().map_err(|problem| Failure::Usage(anyhow!("{problem}")))?;
        let with_left_out = |text: String, sentence: &dyn Fn(&str) -> String| {
            let notes =
                self.notes().map(|(task, note)| sentence(&format!("{task}: {}", note.text))).collect::<Vec<_>>().join("\n");
            let notes = Some(notes).filter(|notes| !notes.is_empty());
            [text].into_iter().chain(notes).chain(self.left_out(sentence)).collect::<Vec<_>>().join("\n\n")
        };
        Ok(match format {
            Format::Text => with_left_out(matrix_text(matrix, width), &str::to_string),
            Format::Markdown => with_left_out(matrix_markdown(matrix), &str::to_string),
            Format::Latex => with_left_out(matrix_latex(matrix), &latex_comment),
            Format::Csv => matrix_csv(matrix).map_err(Failure::Internal)?,
            Format::Json => {
                let mut whole = matrix_json(matrix);
                let notes = self.notes().map(|(task, note)| json!({ "task": task, "note": note }));
                whole["notes"] = notes.collect::<Vec<_>>().into();
                whole["left_out"] = json!(self.selected.left_out);
                super::pretty_json(&whole)
            }
        })
    }

    /// The table over tasks and the comparisons, and the sentences around them.
    fn joined(
        &self,
        tasks: &dyn Fn(&TaskMatrix) -> String,
        each: &dyn Fn(&Comparison) -> String,
        sentence: &dyn Fn(&str) -> String,
    ) -> String {
        let matrix = match &self.tasks {
            Ok(matrix) => Some(tasks(matrix)),
            Err(NoMatrix::OneTask) => None,
            Err(problem) => Some(sentence(&problem.to_string())),
        };
        let apart = (self.comparisons.len() > 1).then(|| sentence(APART));
        let parts = matrix.into_iter().chain(apart).chain(self.comparisons.iter().map(each)).chain(self.left_out(sentence));
        parts.collect::<Vec<_>>().join("\n\n")
    }

    /// Returns the notes on each task's runs, except those that the table over tasks repeats.
    fn notes(&self) -> impl Iterator<Item = (&str, &Note)> {
        self.comparisons
            .iter()
            .flat_map(|comparison| comparison.notes.iter().map(move |note| (comparison.task.as_str(), note)))
            .filter(|(_, note)| !["collapsed", "evaluations"].contains(&note.kind))
    }

    fn left_out(&self, sentence: &dyn Fn(&str) -> String) -> Option<String> {
        Some(self.selected.sentences().join("\n")).filter(|text| !text.is_empty()).map(|text| sentence(&text))
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
