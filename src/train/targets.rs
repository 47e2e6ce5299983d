//! The targets of a batch, checked against the model's outputs.

use crate::kernels::Targets;
use crate::task::Target;

/// Why targets cannot be trained on.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum TargetError {
    /// An example has no target.
    #[error("an example to learn from has no target")]
    Missing,
    #[error("an example is of class {class}, and the model has {outputs} outputs")]
    Class {
        class: u32,
        /// Number of model outputs.
        outputs: usize,
    },
    #[error("an example has {labels} labels, and the model {outputs} outputs")]
    Labels {
        /// Number of labels of the example.
        labels: usize,
        /// Number of model outputs.
        outputs: usize,
    },
    /// A number as the target for a model with several outputs.
    #[error("an example has a number as its target, and the model {outputs} outputs")]
    Value {
        /// Number of model outputs.
        outputs: usize,
    },
    /// A target that is NaN or infinite.
    #[error("the target of an example is {0}")]
    NotFinite(f32),
    /// Classes, labels and numbers are mixed in one batch.
    #[error("the targets of a batch are of several kinds")]
    Mixed,
}

/// Collects the targets of a batch for a model with this number of outputs.
///
/// # Errors
/// A target is missing, the targets are of different types, or a target does not fit the outputs.
pub fn checked<'a>(targets: impl Iterator<Item = Option<&'a Target>>, outputs: usize) -> Result<Targets, TargetError> {
    let mut all = Targets::None;
    for target in targets {
        let target = target.ok_or(TargetError::Missing)?;
        if all == Targets::None {
            all = match target {
                Target::Class(_) => Targets::Classes(Vec::new()),
                Target::Labels(_) => Targets::Labels { values: Vec::new(), labels: outputs },
                Target::Value(_) => Targets::Values(Vec::new()),
            };
        }
        match (&mut all, target) {
            (Targets::Classes(_), Target::Class(class)) if *class as usize >= outputs => {
                return Err(TargetError::Class { class: *class, outputs });
            }
            (Targets::Classes(classes), Target::Class(class)) => classes.push(*class),
            (Targets::Labels { .. }, Target::Labels(labels)) if labels.len() != outputs => {
                return Err(TargetError::Labels { labels: labels.len(), outputs });
            }
            (Targets::Labels { values, .. }, Target::Labels(labels)) => {
                values.extend(labels.iter().map(|label| f32::from(u8::from(*label))));
            }
            (Targets::Values(_), Target::Value(_)) if outputs != 1 => return Err(TargetError::Value { outputs }),
            (Targets::Values(_), Target::Value(value)) if !value.is_finite() => return Err(TargetError::NotFinite(*value)),
            (Targets::Values(values), Target::Value(value)) => values.push(*value),
            _ => return Err(TargetError::Mixed),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_that_the_outputs_cannot_give_are_refused() {
        let said = |targets: &[Target], outputs| checked(targets.iter().map(Some), outputs).unwrap_err().to_string();
        assert_eq!(checked([None].into_iter(), 2), Err(TargetError::Missing));
        assert_eq!(said(&[Target::Class(1), Target::Class(3)], 3), "an example is of class 3, and the model has 3 outputs");
        let labels = [Target::Labels([true, false].into())];
        assert_eq!(said(&labels, 3), "an example has 2 labels, and the model 3 outputs");
        assert_eq!(said(&[Target::Value(1.0)], 2), "an example has a number as its target, and the model 2 outputs");
        assert_eq!(said(&[Target::Value(f32::NAN)], 1), "the target of an example is NaN");
        assert_eq!(said(&[Target::Class(0), Target::Value(1.0)], 2), "the targets of a batch are of several kinds");
    }

    #[test]
    fn targets_stand_in_the_order_of_examples() {
        assert_eq!(checked([Target::Class(2), Target::Class(0)].iter().map(Some), 3).unwrap(), Targets::Classes(vec![2, 0]));
        let labels = [[true, false], [false, true]].map(|labels| Target::Labels(labels.into()));
        let values = vec![1.0, 0.0, 0.0, 1.0];
        assert_eq!(checked(labels.iter().map(Some), 2).unwrap(), Targets::Labels { values, labels: 2 });
        assert_eq!(checked([Target::Value(-0.5)].iter().map(Some), 1).unwrap(), Targets::Values(vec![-0.5]));
        assert_eq!(checked(std::iter::empty(), 2).unwrap(), Targets::None);
    }
}
