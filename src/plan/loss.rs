//! What a trial minimizes.

use std::collections::BTreeMap;

use crate::settings::{ClassWeights, LossSettings, SettingProblem};
use crate::task::{Head, LabelCounts, Task};
use crate::terminal::nearest;
use crate::terminal::{brief, listed};

/// The loss that training minimizes. Scores and the validation loss are always those of the plain loss.
#[derive(Clone, Debug, PartialEq)]
pub enum TrainingLoss {
    /// For one of several classes: torch's `CrossEntropyLoss(weight, label_smoothing)`.
    CrossEntropy {
        /// Share of each target that is spread evenly over all classes; at least 0 and below 1.
        label_smoothing: f64,
        /// A positive weight for each class, in the order of their ids; `None` if all count the same.
        class_weights: Option<Vec<f64>>,
    },
    /// For any of several labels: torch's `BCEWithLogitsLoss()`.
    BinaryCrossEntropy,
    /// For a number: torch's `MSELoss()`.
    MeanSquaredError,
}

const SMOOTHING: &str = "loss.label_smoothing";
const WEIGHTS: &str = "loss.class_weights";

impl TrainingLoss {
    /// The loss without smoothing and weights.
    pub(super) fn plain(head: &Head) -> Self {
        match head {
            Head::Classes(_) => Self::CrossEntropy { label_smoothing: 0.0, class_weights: None },
            Head::Labels(_) => Self::BinaryCrossEntropy,
            Head::Value => Self::MeanSquaredError,
        }
    }

    /// Resolves the settings for a task whose training examples have these classes.
    pub(super) fn of(settings: &LossSettings, task: &Task, counts: Option<&LabelCounts>) -> Result<Self, Vec<SettingProblem>> {
        let Head::Classes(labels) = &task.head else {
            let unfit = unfit(settings, task);
            return if unfit.is_empty() { Ok(Self::plain(&task.head)) } else { Err(unfit) };
        };
        let class_weights = match &settings.class_weights {
            ClassWeights::None => None,
            ClassWeights::Balanced => Some(balanced(labels, counts.map_or(&[], LabelCounts::counts))?),
            ClassWeights::Given(weights) => Some(given(labels, weights, task)?),
        };
        Ok(Self::CrossEntropy { label_smoothing: settings.label_smoothing, class_weights })
    }

    /// The weight of each class, if they differ in weight.
    #[must_use]
    pub fn class_weights(&self) -> Option<&[f64]> {
        match self {
            Self::CrossEntropy { class_weights, .. } => class_weights.as_deref(),
            Self::BinaryCrossEntropy | Self::MeanSquaredError => None,
        }
    }
}

/// The settings that have no meaning for a task without classes.
fn unfit(settings: &LossSettings, task: &Task) -> Vec<SettingProblem> {
    let (predicts, loss) = match task.head {
        Head::Value => ("a number", "the mean squared error"),
        Head::Classes(_) | Head::Labels(_) => ("any of several labels", "the binary cross-entropy of each label"),
    };
    let problem = |path: &str, key: &str, what: &str| {
        let message = format!("{key} {what} one of several classes, and {} predicts {predicts}", brief(&task.name));
        SettingProblem::new(path, message).help(format!("remove it: the loss is {loss}"))
    };
    let smooths = (settings.label_smoothing != 0.0).then(|| problem(SMOOTHING, "label_smoothing", "is for"));
    let weighs = (settings.class_weights != ClassWeights::None).then(|| problem(WEIGHTS, "class_weights", "are for"));
    smooths.into_iter().chain(weighs).collect()
}

/// scikit-learn's `compute_class_weight("balanced")`: examples / (classes · examples of the class), so that the weights of all
/// examples have a mean of 1.
fn balanced(labels: &[String], counts: &[usize]) -> Result<Vec<f64>, Vec<SettingProblem>> {
    let examples: usize = counts.iter().sum();
    let count = |class: usize| counts.get(class).copied().unwrap_or(0);
    let absent = (0..labels.len()).filter(|class| count(*class) == 0).map(|class| &labels[class]);
    let absent = quoted(absent);
    if !absent.is_empty() {
        let message = format!("\"balanced\" class_weights need training examples of every label, and none has {absent}");
        let help = "use more of the training split (data.train_limit), or give the weights: class_weights = { label = 1.0, … }";
        return Err(vec![SettingProblem::new(WEIGHTS, message).help(help)]);
    }
    Ok((0..labels.len()).map(|class| examples as f64 / (labels.len() * count(class)) as f64).collect())
}

