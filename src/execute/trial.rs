//! One trial of a sweep, in its own process.

use std::io::Write;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use super::{Begin, Resumed, RunOptions, execute, with_device};
use crate::experiment::Experiment;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::EncodedInputs;
use crate::inputs::{InputCache, ReadFor, TrialInputs};
use crate::machine::claim::{Claim, TRUST};
use crate::machine::signals::StopSignal;
use crate::progress::Loudness;
use crate::runs::{RunDirectory, Status, StoredRun, states};
use crate::settings::DeviceChoice;
use crate::sweep::{PlannedTrial, RankingMetric, RungScores, SweepDirectory, TrialMessage, survives};
use crate::train::{Device, EvaluationEvent, Event, Observer, Stop};

/// Minimum time between two progress messages.
const PACE: Duration = Duration::from_millis(50);

/// Runs a trial, unless another process has it or has finished it.
pub fn run_trial(directory: &SweepDirectory, id: &str, device: Option<DeviceChoice>) -> Outcome<()> {
    let trials = directory.trials().map_err(Failure::RunDirectory)?;
    let planned = trials.into_iter().find(|trial| trial.id == id);
    let mut planned = planned.with_context(|| format!("the plan has no trial {id}")).map_err(Failure::Usage)?;
    // Held until this process ends.
    let Some(mut claim) = directory.take(id).map_err(Failure::RunDirectory)? else {
        send(&TrialMessage::Taken);
        return Ok(());
    };
    // Its state is read under the claim, so that what another process finished meanwhile is not done again.
    if is_done(directory, id).map_err(Failure::RunDirectory)? {
        send(&TrialMessage::Taken);
        return Ok(());
    }
    for row in planned.settings.iter_mut().filter(|row| row.path() == "device") {
        row.value = device.map(|device| device.to_string().into()).or(row.value.take());
    }
    let experiment = Experiment::planned(directory.path(), planned.document());
    let mut inputs = TrialInputs::of(experiment, ReadFor::Training, &Hub::from_env(false), &mut InputCache::default())?;
    inputs.trial.rungs.clone_from(&planned.rungs);
    let (inputs, device) = with_device(inputs)?;
    let encoded = EncodedInputs::new(&inputs, &directory.tokens())?.under(planned.numerics);
    if encoded.provenance.identity != planned.id {
        return Err(Failure::Usage(anyhow!(
            "the data, the checkpoint or the plan's line changed after {} was planned; restore the files, or run `gluepot sweep` with the experiment's file again",
            directory.path().display()
        )));
    }
    let begin = match earlier(directory, &encoded, &device).map_err(Failure::RunDirectory)? {
        Earlier::Elsewhere => {
            send(&TrialMessage::Taken);
            return Ok(());
        }
        Earlier::Resumed(resumed) => Begin::Resumed(resumed),
        Earlier::None => Begin::New(directory.path()),
    };
    // This process may have been suspended for a long time while it read its inputs.
    if !claim.is_ours() {
        send(&TrialMessage::Taken);
        return Ok(());
    }
    let facts = directory.facts().map_err(Failure::RunDirectory)?;
    let mut reporter = ProgressReporter {
        planned: &planned,
        claim,
        rung_scores: directory.rung_scores(),
        ranked_by: RankingMetric::of(facts.ranked_by.as_ref(), &planned),
        factor: facts.factor,
        loss: 0.0,
        score: None,
        last: Instant::now(),
        claim_checked: Instant::now(),
    };
    let stop = StopSignal::on_signals().map_err(Failure::Internal)?;
    never_wait_for_readers();
    // A trial is never trained for longer, so a finished one needs no state.
    let options = RunOptions { loudness: Loudness::Quiet, stop, runs: None, keeps_state: false };
    execute(&encoded, &device, begin, &options, &mut [&mut reporter]).map(drop)
}

/// The earlier, unfinished run of a trial, if there is one.
enum Earlier {
    /// Nothing that could be resumed.
    None,
    /// Its last run, to be resumed.
    Resumed(Box<Resumed>),
    /// A run that another process has, although the trial's claim was free: the claim's file was deleted, or locks are not
    /// visible here.
    Elsewhere,
}

