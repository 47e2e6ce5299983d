//! What a model computes.

use super::post_norm::PostNorm;
use super::pre_norm::PreNorm;

/// What a model computes, with the names of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Encoder {
    PostNorm(PostNorm),
    PreNorm(PreNorm),
}

/// The kinds of encoders, which differ in the operations that they are composed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncoderKind {
    PostNorm,
    PreNorm,
}