/// The given weights in the order of the labels, each of which must have one.
fn given(labels: &[String], weights: &BTreeMap<String, f64>, task: &Task) -> Result<Vec<f64>, Vec<SettingProblem>> {
    let mut problems = Vec::new();
    let unknown: Vec<&String> = weights.keys().filter(|name| !labels.contains(name)).collect();
    let meant: Vec<&str> = unknown.iter().filter_map(|name| nearest(name, labels.iter().map(String::as_str))).collect();
    if !unknown.is_empty() {
        let message = format!("{} has no label {}", brief(&task.name), quoted(unknown.iter()));
        let near = if meant.is_empty() { String::new() } else { format!("did you mean {}? ", quoted(meant.iter())) };
        problems.push(SettingProblem::new(WEIGHTS, message).help(format!("{near}its labels are {}", listed(labels))));
    }
    // A label that has its weight under a misspelled name is not missing.
    let is_missing = |label: &&String| !weights.contains_key(*label) && !meant.contains(&label.as_str());
    let missing = quoted(labels.iter().filter(is_missing));
    if !missing.is_empty() {
        let message = format!("class_weights has no weight for {missing}");
        problems.push(SettingProblem::new(WEIGHTS, message).help("name every label; one that counts as much as before has 1.0"));
    }
    let refused = quoted(weights.iter().filter(|(_, weight)| !(weight.is_finite() && **weight > 0.0)).map(|(name, _)| name));
    if !refused.is_empty() {
        problems.push(SettingProblem::new(WEIGHTS, format!("the weight of {refused} is not a positive number")));
    }
    if problems.is_empty() { Ok(labels.iter().map(|label| weights[label]).collect()) } else { Err(problems) }
}

/// Lists names in quotes, the first ones of many.
fn quoted<S: AsRef<str>>(names: impl Iterator<Item = S>) -> String {
    listed(&names.map(|name| format!("\"{}\"", brief(name.as_ref()))).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::glue;

    fn task(head: Head) -> Task {
        Task { name: "reviews".into(), head, ..glue::task("mrpc").unwrap() }
    }

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn counts(counts: &[usize]) -> LabelCounts {
        let labels = counts.iter().enumerate().flat_map(|(class, count)| std::iter::repeat_n(class, *count));
        LabelCounts::of(counts.len(), labels)
    }

    fn weighted(class_weights: ClassWeights) -> LossSettings {
        LossSettings { label_smoothing: 0.25, class_weights }
    }

    /// Values of scikit-learn's `compute_class_weight`: tests/reference/make_losses.py.
    #[test]
    fn balanced_weights_are_scikit_learns() {
        let golden: serde_json::Value = serde_json::from_str(include_str!("../../tests/golden/losses.json")).unwrap();
        for case in golden["balanced"].as_array().unwrap() {
            let numbers: Vec<usize> = serde_json::from_value(case["counts"].clone()).unwrap();
            let expected: Vec<f64> = serde_json::from_value(case["weights"].clone()).unwrap();
            let labels: Vec<String> = (0..numbers.len()).map(|label| label.to_string()).collect();
            let weights = balanced(&labels, &numbers).unwrap();
            assert!(weights.iter().zip(&expected).all(|(ours, theirs)| (ours - theirs).abs() < 1e-12), "{weights:?}");
        }
    }

    #[test]
    fn weights_stand_in_the_order_of_the_labels() {
        let task = task(Head::Classes(named(&["good", "bad"])));
        let given = ClassWeights::Given([("bad".into(), 3.0), ("good".into(), 0.5)].into());
        let loss = TrainingLoss::of(&weighted(given), &task, None).unwrap();
        assert_eq!(loss, TrainingLoss::CrossEntropy { label_smoothing: 0.25, class_weights: Some(vec![0.5, 3.0]) });
        let loss = TrainingLoss::of(&weighted(ClassWeights::Balanced), &task, Some(&counts(&[1, 3]))).unwrap();
        assert_eq!(loss.class_weights(), Some(&[2.0, 2.0 / 3.0][..]));
        assert_eq!(TrainingLoss::of(&LossSettings::default(), &task, None).unwrap(), TrainingLoss::plain(&task.head));
    }

    #[test]
    fn a_class_without_examples_has_no_balanced_weight() {
        let task = task(Head::Classes(named(&["good", "fair", "bad"])));
        let problems = TrainingLoss::of(&weighted(ClassWeights::Balanced), &task, Some(&counts(&[2, 0, 0]))).unwrap_err();
        assert_eq!(problems[0].path, "loss.class_weights");
        assert!(problems[0].message.ends_with("none has \"fair\", \"bad\""), "{problems:?}");
    }

    #[test]
    fn only_classes_are_smoothed_or_weighted() {
        for (head, predicts) in [(Head::Value, "a number"), (Head::Labels(named(&["a", "b"])), "any of several labels")] {
            let task = task(head);
            let problems = TrainingLoss::of(&weighted(ClassWeights::Balanced), &task, None).unwrap_err();
            let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
            assert_eq!(paths, ["loss.label_smoothing", "loss.class_weights"]);
            assert!(problems.iter().all(|problem| problem.message.ends_with(&format!("reviews predicts {predicts}"))));
            assert_eq!(TrainingLoss::of(&LossSettings::default(), &task, None).unwrap(), TrainingLoss::plain(&task.head));
        }
    }
}
