//! `[logging]`.

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often metrics are logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Logging {
    /// Steps between rows of metrics/train.csv; 1 logs every step.
    #[schemars(extend("x-effect" = false))]
    pub every: NonZeroU64,
}

impl Default for Logging {
    fn default() -> Self {
        Self { every: const { NonZeroU64::new(10).unwrap() } }
    }
}
