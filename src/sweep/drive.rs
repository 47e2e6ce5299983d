//! Runs the trials of a plan that may grow, several in parallel, until all have ended or a stop is requested.

use std::time::{Duration, Instant};

use super::parallelism::Parallelism;
use super::plan::PlannedTrial;
use super::planner::Further;
use super::queue::{Next, TrialState, next};
use crate::failure::{Failure, Outcome};
use crate::machine::memory_info::MemoryInfo;
use crate::settings::OnFailure;

/// What trains the trials: a process for each, or a script in tests.
pub trait Crew {
    /// Called when the plan has grown by these trials.
    fn extend(&mut self, added: &[PlannedTrial]);
    /// Returns the state of each trial of the plan, including those that other processes run.
    fn states(&mut self) -> Vec<TrialState>;
    /// Starts a trial in a slot; there are as many slots as trials may run in parallel.
    fn start(&mut self, trial: &PlannedTrial, slot: usize) -> anyhow::Result<()>;
    /// Waits up to `patience` for an event.
    fn next_event(&mut self, patience: Duration) -> Option<CrewEvent>;
    /// Asks every running trial to stop after its current step, with everything saved.
    fn ask_to_stop(&mut self);
    /// Kills every running trial, without saving.
    fn kill(&mut self);
    /// Returns how much memory is free where the trials train, and how much the largest uses; `None` if unknown.
    fn memory(&mut self) -> Option<MemoryInfo> {
        None
    }
}

/// An event of the trial in a slot.
#[derive(Clone, Debug, PartialEq)]
pub enum CrewEvent {
    /// It has made progress.
    Progress(usize, TrialProgress),
    Ended(usize, TrialEnd),
}

/// The progress of a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrialProgress {
    /// Steps taken.
    pub step: u64,
    /// The latest loss.
    pub loss: f64,
    /// The latest score.
    pub score: Option<f64>,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TrialEnd {
    /// It ended in this state.
    State(TrialState),
    /// Another process has the trial.
    Elsewhere,
}

/// A source of further trials for a plan.
pub trait PlanSource {
    /// Returns what follows in the plan; called when a worker is free and no planned trial can start.
    ///
    /// # Errors
    /// The plan cannot be read or written, or a proposal of the strategy cannot be planned.
    fn further(&mut self, plan: &[PlannedTrial], states: &[TrialState]) -> Outcome<Further>;
}

/// A plan that does not grow.
pub struct FixedPlan;

impl PlanSource for FixedPlan {
    fn further(&mut self, _: &[PlannedTrial], _: &[TrialState]) -> Outcome<Further> {
        Ok(Further::Nothing)
    }
}

/// Observes a sweep.
pub trait SweepObserver {
    /// Called when the plan has grown by these trials.
    fn planned(&mut self, added: &[PlannedTrial]);
    fn started(&mut self, trial: usize, slot: usize);
    /// Called when a trial has made progress.
    fn progress(&mut self, trial: usize, slot: usize, progress: TrialProgress);
    fn ended(&mut self, trial: usize, slot: usize, ending: &TrialEnd);
    /// Called regularly, with the current states.
    fn tick(&mut self, states: &[TrialState]);
    /// Called when the number of parallel trials has been decided on, with a message.
    fn decided(&mut self, what: &str);
    /// Called when no more trials will start.
    fn winding_down(&mut self, why: StopReason, running: usize);
}

/// Why no more trials start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// A stop was requested.
    Asked,
    /// A trial failed, and the sweep stops on failures.
    TrialFailed,
}

/// Options for driving a sweep.
#[derive(Clone, Debug)]
pub struct DriveOptions {
    /// How many trials run in parallel.
    pub parallelism: Parallelism,
    /// What to do after a trial fails.
    pub on_failure: OnFailure,
}

/// How a sweep ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Driven {
    /// Every trial of the plan, including those added meanwhile.
    pub trials: Vec<PlannedTrial>,
    pub states: Vec<TrialState>,
    /// Whether a stop was requested.
    pub interrupted: bool,
}

/// How long to wait for an event before checking on other processes.
const PATIENCE: Duration = Duration::from_millis(100);

/// Runs the remaining trials of the plan, and those added meanwhile. `asked` counts stop requests: after the first, running
/// trials save their state and stop; the second kills them.
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

    /// Stops the sweep because of its own failure. Running trials save their state, since nobody would follow them any more.
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

    /// Waits for an event.
    fn look(&mut self) {
        self.observer.tick(&self.states);
        let training = self.slots.iter().flatten().filter(|index| self.steps[**index] > 0).count();
        let crew = &mut self.crew;
        if let Some(what) = self.options.parallelism.adjust(Instant::now(), training, || crew.memory()) {
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
        // The first message of a resumed trial includes the steps taken before it was resumed.
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

    /// Checks on trials in other processes: they, or the processes themselves, may have ended.
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
