//! Estimates of how fast trials train, from earlier runs or from a few steps.

use std::path::Path;
use std::time::Instant;

use crate::failure::Outcome;
use crate::inputs::EncodedInputs;
use crate::inputs::TrialInputs;
use crate::runs::{Host, list};
use crate::tokens::TokenCache;
use crate::train::{Device, Trainer};

/// Training time per example.
#[derive(Clone, Debug)]
pub struct Pace {
    pub seconds_per_example: f64,
    /// How the estimate was obtained.
    pub source: String,
}

/// Number of timed steps, after one that is not timed.
const TIMED: usize = 2;
/// Maximum batch size for timing: examples in larger batches are no faster.
const LARGEST: usize = 256;

impl Pace {
    /// Estimates the pace from the newest finished run of the same model on the same machine and device, or otherwise from a
    /// few steps taken now.
    pub fn find(root: &Path, inputs: &TrialInputs, device: &Device) -> Outcome<Self> {
        match from_history(root, inputs, device) {
            Some(pace) => Ok(pace),
            None => measured(inputs, device),
        }
    }
}

fn from_history(root: &Path, inputs: &TrialInputs, device: &Device) -> Option<Pace> {
    let hashes = inputs.loaded.hashes_without_weights();
    let (runs, _) = list(root).ok()?;
    let here = Host::this().name;
    let alike = runs.into_iter().rev().filter(|run| {
        let facts = &run.facts;
        facts.hashes.config == hashes.config && facts.device == device.name() && facts.host.name == here
    });
    let (id, summary) = alike.into_iter().find_map(|run| Some((run.facts.id.clone(), run.summary?)))?;
    let seconds = summary.training_seconds / summary.examples.max(1) as f64;
    (seconds > 0.0).then(|| Pace { seconds_per_example: seconds, source: format!("at the pace of run {id}") })
}

fn measured(inputs: &TrialInputs, device: &Device) -> Outcome<Pace> {
    let encoded = EncodedInputs::new(inputs, &TokenCache::of_user())?;
    let batch = inputs.trial.settings.data.batch_size.get().min(encoded.train.len()).min(LARGEST);
    let mut trainer = Trainer::new(&inputs.trial, &encoded.initial.parameters, device);
    let mut seconds = 0.0;
    for turn in 0..=TIMED {
        let first = (turn * batch) % (encoded.train.len() - batch + 1);
        let begun = Instant::now();
        trainer.step(&encoded.train, &[(first..first + batch).collect()])?.wait()?;
        seconds += if turn == 0 { 0.0 } else { begun.elapsed().as_secs_f64() };
    }
    let source = format!("at the pace of {TIMED} steps taken now");
    Ok(Pace { seconds_per_example: seconds / (TIMED * batch) as f64, source })
}
