//! Writing a fine-tuned checkpoint that transformers loads unchanged.

use std::path::Path;

use super::{Files, HostTensor, tensor_bytes};
use crate::architecture::{Config, Parameter};
use crate::machine::durable;
use anyhow::{Context, Result};

/// What a fine-tuned checkpoint is written from, beside its parameters.
#[derive(Clone, Debug)]
pub struct Template {
    /// The shape.
    pub config: Config,
    /// Names of the labels, by class.
    pub labels: &'static [&'static str],
    /// Names and shapes of the parameters.
    pub table: Vec<Parameter>,
    /// The tokenizer's files, as they were when the run began.
    pub source: Files,
}

impl Template {
    /// Writes `config.json`, `model.safetensors`, the tokenizer's files and their manifest into `directory`, which
    /// then is whole or absent.
    ///
    /// # Errors
    /// The disk is full, or the folder cannot be written; nothing is left behind then.
    pub fn write(&self, directory: &Path, parameters: &[HostTensor]) -> Result<()> {
        durable::write_folder(directory, |folder| {
            let json = serde_json::to_string_pretty(&self.config.with_labels(self.labels))?;
            folder.write("config.json", (json + "\n").as_bytes())?;
            for file in self.source.tokenizer_files() {
                folder.write(&file.name(), file.bytes())?;
            }
            let named = self.table.iter().map(|entry| entry.name.as_str()).zip(parameters);
            folder.write("model.safetensors", &tensor_bytes(named)?)
        })
        .with_context(|| format!("cannot write the checkpoint {}", directory.display()))
    }
}
