//! `[checkpoints]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::forms::{Form, Written, written_in_forms};
use super::save::SaveEvery;

/// Which checkpoints to keep, and when to save what `gluepot resume` needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoints {
    /// "best" and "last"; a number keeps that many more of the newest. An empty list keeps none.
    #[schemars(extend("x-effect" = false))]
    pub keep: Keep,
    /// When to save what `gluepot resume` needs: "epoch", a number of steps, "10 minutes", or "never".
    #[schemars(extend("x-effect" = false))]
    pub every: SaveEvery,
}

/// What is kept of the checkpoints that every evaluation writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "KeepForm")]
#[schemars(with = "KeepForm")]
pub struct Keep(pub Vec<Kept>);

/// How it is written. A number alone adds to the default.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Keep", title = "a list of \"best\", \"last\" and numbers, or a number")]
enum KeepForm {
    List(Vec<Kept>),
    More(u64),
}

impl From<KeepForm> for Keep {
    fn from(form: KeepForm) -> Self {
        match form {
            KeepForm::List(kept) => Self(kept),
            KeepForm::More(n) => Self(vec![Kept::Best, Kept::Last, Kept::More(n)]),
        }
    }
}

/// One entry of `keep`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The checkpoint with the best score of the experiment's metric.
    Best,
    /// The newest checkpoint.
    Last,
    /// This many others, the newest first.
    More(u64),
}

impl Written for Kept {
    const FORMS: &'static [Form<Self>] = &[
        Form::Word("best", Self::Best),
        Form::Word("last", Self::Last),
        Form::Number {
            least: 0,
            described: "a number",
            read: |n| Some(Self::More(n)),
            number: |kept| if let Self::More(n) = kept { Some(n) } else { None },
        },
    ];
}

written_in_forms!(Kept);

impl Default for Keep {
    fn default() -> Self {
        Self(vec![Kept::Best, Kept::Last])
    }
}

impl Keep {
    /// Whether the list contains an entry.
    #[must_use]
    pub fn contains(&self, kept: Kept) -> bool {
        self.0.contains(&kept)
    }

    /// Returns how many checkpoints are kept besides the best and the last.
    #[must_use]
    pub fn more(&self) -> u64 {
        self.0.iter().map(|kept| if let Kept::More(n) = kept { *n } else { 0 }).fold(0, u64::saturating_add)
    }
}
