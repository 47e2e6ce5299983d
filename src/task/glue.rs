//! The GLUE tasks: a table with one row per task, from which a [`Task`] is made.

use super::metrics::Metric;
use super::{ClassCells, ColumnName, Head, SplitNames, Splits, Task, TextColumns, TsvColumn};

/// One task in the table.
struct GlueRow {
    name: &'static str,
    folder: &'static str,
    text: GlueText,
    target: GlueColumn,
    head: GlueHead,
    metrics: &'static [Metric],
    /// The validation split's name on the hub, and its .tsv file.
    validation: (&'static str, &'static str),
}

/// A column's name on the hub, and its name in .tsv files.
type GlueColumn = (&'static str, TsvName);

enum TsvName {
    /// The same name as on the hub.
    Same,
    Name(&'static str),
    /// The column's index, for files without a header.
    #[cfg_attr(not(test), expect(dead_code, reason = "for CoLA, whose files have none"))]
    Number(usize),
}

enum GlueText {
    Single(GlueColumn),
    Pair(GlueColumn, GlueColumn),
}

enum GlueHead {
    /// Class names in the order of their ids; all files contain ids.
    Classes(&'static [&'static str]),
    /// Class names in the order of their ids on the hub; .tsv files contain the names.
    #[cfg_attr(not(test), expect(dead_code, reason = "for MNLI, QNLI and RTE, whose .tsv files hold words"))]
    NamedClasses(&'static [&'static str]),
    #[cfg_attr(not(test), expect(dead_code, reason = "for STS-B, whose target is a number"))]
    Value,
}

const VALIDATION: (&str, &str) = ("validation", "dev.tsv");

static ROWS: &[GlueRow] = &[
    GlueRow {
        name: "mrpc",
        folder: "MRPC",
        text: GlueText::Pair(("sentence1", TsvName::Name("#1 String")), ("sentence2", TsvName::Name("#2 String"))),
        target: ("label", TsvName::Name("Quality")),
        head: GlueHead::Classes(&["not_equivalent", "equivalent"]),
        metrics: &[Metric::ACCURACY, Metric::F1],
        validation: VALIDATION,
    },
    GlueRow {
        name: "sst2",
        folder: "SST-2",
        text: GlueText::Single(("sentence", TsvName::Same)),
        target: ("label", TsvName::Same),
        head: GlueHead::Classes(&["negative", "positive"]),
        metrics: &[Metric::ACCURACY],
        validation: VALIDATION,
    },
];

#[must_use]
pub fn task(name: &str) -> Option<Task> {
    ROWS.iter().find(|row| row.name == name).map(GlueRow::task)
}

/// Returns the names of all tasks.
pub fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

/// Returns the metrics of all tasks, without duplicates.
#[must_use]
pub fn metrics() -> Vec<Metric> {
    let mut found: Vec<Metric> = Vec::new();
    for metric in ROWS.iter().flat_map(|row| row.metrics) {
        if !found.contains(metric) {
            found.push(*metric);
        }
    }
    found
}

impl GlueRow {
    fn task(&self) -> Task {
        Task {
            name: self.name.into(),
            text: match &self.text {
                GlueText::Single(one) => TextColumns::Single(column(one)),
                GlueText::Pair(first, second) => TextColumns::Pair(column(first), column(second)),
            },
            target: column(&self.target),
            head: match self.head {
                GlueHead::Classes(labels) | GlueHead::NamedClasses(labels) => {
                    Head::Classes(labels.iter().map(ToString::to_string).collect())
                }
                GlueHead::Value => Head::Value,
            },
            class_cells: match self.head {
                GlueHead::NamedClasses(_) => ClassCells::NamesOrIds,
                GlueHead::Classes(_) | GlueHead::Value => ClassCells::Ids,
            },
            positive: None,
            metrics: self.metrics.to_vec(),
            splits: Splits {
                folder: Some(self.folder.into()),
                validation: SplitNames::new(self.validation.0, self.validation.1),
                ..Splits::default()
            },
        }
    }
}

