//! The interface that a family of encoders implements.

use super::config::ConfigFile;
use super::parameter::Builder;
use super::{DropoutProbabilities, Encoder, EncoderKind, Positions};

/// A family's parsed `config.json`. The methods are documented at [`super::Architecture`].
pub(super) trait Family {
    fn file(&self) -> &ConfigFile;
    /// `model_type` in `config.json`.
    fn model_type(&self) -> &'static str;
    /// The transformers class for sequence classification.
    fn class(&self) -> &'static str;
    /// The prefix of the encoder's parameter names, which checkpoints without a head omit.
    fn base_model_prefix(&self) -> &'static str;
    fn kind(&self) -> EncoderKind {
        EncoderKind::PostNorm
    }
    /// Adds all parameters in the order of torch's `named_parameters()`, and returns what they are used for.
    fn encoder(&self, all: &mut Builder, outputs: usize) -> Encoder;
    /// Standard deviation of randomly initialized weights.
    fn initializer_range(&self) -> f64;
    fn positions(&self) -> Positions {
        Positions::FromZero
    }
    fn description(&self) -> String;
    fn vocabulary(&self) -> usize;
    fn segments(&self) -> usize;
    fn pad_token(&self) -> Option<u32>;
    fn longest(&self) -> usize;
    fn dropout(&self) -> DropoutProbabilities;
    fn operations(&self, length: usize) -> f64;

    /// Checkpoints converted from TensorFlow name layer norm parameters gamma and beta, in every family.
    fn rename(&self, name: &str) -> String {
        match name.rsplit_once('.') {
            Some((layer, "gamma")) => format!("{layer}.weight"),
            Some((layer, "beta")) => format!("{layer}.bias"),
            _ => name.to_string(),
        }
    }
}
