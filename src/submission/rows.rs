//! The content of one file of a submission.

use std::borrow::Cow;
use std::fmt::Write;

use thiserror::Error;

use super::file::SCORES;
use super::{GlueFile, Values};
use crate::numbers::counted;
use crate::task::{Head, Output, Task};
use crate::terminal::listed;

/// The first line of every file.
pub const HEADER: &str = "index\tprediction";

/// The predictions of one file, as many as the file has, each of them allowed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlueRows {
    file: GlueFile,
    cells: Vec<Cow<'static, str>>,
}

/// Why outputs cannot become a file.
#[derive(Debug, PartialEq, Error)]
pub enum GlueRowsError {
    #[error("{} is predicted by a model of {}, not of {task}", .file.name(), .file.task())]
    OtherTask { file: GlueFile, task: String },
    #[error("{} has {}, and there are {found} predictions; predict the whole test split", .file.name(), counted(file.rows(), "row", "rows"))]
    OtherNumber { file: GlueFile, found: usize },
    #[error("{} needs a model that predicts {expected}, but this one predicts {found}", .file.name())]
    OtherHead { file: GlueFile, expected: String, found: String },
    #[error("the model's output for example {index} of {} {what}; the checkpoint may be damaged", .file.name())]
    Output { file: GlueFile, index: usize, what: &'static str },
}

impl GlueRows {
    /// Makes a file from a model's outputs, one for each example of the test split, in the order of the split.
    ///
    /// Classes are matched by name, ignoring case, because models and files order them differently. Scores are clipped to
    /// the range from 0 to 5.
    ///
    /// # Errors
    /// The model has learned another task or predicts something else, the number of outputs is not that of the file, or an
    /// output is not finite.
    pub fn predicted(file: GlueFile, task: &Task, outputs: &[Output]) -> Result<Self, GlueRowsError> {
        if task.name != file.task() {
            return Err(GlueRowsError::OtherTask { file, task: task.name.clone() });
        }
        let classes = classes(file, &task.head)?;
        if outputs.len() != file.rows() {
            return Err(GlueRowsError::OtherNumber { file, found: outputs.len() });
        }
        let cell = |(index, output): (usize, &Output)| {
            let wrong = |what| GlueRowsError::Output { file, index, what };
            if output.0.len() != task.head.outputs() {
                return Err(wrong("has the wrong number of values"));
            }
            if !output.0.iter().all(|value| value.is_finite()) {
                return Err(wrong("is not finite"));
            }
            Ok(match file.values() {
                Values::Classes(_) => classes[output.class()].into(),
                Values::Score => score(output.0[0]).into(),
            })
        };
        Ok(Self { file, cells: outputs.iter().enumerate().map(cell).collect::<Result<_, _>>()? })
    }

    /// Makes a file that predicts the same for every example: [`GlueFile::majority`].
    #[must_use]
    pub fn majority(file: GlueFile) -> Self {
        Self { file, cells: vec![file.majority().into(); file.rows()] }
    }

    /// Returns the file that has these rows.
    #[must_use]
    pub fn file(&self) -> GlueFile {
        self.file
    }

    /// Returns the file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for (index, cell) in self.cells.iter().enumerate() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{index}\t{cell}");
        }
        text
    }
}

/// The cells of a file for the classes of a model, in the model's order; none for a score.
fn classes(file: GlueFile, head: &Head) -> Result<Vec<&'static str>, GlueRowsError> {
    let refused = |expected: String| {
        let found = match head {
            Head::Classes(names) => format!("the classes {}", listed(names)),
            Head::Labels(_) => "several labels at once".into(),
            Head::Value => "a number".into(),
        };
        GlueRowsError::OtherHead { file, expected, found }
    };
    match (file.values(), head) {
        (Values::Score, Head::Value) => Ok(Vec::new()),
        (Values::Score, _) => Err(refused("a number".into())),
        (Values::Classes(known), _) => {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let refused = || refused(format!("the classes {}", names.join(", ")));
            let Head::Classes(own) = head else { return Err(refused()) };
            let cell = |own: &String| known.iter().find(|(name, _)| name.eq_ignore_ascii_case(own)).map(|(_, cell)| *cell);
            let cells = own.iter().map(cell).collect::<Option<Vec<_>>>().ok_or_else(refused)?;
            let all_once = cells.len() == known.len() && known.iter().all(|(_, cell)| cells.contains(cell));
            all_once.then_some(cells).ok_or_else(refused)
        }
    }
}

fn score(output: f32) -> String {
    // Of the two zeros, the negative one would be written with its sign.
    format!("{:.3}", f64::from(output).clamp(SCORES.0, SCORES.1) + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::metrics::Metric;
    use crate::task::{ClassCells, ColumnName, Splits, TextColumns};

    fn task(name: &str, head: Head) -> Task {
        Task {
            name: name.into(),
            text: TextColumns::Single(ColumnName::named("sentence")),
            target: ColumnName::named("label"),
            head,
            class_cells: ClassCells::Ids,
            positive: None,
            metrics: vec![Metric::ACCURACY],
            splits: Splits::default(),
        }
    }

    fn names(names: &[&str]) -> Head {
        Head::Classes(names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn classes_are_matched_by_name() {
        // As roberta-large-mnli orders and writes them.
        let cells = classes(GlueFile::Ax, &names(&["CONTRADICTION", "NEUTRAL", "ENTAILMENT"]));
        assert_eq!(cells.unwrap(), ["contradiction", "neutral", "entailment"]);
        // Of the two words, WNLI's first class is the other one.
        assert_eq!(classes(GlueFile::Wnli, &names(&["not_entailment", "entailment"])).unwrap(), ["0", "1"]);
        assert_eq!(classes(GlueFile::Wnli, &names(&["entailment", "not_entailment"])).unwrap(), ["1", "0"]);
        assert_eq!(classes(GlueFile::Stsb, &Head::Value).unwrap(), [""; 0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let rte = |outputs: Vec<Output>| {
            GlueRows::predicted(GlueFile::Rte, &task("rte", names(&["entailment", "not_entailment"])), &outputs).unwrap_err()
        };
        let with = |wrong: Output| {
            let mut outputs = vec![Output(vec![0.0, 1.0]); 3000];
            outputs[17] = wrong;
            outputs
        };
        let heads = [
            (GlueFile::Rte, names(&["LABEL_0", "LABEL_1"])),
            (GlueFile::Rte, names(&["entailment", "entailment"])),
            (GlueFile::MnliMatched, names(&["entailment", "not_entailment"])),
            (GlueFile::Cola, Head::Value),
            (GlueFile::Stsb, Head::Labels(vec!["a".into()])),
        ];
        let mut errors = vec![
            GlueRows::predicted(GlueFile::Rte, &task("qnli", names(&["entailment", "not_entailment"])), &[]).unwrap_err(),
            rte(vec![Output(vec![0.0, 1.0]); 277]),
            rte(with(Output(vec![0.0, 1.0, 2.0]))),
            rte(with(Output(vec![0.0, f32::NAN]))),
        ];
        errors.extend(heads.map(|(file, head)| GlueRows::predicted(file, &task(file.task(), head), &[]).unwrap_err()));
        let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(text.join("\n"));
    }
}
