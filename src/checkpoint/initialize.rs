//! The parameters that training starts from: read, or drawn where there is nothing to read.

use anyhow::{Result, bail};

use super::{HostTensor, Weights};
use crate::architecture::{Config, Parameter, Part, Role};
use crate::machine::memory_info;
use crate::random::{Purpose, Stream};
use crate::terminal::brief;

/// Initial parameters and where they came from.
#[derive(Debug)]
pub struct Initial {
    /// In the order of [`super::table`].
    pub parameters: Vec<HostTensor>,
    /// Names of the parameters that were drawn because the checkpoint lacks them.
    pub drawn: Vec<String>,
    /// Whether the checkpoint's classifier is for another number of labels.
    pub head_of_another_size: bool,
    /// Names of what the checkpoint holds and the model does not.
    pub unused: Vec<String>,
    /// SHA-256 of the weights that were read, where some were.
    pub sha256: Option<String>,
}

/// Fills `table` from `weights`, and draws what they lack: every parameter where there are none.
///
/// # Errors
/// A weight of the encoder is missing, or has another shape than `config.json` says; or memory does not suffice.
pub fn initialize(config: &Config, table: &[Parameter], weights: Option<Weights>, seed: u64) -> Result<Initial> {
    let sha256 = weights.as_ref().map(|weights| weights.sha256().to_string());
    let mut found = Found::default();
    if let Some(weights) = weights {
        found.take(table, weights)?;
    }
    // What is not there is drawn after everything has been looked at: a shape may ask for more than any memory holds.
    let total: usize = table.iter().map(Parameter::elements).sum();
    // The system promises more than it has, and ends the process that takes it at its word.
    let too_large = memory_info::available().is_some_and(|available| total as u64 > available / size_of::<f32>() as u64);
    if too_large || Vec::<f32>::new().try_reserve_exact(total).is_err() {
        bail!("not enough memory for {total} parameters");
    }
    let (mut parameters, mut drawn) = (Vec::with_capacity(table.len()), Vec::new());
    for (index, entry) in table.iter().enumerate() {
        let read = found.tensors.get_mut(index).and_then(Option::take);
        parameters.push(read.unwrap_or_else(|| {
            drawn.push(entry.name.clone());
            draw(config, entry, index, seed)
        }));
    }
    Ok(Initial { parameters, drawn, head_of_another_size: found.head_of_another_size, unused: found.unused, sha256 })
}

/// What weights hold of a table.
#[derive(Default)]
struct Found {
    /// In the table's order.
    tensors: Vec<Option<HostTensor>>,
    head_of_another_size: bool,
    unused: Vec<String>,
}

impl Found {
    fn take(&mut self, table: &[Parameter], mut weights: Weights) -> Result<()> {
        let mut missing = Vec::new();
        for entry in table {
            let tensor = match weights.take(&entry.name) {
                Some(tensor) if tensor.shape == entry.shape => Some(tensor),
                // A head for another number of labels says nothing about this task.
                Some(_) if entry.part == Part::Classifier => {
                    self.head_of_another_size = true;
                    None
                }
                Some(tensor) => {
                    bail!(
                        "{} has shape {:?} in the weights, but config.json makes it {:?}",
                        entry.name,
                        tensor.shape,
                        entry.shape
                    )
                }
                None => None,
            };
            if tensor.is_none() && entry.part == Part::Encoder {
                missing.push(entry.name.clone());
            }
            self.tensors.push(tensor);
        }
        if !missing.is_empty() {
            let shown = missing.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
            let more = if missing.len() > 5 { format!(" and {} more", missing.len() - 5) } else { String::new() };
            let held: Vec<_> = weights.names().take(3).map(brief).collect();
            let hint = if held.is_empty() { String::new() } else { format!("; the file holds names like {}", held.join(", ")) };
            bail!("the weights lack {} of the encoder's parameters: {shown}{more}{hint}", missing.len());
        }
        self.unused = weights.names().map(str::to_string).collect();
        self.unused.sort_unstable();
        Ok(())
    }
}

/// Draws a parameter as transformers' `BertPreTrainedModel._init_weights` does.
fn draw(config: &Config, entry: &Parameter, index: usize, seed: u64) -> HostTensor {
    let n = entry.elements();
    let values = match entry.role {
        Role::Bias => vec![0.0; n],
        Role::Scale => vec![1.0; n],
        Role::Linear | Role::Embedding => {
            let mut values = Stream::new(seed, Purpose::Weights, index as u64, 0).normal(n, config.initializer_range);
            if let Some(pad) = config.pad_token_id.filter(|_| entry.name.ends_with("word_embeddings.weight")) {
                let (pad, width) = (pad as usize, config.hidden_size);
                values[pad * width..(pad + 1) * width].fill(0.0);
            }
            values
        }
    };
    HostTensor { shape: entry.shape.clone(), values }
}
