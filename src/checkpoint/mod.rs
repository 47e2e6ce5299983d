//! Checkpoints in transformers' layout: `config.json`, weights, tokenizer files.

mod config;
mod files;
mod initialize;
mod parameters;
mod weights;
mod write;

pub use config::Config;
pub use files::{CheckpointName, Files, TOKENIZER_FILES};
pub use initialize::{Initial, initialize};
pub use parameters::{Parameter, Part, Role, WORDS, table};
pub use weights::Weights;
pub use write::Template;

/// A parameter in the host's memory, row-major, in the file's layout.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Size of each dimension.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Vec<f32>,
}
