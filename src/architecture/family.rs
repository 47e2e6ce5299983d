//! The interface that a family of encoders implements.

use std::fmt::Debug;

use super::encoder::{Encoder, EncoderKind};
use super::parameter::Builder;
use super::shape::EncoderShape;

/// What a family adds to the shape that all share: its names and parameters, and the settings that only it has.
pub(super) trait Family: Debug + Send + Sync {
    fn names(&self) -> FamilyNames;

    /// The kind of the encoder, without building it.
    fn kind(&self) -> EncoderKind {
        EncoderKind::PostNorm
    }

    /// Adds all parameters in the order of torch's `named_parameters()`, and returns what they are used for.
    fn encoder(&self, shape: &EncoderShape, all: &mut Builder, outputs: usize) -> Encoder;

    /// A short description of the shape.
    fn description(&self, shape: &EncoderShape) -> String {
        shape.description("", "")
    }

    /// Floating-point operations per training step for one example of `length` tokens.
    fn operations(&self, shape: &EncoderShape, length: usize) -> f64 {
        shape.operations(length)
    }
}

/// The names under which transformers knows a family.
#[derive(Clone, Copy, Debug)]
pub(super) struct FamilyNames {
    /// `model_type` in `config.json`.
    pub model_type: &'static str,
    /// The class for sequence classification.
    pub class: &'static str,
    /// The prefix of the encoder's parameter names, which checkpoints without a head omit.
    pub base_model_prefix: &'static str,
}
