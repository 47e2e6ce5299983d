//! The initial parameters: read from a checkpoint, or randomly initialized.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use super::groups::tensor_groups;
use super::{Classifier, HostTensor, Weights};
use crate::architecture::{Draw, Parameter};
use crate::machine::memory::NotEnoughMemory;
use crate::machine::memory_info;
use crate::random::{Purpose, Stream};
use crate::terminal::brief;

/// Initial parameters and where they came from.
#[derive(Debug)]
pub struct Initial {
    /// The parameters, in the requested order.
    pub parameters: Vec<HostTensor>,
    /// Names of the parameters that were randomly initialized because the checkpoint lacks them.
    pub drawn: Vec<String>,
    /// Whether the checkpoint's head is for another number of labels, or for other labels.
    pub head_of_other_labels: bool,
    /// Names of the checkpoint's tensors that the model does not use.
    pub unused: Vec<String>,
    /// Names of the parameters that were cast to f32, by their dtype in the checkpoint.
    pub cast: BTreeMap<String, Vec<String>>,
    /// SHA-256 of the weights, if any were read.
    pub sha256: Option<String>,
}

/// Takes the parameters from `weights` and randomly initializes the missing ones; without weights, that is all of them.
///
/// # Errors
/// A weight of the encoder is missing or its shape differs from `config.json`, or there is not enough memory.
pub fn initialize(wanted: &[Parameter], weights: Option<Weights<'_>>, classifier: &Classifier, seed: u64) -> Result<Initial> {
    let sha256 = weights.as_ref().map(|weights| weights.sha256().to_string());
    let mut found = Found::default();
    if let Some(weights) = weights {
        found.take(wanted, weights, classifier)?;
    }
    // Missing parameters are initialized only after all checks: a shape may need more memory than the machine has.
    let total: usize = wanted.iter().map(Parameter::elements).sum();
    // Check first, because the system overcommits memory and would kill the process later.
    let too_large = memory_info::available().is_some_and(|available| total as u64 > available / size_of::<f32>() as u64);
    if too_large || Vec::<f32>::new().try_reserve_exact(total).is_err() {
        return Err(NotEnoughMemory(format!("{total} parameters")).into());
    }
    let (mut parameters, mut drawn) = (Vec::with_capacity(wanted.len()), Vec::new());
    for (index, parameter) in wanted.iter().enumerate() {
        let read = found.tensors.get_mut(index).and_then(Option::take);
        parameters.push(read.unwrap_or_else(|| {
            drawn.push(parameter.name.clone());
            draw(parameter, index, seed)
        }));
    }
    let Found { head_of_other_labels, unused, cast, .. } = found;
    Ok(Initial { parameters, drawn, head_of_other_labels, unused, cast, sha256 })
}

/// What became of a checkpoint's tensors, in groups of names for people.
#[derive(Debug)]
pub struct TensorSummary {
    /// Randomly initialized, because the checkpoint lacks them or has them for other labels.
    pub new: Vec<String>,
    /// In the checkpoint, but not used.
    pub unused: Vec<String>,
    /// Cast to f32, by their dtype in the checkpoint.
    pub cast: Vec<(String, Vec<String>)>,
}

impl Initial {
    /// Summarizes which tensors are new, unused or cast. `wanted` are the model's parameters.
    #[must_use]
    pub fn summary(&self, wanted: &[Parameter]) -> TensorSummary {
        let all: Vec<&str> = wanted.iter().map(|parameter| parameter.name.as_str()).collect();
        let [drawn, unused] = [&self.drawn, &self.unused].map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
        let read = all.iter().copied().filter(|name| !drawn.contains(name));
        let stored: Vec<&str> = read.chain(unused.iter().copied()).collect();
        let cast = self.cast.iter().map(|(dtype, names)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            (dtype.clone(), tensor_groups(&names, &all))
        });
        TensorSummary { new: tensor_groups(&drawn, &all), unused: tensor_groups(&unused, &stored), cast: cast.collect() }
    }
}

/// The wanted parameters that the weights contain.
#[derive(Default)]
struct Found {
    /// One entry per wanted parameter, in order.
    tensors: Vec<Option<HostTensor>>,
    head_of_other_labels: bool,
    unused: Vec<String>,
    cast: BTreeMap<String, Vec<String>>,
}

impl Found {
    fn take(&mut self, wanted: &[Parameter], mut weights: Weights<'_>, classifier: &Classifier) -> Result<()> {
        let mut missing = Vec::new();
        for parameter in wanted {
            let is_head = parameter.part.may_differ_in_shape();
            let tensor = match weights.take(&parameter.name) {
                // A head for other labels is useless for this task.
                Some(tensor) if is_head && (tensor.shape != parameter.shape || *classifier == Classifier::Dropped) => {
                    self.head_of_other_labels = true;
                    None
                }
                Some(tensor) if tensor.shape == parameter.shape => Some(match classifier {
                    Classifier::Permuted(order) if is_head && tensor.shape[0] == order.len() => tensor.rows_in_order(order),
                    _ => tensor,
                }),
                Some(tensor) => {
                    bail!(
                        "{} has shape {:?} in the weights, but config.json makes it {:?}",
                        parameter.name,
                        tensor.shape,
                        parameter.shape
                    )
                }
                None => None,
            };
            if tensor.is_none() && !parameter.part.may_be_missing() {
                missing.push(parameter.name.clone());
            }
            if let (Some(_), Some(dtype)) = (&tensor, weights.cast_from(&parameter.name)) {
                self.cast.entry(dtype.into()).or_default().push(parameter.name.clone());
            }
            self.tensors.push(tensor);
        }
        if !missing.is_empty() {
            let shown = missing.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
            let more = if missing.len() > 5 { format!(" and {} more", missing.len() - 5) } else { String::new() };
            // One name for each first part, which is usually a family's prefix.
            let mut prefixes = BTreeSet::new();
            let held = weights.names().filter(|name| prefixes.insert(name.split('.').next().unwrap_or_default()));
            let held: Vec<_> = held.take(3).map(brief).collect();
            let hint = if held.is_empty() { String::new() } else { format!("; the file holds names like {}", held.join(", ")) };
            bail!("the weights lack {} of the encoder's parameters: {shown}{more}{hint}", missing.len());
        }
        self.unused = weights.names().map(str::to_string).collect();
        self.unused.sort_unstable();
        Ok(())
    }
}

/// Initializes the parameter with this index in torch's order, using a random stream of its own.
fn draw(parameter: &Parameter, place: usize, seed: u64) -> HostTensor {
    let n = parameter.elements();
    let values = match parameter.draw {
        Draw::Zeros => vec![0.0; n],
        Draw::Ones => vec![1.0; n],
        Draw::Normal { std, zero_row } => {
            let mut values = Stream::new(seed, Purpose::Weights, place as u64, 0).normal(n, std);
            if let Some(row) = zero_row {
                let width = parameter.shape.get(1..).unwrap_or_default().iter().product::<usize>();
                values[row * width..(row + 1) * width].fill(0.0);
            }
            values
        }
    };
    HostTensor { shape: parameter.shape.clone(), values }
}
