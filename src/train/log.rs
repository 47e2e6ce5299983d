//! What the rows of the log are made of.

use std::time::{Duration, Instant};

use super::event::{LogRow, StepEvent};
use super::state::Interval;

/// The steps since the last row.
pub struct Log {
    interval: Interval,
    /// What has passed since is added to the interval's time.
    since: Instant,
    skipped: Duration,
}

impl Log {
    /// Goes on with an interval.
    pub fn new(interval: Interval) -> Self {
        Self { interval, since: Instant::now(), skipped: Duration::ZERO }
    }

    /// Adds a step.
    pub fn add(&mut self, step: &StepEvent) {
        self.interval.loss += step.loss * step.examples as f64;
        self.interval.examples += step.examples as u64;
        self.interval.tokens += step.tokens;
    }

    /// Leaves a stretch of time out.
    pub fn skip(&mut self, pause: Duration) {
        self.skipped += pause;
    }

    /// The interval so far.
    pub fn interval(&self) -> Interval {
        let elapsed = self.interval.elapsed + self.since.elapsed().saturating_sub(self.skipped);
        Interval { elapsed, ..self.interval.clone() }
    }

    /// Ends the interval with its last step.
    pub fn row(&mut self, last: &StepEvent) -> LogRow {
        let interval = self.interval();
        let examples = interval.examples_before + interval.examples;
        *self = Self::new(Interval { examples_before: examples, ..Interval::default() });
        LogRow {
            step: last.step,
            epoch: last.epoch,
            examples,
            loss: interval.loss / interval.examples as f64,
            learning_rate: last.learning_rate,
            grad_norm: last.grad_norm,
            elapsed: interval.elapsed,
            interval_examples: interval.examples,
            interval_tokens: interval.tokens,
        }
    }
}
