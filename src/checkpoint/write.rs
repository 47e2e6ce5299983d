//! Writes fine-tuned checkpoints that transformers loads unchanged.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::{Files, HostTensor, tensor_bytes};
use crate::architecture::{Architecture, Parameter};
use crate::machine::durable;
use crate::task::Head;

/// Everything but the parameter values that a fine-tuned checkpoint is written from.
#[derive(Clone, Debug)]
pub struct Template {
    /// The encoder.
    pub architecture: Architecture,
    /// The prediction head.
    pub head: Head,
    /// Names and shapes of the parameters, in order.
    pub parameters: Arc<[Parameter]>,
    /// The tokenizer files, as they were when the run started.
    pub source: Files,
}

impl Template {
    /// Writes `config.json`, `model.safetensors`, the tokenizer files and their manifest to `directory`, atomically.
    ///
    /// # Errors
    /// The disk is full or the folder cannot be written; nothing is left behind.
    pub fn write(&self, directory: &Path, values: &[HostTensor]) -> Result<()> {
        durable::write_folder(directory, |folder| {
            let json = serde_json::to_string_pretty(&self.architecture.config_json(&self.head))?;
            folder.write("config.json", (json + "\n").as_bytes())?;
            for file in self.source.tokenizer_files() {
                folder.write(&file.name(), file.bytes())?;
            }
            let named = self.parameters.iter().map(|parameter| parameter.name.as_str()).zip(values);
            folder.write("model.safetensors", &tensor_bytes(named)?)
        })
        .with_context(|| format!("cannot write the checkpoint {}", directory.display()))
    }
}
