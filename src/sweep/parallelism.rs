//! How many trials run in parallel: a given number, or as many as fit in memory and raise throughput.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::machine::memory_info::MemoryInfo;
use crate::numbers::{bytes, counted};

/// How many trials to train in parallel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// A fixed number.
    Exactly(NonZeroUsize),
    /// As many as fit in memory and still raise the total throughput.
    Auto,
}

impl Jobs {
    /// One trial at a time.
    pub const ONE: Self = Self::Exactly(NonZeroUsize::MIN);
}

impl FromStr for Jobs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            number => number.parse().map(Self::Exactly).map_err(|_| "write a number from 1, or auto".into()),
        }
    }
}

/// Decides how many trials may run in parallel.
///
/// Adds trials step by step and measures how many examples per second all of them train on. Stops if more trials would not
/// fit in memory, or if the last ones did not raise total throughput; in the latter case, it returns to the number before.
#[derive(Clone, Debug)]
pub struct Parallelism {
    allowed: usize,
    most: usize,
    /// Trials added at a time: one for each GPU.
    stride: usize,
    window: Duration,
    measurement: Measurement,
    /// Examples per second with fewer trials.
    before: Option<f64>,
    settled: bool,
}

/// What was measured while all allowed trials trained. The clock stops when one ends, until the next one has begun to train.
#[derive(Clone, Debug, Default)]
struct Measurement {
    /// Time measured before the clock was last started.
    elapsed: Duration,
    running_since: Option<Instant>,
    examples: f64,
    memory: Option<MemoryInfo>,
}

impl Measurement {
    fn stop(&mut self, now: Instant) {
        if let Some(since) = self.running_since.take() {
            self.elapsed += now.duration_since(since);
        }
    }

    /// Keeps the least free memory and the largest use: a process that has just ended has already returned its memory.
    fn observe(&mut self, memory: Option<MemoryInfo>) {
        self.memory = match (self.memory, memory) {
            (Some(one), Some(other)) => {
                Some(MemoryInfo { free: one.free.min(other.free), largest: one.largest.max(other.largest) })
            }
            (one, other) => one.or(other),
        };
    }
}

/// Minimum relative gain in throughput for which more trials are kept.
const GAIN: f64 = 0.05;
/// Safety factor on memory: a trial may come to use more than was observed.
const HEADROOM: f64 = 1.2;

impl Parallelism {
    /// Allows a fixed number of trials.
    #[must_use]
    pub fn fixed(jobs: NonZeroUsize) -> Self {
        Self { settled: true, ..Self::tuned(jobs.get(), jobs.get(), Duration::ZERO) }
    }

    /// Starts with `stride` trials and never exceeds `most`; each number is measured for a `window`.
    #[must_use]
    pub fn tuned(stride: usize, most: usize, window: Duration) -> Self {
        let stride = stride.clamp(1, most.max(1));
        Self {
            allowed: stride,
            most: most.max(1),
            stride,
            window,
            measurement: Measurement::default(),
            before: None,
            settled: false,
        }
    }

    /// Returns the number of trials that may run now.
    #[must_use]
    pub fn allowed(&self) -> usize {
        self.allowed
    }

    /// Returns the maximum number of trials that may ever run in parallel.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }

    /// Records that trials have trained on this many more examples.
    pub fn record(&mut self, examples: f64) {
        if self.measurement.running_since.is_some() {
            self.measurement.examples += examples;
        }
    }

    /// Adjusts the number of trials, given that `training` of them have begun to train. Returns a message for each decision.
    pub fn adjust(&mut self, now: Instant, training: usize, mut memory: impl FnMut() -> Option<MemoryInfo>) -> Option<String> {
        if self.settled {
            return None;
        }
        let measurement = &mut self.measurement;
        if training < self.allowed {
            measurement.stop(now);
            return None;
        }
        if measurement.running_since.is_none() {
            measurement.running_since = Some(now);
            measurement.observe(memory());
        }
        let elapsed = measurement.elapsed + measurement.running_since.map_or(Duration::ZERO, |since| now.duration_since(since));
        if elapsed < self.window || measurement.examples == 0.0 {
            return None;
        }
        measurement.observe(memory());
        let Measurement { examples, memory, .. } = std::mem::take(measurement);
        let rate = examples / elapsed.as_secs_f64();
        if let Some(before) = self.before.filter(|before| rate < before * (1.0 + GAIN)) {
            let tried = self.allowed;
            self.allowed -= self.stride;
            self.settled = true;
            return Some(format!(
                "{} in parallel from now on: {tried} train {rate:.1} examples/s in total, {} train {before:.1}",
                trials(self.allowed),
                self.allowed
            ));
        }
        self.before = Some(rate);
        let reason = match memory {
            _ if self.allowed + self.stride > self.most => "more would not help on this machine".into(),
            None => "the free memory is unknown on this machine".into(),
            Some(MemoryInfo { free, largest }) if (free as f64) < HEADROOM * largest as f64 => {
                format!("one takes up to {}, and {} is free", bytes(largest), bytes(free))
            }
            Some(_) => {
                self.allowed += self.stride;
                return Some(format!("{} in parallel now: {rate:.1} examples/s so far", trials(self.allowed)));
            }
        };
        self.settled = true;
        Some(format!("{} in parallel from now on ({rate:.1} examples/s): {reason}", trials(self.allowed)))
    }
}

