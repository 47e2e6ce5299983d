//! Log rows; each covers the steps since the previous row.

use std::time::{Duration, Instant};

use super::event::{LogRow, StepEvent};
use super::state::LogInterval;

/// Accumulates the next log row.
pub struct Log {
    interval: LogInterval,
    /// When the clock was last started; `None` while it is paused.
    running: Option<Instant>,
}

impl Log {
    /// Continues an interval and starts the clock.
    pub fn new(interval: LogInterval) -> Self {
        Self { interval, running: Some(Instant::now()) }
    }

    pub fn add(&mut self, step: &StepEvent) {
        self.interval.loss += step.loss * step.examples as f64;
        self.interval.examples += step.examples as u64;
        self.interval.tokens += step.tokens;
    }

    /// Pauses the clock during work that is not training.
    pub fn pause(&mut self) {
        self.interval.elapsed = self.elapsed();
        self.running = None;
    }

    /// Restarts the clock.
    pub fn resume(&mut self) {
        self.interval.elapsed = self.elapsed();
        self.running = Some(Instant::now());
    }

    fn elapsed(&self) -> Duration {
        self.interval.elapsed + self.running.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// The interval so far.
    pub fn interval(&self) -> LogInterval {
        LogInterval { elapsed: self.elapsed(), ..self.interval.clone() }
    }

    /// Ends the interval at this step and starts the next one.
    pub fn row(&mut self, last: &StepEvent) -> LogRow {
        let interval = self.interval();
        let examples = interval.examples_before + interval.examples;
        *self = Self::new(LogInterval { examples_before: examples, ..LogInterval::default() });
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
