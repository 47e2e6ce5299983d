//! `[evaluation]`.

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::forms::{Form, Written, written_in_forms};

/// When to evaluate on the validation split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Evaluation {
    /// "epoch", or a number of steps. The last step is always followed by an evaluation.
    pub every: Interval,
}

/// The interval between evaluations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interval {
    /// After every epoch.
    #[default]
    Epoch,
    /// After this many steps.
    Steps(NonZeroU64),
}

impl Written for Interval {
    const FORMS: &'static [Form<Self>] = &[
        Form::Word("epoch", Self::Epoch),
        Form::Number {
            least: 1,
            described: "a number of steps",
            read: |steps| NonZeroU64::new(steps).map(Self::Steps),
            number: |interval| if let Self::Steps(steps) = interval { Some(steps.get()) } else { None },
        },
    ];
}

written_in_forms!(Interval);
