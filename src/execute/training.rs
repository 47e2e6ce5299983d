//! Training of a run whose directory exists, and how it ends.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::Utc;

use super::End;
use super::open_run::OpenRun;
use crate::failure::{Failure, Outcome};
use crate::inputs::EncodedInputs;
use crate::machine::memory::when_refused;
use crate::machine::panics;
use crate::numbers::bytes;
use crate::progress::Progress;
use crate::runs::{Exit, RunDirectory, RunFacts, manifest};
use crate::terminal::complain_styled;
use crate::train::{Device, Observer, Start, Stop, train};

/// Trains to the last step or until it is stopped; everything is recorded except how the run ended.
pub(super) fn train_in(
    run: &mut OpenRun,
    encoded: &EncodedInputs<'_>,
    device: &Device,
    others: &mut [&mut dyn Observer],
) -> Outcome<End> {
    let trial = &encoded.inputs.trial;
    let OpenRun { recorder, log, facts, directory, from, .. } = run;
    let mut progress = Progress::new(log, trial.settings.metric.name(), trial.steps.total);
    let start = match from.take() {
        None => Start::Fresh(&encoded.initial.parameters),
        Some(state) => {
            progress.resume(recorder.best(), recorder.last(), state.counters.steps);
            Start::Resumed { state, best: recorder.best_score() }
        }
    };
    let _handler = when_refused(report_out_of_memory(directory, facts));
    panics::forget();
    // Burn reports a failing device by panicking.
    let trained = catch_unwind(AssertUnwindSafe(|| {
        let mut observers: Vec<&mut dyn Observer> = vec![&mut *recorder, &mut progress];
        observers.extend(others.iter_mut().map(|other| &mut **other as &mut dyn Observer));
        train(trial, start, &encoded.train, encoded.validation_splits(), device, &mut observers)
    }));
    drop(progress);
    let flow = trained.map_err(|_| Failure::panic(&panics::reason()))??;
    let end = match flow {
        ControlFlow::Continue(()) => {
            let summary = recorder.summary();
            let none = || Failure::Internal(anyhow::anyhow!("training ended without an evaluation"));
            End::Finished(Box::new(summary.ok_or_else(none)?))
        }
        ControlFlow::Break(Stop::Pruned { step, reason }) => End::Pruned { step, reason },
        ControlFlow::Break(Stop::Interrupted { step }) => {
            let steps = facts.steps;
            return Err(Failure::Interrupted(format!("interrupted after step {step} of {steps}; everything is saved")));
        }
    };
    recorder.release().map_err(Failure::RunDirectory).map(|()| end)
}

/// Returns a handler that reports and records that memory for the training has run out, and ends the process: the allocator
/// cannot return an error.
fn report_out_of_memory(directory: &RunDirectory, facts: &RunFacts) -> impl FnMut(usize) + Send + 'static {
    let (directory, mut facts) = (directory.clone(), facts.clone());
    move |size| {
        let failure = Failure::OutOfMemory(format!("the system refused to allocate another {}", bytes(size as u64)));
        facts.ended = Some(Utc::now());
        facts.status = failure.status();
        facts.exit = Some(Exit { code: failure.exit_code(), message: Some(failure.to_string()) });
        let _ = manifest::replace_facts(&directory, &facts);
        complain_styled(&failure.styled());
        std::process::exit(failure.exit_code().into());
    }
}
