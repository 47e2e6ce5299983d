//! Runs the trials of a plan that may grow, several in parallel, until all have ended or somebody asks to stop.

use std::time::{Duration, Instant};

use super::parallelism::Parallelism;
use super::plan::PlannedTrial;
use super::planner::Further;
use super::queue::{Next, TrialState, next};
use crate::failure::{Failure, Outcome};
use crate::machine::memory_info::MemoryInfo;
use crate::settings::OnFailure;

/// Those who train: a process for each trial, or a script in tests.
pub trait Crew {
    /// The plan has grown by these trials.
    fn extend(&mut self, added: &[PlannedTrial]);
    /// What has become of each trial of the plan, also by other processes.
    fn states(&mut self) -> Vec<TrialState>;
    /// Starts a trial in a slot, of which there are as many as trials may run in parallel.
    fn start(&mut self, trial: &PlannedTrial, slot: usize) -> anyhow::Result<()>;
    /// Waits for something to happen.
    fn next_event(&mut self, patience: Duration) -> Option<CrewEvent>;
    /// Asks every running trial to end after its step, with everything saved.
    fn ask_to_stop(&mut self);
    /// Ends every running trial now, without saving.
    fn kill(&mut self);
    /// Memory, where they train; none where it cannot be seen.
    fn memory(&mut self) -> Option<MemoryInfo> {
        None
    }
}

/// Something that happened to the trial in a slot.
#[derive(Clone, Debug, PartialEq)]
pub enum CrewEvent {
    /// It is on its way.
    Progress(usize, TrialProgress),
    Ended(usize, TrialEnd),
}

/// How far a trial is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrialProgress {
    /// Steps taken.
    pub step: u64,
    /// The last loss.
    pub loss: f64,
    /// The last score.
    pub score: Option<f64>,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TrialEnd {
    /// As its state says.
    State(TrialState),
    /// Another process has it.
    Elsewhere,
}

/// Where the plan grows.
pub trait PlanSource {
    /// What follows in the plan; asked when a worker is free and nothing that is planned can start.
    ///
    /// # Errors
    /// The plan cannot be read or written, or what a strategy proposes cannot be planned.
    fn further(&mut self, plan: &[PlannedTrial], states: &[TrialState]) -> Outcome<Further>;
}

/// A plan that does not grow.
pub struct FixedPlan;

impl PlanSource for FixedPlan {
    fn further(&mut self, _: &[PlannedTrial], _: &[TrialState]) -> Outcome<Further> {
        Ok(Further::Nothing)
    }
}

/// Follows a sweep.
pub trait SweepObserver {
    /// The plan has grown by these trials.
    fn planned(&mut self, added: &[PlannedTrial]);
    fn started(&mut self, trial: usize, slot: usize);
    /// A trial is on its way.
    fn progress(&mut self, trial: usize, slot: usize, progress: TrialProgress);
    fn ended(&mut self, trial: usize, slot: usize, ending: &TrialEnd);
    /// Time passes; these are the states.
    fn tick(&mut self, states: &[TrialState]);
    /// The number of trials in parallel was changed.
    fn decided(&mut self, what: &str);
    /// No more trials start.
    fn winding_down(&mut self, why: StopReason, running: usize);
}

/// Why no more trials start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Somebody asked to stop.
    Asked,
    /// One failed, and the sweep is to stop then.
    TrialFailed,
}

/// How to run.
#[derive(Clone, Debug)]
pub struct DriveOptions {
    /// How many trials run in parallel.
    pub parallelism: Parallelism,
    /// What a failure means for the rest.
    pub on_failure: OnFailure,
}

/// How a sweep came to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Driven {
    /// Every trial of the plan, those that were added meanwhile included.
    pub trials: Vec<PlannedTrial>,
    pub states: Vec<TrialState>,
    /// Whether somebody asked to stop.
    pub interrupted: bool,
}

/// How long to wait for news before looking around.
const PATIENCE: Duration = Duration::from_millis(100);

/// Runs what is left of the plan, and what is added to it meanwhile. `asked` counts how often somebody asked to stop: once
/// lets running trials save where they are, twice ends them.
pub fn drive(
    trials: Vec<PlannedTrial>,
    source: &mut dyn PlanSource,
    crew: &mut dyn Crew,
    observer: &mut dyn SweepObserver,
    options: DriveOptions,
    asked: &dyn Fn() -> usize,
) -> Outcome<Driven> {
    let states = crew.states();
    let slots = vec![None; options.parallelism.most()];
    let steps = vec![0; trials.len()];
    let mut driver = Driver { trials, states, slots, steps, crew, observer, options, winding_down: false, broken: None };
    loop {
        if !driver.winding_down && asked() > 0 {
            driver.wind_down();
            driver.observer.winding_down(StopReason::Asked, driver.running());
        }
        if asked() > 1 {
            driver.crew.kill();
            return Ok(driver.end(true));
        }
        let next = if driver.winding_down { Next::Nothing } else { next(&driver.trials, &mut driver.states) };
        let mut may_grow = false;
        if let Some(slot) = driver.free_slot() {
            if let Next::Start(index) = next {
                driver.start(index, slot);
                continue;
            }
            match source.further(&driver.trials, &driver.states) {
                Ok(Further::Trials(added)) => {
                    driver.extend(added);
                    continue;
                }
                Ok(Further::Wait) => may_grow = true,
                Ok(Further::Nothing) => {}
                Err(failure) => {
                    driver.fail(failure);
                    continue;
                }
            }
        }
        if driver.running() == 0 && next == Next::Nothing && !may_grow {
            return match driver.broken.take() {
                Some(failure) => Err(failure),
                None => Ok(driver.end(asked() > 0)),
            };
        }
        driver.look();
    }
}

