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
    validation: GlueSplit,
    further_validation: &'static [GlueSplit],
    test: &'static [GlueSplit],
}

/// A column's name on the hub, and its name in .tsv files.
type GlueColumn = (&'static str, TsvName);

enum TsvName {
    /// The same name as on the hub.
    Same,
    Name(&'static str),
    /// The column's index, for files without a header.
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
    NamedClasses(&'static [&'static str]),
    Value,
}

/// A split's name on the hub, and its .tsv file.
type GlueSplit = (&'static str, &'static str);

const VALIDATION: GlueSplit = ("validation", "dev.tsv");
const TEST: &[GlueSplit] = &[("test", "test.tsv")];

const SAME_PAIR: GlueText = GlueText::Pair(("sentence1", TsvName::Same), ("sentence2", TsvName::Same));
const NLI_PAIR: GlueText = GlueText::Pair(("premise", TsvName::Name("sentence1")), ("hypothesis", TsvName::Name("sentence2")));
const NLI: GlueHead = GlueHead::NamedClasses(&["entailment", "neutral", "contradiction"]);

static ROWS: &[GlueRow] = &[
    GlueRow {
        name: "cola",
        folder: "CoLA",
        text: GlueText::Single(("sentence", TsvName::Number(3))),
        target: ("label", TsvName::Number(1)),
        head: GlueHead::Classes(&["unacceptable", "acceptable"]),
        metrics: &[Metric::MATTHEWS, Metric::ACCURACY],
        validation: VALIDATION,
        further_validation: &[],
        test: TEST,
    },
    GlueRow {
        name: "mrpc",
        folder: "MRPC",
        text: GlueText::Pair(("sentence1", TsvName::Name("#1 String")), ("sentence2", TsvName::Name("#2 String"))),
        target: ("label", TsvName::Name("Quality")),
        head: GlueHead::Classes(&["not_equivalent", "equivalent"]),
        metrics: &[Metric::ACCURACY, Metric::F1],
        validation: VALIDATION,
        further_validation: &[],
        test: TEST,
    },
    GlueRow {
        name: "mnli",
        folder: "MNLI",
        text: NLI_PAIR,
        target: ("label", TsvName::Name("gold_label")),
        head: NLI,
        metrics: &[Metric::ACCURACY],
        validation: ("validation_matched", "dev_matched.tsv"),
        further_validation: &[("validation_mismatched", "dev_mismatched.tsv")],
        test: &[("test_matched", "test_matched.tsv"), ("test_mismatched", "test_mismatched.tsv")],
    },
    GlueRow {
        name: "qnli",
        folder: "QNLI",
        text: GlueText::Pair(("question", TsvName::Same), ("sentence", TsvName::Same)),
        target: ("label", TsvName::Same),
        head: GlueHead::NamedClasses(&["entailment", "not_entailment"]),
        metrics: &[Metric::ACCURACY],
        validation: VALIDATION,
        further_validation: &[],
        test: TEST,
    },
    GlueRow {
        name: "qqp",
        folder: "QQP",
        text: GlueText::Pair(("question1", TsvName::Same), ("question2", TsvName::Same)),
        target: ("label", TsvName::Name("is_duplicate")),
        head: GlueHead::Classes(&["not_duplicate", "duplicate"]),
        metrics: &[Metric::ACCURACY, Metric::F1],
        validation: VALIDATION,
        further_validation: &[],
        test: TEST,
    },
    GlueRow {
        name: "rte",
        folder: "RTE",
        text: SAME_PAIR,
        target: ("label", TsvName::Same),
        head: GlueHead::NamedClasses(&["entailment", "not_entailment"]),
        metrics: &[Metric::ACCURACY],
        validation: VALIDATION,
        further_validation: &[],
        test: TEST,
    },
    GlueRow {
        name: "sst2",
        folder: "SST-2",
        text: GlueText::Single(("sentence", TsvName::Same)),
        target: ("label", TsvName::Same),
        head: GlueHead::Classes(&["negative", "positive"]),
        metrics: &[Metric::ACCURACY],
        validation: VALIDATION,
        further_validation: &[],
        test: TEST,
    },
    GlueRow {
        name: "stsb",
        folder: "STS-B",
        text: SAME_PAIR,
        target: ("label", TsvName::Name("score")),
        head: GlueHead::Value,
        metrics: &[Metric::PEARSON, Metric::SPEARMAN],
        validation: VALIDATION,
        further_validation: &[],
        test: TEST,
    },
    GlueRow {
        name: "wnli",
        folder: "WNLI",
        text: SAME_PAIR,
        target: ("label", TsvName::Same),
        head: GlueHead::Classes(&["not_entailment", "entailment"]),
        metrics: &[Metric::ACCURACY],
        validation: VALIDATION,
        further_validation: &[],
        test: TEST,
    },
];

/// GLUE's diagnostic set: a test split alone, predicted by a model of MNLI.
const DIAGNOSTICS: GlueRow = GlueRow {
    name: "ax",
    folder: "diagnostic",
    text: NLI_PAIR,
    target: ("label", TsvName::Name("gold_label")),
    head: NLI,
    metrics: &[Metric::ACCURACY],
    validation: VALIDATION,
    further_validation: &[],
    test: &[("test", "diagnostic.tsv")],
};

#[must_use]
pub fn task(name: &str) -> Option<Task> {
    ROWS.iter().find(|row| row.name == name).map(GlueRow::task)
}

/// Returns the diagnostic set, which has a test split only and is predicted by a model of MNLI.
#[must_use]
pub fn diagnostics() -> Task {
    DIAGNOSTICS.task()
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
                validation: split(&self.validation),
                further_validation: self.further_validation.iter().map(split).collect(),
                skips_ragged_rows: self.name == "qqp",
                test: self.test.iter().map(split).collect(),
                ..Splits::default()
            },
        }
    }
}

