//! Encoders on paper: shape, parameters, and what their `config.json` says. Knows no tensors.

mod bert;
mod parameters;

pub use bert::Config;
pub use parameters::{Parameter, Part, Role, WORDS, table};
