//! From settings to a trial: everything that training needs to know, and nothing left to default.

mod hashes;
mod identity;
mod provenance;
mod resolved;

pub use hashes::Hashes;
pub use identity::{extended, identity, identity_of, numerics};
pub use provenance::Provenance;
pub use resolved::{Located, SettingRow, resolved_toml, setting_rows, shown};

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::architecture::{Architecture, Dropout, Parameter, Role};
use crate::settings::{Complaint, Interval, Settings};
use crate::task::Task;

/// What the plan has to know of the world: read beforehand, so that planning itself is pure.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What the checkpoint's `config.json` describes.
    pub architecture: Architecture,
    /// The longest sequence that the tokenizer's settings allow, where they say one.
    pub tokenizer_longest: Option<usize>,
    /// Examples in the training split.
    pub train_examples: usize,
    /// Examples in the validation split.
    pub validation_examples: usize,
}

/// How many steps training takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Batches in a pass over the training split; the last may be smaller.
    pub batches_per_epoch: u64,
    /// Steps in a pass: batches by accumulation, rounded up.
    pub per_epoch: u64,
    /// Steps in all.
    pub total: u64,
    /// Steps over which the learning rate rises.
    pub warmup: u64,
}

impl Steps {
    /// Passes over the training split until the end of a step, counted from 1.
    #[must_use]
    pub fn epoch(&self, step: u64) -> f64 {
        let (per_epoch, before) = (self.per_epoch.max(1), step.saturating_sub(1));
        (before / per_epoch) as f64 + (before % per_epoch + 1) as f64 / per_epoch as f64
    }

    /// The number of steps after which the validation split is scored.
    #[must_use]
    pub fn between_evaluations(&self, every: Interval) -> u64 {
        match every {
            Interval::Epoch => self.per_epoch,
            Interval::Steps(steps) => steps.get(),
        }
    }
}

/// One planned training: settings, and what follows from them and the facts.
#[derive(Clone, Debug)]
pub struct Trial {
    /// As written and merged, with every default filled in.
    pub settings: Settings,
    /// What is learned.
    pub task: Task,
    /// The encoder.
    pub architecture: Architecture,
    /// Every parameter of encoder and head, in the order of torch's `named_parameters()`.
    pub parameters: Arc<[Parameter]>,
    /// Longer inputs are truncated to this many tokens.
    pub max_length: usize,
    /// Dropout probabilities.
    pub dropout: Dropout,
    /// Training examples used.
    pub train_examples: usize,
    /// Validation examples used.
    pub validation_examples: usize,
    /// Steps.
    pub steps: Steps,
    /// Further steps after which the validation split is scored: there a sweep compares its trials.
    pub rungs: Vec<u64>,
}

impl Trial {
    /// Whether the validation split is scored after this step.
    #[must_use]
    pub fn evaluates_after(&self, step: u64) -> bool {
        let every = self.steps.between_evaluations(self.settings.evaluation.every);
        step == self.steps.total || step.is_multiple_of(every) || self.rungs.contains(&step)
    }

    /// Number of values in all parameters.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(Parameter::elements).sum()
    }

    /// How often the validation split is scored.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        let (total, every) = (self.steps.total, self.steps.between_evaluations(self.settings.evaluation.every).max(1));
        let more = |step: &&u64| (1..total).contains(*step) && !step.is_multiple_of(every);
        total.div_ceil(every) + self.rungs.iter().filter(more).count() as u64
    }
}

/// Resolves settings against the facts.
///
/// # Errors
/// Everything that does not fit together, at once.
pub fn plan(settings: Settings, task: Task, facts: Facts) -> Result<Trial, Vec<Complaint>> {
    let mut complaints = settings.complaints();
    let limited = |examples: usize, limit: Option<NonZeroUsize>| limit.map_or(examples, |limit| examples.min(limit.get()));
    let train_examples = limited(facts.train_examples, settings.data.train_limit);
    let validation_examples = limited(facts.validation_examples, settings.data.eval_limit);
    for (examples, split) in [(train_examples, "training"), (validation_examples, "validation")] {
        if examples == 0 {
            complaints.push(Complaint::new("data.source", format!("the {split} split is empty")));
        }
    }
    let max_length = max_length(&settings, &facts).unwrap_or_else(|complaint| {
        complaints.push(complaint);
        0
    });
    let steps = steps(&settings, train_examples);
    if steps.total > 0 && steps.warmup > steps.total {
        let message = format!("the warmup of {} steps is longer than the training of {} steps", steps.warmup, steps.total);
        complaints.push(Complaint::new(settings.schedule.warmup_path(), message).help("warm up for less, or train longer"));
    }
    let parameters = facts.architecture.parameters(&task.head);
    complaints.extend(unmatched_no_decay(&settings, &parameters));
    if !complaints.is_empty() {
        return Err(complaints);
    }
    Ok(Trial {
        dropout: settings.model.dropout.map_or_else(|| facts.architecture.dropout(), Dropout::uniform),
        settings,
        task,
        architecture: facts.architecture,
        parameters: parameters.into(),
        max_length,
        train_examples,
        validation_examples,
        steps,
        rungs: Vec::new(),
    })
}

/// Shorter inputs hold little but special tokens.
const SHORTEST: usize = 8;

fn max_length(settings: &Settings, facts: &Facts) -> Result<usize, Complaint> {
    let positions = facts.architecture.longest();
    let allowed = facts.tokenizer_longest.map_or(positions, |longest| longest.min(positions));
    match settings.data.max_length {
        Some(asked) if asked > positions => {
            let message = format!("max_length is {asked}, but the checkpoint has only {positions} positions");
            Err(Complaint::new("data.max_length", message).help(format!("the largest possible value is {positions}")))
        }
        Some(asked) => Ok(asked),
        None if allowed < SHORTEST => {
            let message = format!("the checkpoint allows only {allowed} tokens, too few for a sentence");
            Err(Complaint::new("checkpoint", message)
                .help("look at the positions in its config.json, and at model_max_length in tokenizer_config.json"))
        }
        None => Ok(allowed),
    }
}

fn steps(settings: &Settings, examples: usize) -> Steps {
    let batches_per_epoch = examples.div_ceil(settings.data.batch_size.get()) as u64;
    let per_epoch = batches_per_epoch.div_ceil(settings.training.gradient_accumulation.get() as u64);
    let epochs = settings.epochs.map_or(0, |epochs| u64::from(epochs.get()));
    let total = settings.training.max_steps.map_or(per_epoch.saturating_mul(epochs), std::num::NonZeroU64::get);
    Steps { batches_per_epoch, per_epoch, total, warmup: settings.schedule.warmup(total) }
}

/// An entry of `no_decay` that no parameter's name contains does nothing, which its writer cannot want.
fn unmatched_no_decay(settings: &Settings, parameters: &[Parameter]) -> Vec<Complaint> {
    let matches = |part: &str| parameters.iter().any(|parameter| parameter.name.contains(part));
    let unmatched = settings.optimizer.no_decay.iter().filter(|part| part.is_empty() || !matches(part));
    unmatched
        .map(|part| {
            let complaint = Complaint::new("optimizer.no_decay", format!("no parameter's name contains \"{part}\""));
            let usual = parameters.iter().find(|parameter| parameter.layer.is_some() && parameter.role == Role::Scale);
            match usual {
                Some(parameter) => complaint.help(format!("names look like {}", parameter.name)),
                None => complaint,
            }
        })
        .collect()
}
