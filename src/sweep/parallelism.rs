//! How many trials run in parallel: a given number, or as many as fit in memory and raise throughput.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::machine::memory_info::MemoryInfo;
use crate::numbers::{bytes, counted};

/// How many trials to train in parallel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// This number.
    Exactly(NonZeroUsize),
    /// As many as fit in memory and still raise the total throughput.
    Auto,
}

impl Jobs {
    /// One after the other.
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
/// It lets one more begin, watches how many examples all of them learn from in a while, and ends where one more would not
/// fit, or where the last one made them no faster together: then one fewer runs from there on.
#[derive(Clone, Debug)]
pub struct Parallelism {
    allowed: usize,
    most: usize,
    /// Trials added at a time: one for each GPU.
    stride: usize,
    window: Duration,
    /// When all allowed trials were first seen to learn, and what they have learnt from since.
    watching: Option<(Instant, f64)>,
    /// Examples a second of fewer trials.
    before: Option<f64>,
    settled: bool,
}

/// One more trial has to add this share of the speed so far.
const GAIN: f64 = 0.05;
/// A trial may come to use more than another was seen to.
const HEADROOM: f64 = 1.2;

impl Parallelism {
    /// Always this number.
    #[must_use]
    pub fn fixed(jobs: NonZeroUsize) -> Self {
        Self { settled: true, ..Self::tuned(jobs.get(), jobs.get(), Duration::ZERO) }
    }

    /// From `stride` on, never more than `most`; each number is watched for a `window`.
    #[must_use]
    pub fn tuned(stride: usize, most: usize, window: Duration) -> Self {
        let stride = stride.clamp(1, most.max(1));
        Self { allowed: stride, most: most.max(1), stride, window, watching: None, before: None, settled: false }
    }

    /// Trials that may run now.
    #[must_use]
    pub fn allowed(&self) -> usize {
        self.allowed
    }

    /// Trials that may ever run in parallel.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }

    /// Trials have trained on this many more examples.
    pub fn record(&mut self, examples: f64) {
        if let Some((_, sum)) = &mut self.watching {
            *sum += examples;
        }
    }

    /// Looks at the clock: `learning` trials are past their beginning. Says what it has decided, if anything.
    pub fn adjust(&mut self, now: Instant, learning: usize, room: impl FnOnce() -> Option<MemoryInfo>) -> Option<String> {
        if self.settled || learning < self.allowed {
            return None;
        }
        let (since, examples) = *self.watching.get_or_insert((now, 0.0));
        let elapsed = now.duration_since(since);
        if elapsed < self.window || examples == 0.0 {
            return None;
        }
        let rate = examples / elapsed.as_secs_f64();
        self.watching = None;
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
        let reason = match room() {
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

    /// Speeds of one, two, three … trials, watched one after the other, to the number that is settled on.
    fn settle(speeds: &[f64], most: usize, stride: usize, room: impl Fn(usize) -> Option<MemoryInfo>) -> (usize, String) {
        let mut parallelism = Parallelism::tuned(stride, most, SECOND);
        let mut now = Instant::now();
        for _ in 0..20 {
            let allowed = parallelism.allowed();
            assert_eq!(parallelism.adjust(now, allowed - 1, || unreachable!("one has not begun")), None);
            assert_eq!(parallelism.adjust(now, allowed, || unreachable!("nothing was seen yet")), None);
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
