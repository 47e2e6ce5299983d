//! Sweep progress for people: a line for each running trial below a line of counts, or plain lines elsewhere.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{Loudness, room};
use crate::numbers::{count, counted, duration, score};
use crate::plan::shown;
use crate::sweep::{PlannedTrial, RankingMetric, StopReason, SweepObserver, TrialEnd, TrialProgress, TrialState};
use crate::task::Best;
use crate::terminal::{Bar, Bars, complain, draws_bars, fitted, shortened, width_of};

/// Shows how a sweep progresses.
pub struct SweepProgress {
    trials: Vec<PlannedTrial>,
    loudness: Loudness,
    lines: Option<Lines>,
    states: Vec<TrialState>,
    /// The metric of the sweep; `None` if each task has its own.
    ranked_by: Option<RankingMetric>,
    /// The best score of each task, and its trial.
    best: BTreeMap<String, Best<usize>>,
    started: Instant,
    begun: Vec<Option<Instant>>,
    /// Fraction of each trial that was done since this process began.
    shares: Vec<f64>,
}

struct Lines {
    all: Bars,
    head: Bar,
    slots: Vec<Option<Bar>>,
}

/// Width of a trial's bar in columns.
const BAR: usize = 12;

impl SweepProgress {
    /// Creates a display for these trials; some may have ended already. `ranked_by` is the metric of the sweep, `None` if each
    /// task has its own.
    #[must_use]
    pub fn new(
        trials: &[PlannedTrial],
        states: &[TrialState],
        ranked_by: Option<&RankingMetric>,
        jobs: usize,
        loudness: Loudness,
    ) -> Self {
        let wants_lines = loudness == Loudness::Normal && draws_bars();
        let mut progress = Self {
            trials: trials.to_vec(),
            loudness,
            lines: wants_lines.then(|| Lines::new(jobs)),
            states: states.to_vec(),
            ranked_by: ranked_by.cloned(),
            best: BTreeMap::new(),
            started: Instant::now(),
            begun: vec![None; trials.len()],
            shares: vec![0.0; trials.len()],
        };
        for (index, state) in states.iter().enumerate() {
            progress.remember(index, state);
        }
        progress
    }

    fn remember(&mut self, index: usize, state: &TrialState) {
        if let TrialState::Done(Some(value)) = state {
            let RankingMetric { metric, direction } = self.metric(index);
            let best = self.best.entry(self.trials[index].task().into()).or_insert_with(|| Best::new(&metric, direction));
            best.offer(index, Some(*value));
        }
    }

    fn metric(&self, trial: usize) -> RankingMetric {
        RankingMetric::of(self.ranked_by.as_ref(), &self.trials[trial])
    }

    /// Formats a trial's score with the name of its metric.
    fn named(&self, trial: usize, value: f64) -> String {
        format!("{} {}", self.metric(trial).metric, score(value))
    }

    /// Returns the trial with the best score; `None` if trials of several tasks have scores, which cannot be ranked.
    fn leader(&self) -> Option<(usize, f64)> {
        let mut tasks = self.best.values();
        let best = tasks.next().filter(|_| tasks.next().is_none())?;
        best.at().zip(best.score())
    }

    fn say(&self, line: &str) {
        match &self.lines {
            Some(lines) => lines.all.print_above(line),
            None if self.loudness == Loudness::Normal => complain(line),
            None => {}
        }
    }

    /// Returns the counts, the best score so far, and the time left.
    fn head(&self) -> Vec<(String, u8)> {
        let number = |is: fn(&TrialState) -> bool| self.states.iter().filter(|state| is(state)).count();
        let ended = number(TrialState::is_final);
        let mut words = vec![(format!("{ended} of {} trials ended", count(self.trials.len() as u64)), 0)];
        let running = number(|state| *state == TrialState::Running);
        let counts = [
            (running, "running"),
            (number(|state| matches!(state, TrialState::Failed(_))), "failed"),
            (number(|state| matches!(state, TrialState::Pruned(_) | TrialState::Skipped)), "stopped early"),
        ];
        words.extend(counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| (format!("{n} {what}"), 2)));
        if let Some((index, value)) = self.leader() {
            words.push((format!("best {}", self.named(index, value)), 1));
            words.push((format!("({})", self.trials[index].label()), 4));
        }
        words.extend(self.left().map(|left| (format!("{} left", duration(left)), 3)));
        words
    }

    /// Returns the seconds left at this process's pace so far.
    fn left(&self) -> Option<f64> {
        let done: f64 = self.trials.iter().zip(&self.shares).map(|(trial, share)| trial.work.units() * share).sum();
        let open = self.trials.iter().zip(&self.states).zip(&self.shares).filter(|((_, state), _)| !state.is_final());
        let left: f64 = open.map(|((trial, _), share)| trial.work.units() * (1.0 - share)).sum();
        (done > 0.0).then(|| self.started.elapsed().as_secs_f64() * left / done)
    }

    fn ended_line(&self, trial: usize, state: &TrialState) -> String {
        let ended = self.states.iter().filter(|state| state.is_final()).count();
        let time = self.begun[trial].map_or(0.0, |begun| begun.elapsed().as_secs_f64());
        let what = match state {
            TrialState::Done(Some(value)) => self.named(trial, *value),
            TrialState::Done(None) => "finished".into(),
            TrialState::Pruned(reason) => reason.clone(),
            TrialState::Failed(reason) => format!("FAILED: {}", in_short(reason)),
            TrialState::Pending => "interrupted; its state is saved".into(),
            TrialState::Running | TrialState::Skipped => "not finished".into(),
        };
        format!("[{ended}/{}] {}: {what} ({})", self.trials.len(), self.trials[trial].label(), duration(time))
    }
}