fn earlier(directory: &SweepDirectory, encoded: &EncodedInputs<'_>, device: &Device) -> anyhow::Result<Earlier> {
    let runs = directory.runs()?;
    let own = || runs.iter().rev().filter(|run| run.facts.trial == encoded.provenance.identity && !run.status().has_ended());
    for run in own() {
        // A process that is only suspended finds another owner in its lock when it wakes up.
        let is_free = run.status() != Status::Running && RunDirectory::at(run.path.clone()).claim()?.is_some();
        if !is_free {
            return Ok(Earlier::Elsewhere);
        }
    }
    let Some(run) = own().find(|run| run.facts.kernels == device.kernels()) else { return Ok(Earlier::None) };
    let own = RunDirectory::at(run.path.clone());
    let after = run.status().to_string();
    let Some(claim) = own.claim()? else { return Ok(Earlier::Elsewhere) };
    let (Some(state), damaged) = states::newest(&own, &encoded.inputs.trial.parameters) else { return Ok(Earlier::None) };
    let (facts, identity) = (run.facts.clone(), run.facts.trial.clone());
    let resumed = Resumed { directory: own, claim, facts, after, state, damaged, changed: Vec::new(), settings: None, identity };
    Ok(Earlier::Resumed(Box::new(resumed)))
}

fn is_done(directory: &SweepDirectory, id: &str) -> anyhow::Result<bool> {
    let runs = directory.runs()?;
    let mut own = runs.iter().filter(|run: &&StoredRun| run.facts.trial == id);
    Ok(own.any(|run| run.summary.is_some() || run.facts.status == Status::Pruned))
}

/// Sends a message to the sweep. If nobody is left to receive it, training continues.
fn send(message: &TrialMessage) {
    if let Ok(line) = serde_json::to_string(message) {
        // A single write of the whole line: if the pipe is full, all of it is dropped.
        let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
    }
}

/// Makes standard output non-blocking: a suspended sweep (Ctrl-Z) reads nothing, but its trials keep training.
fn never_wait_for_readers() {
    // SAFETY: both calls affect only a flag of an open file, not memory.
    #[allow(unsafe_code)]
    unsafe {
        let flags = libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFL);
        if flags >= 0 {
            libc::fcntl(libc::STDOUT_FILENO, libc::F_SETFL, flags | libc::O_NONBLOCK);
        }
    }
}

/// Reports the trial's progress to the sweep, and stops the trial at a rung if it falls behind.
struct ProgressReporter<'a> {
    planned: &'a PlannedTrial,
    claim: Claim,
    rung_scores: RungScores,
    ranked_by: RankingMetric,
    factor: Option<u32>,
    loss: f64,
    score: Option<f64>,
    last: Instant,
    claim_checked: Instant,
}

impl ProgressReporter<'_> {
    fn progress(&mut self, step: u64) {
        if self.claim_checked.elapsed() > TRUST {
            self.claim_checked = Instant::now();
            // This recreates a file that somebody deleted. The run's own claim says whether another process has the run.
            self.claim.is_ours();
        }
        self.last = Instant::now();
        send(&TrialMessage::Progress { step, loss: self.loss, score: self.score });
    }

    fn climb(&self, event: &EvaluationEvent<'_>) -> anyhow::Result<ControlFlow<Stop>> {
        let rung = self.planned.rungs.iter().position(|step| *step == event.step).filter(|_| self.planned.decides);
        let (Some(rung), Some(factor), Some(score)) = (rung, self.factor, self.score) else {
            return Ok(ControlFlow::Continue(()));
        };
        let others = self.rung_scores.record(rung, &self.planned.id, score)?;
        let RankingMetric { metric, direction } = &self.ranked_by;
        if survives(score, &others, factor, *direction) {
            return Ok(ControlFlow::Continue(()));
        }
        let better = others.iter().filter(|other| direction.improves(**other, score)).count();
        let reason = format!("{metric} {score:.4}, behind {better} of {} others", others.len());
        Ok(ControlFlow::Break(Stop::Pruned { step: event.step, reason }))
    }
}

impl Observer for ProgressReporter<'_> {
    fn observe(&mut self, event: &Event<'_>) -> anyhow::Result<ControlFlow<Stop>> {
        match event {
            Event::Started => self.progress(0),
            Event::Step(step) => {
                self.loss = step.loss;
                if self.last.elapsed() > PACE {
                    self.progress(step.step);
                }
            }
            Event::Evaluation(evaluation) => {
                self.score = evaluation.scores.get(&self.ranked_by.metric);
                self.progress(evaluation.step);
                return self.climb(evaluation);
            }
            Event::WarmupStarted | Event::WarmupFinished(_) | Event::Finished(_) | Event::Log(_) | Event::Boundary(_) => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}