/// A plan that is being run.
struct Driver<'a> {
    trials: Vec<PlannedTrial>,
    states: Vec<TrialState>,
    /// The trial that runs in each slot.
    slots: Vec<Option<usize>>,
    /// Steps that each trial is known to have taken.
    steps: Vec<u64>,
    crew: &'a mut dyn Crew,
    observer: &'a mut dyn SweepObserver,
    options: DriveOptions,
    winding_down: bool,
    broken: Option<Failure>,
}

impl Driver<'_> {
    fn running(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    fn free_slot(&self) -> Option<usize> {
        let may_start = !self.winding_down && self.running() < self.options.parallelism.allowed();
        self.slots.iter().position(Option::is_none).filter(|_| may_start)
    }

    fn wind_down(&mut self) {
        self.winding_down = true;
        self.crew.ask_to_stop();
    }

    /// Running trials save where they are: nobody would hear of them any more.
    fn fail(&mut self, failure: Failure) {
        self.broken = Some(failure);
        self.wind_down();
    }

    fn start(&mut self, index: usize, slot: usize) {
        if let Err(error) = self.crew.start(&self.trials[index], slot) {
            return self.fail(Failure::RunDirectory(error));
        }
        self.states[index] = TrialState::Running;
        self.slots[slot] = Some(index);
        self.observer.started(index, slot);
    }

    fn extend(&mut self, added: Vec<PlannedTrial>) {
        self.crew.extend(&added);
        self.observer.planned(&added);
        self.trials.extend(added);
        self.steps.resize(self.trials.len(), 0);
        let states = self.crew.states();
        let known = self.states.len();
        self.states.extend_from_slice(&states[known..]);
    }

    /// Waits for something to happen.
    fn look(&mut self) {
        self.observer.tick(&self.states);
        let learning = self.slots.iter().flatten().filter(|index| self.steps[**index] > 0).count();
        let crew = &mut self.crew;
        if let Some(what) = self.options.parallelism.adjust(Instant::now(), learning, || crew.memory()) {
            self.observer.decided(&what);
        }
        match self.crew.next_event(PATIENCE) {
            Some(CrewEvent::Progress(slot, progress)) => self.progress(slot, progress),
            Some(CrewEvent::Ended(slot, end)) => self.ended(slot, &end),
            None => self.look_elsewhere(),
        }
    }

    fn progress(&mut self, slot: usize, progress: TrialProgress) {
        let Some(index) = self.slots[slot] else { return };
        // The first word of a resumed trial counts all that it did before.
        if self.steps[index] > 0 {
            let trial = &self.trials[index];
            let each = trial.work.learnt as f64 / trial.steps.max(1) as f64;
            self.options.parallelism.record(progress.step.saturating_sub(self.steps[index]) as f64 * each);
        }
        self.steps[index] = progress.step;
        self.observer.progress(index, slot, progress);
    }

    fn ended(&mut self, slot: usize, end: &TrialEnd) {
        let Some(index) = self.slots[slot].take() else { return };
        self.states[index] = match end {
            TrialEnd::State(state) => state.clone(),
            TrialEnd::Elsewhere => TrialState::Running,
        };
        self.observer.ended(index, slot, end);
        let failed = matches!(self.states[index], TrialState::Failed(_));
        if failed && self.options.on_failure == OnFailure::Stop && !self.winding_down {
            self.winding_down = true;
            self.observer.winding_down(StopReason::TrialFailed, self.running());
        }
    }

    /// What runs in another process may have ended, and that process too.
    fn look_elsewhere(&mut self) {
        let is_elsewhere = |index: &usize| self.states[*index] == TrialState::Running && !self.slots.contains(&Some(*index));
        let elsewhere: Vec<usize> = (0..self.trials.len()).filter(is_elsewhere).collect();
        if !elsewhere.is_empty() {
            let fresh = self.crew.states();
            for index in elsewhere {
                self.states[index].clone_from(&fresh[index]);
            }
        }
    }

    fn end(self, interrupted: bool) -> Driven {
        Driven { trials: self.trials, states: self.states, interrupted }
    }
}