/// Returns what distinguishes a trial from the others, with only the last part of each setting's path.
fn short_label(trial: &PlannedTrial) -> String {
    let name = |path: &str| path.rsplit('.').next().unwrap_or_default().to_string();
    let mut words: Vec<String> =
        trial.choices.iter().map(|(path, value)| format!("{} {}", name(path), shown(Some(value)))).collect();
    words.push(format!("seed {}", trial.seed));
    words.join(", ")
}

/// Formats the text beside a trial's bar: the label is shortened before the scores are.
fn trial_line(trial: &PlannedTrial, step: u64, scores: Option<(f64, Option<String>)>, room: usize) -> String {
    let step = format!("{}/{}", count(step), count(trial.steps));
    let (loss, metric) = scores.map_or((String::new(), None), |(loss, metric)| (format!("loss {loss:.4}"), metric));
    let metric = metric.unwrap_or_default();
    let beside = room.saturating_sub(width_of(&step) + width_of(&metric) + 4);
    let label = shortened(&short_label(trial), beside.max(20));
    let parts = [(step, 0), (label, 1), (loss, 3), (metric, 2)];
    fitted(&parts, room)
}

/// Returns the beginning of a reason; the run's log has all of it.
fn in_short(reason: &str) -> String {
    const LONGEST: usize = 90;
    let line = reason.lines().next().unwrap_or_default();
    if line.chars().count() <= LONGEST { line.into() } else { line.chars().take(LONGEST).chain("…".chars()).collect() }
}

impl Lines {
    fn new(jobs: usize) -> Self {
        let all = Bars::default();
        let head = all.add(Bar::new(1, 0));
        head.keep_ticking();
        Self { all, head, slots: (0..jobs).map(|_| None).collect() }
    }
}

impl SweepObserver for SweepProgress {
    fn planned(&mut self, added: &[PlannedTrial]) {
        self.say(&format!("{} added to the plan meanwhile", counted(added.len(), "trial was", "trials were")));
        self.trials.extend_from_slice(added);
        self.states.resize(self.trials.len(), TrialState::Pending);
        self.begun.resize(self.trials.len(), None);
        self.shares.resize(self.trials.len(), 0.0);
    }

    fn started(&mut self, trial: usize, slot: usize) {
        self.begun[trial] = Some(Instant::now());
        self.states[trial] = TrialState::Running;
        let label = self.trials[trial].label();
        match &mut self.lines {
            Some(lines) => {
                let steps = self.trials[trial].steps;
                let bar = lines.all.add(Bar::new(steps, BAR));
                bar.set_message(&trial_line(&self.trials[trial], 0, None, room(BAR)));
                lines.slots[slot] = Some(bar);
            }
            None => self.say(&format!("started: {label}")),
        }
    }

    fn progress(&mut self, trial: usize, slot: usize, progress: TrialProgress) {
        self.shares[trial] = (progress.step as f64 / self.trials[trial].steps.max(1) as f64).min(1.0);
        let Some(bar) = self.lines.as_ref().and_then(|lines| lines.slots[slot].as_ref()) else { return };
        bar.set_position(progress.step);
        let scores = (progress.loss, progress.score.map(|value| self.named(trial, value)));
        bar.set_message(&trial_line(&self.trials[trial], progress.step, Some(scores), room(BAR)));
    }

    fn ended(&mut self, trial: usize, slot: usize, ending: &TrialEnd) {
        if let Some(bar) = self.lines.as_mut().and_then(|lines| lines.slots[slot].take()) {
            bar.clear();
        }
        match ending {
            TrialEnd::State(state) => {
                self.states[trial] = state.clone();
                // Its time counts in full, however early it ended.
                self.shares[trial] = if matches!(state, TrialState::Done(_)) { 1.0 } else { self.shares[trial] };
                self.remember(trial, state);
                self.say(&self.ended_line(trial, state));
            }
            TrialEnd::Elsewhere => self.say(&format!("{}: running in another process", self.trials[trial].label())),
        }
    }

    fn tick(&mut self, states: &[TrialState]) {
        for (index, state) in
            states.iter().enumerate().filter(|(index, state)| self.states[*index] != **state).collect::<Vec<_>>()
        {
            self.remember(index, state);
            if state.is_final() && self.begun[index].is_none() && *state != TrialState::Skipped {
                self.states[index] = state.clone();
                self.say(&format!("{} (in another process)", self.ended_line(index, state)));
            }
            self.states[index] = state.clone();
        }
        if let Some(lines) = &self.lines {
            lines.head.set_message(&fitted(&self.head(), room(0)));
        }
    }

    fn decided(&mut self, what: &str) {
        self.say(what);
    }

    fn winding_down(&mut self, why: StopReason, running: usize) {
        let what = match (why, running) {
            (StopReason::Asked, 0) => "stopping".into(),
            (StopReason::Asked, 1) => "stopping: 1 running trial is saving its state".into(),
            (StopReason::Asked, more) => format!("stopping: {more} running trials are saving their states"),
            (StopReason::TrialFailed, 0) => "a trial failed; no more trials will start".into(),
            (StopReason::TrialFailed, 1) => "a trial failed; no more trials will start, and the running one will finish".into(),
            (StopReason::TrialFailed, more) => {
                format!("a trial failed; no more trials will start, and the {more} running ones will finish")
            }
        };
        let again = if running > 0 { "; press Ctrl-C again to kill them" } else { "" };
        self.say(&format!("{what}{again}"));
    }
}

impl Drop for SweepProgress {
    fn drop(&mut self) {
        if let Some(lines) = &self.lines {
            lines.head.clear();
        }
    }
}
