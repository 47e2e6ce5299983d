//! A model's outputs in the order of a task's labels.

use anyhow::{Result, bail};

use crate::checkpoint::Classifier;
use crate::task::{Head, Output};

/// How a model's outputs become those of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// For each of the task's outputs, the model's; `None` if they are the same.
    order: Option<Vec<usize>>,
    /// What the user should know of it.
    pub remark: Option<String>,
}

impl Alignment {
    /// Matches the outputs of a model with the labels of a task by name.
    ///
    /// # Errors
    /// The model predicts something else.
    pub fn of(model: &Head, task: &Head) -> Result<Self> {
        let same = Self { order: None, remark: None };
        if model == task {
            return Ok(same);
        }
        let (theirs, ours) = (model.labels(), task.labels());
        if std::mem::discriminant(model) != std::mem::discriminant(task) || theirs.len() != ours.len() {
            bail!("the model predicts {}, and the task is {}", described(model), described(task));
        }
        match Classifier::of(theirs, ours) {
            Classifier::Kept if theirs.iter().zip(ours).all(|(a, b)| a.to_lowercase() == b.to_lowercase()) => Ok(same),
            Classifier::Kept => {
                let remark = format!("the model's outputs have no names: {} are taken as {}", theirs.join(", "), ours.join(", "));
                Ok(Self { order: None, remark: Some(remark) })
            }
            Classifier::Permuted(order) => {
                let remark = format!("the model's outputs are reordered from {} to {}", theirs.join(", "), ours.join(", "));
                Ok(Self { order: Some(order), remark: Some(remark) })
            }
            Classifier::Dropped => bail!("the model predicts {}, and the task is {}", described(model), described(task)),
        }
    }

    /// Puts outputs in the task's order.
    #[must_use]
    pub fn apply(&self, outputs: Vec<Output>) -> Vec<Output> {
        let Some(order) = &self.order else { return outputs };
        outputs.into_iter().map(|Output(values)| Output(order.iter().map(|index| values[*index]).collect())).collect()
    }
}

fn described(head: &Head) -> String {
    match head {
        Head::Classes(labels) => format!("one of {}", labels.join(", ")),
        Head::Labels(labels) => format!("any of {}", labels.join(", ")),
        Head::Value => "a number".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(names: &str) -> Head {
        Head::Classes(names.split(' ').map(String::from).collect())
    }

    #[test]
    fn outputs_follow_the_tasks_labels() {
        let task = classes("entailment neutral contradiction");
        let aligned = |model: &str| Alignment::of(&classes(model), &task);
        let reordered = aligned("CONTRADICTION NEUTRAL ENTAILMENT").unwrap();
        assert_eq!(reordered.apply(vec![Output(vec![0.1, 0.2, 0.3])]), [Output(vec![0.3, 0.2, 0.1])]);
        assert!(reordered.remark.is_some());
        assert_eq!(aligned("Entailment Neutral Contradiction").unwrap(), Alignment { order: None, remark: None });
        assert!(aligned("LABEL_0 LABEL_1 LABEL_2").unwrap().remark.unwrap().contains("LABEL_0"));
        for other in ["positive neutral negative", "entailment not_entailment"] {
            assert!(aligned(other).unwrap_err().to_string().contains("the task is one of entailment"), "{other}");
        }
        assert!(Alignment::of(&Head::Value, &task).is_err());
        assert!(Alignment::of(&Head::Value, &Head::Value).is_ok());
    }
}
