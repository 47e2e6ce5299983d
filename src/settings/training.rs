//! `[training]`.

use std::num::{NonZeroU64, NonZeroUsize};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Steps, gradient accumulation and precision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Batches per optimizer step.
    pub gradient_accumulation: NonZeroUsize,
    /// "fp32"; or "tf32" or "bf16" for the factors of matrix products, with weights and everything else in fp32; or "auto", bf16
    /// on devices that multiply it faster than fp32.
    pub precision: PrecisionChoice,
    /// Total number of steps, for the schedule too; replaces `epochs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<NonZeroU64>,
}

/// Number format of the matrix products, as an experiment asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionChoice {
    /// 32-bit floats.
    #[default]
    Fp32,
    /// Factors rounded to TF32, 10 bits after the point, by GPUs that have it.
    Tf32,
    /// bfloat16 factors, 7 bits after the point, by GPUs and by CPUs with AVX512-BF16.
    Bf16,
    /// bf16 where the device multiplies it faster, else fp32. A run keeps what this became when it was planned.
    Auto,
}

impl PrecisionChoice {
    /// Returns the precision, with `fastest` for [`Self::Auto`].
    #[must_use]
    pub fn resolved(self, fastest: Precision) -> Precision {
        match self {
            Self::Fp32 => Precision::Fp32,
            Self::Tf32 => Precision::Tf32,
            Self::Bf16 => Precision::Bf16,
            Self::Auto => fastest,
        }
    }
}

impl From<Precision> for PrecisionChoice {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::Fp32 => Self::Fp32,
            Precision::Tf32 => Self::Tf32,
            Precision::Bf16 => Self::Bf16,
        }
    }
}

/// Number format of the matrix products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Fp32,
    /// Factors rounded to TF32.
    Tf32,
    /// Factors rounded to bfloat16.
    Bf16,
}

impl Precision {
    /// Returns the name as written in experiment files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        }
    }
}

impl Default for Training {
    fn default() -> Self {
        Self { gradient_accumulation: NonZeroUsize::MIN, precision: PrecisionChoice::default(), max_steps: None }
    }
}
