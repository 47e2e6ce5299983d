//! The eleven files of a submission: a table with one row per file.

/// One of the files of a submission, in the order in which GLUE lists its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GlueFile {
    Cola,
    Sst2,
    Mrpc,
    Qqp,
    Stsb,
    MnliMatched,
    MnliMismatched,
    Qnli,
    Rte,
    Wnli,
    /// The diagnostics, which a model trained on MNLI predicts.
    Ax,
}

/// What stands in a file's column of predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// A class: its name in the task, and what stands for it in the file.
    Classes(&'static [(&'static str, &'static str)]),
    /// A number from 0 to 5.
    Score,
}

/// A file's row in the table.
struct FileFacts {
    name: &'static str,
    task: &'static str,
    rows: usize,
    values: Values,
    majority: &'static str,
}

/// The smallest and the largest score of STS-B.
pub const SCORES: (f64, f64) = (0.0, 5.0);

const THREE_WORDS: Values =
    Values::Classes(&[("entailment", "entailment"), ("neutral", "neutral"), ("contradiction", "contradiction")]);
const TWO_WORDS: Values = Values::Classes(&[("entailment", "entailment"), ("not_entailment", "not_entailment")]);

impl GlueFile {
    /// All files.
    pub const ALL: [Self; 11] = [
        Self::Cola,
        Self::Sst2,
        Self::Mrpc,
        Self::Qqp,
        Self::Stsb,
        Self::MnliMatched,
        Self::MnliMismatched,
        Self::Qnli,
        Self::Rte,
        Self::Wnli,
        Self::Ax,
    ];

    /// Returns the files that a model trained on this task predicts: three for MNLI, none for a task that is not GLUE's.
    pub fn of_task(task: &str) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |file| file.task() == task)
    }

    /// Returns the file's name in the zip.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// Returns the name of the task whose model predicts the file.
    #[must_use]
    pub fn task(self) -> &'static str {
        self.facts().task
    }

    /// Returns the number of predictions: the examples of the test split.
    #[must_use]
    pub fn rows(self) -> usize {
        self.facts().rows
    }

    /// Returns what a prediction may be.
    #[must_use]
    pub fn values(self) -> Values {
        self.facts().values
    }

    /// Returns the prediction that suits the training split best among those that are the same for every example: its most
    /// frequent class or, for STS-B, its mean. Constant scores leave Pearson and Spearman undefined.
    ///
    /// The comments in the table are counts of GLUE's own training files. These are not among them:
    ///
    /// - QQP: 63% of the training split are no duplicates, says the data card of `nyu-mll/glue`; the test split, by GLUE's paper, is
    ///   distributed otherwise.
    /// - MNLI: contradiction 130,903, neutral 130,900, entailment 130,899, by published counts of XNLI's English training split, which
    ///   is the same one, of 392,702 pairs. Any of the three scores about a third.
    /// - QNLI: its training split is balanced, so this is the more frequent class of the validation split, 2,761 of 5,463. Either
    ///   scores about half.
    /// - AX has no training split and takes MNLI's class.
    #[must_use]
    pub fn majority(self) -> &'static str {
        self.facts().majority
    }

    fn facts(self) -> FileFacts {
        let digits = |classes| Values::Classes(classes);
        let (name, task, rows, values, majority) = match self {
            // 6,023 of 8,551.
            Self::Cola => ("CoLA.tsv", "cola", 1_063, digits(&[("unacceptable", "0"), ("acceptable", "1")]), "1"),
            // 37,569 of 67,349.
            Self::Sst2 => ("SST-2.tsv", "sst2", 1_821, digits(&[("negative", "0"), ("positive", "1")]), "1"),
            // 2,474 of 3,668.
            Self::Mrpc => ("MRPC.tsv", "mrpc", 1_725, digits(&[("not_equivalent", "0"), ("equivalent", "1")]), "1"),
            // 63%, see above.
            Self::Qqp => ("QQP.tsv", "qqp", 390_965, digits(&[("not_duplicate", "0"), ("duplicate", "1")]), "0"),
            // 2.70100 over 5,749 pairs.
            Self::Stsb => ("STS-B.tsv", "stsb", 1_379, Values::Score, "2.701"),
            Self::MnliMatched => ("MNLI-m.tsv", "mnli", 9_796, THREE_WORDS, "contradiction"),
            Self::MnliMismatched => ("MNLI-mm.tsv", "mnli", 9_847, THREE_WORDS, "contradiction"),
            Self::Qnli => ("QNLI.tsv", "qnli", 5_463, TWO_WORDS, "not_entailment"),
            // 1,249 of 2,490.
            Self::Rte => ("RTE.tsv", "rte", 3_000, TWO_WORDS, "entailment"),
            // 323 of 635. The file holds numbers, unlike RTE's, and entailment is 1 here.
            Self::Wnli => ("WNLI.tsv", "wnli", 146, digits(&[("not_entailment", "0"), ("entailment", "1")]), "0"),
            Self::Ax => ("AX.tsv", "mnli", 1_104, THREE_WORDS, "contradiction"),
        };
        FileFacts { name, task, rows, values, majority }
    }
}

impl Values {
    /// Whether a prediction may be this text.
    #[must_use]
    pub fn allow(self, cell: &str) -> bool {
        match self {
            Self::Classes(classes) => classes.iter().any(|(_, allowed)| *allowed == cell),
            // NaN is in no range.
            Self::Score => cell.parse().is_ok_and(|score: f64| (SCORES.0..=SCORES.1).contains(&score)),
        }
    }

    /// Returns what is allowed, for messages.
    #[must_use]
    pub fn described(self) -> String {
        match self {
            Self::Classes(classes) => match classes.iter().map(|(_, cell)| *cell).collect::<Vec<_>>().as_slice() {
                [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
                cells => cells.concat(),
            },
            Self::Score => format!("a number from {} to {}", SCORES.0, SCORES.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_table_and_no_others() {
        let allowed = |file: GlueFile, cells: &[&str]| cells.iter().filter(|cell| file.values().allow(cell)).count();
        assert_eq!(allowed(GlueFile::Wnli, &["0", "1", "2", "", " 1", "01", "1.0", "entailment"]), 2);
        assert_eq!(allowed(GlueFile::Ax, &["entailment", "neutral", "contradiction", "Neutral", "not_entailment", "0"]), 3);
        assert_eq!(allowed(GlueFile::Stsb, &["0", "5.000", "3.8", "2.701", "5.001", "-0.1", "nan", "inf", "", " 1", "1,5"]), 4);
        assert!(GlueFile::ALL.iter().all(|file| file.values().allow(file.majority())));
        assert_eq!(GlueFile::MnliMatched.values().described(), "entailment, neutral or contradiction");
        assert_eq!(GlueFile::Stsb.values().described(), "a number from 0 to 5");
    }

    #[test]
    fn a_model_of_mnli_predicts_three_files() {
        let of = |task| GlueFile::of_task(task).map(GlueFile::name).collect::<Vec<_>>();
        assert_eq!(of("mnli"), ["MNLI-m.tsv", "MNLI-mm.tsv", "AX.tsv"]);
        assert_eq!((of("rte"), of("reviews").len()), (vec!["RTE.tsv"], 0));
    }
}
