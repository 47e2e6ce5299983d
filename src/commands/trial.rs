//! `gluepot trial`: one trial of a sweep, in a process of its own. People type `gluepot sweep`.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use super::run::with_device;
use crate::cli::Trial;
use crate::execute::{Begin, Listener, Manner, Pruned, Resumed, execute};
use crate::experiment::Experiment;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{Inputs, Purpose, Shelf};
use crate::metrics::Direction;
use crate::pipeline::Pipeline;
use crate::progress::Loudness;
use crate::runs::{RunDirectory, RunLock, Status, StoredRun, states};
use crate::stop::Stop;
use crate::sweep::{Ladder, PlannedTrial, SweepDirectory, Told, goes_on};
use crate::train::{Device, EvaluationEvent, Event, Observer};

/// A sweep looks at locks for a moment; a process that runs a trial holds its lock for long.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between two words about progress.
const PACE: Duration = Duration::from_millis(50);

/// Runs a trial of a sweep, unless another process has it or has done it.
pub fn trial(arguments: &Trial) -> Outcome<()> {
    let directory = SweepDirectory::open(&arguments.sweep).map_err(Failure::Usage)?;
    let trials = directory.trials().map_err(Failure::RunDirectory)?;
    let planned = trials.iter().find(|trial| trial.id == arguments.trial);
    let planned = planned.with_context(|| format!("the plan has no trial {}", arguments.trial)).map_err(Failure::Usage)?;
    // Held until this process ends.
    let taken = directory.take(&planned.id, PATIENCE).map_err(Failure::RunDirectory)?;
    let Some(_lock) = taken else {
        tell(&Told::Taken);
        return Ok(());
    };
    // Its state is read under the lock: what another process finished meanwhile is not done again.
    if is_done(&directory, planned).map_err(Failure::RunDirectory)? {
        tell(&Told::Taken);
        return Ok(());
    }
    let experiment = Experiment::planned(&arguments.sweep, planned.document());
    let mut inputs = Inputs::of(experiment, Purpose::Training, &Hub::from_env(false), &mut Shelf::default())?;
    inputs.trial.rungs.clone_from(&planned.rungs);
    let (inputs, device) = with_device(inputs)?;
    let pipeline = Pipeline::make(&inputs, &directory.tokens())?;
    if pipeline.identity != planned.id {
        let message = "data, checkpoint or settings are not those of the plan any more; `gluepot sweep` with the experiment's file plans anew";
        return Err(Failure::Usage(anyhow!(message)));
    }
    let facts = directory.facts().map_err(Failure::RunDirectory)?;
    let mut teller = Teller {
        planned,
        ladder: directory.ladder(),
        metric: facts.metric,
        direction: facts.direction,
        factor: facts.factor,
        loss: 0.0,
        score: None,
        last: Instant::now(),
    };
    let begin = match earlier(&directory, &pipeline, &device).map_err(Failure::RunDirectory)? {
        Some(resumed) => Begin::Again(Box::new(resumed)),
        None => Begin::New(directory.path()),
    };
    let stop = Stop::on_signals().map_err(Failure::Internal)?;
    // Nobody trains a trial for longer: a finished one needs no state.
    let manner = Manner { loudness: Loudness::Quiet, stop, runs: None, keeps_state: false };
    execute(&pipeline, &device, begin, &manner, &mut teller).map(drop)
}

/// The trial's last run, if it ended early and can go on.
fn earlier(directory: &SweepDirectory, pipeline: &Pipeline<'_>, device: &Device) -> anyhow::Result<Option<Resumed>> {
    let runs = directory.runs()?;
    let is_own = |run: &&StoredRun| run.facts.trial == pipeline.identity && run.facts.kernels == device.kernels();
    let Some(run) = runs.iter().rev().find(is_own) else { return Ok(None) };
    let own = RunDirectory::at(run.path.clone());
    let after = run.status().to_string();
    let Some(lock) = RunLock::take(&own)? else { return Ok(None) };
    let (Some(state), damaged) = states::newest(&own, &pipeline.table) else { return Ok(None) };
    let (facts, identity) = (run.facts.clone(), run.facts.trial.clone());
    Ok(Some(Resumed { directory: own, lock, facts, after, state, damaged, changed: Vec::new(), identity }))
}

fn is_done(directory: &SweepDirectory, planned: &PlannedTrial) -> anyhow::Result<bool> {
    let runs = directory.runs()?;
    let mut own = runs.iter().filter(|run| run.facts.trial == planned.id);
    Ok(own.any(|run| run.summary.is_some() || run.facts.status == Status::Pruned))
}

/// With nobody left to hear it, training goes on.
fn tell(told: &Told) {
    if let Ok(line) = serde_json::to_string(told) {
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

/// Tells the sweep how the trial goes, and stops it at a rung where it falls behind.
struct Teller<'a> {
    planned: &'a PlannedTrial,
    ladder: Ladder,
    metric: String,
    direction: Direction,
    factor: Option<u32>,
    loss: f64,
    score: Option<f64>,
    last: Instant,
}

impl Teller<'_> {
    fn progress(&mut self, step: u64) {
        self.last = Instant::now();
        tell(&Told::Progress { step, loss: self.loss, score: self.score });
    }

    fn climb(&self, event: &EvaluationEvent<'_>) -> anyhow::Result<()> {
        let rung = self.planned.rungs.iter().position(|step| *step == event.step).filter(|_| self.planned.decides);
        let (Some(rung), Some(factor), Some(score)) = (rung, self.factor, self.score) else { return Ok(()) };
        let others = self.ladder.climb(rung, &self.planned.id, score)?;
        if goes_on(score, &others, factor, self.direction) {
            return Ok(());
        }
        let better = others.iter().filter(|other| self.direction.improves(**other, score)).count();
        let reason = format!("{} {score:.4}, behind {better} of {} others", self.metric, others.len());
        Err(Pruned { step: event.step, reason }.into())
    }
}

impl Observer for Teller<'_> {
    fn observe(&mut self, event: &Event<'_>) -> anyhow::Result<()> {
        match event {
            Event::Step(step) => {
                self.loss = step.loss;
                if self.last.elapsed() > PACE {
                    self.progress(step.step);
                }
            }
            Event::Evaluation(evaluation) => {
                self.score = evaluation.scores.get(&self.metric);
                self.progress(evaluation.step);
                self.climb(evaluation)?;
            }
            Event::WarmingUp | Event::WarmedUp(_) | Event::Replayed(_) | Event::Log(_) | Event::Boundary(_) => {}
        }
        Ok(())
    }
}

impl Listener for Teller<'_> {
    fn begun(&mut self, _: &RunDirectory) {
        self.progress(0);
    }
}