fn column((name, tsv): &GlueColumn) -> ColumnName {
    let tsv = match tsv {
        TsvName::Same => None,
        TsvName::Name(name) => Some(TsvColumn::Name((*name).into())),
        TsvName::Number(number) => Some(TsvColumn::Number(*number)),
    };
    ColumnName { name: (*name).into(), tsv }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Hub;
    use crate::task::{Example, Origin, Source, Target, Text};

    const COLA: GlueRow = GlueRow {
        name: "cola",
        folder: "CoLA",
        text: GlueText::Single(("sentence", TsvName::Number(3))),
        target: ("label", TsvName::Number(1)),
        head: GlueHead::Classes(&["unacceptable", "acceptable"]),
        metrics: &[Metric::ACCURACY],
        validation: VALIDATION,
    };

    const STSB: GlueRow = GlueRow {
        name: "stsb",
        folder: "STS-B",
        text: GlueText::Pair(("sentence1", TsvName::Same), ("sentence2", TsvName::Same)),
        target: ("label", TsvName::Name("score")),
        head: GlueHead::Value,
        metrics: &[Metric::PEARSON, Metric::SPEARMAN],
        validation: VALIDATION,
    };

    const MNLI: GlueRow = GlueRow {
        name: "mnli",
        folder: "MNLI",
        text: GlueText::Pair(("premise", TsvName::Name("sentence1")), ("hypothesis", TsvName::Name("sentence2"))),
        target: ("label", TsvName::Name("gold_label")),
        head: GlueHead::NamedClasses(&["entailment", "neutral", "contradiction"]),
        metrics: &[Metric::ACCURACY],
        validation: ("validation_matched", "dev_matched.tsv"),
    };

    /// Writes both splits in GLUE's folder layout and reads them back.
    fn read(row: &GlueRow, train: &str, validation: (&str, &str)) -> (Vec<Example>, Vec<Example>) {
        let (task, folder) = (row.task(), tempfile::tempdir().unwrap());
        let inner = folder.path().join(row.folder);
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("train.tsv"), train).unwrap();
        std::fs::write(inner.join(validation.0), validation.1).unwrap();
        let source = Source::find(&Origin::Folder(folder.path().to_path_buf()), &task, &Hub::offline()).unwrap();
        [&source.train, &source.validation].map(|file| file.read(&task).unwrap().examples).into()
    }

    fn targets(examples: &[Example]) -> Vec<Target> {
        examples.iter().map(|example| example.target.clone().unwrap()).collect()
    }

    #[test]
    fn a_row_is_enough_for_files_without_a_header() {
        let (train, validation) =
            read(&COLA, "gj04\t1\t\tThey ran.\ngj04\t0\t*\tThem ran.\n", ("dev.tsv", "bc01\t1\t\tI slept.\n"));
        assert_eq!(targets(&train), [Target::Class(1), Target::Class(0)]);
        assert_eq!(train[1].text, Text::Single("Them ran.".into()));
        assert_eq!(validation, [Example { text: Text::Single("I slept.".into()), target: Some(Target::Class(1)) }]);
    }

    #[test]
    fn a_row_is_enough_for_labels_in_words_and_for_another_split() {
        let train = "sentence1\tlabel1\tsentence2\tgold_label\na\tneutral\tb\tcontradiction\nc\tneutral\td\tentailment\n";
        let (train, validation) = read(&MNLI, train, ("dev_matched.tsv", "sentence1\tsentence2\tgold_label\ne\tf\tneutral\n"));
        assert_eq!(targets(&train), [Target::Class(2), Target::Class(0)]);
        assert_eq!(targets(&validation), [Target::Class(1)]);
    }

    #[test]
    fn a_row_is_enough_for_numbers() {
        let table = "sentence1\tsentence2\tscore\na\tb\t3.800\nc\td\t0\n";
        let (train, _) = read(&STSB, table, ("dev.tsv", table));
        assert_eq!(targets(&train), [Target::Value(3.8), Target::Value(0.0)]);
    }

    #[test]
    fn a_task_is_whole_in_json() {
        for row in ROWS.iter().chain([&COLA, &STSB, &MNLI]) {
            let task = row.task();
            let json = serde_json::to_string(&task).unwrap();
            assert_eq!(serde_json::from_str::<Task>(&json).unwrap(), task, "{json}");
            assert!(task.metrics.iter().all(|metric| (metric.fits)(&task.head)), "{json}");
        }
    }
}
