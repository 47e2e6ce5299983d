//! Models on Burn: what is computed from parameters and tokens.

mod bert;
mod dropout;
mod layers;

pub use bert::{Bert, Input};
pub use dropout::Masks;
pub use layers::Value;
