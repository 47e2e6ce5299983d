//! Runs the trials of a plan, several at once, until all have ended or somebody asks to stop.

use std::time::{Duration, Instant};

use super::at_once::Pilot;
use super::plan::PlannedTrial;
use super::queue::{Next, State, next};
use crate::machine::memory_info::Room;
use crate::settings::OnFailure;

/// Those who train: a process for each trial, or a script in tests.
pub trait Crew {
    /// What has become of each trial, also by other processes.
    fn states(&mut self) -> Vec<State>;
    /// Starts a trial in a slot from 0 to the number of trials at once.
    ///
    /// # Errors
    /// No process can be started.
    fn start(&mut self, trial: &PlannedTrial, slot: usize) -> anyhow::Result<()>;
    /// Waits for something to happen.
    fn hear(&mut self, patience: Duration) -> Option<News>;
    /// Asks every running trial to end after its step, with everything saved.
    fn ask_to_stop(&mut self);
    /// Ends every running trial at once.
    fn stop(&mut self);
    /// Memory, where they train; none where it cannot be seen.
    fn room(&mut self) -> Option<Room> {
        None
    }
}

/// Something that happened to the trial in a slot.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// It is on its way.
    Progress(usize, Progress),
    /// It has ended.
    Ended(usize, Ending),
}

/// How far a trial is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Steps taken.
    pub step: u64,
    /// The last loss.
    pub loss: f64,
    /// The last score.
    pub score: Option<f64>,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// As its state says.
    As(State),
    /// Another process has it.
    Elsewhere,
}

/// Someone who is told.
pub trait Audience {
    /// A trial started.
    fn started(&mut self, trial: usize, slot: usize);
    /// A trial is on its way.
    fn progress(&mut self, trial: usize, slot: usize, progress: Progress);
    /// A trial ended.
    fn ended(&mut self, trial: usize, slot: usize, ending: &Ending);
    /// Time passes; these are the states.
    fn tick(&mut self, states: &[State]);
    /// How many run at once was decided anew.
    fn decided(&mut self, what: &str);
    /// No more trials start.
    fn winding_down(&mut self, why: Why, running: usize);
}

/// Why no more trials start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Somebody asked to stop.
    Asked,
    /// One failed, and the sweep is to stop then.
    TrialFailed,
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Decides how many run at once.
    pub pilot: Pilot,
    /// What a failure means for the rest.
    pub on_failure: OnFailure,
}

/// How a sweep came to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Driven {
    /// The state of each trial.
    pub states: Vec<State>,
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
    audience: &mut dyn Audience,
    mut manner: Manner,
    asked: &dyn Fn() -> usize,
) -> anyhow::Result<Driven> {
    let mut states = crew.states();
    let mut slots: Vec<Option<usize>> = vec![None; manner.pilot.most()];
    let mut steps = vec![0; trials.len()];
    let mut winding_down = false;
    let mut broken = None;
    loop {
        let running = slots.iter().flatten().count();
        if !winding_down && asked() > 0 {
            winding_down = true;
            crew.ask_to_stop();
            audience.winding_down(Why::Asked, running);
        }
        if asked() > 1 {
            crew.stop();
            return Ok(Driven { states, interrupted: true });
        }
        let may_start = !winding_down && running < manner.pilot.allowed();
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
            states[index] = State::Running;
            slots[slot] = Some(index);
            audience.started(index, slot);
            continue;
        }
        if running == 0 && next == Next::Nothing {
            return broken.map_or_else(|| Ok(Driven { states, interrupted: asked() > 0 }), Err);
        }
        audience.tick(&states);
        let learning = slots.iter().flatten().filter(|index| steps[**index] > 0).count();
        if let Some(what) = manner.pilot.consider(Instant::now(), learning, || crew.room()) {
            audience.decided(&what);
        }
        match crew.hear(PATIENCE) {
            Some(News::Progress(slot, progress)) => {
                if let Some(index) = slots[slot] {
                    // The first word of a trial that goes on counts all that it did before.
                    if steps[index] > 0 {
                        let each = trials[index].work.learnt as f64 / trials[index].steps.max(1) as f64;
                        manner.pilot.learnt(progress.step.saturating_sub(steps[index]) as f64 * each);
                    }
                    steps[index] = progress.step;
                    audience.progress(index, slot, progress);
                }
            }
            Some(News::Ended(slot, ending)) => {
                let Some(index) = slots[slot].take() else { continue };
                states[index] = match &ending {
                    Ending::As(state) => state.clone(),
                    Ending::Elsewhere => State::Running,
                };
                audience.ended(index, slot, &ending);
                let failed = matches!(states[index], State::Failed(_));
                if failed && manner.on_failure == OnFailure::Stop && !winding_down {
                    winding_down = true;
                    audience.winding_down(Why::TrialFailed, slots.iter().flatten().count());
                }
            }
            // What runs elsewhere may have ended, and its process too.
            None => {
                let is_elsewhere = |index: &usize| states[*index] == State::Running && !slots.contains(&Some(*index));
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
