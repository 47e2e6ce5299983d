//! From examples to a batch on the device.

use std::sync::Arc;

use super::device::{Device, Kernels};

use crate::kernels::Rows;
use crate::models::{Input, Padded};
use crate::plan::Trial;
use crate::task::Target;
use crate::tokens::Encoded;

/// A batch of examples on the device.
pub struct Batch {
    /// Tokens.
    pub input: Input,
    /// The label of each example.
    pub labels: Vec<u32>,
    /// Its number in a training.
    pub turn: u64,
}

/// How a padded batch is padded.
#[derive(Clone, Copy, Debug)]
pub struct Padding {
    /// The token that fills, of which nothing is learnt; none where there is none such.
    pub token: Option<u32>,
}

impl Padding {
    /// As a trial says.
    #[must_use]
    pub fn of(trial: &Trial) -> Self {
        Self { token: trial.architecture.pad_token() }
    }
}

impl Batch {
    /// Puts examples on the device: end to end where fused operations read them, else padded to the longest.
    #[must_use]
    pub fn new(examples: &[&Encoded], padding: Padding, device: &Device) -> Self {
        Self::at(0, examples, padding, device)
    }

    /// As the `turn`-th batch of a training.
    #[must_use]
    pub fn at(turn: u64, examples: &[&Encoded], padding: Padding, device: &Device) -> Self {
        let class = |example: &&Encoded| if let Some(Target::Class(class)) = &example.target { Some(*class) } else { None };
        let labels: Vec<u32> = examples.iter().filter_map(class).collect();
        let input = match device.kernels() {
            Kernels::Fused => {
                let rows = Rows::new(examples.iter().map(|example| (&*example.tokens, &*example.segments)));
                Input::Rows(Arc::new(rows.without(padding.token).labelled(labels.clone()).at(turn)))
            }
            Kernels::Reference => Input::Padded(padded(examples, padding, device)),
        };
        Self { input, labels, turn }
    }
}

fn padded(examples: &[&Encoded], padding: Padding, device: &Device) -> Padded {
    let lengths: Vec<usize> = examples.iter().map(|example| example.tokens.len()).collect();
    let length = lengths.iter().copied().max().unwrap_or(1);
    let filled = |values: fn(&Encoded) -> &[u32], fill: u32| -> Vec<i32> {
        let row = |example: &&Encoded| {
            let values = values(example);
            let padding = std::iter::repeat_n(fill, length - values.len());
            values.iter().copied().chain(padding).map(u32::cast_signed).collect::<Vec<_>>()
        };
        examples.iter().flat_map(row).collect()
    };
    let tokens = filled(|example| &example.tokens, padding.token.unwrap_or(0));
    let segments = filled(|example| &example.segments, 0);
    Padded::new(tokens, segments, &lengths, length, device.plain()).without(padding.token)
}
