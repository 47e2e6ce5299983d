//! Writing a fine-tuned checkpoint that transformers loads unchanged.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, TensorView};

use super::{Config, Files, HostTensor, Parameter};

/// What a fine-tuned checkpoint is written from, beside its parameters.
#[derive(Clone, Debug)]
pub struct Template {
    /// The shape.
    pub config: Config,
    /// Names of the labels, by class.
    pub labels: &'static [&'static str],
    /// Names and shapes of the parameters.
    pub table: Vec<Parameter>,
    /// Where the tokenizer's files are.
    pub source: Files,
}

impl Template {
    /// Writes `config.json`, `model.safetensors` and the tokenizer's files into `directory`, which must not exist.
    ///
    /// Everything is written beside it first and renamed at the end, so that a checkpoint is whole or absent.
    ///
    /// # Errors
    /// The disk is full, or the folder cannot be written; nothing is left behind then.
    pub fn write(&self, directory: &Path, parameters: &[HostTensor]) -> Result<()> {
        let partial = directory.with_extension("partial");
        let written = self.write_into(&partial, parameters).and_then(|()| fs::rename(&partial, directory).map_err(Into::into));
        if written.is_err() {
            // What caused the error is reported; that the remains could not be removed either adds nothing.
            let _ = fs::remove_dir_all(&partial);
        }
        written.with_context(|| format!("cannot write the checkpoint {}", directory.display()))
    }

    fn write_into(&self, directory: &Path, parameters: &[HostTensor]) -> Result<()> {
        fs::create_dir_all(directory)?;
        let json = serde_json::to_string_pretty(&self.config.with_labels(self.labels))?;
        fs::write(directory.join("config.json"), json + "\n")?;
        for file in self.source.tokenizer_files() {
            if let Some(name) = file.file_name() {
                fs::copy(&file, directory.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
            }
        }
        let bytes: Vec<Vec<u8>> =
            parameters.iter().map(|tensor| tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
        let views = self
            .table
            .iter()
            .zip(parameters)
            .zip(&bytes)
            .map(|((entry, tensor), bytes)| Ok((entry.name.as_str(), TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>>>()?;
        // transformers refuses files that do not name their framework.
        let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
        let path = directory.join("model.safetensors");
        safetensors::serialize_to_file(views, Some(metadata), &path).map_err(|error| match error {
            SafeTensorError::IoError(error) => error.into(),
            other => anyhow::Error::from(other),
        })?;
        // The library makes the file for its owner alone; it is as public as the others.
        fs::set_permissions(&path, fs::metadata(directory.join("config.json"))?.permissions())?;
        fs::File::open(&path)?.sync_all()?;
        Ok(())
    }
}
