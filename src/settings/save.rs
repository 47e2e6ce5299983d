//! `checkpoints.every`.

use std::num::NonZeroU64;

use super::forms::{Around, Form, Written, written_in_forms};

/// When to save the state that `gluepot resume` needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveEvery {
    /// After every epoch.
    #[default]
    Epoch,
    /// After this many steps.
    Steps(NonZeroU64),
    /// After the first step that ends at least this many minutes after the last save.
    Minutes(NonZeroU64),
    /// Only when training is interrupted.
    Never,
}

impl Written for SaveEvery {
    const FORMS: &'static [Form<Self>] = &[
        Form::Word("epoch", Self::Epoch),
        Form::Number {
            least: 1,
            described: "a number of steps",
            read: |steps| NonZeroU64::new(steps).map(Self::Steps),
            number: |every| if let Self::Steps(steps) = every { Some(steps.get()) } else { None },
        },
        Form::Text {
            text: Around { before: "", after: " minute", plural: "s", least: 1, most_digits: 9 },
            example: "10 minutes",
            read: |minutes| NonZeroU64::new(minutes).map(Self::Minutes),
            number: |every| if let Self::Minutes(minutes) = every { Some(minutes.get()) } else { None },
        },
        Form::Word("never", Self::Never),
    ];
}

written_in_forms!(SaveEvery);
