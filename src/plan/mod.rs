//! Resolves settings to a trial: everything that training needs to know, with all defaults filled in.

mod hashes;
mod identity;
mod loss;
mod provenance;
mod resolved;
mod trial;

pub use hashes::Hashes;
pub use identity::{extended, identity, identity_of, numerics};
pub use loss::TrainingLoss;
pub use provenance::Provenance;
pub use resolved::{Located, SettingRow, resolved_toml, setting_rows, shown};
pub use trial::{Steps, Trial};

use crate::architecture::{Architecture, DropoutProbabilities, Parameter, Role};
use crate::settings::{CHECKPOINT, DATA_SOURCE, Precision, SettingProblem, Settings, unfit};
use crate::task::{LabelCounts, Task};

/// External facts that planning depends on. They are read beforehand, so that planning itself is pure.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The architecture that the checkpoint's `config.json` describes.
    pub architecture: Architecture,
    /// The longest sequence that the tokenizer's settings allow, if they set a limit.
    pub tokenizer_longest: Option<usize>,
    /// Number of examples in the training split.
    pub train_examples: usize,
    /// The classes of the training examples that the settings use; `None` if the task does not predict classes.
    pub train_labels: Option<LabelCounts>,
    /// Number of examples in the validation split.
    pub validation_examples: usize,
    /// The precision in which the device of the settings multiplies fastest.
    pub fastest_precision: Precision,
}

/// Resolves settings against the facts.
pub fn plan(mut settings: Settings, task: Task, facts: Facts) -> Result<Trial, Vec<SettingProblem>> {
    let precision = settings.training.precision.resolved(facts.fastest_precision);
    settings.training.precision = precision.into();
    let task = task.scored_by(settings.metric.name());
    let mut complaints = settings.problems();
    for metric in task.metrics.iter().filter(|metric| !(metric.fits)(&task.head)) {
        if complaints.iter().all(|complaint| complaint.path != "metric") {
            let path = if metric.name == settings.metric.name() { "metric" } else { "task.metrics" };
            complaints.extend(unfit(&task, path, metric));
        }
    }
    let train_examples = settings.data.train_examples(facts.train_examples);
    let validation_examples = settings.data.validation_examples(facts.validation_examples);
    for (examples, split) in [(train_examples, "training"), (validation_examples, "validation")] {
        if examples == 0 {
            complaints.push(SettingProblem::new(DATA_SOURCE, format!("the {split} split is empty")));
        }
    }
    let max_length = max_length(&settings, &facts).unwrap_or_else(|complaint| {
        complaints.push(complaint);
        0
    });
    let steps = steps(&settings, train_examples);
    if steps.total > 0 && steps.warmup > steps.total {
        let message = format!("the warmup of {} steps is longer than the training of {} steps", steps.warmup, steps.total);
        complaints.push(SettingProblem::new(settings.schedule.warmup_path(), message).help("warm up for less, or train longer"));
    }
    let loss = TrainingLoss::of(&settings.loss, &task, facts.train_labels.as_ref()).unwrap_or_else(|problems| {
        complaints.extend(problems);
        TrainingLoss::plain(&task.head)
    });
    let parameters = facts.architecture.parameters(&task.head);
    complaints.extend(unmatched_no_decay(&settings, &parameters));
    if !complaints.is_empty() {
        return Err(complaints);
    }
    Ok(Trial {
        dropout: settings.model.dropout.map_or_else(|| facts.architecture.dropout(), DropoutProbabilities::uniform),
        settings,
        task,
        architecture: facts.architecture,
        parameters: parameters.into(),
        loss,
        precision,
        max_length,
        train_examples,
        validation_examples,
        steps,
        rungs: Vec::new(),
    })
}

/// Shorter inputs would contain little but special tokens.
const SHORTEST: usize = 8;

fn max_length(settings: &Settings, facts: &Facts) -> Result<usize, SettingProblem> {
    let positions = facts.architecture.longest();
    let allowed = facts.tokenizer_longest.map_or(positions, |longest| longest.min(positions));
    match settings.data.max_length {
        Some(asked) if asked > positions => {
            let message = format!("max_length is {asked}, but the checkpoint has only {positions} positions");
            Err(SettingProblem::new("data.max_length", message).help(format!("the largest possible value is {positions}")))
        }
        Some(asked) => Ok(asked),
        None if allowed < SHORTEST => {
            let message = format!("the checkpoint allows only {allowed} tokens, too few for a sentence");
            Err(SettingProblem::new(CHECKPOINT, message)
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

/// An entry of `no_decay` that matches no parameter has no effect, which cannot be intended.
fn unmatched_no_decay(settings: &Settings, parameters: &[Parameter]) -> Vec<SettingProblem> {
    let matches = |part: &str| parameters.iter().any(|parameter| parameter.name.contains(part));
    let unmatched = settings.optimizer.no_decay.iter().filter(|part| part.is_empty() || !matches(part));
    unmatched
        .map(|part| {
            let complaint = SettingProblem::new("optimizer.no_decay", format!("no parameter's name contains \"{part}\""));
            let usual = parameters.iter().find(|parameter| parameter.layer.is_some() && parameter.role == Role::Scale);
            match usual {
                Some(parameter) => complaint.help(format!("names look like {}", parameter.name)),
                None => complaint,
            }
        })
        .collect()
}