fn trials(count: usize) -> String {
    counted(count, "trial", "trials")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Tries one, two, three … strides of trials with these speeds; returns the number settled on, and the message.
    fn settle(speeds: &[f64], most: usize, stride: usize, room: impl Fn(usize) -> Option<MemoryInfo>) -> (usize, String) {
        let mut parallelism = Parallelism::tuned(stride, most, SECOND);
        let mut now = Instant::now();
        for _ in 0..20 {
            let allowed = parallelism.allowed();
            assert_eq!(parallelism.adjust(now, allowed - 1, || unreachable!("one has not begun")), None);
            assert_eq!(parallelism.adjust(now, allowed, || room(allowed)), None);
            parallelism.record(speeds[allowed / stride - 1]);
            now += SECOND;
            let said = parallelism.adjust(now, allowed, || room(allowed));
            if parallelism.settled {
                return (parallelism.allowed(), said.unwrap());
            }
        }
        panic!("it never settles");
    }

    const PLENTY: MemoryInfo = MemoryInfo { free: 1 << 40, largest: 1 << 30 };

    #[test]
    fn goes_back_to_the_number_before_the_one_that_did_not_help() {
        let (allowed, said) = settle(&[100.0, 180.0, 186.0], 8, 1, |_| Some(PLENTY));
        assert_eq!(allowed, 2);
        assert_eq!(said, "2 trials in parallel from now on: 3 train 186.0 examples/s in total, 2 train 180.0");
        assert_eq!(settle(&[100.0, 90.0], 8, 1, |_| Some(PLENTY)).0, 1);
    }

    #[test]
    fn ends_where_another_would_not_fit() {
        let of_four = |running: usize| Some(MemoryInfo { free: (4 - running as u64) << 30, largest: 1 << 30 });
        let (allowed, said) = settle(&[1.0, 2.0, 3.0, 4.0], 8, 1, of_four);
        assert_eq!(allowed, 3);
        assert_eq!(said, "3 trials in parallel from now on (3.0 examples/s): one takes up to 1.1 GB, and 1.1 GB is free");
        assert_eq!(settle(&[1.0], 8, 1, |_| None).0, 1);
    }

    /// Ten examples per second while both train. Then one ends, and its memory is free before the sweep knows.
    #[test]
    fn measures_only_while_all_allowed_trials_train() {
        let start = Instant::now();
        let at = |tenths| start + SECOND * tenths / 10;
        let full = || Some(MemoryInfo { free: 2 << 30, largest: 4 << 30 });
        let mut parallelism = Parallelism::tuned(2, 8, SECOND);
        assert_eq!(parallelism.adjust(at(0), 2, full), None);
        parallelism.record(5.0);
        assert_eq!(parallelism.adjust(at(5), 1, || unreachable!("one has ended")), None);
        parallelism.record(1000.0);
        assert_eq!(parallelism.adjust(at(90), 1, || unreachable!("the next has not begun")), None);
        assert_eq!(parallelism.adjust(at(100), 2, full), None);
        parallelism.record(5.0);
        let said = parallelism.adjust(at(105), 2, || Some(MemoryInfo { free: 6 << 30, largest: 4 << 30 })).unwrap();
        assert_eq!(said, "2 trials in parallel from now on (10.0 examples/s): one takes up to 4.3 GB, and 2.1 GB is free");
    }

    #[test]
    fn gives_every_gpu_one_more_at_a_time_and_stays_below_the_most() {
        assert_eq!(settle(&[1.0, 2.0, 3.0, 4.0], 4, 2, |_| Some(PLENTY)).0, 4);
        assert_eq!(Parallelism::tuned(4, 2, SECOND).allowed(), 2);
    }

    #[test]
    fn numbers_and_auto_are_read() {
        assert_eq!("auto".parse(), Ok(Jobs::Auto));
        assert_eq!("3".parse(), Ok(Jobs::Exactly(NonZeroUsize::new(3).unwrap())));
        for wrong in ["0", "-1", "many", ""] {
            assert!(wrong.parse::<Jobs>().is_err(), "{wrong}");
        }
    }
}
