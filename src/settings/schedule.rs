//! `[schedule]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SettingProblem;

/// Learning-rate schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// "linear" and "cosine" decay to 0 at the last step; "constant" does not decay.
    pub kind: ScheduleKind,
    /// Steps of linear warmup from 0.
    #[schemars(extend("x-derived" = "warmup", "x-replaced-by" = "schedule.warmup_ratio"))]
    pub warmup_steps: u64,
    /// Warmup as a fraction of all steps, from 0 to 1, in place of warmup_steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub warmup_ratio: Option<f64>,
}

/// Shapes of transformers' `get_scheduler`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// A straight line to 0.
    #[default]
    Linear,
    /// Half a cosine wave to 0.
    Cosine,
    /// No change after the warmup.
    Constant,
}

impl Schedule {
    pub(super) fn problems(&self) -> Vec<SettingProblem> {
        let both = self.warmup_steps > 0 && self.warmup_ratio.is_some_and(|ratio| ratio > 0.0);
        let problem = || {
            SettingProblem::new("schedule.warmup_ratio", "the warmup is given twice, as steps and as a ratio")
                .help("keep one of schedule.warmup_steps and schedule.warmup_ratio, or set the other to 0")
        };
        both.then(problem).into_iter().collect()
    }

    /// Returns the number of warmup steps in a run of `total` steps, rounded up as in transformers.
    #[must_use]
    pub fn warmup(&self, total: u64) -> u64 {
        match self.warmup_ratio {
            Some(ratio) if ratio > 0.0 => (ratio * total as f64).ceil() as u64,
            _ => self.warmup_steps,
        }
    }

    /// Returns the key that determines the length of the warmup.
    #[must_use]
    pub fn warmup_path(&self) -> &'static str {
        if self.warmup_ratio.is_some_and(|ratio| ratio > 0.0) { "schedule.warmup_ratio" } else { "schedule.warmup_steps" }
    }
}
