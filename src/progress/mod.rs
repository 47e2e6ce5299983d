//! Training progress for people: a bar on a terminal, plain lines elsewhere, and the run's log.

mod run_log;
mod sweep;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::numbers::{count, duration, rate, scientific, score};
use crate::runs::Moment;
use crate::task::metrics::{Score, Scores};
use crate::terminal::{self, Bar, Width, draws_bars, fitted};
use crate::train::{EvaluationEvent, Event, LogRow, Observer, StepEvent, Stop};

pub use run_log::RunLog;
pub use sweep::SweepProgress;

/// How much is printed on the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loudness {
    /// A bar if standard error is a terminal, else plain lines.
    Normal,
    /// Only errors and the final summary.
    Quiet,
}

/// Prints a line on standard error, unless quiet.
pub fn say(loudness: Loudness, line: &str) {
    if loudness == Loudness::Normal {
        terminal::complain(line);
    }
}

/// Shows the progress of a training run.
pub struct Progress<'a> {
    log: &'a mut RunLog,
    bar: Option<Bar>,
    metric: String,
    total: u64,
    /// Steps that were taken before this process resumed the run.
    resumed_after: u64,
    /// The best score so far.
    best: Option<f64>,
    /// The latest score.
    last: Option<f64>,
    started: Instant,
    /// Examples per second, exponentially smoothed.
    smoothed: Option<f64>,
    previous: Instant,
    /// Steps since `previous`, and their examples.
    untimed: (i32, usize),
}

/// Minimum time over which a speed is measured.
const SHORTEST: Duration = Duration::from_millis(20);

impl<'a> Progress<'a> {
    /// Creates a display for `total` steps, scored by `metric`.
    pub fn new(log: &'a mut RunLog, metric: &str, total: u64) -> Self {
        let wants_bar = log.loudness() == Loudness::Normal && draws_bars();
        let now = Instant::now();
        Self {
            log,
            bar: wants_bar.then(|| Bar::new(total, BAR)),
            metric: metric.into(),
            total,
            resumed_after: 0,
            best: None,
            last: None,
            started: now,
            smoothed: None,
            previous: now,
            untimed: (0, 0),
        }
    }

    /// Continues after `steps` steps, with the best and the latest evaluation so far.
    pub fn resume(&mut self, best: Option<&Moment>, last: Option<&Moment>, steps: u64) {
        let value = |moment: &Moment| moment.scores.get(&self.metric).copied();
        (self.best, self.last) = (best.and_then(value), last.and_then(value));
        self.resumed_after = steps;
    }

    fn step(&mut self, step: &StepEvent) {
        // The metrics of several steps may be read together; these steps share the time since the previous ones.
        let (steps, examples) = (self.untimed.0 + 1, self.untimed.1 + step.examples);
        let taken = self.previous.elapsed();
        if taken < SHORTEST && self.smoothed.is_some() {
            self.untimed = (steps, examples);
        } else {
            let now = examples as f64 / taken.as_secs_f64().max(1e-9);
            let weight = 0.95_f64.powi(steps);
            self.smoothed = Some(self.smoothed.map_or(now, |earlier| weight * earlier + (1.0 - weight) * now));
            (self.previous, self.untimed) = (Instant::now(), (0, 0));
        }
        let smoothed = self.smoothed.unwrap_or_default();
        if let Some(bar) = &self.bar {
            bar.set_position(step.step);
            let parts = [
                (format!("{}/{}", count(step.step), count(self.total)), 0),
                (format!("loss {:.4}", step.loss), 1),
                (format!("lr {}", scientific(step.learning_rate)), 5),
                (format!("{} ex/s", rate(smoothed)), 4),
                (self.last.map_or(String::new(), |last| format!("{} {}", self.metric, score(last))), 3),
                (self.best.map_or(String::new(), |best| format!("best {}", score(best))), 3),
                (format!("{} left", duration(bar.left().as_secs_f64())), 2),
            ];
            bar.set_message(&fitted(&parts, room(BAR)));
        }
    }

    /// Shows what is being waited for before the first step.
    fn waiting(&mut self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(&fitted(&[(what.to_string(), 0)], room(BAR)));
            bar.tick();
        }
    }

    fn row(&mut self, row: &LogRow) -> Result<()> {
        let left = self.started.elapsed().as_secs_f64() / (row.step - self.resumed_after) as f64 * (self.total - row.step) as f64;
        let line = format!(
            "step {}/{}  epoch {:.2}  loss {:.4}  lr {}  grad norm {:.3}  {} ex/s  {} left",
            count(row.step),
            count(self.total),
            row.epoch,
            row.loss,
            scientific(row.learning_rate),
            row.grad_norm,
            rate(row.interval_examples as f64 / row.elapsed.as_secs_f64().max(1e-9)),
            duration(left),
        );
        if self.bar.is_some() { self.log.write(&line) } else { self.log.print(&line) }
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> Result<()> {
        (self.best, self.last) = (event.best.score(), event.scores.get(&self.metric));
        let remark = match (event.scores.collapsed, event.improved && self.last.is_some()) {
            (true, _) => "  (one class for every example)",
            (false, true) => "  (best so far)",
            (false, false) => "",
        };
        let at = format!("validation at step {}", count(event.step));
        let (epoch, loss) = (format!("(epoch {:.2})", event.epoch), format!("loss {}", score(event.scores.loss)));
        let metrics = metrics_text(event.scores);
        let line = format!("{at} {epoch}  {metrics}  {loss}{remark}");
        self.previous = Instant::now();
        self.print_above(&line, &[(at, 0), (epoch, 4), (metrics, 0), (loss, 3), (remark.trim_start().into(), 2)])?;
        for (split, scores) in event.further {
            let (metrics, loss) = (metrics_text(scores), format!("loss {}", score(scores.loss)));
            self.print_above(&format!("{split}  {metrics}  {loss}"), &[((*split).into(), 0), (metrics, 0), (loss, 3)])?;
        }
        Ok(())
    }

    /// Logs a line, and prints it; above a progress bar, the parts that fit.
    fn print_above(&mut self, line: &str, parts: &[(String, u8)]) -> Result<()> {
        match &self.bar {
            Some(bar) => {
                bar.print_above(&fitted(parts, room(0)));
                self.log.write(line)
            }
            None => self.log.print(line),
        }
    }
}

fn metrics_text(scores: &Scores) -> String {
    let shown = |found: &Score| format!("{} {}", found.metric, found.value.map_or_else(|| "undefined".into(), score));
    scores.metrics.iter().map(shown).collect::<Vec<_>>().join("  ")
}

impl Observer for Progress<'_> {
    fn observe(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>> {
        match event {
            Event::Step(step) => self.step(step),
            Event::WarmupStarted => self.waiting("compiling and tuning kernels, once per machine and batch size"),
            Event::WarmupFinished(time) => {
                self.previous = Instant::now();
                self.log.write(&format!("kernels were ready after {}", duration(time.as_secs_f64())))?;
            }
            Event::Finished(replays) => self.log.write(&replays.to_string())?,
            Event::Log(row) => self.row(row)?,
            Event::Evaluation(evaluation) => self.evaluation(evaluation)?,
            Event::Started | Event::Boundary(_) => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.clear();
        }
    }
}

/// Width of a bar in columns.
const BAR: usize = 12;

/// Returns the columns beside a bar, so that its line does not wrap.
fn room(bar: usize) -> usize {
    // Without a known terminal, the usual width is assumed.
    Width::of_stderr().at_most(MOST).saturating_sub(bar + 2)
}

/// Maximum width of a line, however wide the terminal is.
const MOST: usize = 160;
