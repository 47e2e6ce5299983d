//! Writing a fine-tuned checkpoint that transformers loads unchanged.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::{Files, HostTensor, tensor_bytes};
use crate::architecture::{Architecture, Parameter};
use crate::machine::durable;
use crate::task::Head;

/// What a fine-tuned checkpoint is written from, beside its parameters.
#[derive(Clone, Debug)]
pub struct Template {
    /// The encoder.
    pub architecture: Architecture,
    /// What it predicts.
    pub head: Head,
    /// Names and shapes of the parameters, in their order.
    pub parameters: Arc<[Parameter]>,
    /// The tokenizer's files, as they were when the run began.
    pub source: Files,
}

impl Template {
    /// Writes `config.json`, `model.safetensors`, the tokenizer's files and their manifest into `directory`, which
    /// then is whole or absent.
    ///
    /// # Errors
    /// The disk is full, or the folder cannot be written; nothing is left behind then.
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
