//! Whether the classifier of a checkpoint is of use for a task.

/// How the classifier of a checkpoint becomes that of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Classifier {
    /// Output by output: the labels are the same, or the checkpoint does not name its labels.
    #[default]
    Kept,
    /// The labels are the same in another order: for each of the task's labels, its output in the checkpoint.
    Permuted(Vec<usize>),
    /// The labels are others: the classifier is randomly initialized.
    Dropped,
}

impl Classifier {
    /// Matches the labels of a checkpoint and of a task by name, ignoring case.
    ///
    /// A different number of labels is left to the shapes.
    #[must_use]
    pub fn of(checkpoint: &[String], task: &[String]) -> Self {
        // transformers numbers labels that nobody named.
        let is_number = |(index, label): (usize, &String)| label.eq_ignore_ascii_case(&format!("label_{index}"));
        let is_unnamed = checkpoint.iter().enumerate().all(is_number);
        if task.is_empty() || is_unnamed || checkpoint.len() != task.len() {
            return Self::Kept;
        }
        let place = |label: &String| checkpoint.iter().position(|other| other.to_lowercase() == label.to_lowercase());
        match task.iter().map(place).collect::<Option<Vec<usize>>>() {
            None => Self::Dropped,
            Some(order) if order.iter().copied().eq(0..task.len()) => Self::Kept,
            Some(order) => {
                let mut sorted = order.clone();
                sorted.sort_unstable();
                // Labels that differ only in case are not a permutation.
                if sorted.into_iter().eq(0..task.len()) { Self::Permuted(order) } else { Self::Dropped }
            }
        }
    }

    /// What identities and records say of it; nothing if the classifier is kept, as in earlier versions.
    #[must_use]
    pub fn record(&self) -> Option<String> {
        match self {
            Self::Kept => None,
            Self::Permuted(order) => Some(format!("permuted {order:?}")),
            Self::Dropped => Some("dropped".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(checkpoint: &str, task: &str) -> Classifier {
        let labels = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
        Classifier::of(&labels(checkpoint), &labels(task))
    }

    #[test]
    fn labels_are_matched_by_name() {
        let nli = "entailment neutral contradiction";
        for (checkpoint, expected) in [
            ("ENTAILMENT Neutral contradiction", Classifier::Kept),
            ("contradiction neutral entailment", Classifier::Permuted(vec![2, 1, 0])),
            ("LABEL_0 LABEL_1 LABEL_2", Classifier::Kept),
            ("negative neutral positive", Classifier::Dropped),
            ("not_entailment entailment", Classifier::Kept),
            ("", Classifier::Kept),
            ("entailment Entailment neutral", Classifier::Dropped),
        ] {
            assert_eq!(of(checkpoint, nli), expected, "{checkpoint}");
        }
        assert_eq!(of("LABEL_1 LABEL_0", "no yes"), Classifier::Dropped);
        assert_eq!(of("a b", "A a"), Classifier::Dropped);
        assert_eq!(of("a b", ""), Classifier::Kept);
    }
}
