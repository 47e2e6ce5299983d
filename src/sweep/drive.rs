//! Runs the trials of a plan, several at once, until all have ended or somebody asks to stop.

use std::time::{Duration, Instant};

use super::parallelism::Parallelism;
use super::plan::PlannedTrial;
use super::queue::{Next, TrialState, next};
use crate::machine::memory_info::MemoryInfo;
use crate::settings::OnFailure;

/// Those who train: a process for each trial, or a script in tests.
pub trait Crew {
    /// What has become of each trial, also by other processes.
    fn states(&mut self) -> Vec<TrialState>;
    /// Starts a trial in a slot from 0 to the number of trials at once.
    ///
    /// # Errors
    /// No process can be started.
    fn start(&mut self, trial: &PlannedTrial, slot: usize) -> anyhow::Result<()>;
    /// Waits for something to happen.
    fn next_event(&mut self, patience: Duration) -> Option<CrewEvent>;
    /// Asks every running trial to end after its step, with everything saved.
    fn ask_to_stop(&mut self);
    /// Ends every running trial at once.
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
    /// It has ended.
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

/// Someone who is told.
pub trait SweepObserver {
    /// A trial started.
    fn started(&mut self, trial: usize, slot: usize);
    /// A trial is on its way.
    fn progress(&mut self, trial: usize, slot: usize, progress: TrialProgress);
    /// A trial ended.
    fn ended(&mut self, trial: usize, slot: usize, ending: &TrialEnd);
    /// Time passes; these are the states.
    fn tick(&mut self, states: &[TrialState]);
    /// How many run at once was decided anew.
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
    /// Decides how many run at once.
    pub parallelism: Parallelism,
    /// What a failure means for the rest.
    pub on_failure: OnFailure,
}

/// How a sweep came to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Driven {
    /// The state of each trial.
    pub states: Vec<TrialState>,
    /// Whether somebody asked to stop.
    pub interrupted: bool,
}

/// How long to wait for news before looking around.
const PATIENCE: Duration = Duration::from_millis(100);

/// Runs what is left of the plan. `asked` counts how often somebody asked to stop: once lets running trials save where
/// they are, twice ends them.
///
/// # Errors
/// No process can be started.
pub fn drive(
    trials: &[PlannedTrial],
    crew: &mut dyn Crew,
    observer: &mut dyn SweepObserver,
    mut options: DriveOptions,
    asked: &dyn Fn() -> usize,
) -> anyhow::Result<Driven> {
    let mut states = crew.states();
    let mut slots: Vec<Option<usize>> = vec![None; options.parallelism.most()];
    let mut steps = vec![0; trials.len()];
    let mut winding_down = false;
    let mut broken = None;
    loop {
        let running = slots.iter().flatten().count();
        if !winding_down && asked() > 0 {
            winding_down = true;
            crew.ask_to_stop();
            observer.winding_down(StopReason::Asked, running);
        }
        if asked() > 1 {
            crew.kill();
            return Ok(Driven { states, interrupted: true });
        }
        let may_start = !winding_down && running < options.parallelism.allowed();
        let free = slots.iter().position(Option::is_none).filter(|_| may_start);
        let next = if winding_down { Next::Nothing } else { next(trials, &mut states) };
        if let (Some(slot), Next::Start(index)) = (free, next) {
            if let Err(error) = crew.start(&trials[index], slot) {
                // Nobody would hear of those that are running any more.
                broken = Some(error);
                winding_down = true;
                crew.ask_to_stop();
                continue;
            }
            states[index] = TrialState::Running;
            slots[slot] = Some(index);
            observer.started(index, slot);
            continue;
        }
        if running == 0 && next == Next::Nothing {
            return broken.map_or_else(|| Ok(Driven { states, interrupted: asked() > 0 }), Err);
        }
        observer.tick(&states);
        let learning = slots.iter().flatten().filter(|index| steps[**index] > 0).count();
        if let Some(what) = options.parallelism.adjust(Instant::now(), learning, || crew.memory()) {
            observer.decided(&what);
        }
        match crew.next_event(PATIENCE) {
            Some(CrewEvent::Progress(slot, progress)) => {
                if let Some(index) = slots[slot] {
                    // The first word of a trial that goes on counts all that it did before.
                    if steps[index] > 0 {
                        let each = trials[index].work.learnt as f64 / trials[index].steps.max(1) as f64;
                        options.parallelism.record(progress.step.saturating_sub(steps[index]) as f64 * each);
                    }
                    steps[index] = progress.step;
                    observer.progress(index, slot, progress);
                }
            }
            Some(CrewEvent::Ended(slot, ending)) => {
                let Some(index) = slots[slot].take() else { continue };
                states[index] = match &ending {
                    TrialEnd::State(state) => state.clone(),
                    TrialEnd::Elsewhere => TrialState::Running,
                };
                observer.ended(index, slot, &ending);
                let failed = matches!(states[index], TrialState::Failed(_));
                if failed && options.on_failure == OnFailure::Stop && !winding_down {
                    winding_down = true;
                    observer.winding_down(StopReason::TrialFailed, slots.iter().flatten().count());
                }
            }
            // What runs elsewhere may have ended, and its process too.
            None => {
                let is_elsewhere = |index: &usize| states[*index] == TrialState::Running && !slots.contains(&Some(*index));
                let elsewhere: Vec<usize> = (0..trials.len()).filter(is_elsewhere).collect();
                if !elsewhere.is_empty() {
                    let fresh = crew.states();
                    for index in elsewhere {
                        states[index].clone_from(&fresh[index]);
                    }
                }
            }
        }
    }
}