fn split((name, tsv): &GlueSplit) -> SplitNames {
    SplitNames::new(name, tsv)
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
    use crate::task::{Example, Origin, Reads, Source, Target, Text};

    /// Writes both splits in GLUE's folder layout and reads them back.
    fn read(name: &str, train: &str, validation: (&str, &str)) -> (Vec<Example>, Vec<Example>) {
        let (task, folder) = (task(name).unwrap(), tempfile::tempdir().unwrap());
        let inner = folder.path().join(task.splits.folder.as_ref().unwrap());
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("train.tsv"), train).unwrap();
        for validation_file in [&task.splits.validation].into_iter().chain(&task.splits.further_validation) {
            std::fs::write(inner.join(&validation_file.tsv), validation.1).unwrap();
        }
        let source = Source::find(&Origin::Folder(folder.path().to_path_buf()), &task, &Hub::offline()).unwrap();
        [&source.train, &source.validation].map(|file| file.read(&task, Reads::Labeled).unwrap().examples).into()
    }

    fn targets(examples: &[Example]) -> Vec<Target> {
        examples.iter().map(|example| example.target.clone().unwrap()).collect()
    }

    #[test]
    fn a_row_is_enough_for_files_without_a_header() {
        let (train, validation) =
            read("cola", "gj04\t1\t\tThey ran.\ngj04\t0\t*\tThem ran.\n", ("dev.tsv", "bc01\t1\t\tI slept.\n"));
        assert_eq!(targets(&train), [Target::Class(1), Target::Class(0)]);
        assert_eq!(train[1].text, Text::Single("Them ran.".into()));
        assert_eq!(validation, [Example { text: Text::Single("I slept.".into()), target: Some(Target::Class(1)) }]);
    }

    #[test]
    fn a_row_is_enough_for_labels_in_words_and_for_another_split() {
        let train = "sentence1\tlabel1\tsentence2\tgold_label\na\tneutral\tb\tcontradiction\nc\tneutral\td\tentailment\n";
        let (train, validation) = read("mnli", train, ("dev_matched.tsv", "sentence1\tsentence2\tgold_label\ne\tf\tneutral\n"));
        assert_eq!(targets(&train), [Target::Class(2), Target::Class(0)]);
        assert_eq!(targets(&validation), [Target::Class(1)]);
    }

    #[test]
    fn a_row_is_enough_for_numbers() {
        let table = "sentence1\tsentence2\tscore\na\tb\t3.800\nc\td\t0\n";
        let (train, _) = read("stsb", table, ("dev.tsv", table));
        assert_eq!(targets(&train), [Target::Value(3.8), Target::Value(0.0)]);
    }

    #[test]
    fn a_task_is_whole_in_json() {
        for row in ROWS.iter().chain([&DIAGNOSTICS]) {
            let task = row.task();
            let json = serde_json::to_string(&task).unwrap();
            assert_eq!(serde_json::from_str::<Task>(&json).unwrap(), task, "{json}");
            assert!(task.metrics.iter().all(|metric| (metric.fits)(&task.head)), "{json}");
        }
    }
}
