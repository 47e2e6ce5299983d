//! Linear and logarithmic scales with round ticks.

/// Maps values to coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl Scale {
    /// Creates a scale that contains all values, with a small margin, drawn from `from` to `to`; `None` without values.
    ///
    /// It is logarithmic if that is requested and every value is above 0.
    #[must_use]
    pub fn around(values: impl Iterator<Item = f64>, log: bool, (from, to): (f64, f64)) -> Option<Self> {
        let finite: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let log = log && finite.iter().all(|value| *value > 0.0);
        let turned = |value: f64| if log { value.log10() } else { value };
        let low = finite.iter().copied().map(turned).reduce(f64::min)?;
        let high = finite.iter().copied().map(turned).reduce(f64::max)?;
        let spread = high - low;
        let room = if spread > 0.0 { spread * 0.05 } else { (low.abs() * 0.05).max(0.05) };
        Some(Self { low: low - room, high: high + room, log, from, to })
    }

    /// Returns the coordinate of a value.
    #[must_use]
    pub fn at(&self, value: f64) -> f64 {
        let turned = if self.log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        self.from + (turned - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Returns about `n` round values within the scale.
    #[must_use]
    pub fn ticks(&self, n: usize) -> Vec<f64> {
        if self.log { self.log_ticks() } else { linear_ticks(self.low, self.high, n) }
    }

    fn log_ticks(&self) -> Vec<f64> {
        let decades = self.low.floor() as i32..=self.high.ceil() as i32;
        let of = |steps: &[f64]| -> Vec<f64> {
            let all = decades.clone().flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)));
            all.filter(|tick| (self.low..=self.high).contains(&tick.log10())).collect()
        };
        let fits = [of(&[1.0]), of(&[1.0, 3.0]), of(&[1.0, 2.0, 5.0])].into_iter().find(|ticks| ticks.len() >= 2);
        fits.unwrap_or_else(|| linear_ticks(10_f64.powf(self.low), 10_f64.powf(self.high), 3))
    }
}

fn linear_ticks(low: f64, high: f64, n: usize) -> Vec<f64> {
    let rough = (high - low) / n.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    // A multiple of a round step, rounded to the step's digits.
    let digits = (-step.log10().floor()).max(0.0) as i32;
    let round = |value: f64| (value * 10_f64.powi(digits)).round() / 10_f64.powi(digits);
    (first..=last).map(|multiple| round(multiple as f64 * step)).collect()
}

/// Formats a tick.
#[must_use]
pub fn tick(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-3..1e5).contains(&size) => format!("{value:e}"),
        _ => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let scale = Scale::around([0.81, 0.9].into_iter(), false, (0.0, 100.0)).unwrap();
        assert_eq!(scale.ticks(5), [0.82, 0.84, 0.86, 0.88, 0.9]);
        let scale = Scale::around([1e-5, 1e-2].into_iter(), true, (0.0, 100.0)).unwrap();
        assert_eq!(scale.ticks(5).into_iter().map(tick).collect::<Vec<_>>(), ["1e-5", "1e-4", "0.001", "0.01"]);
        let scale = Scale::around([0.0, 5e-5].into_iter(), false, (0.0, 100.0)).unwrap();
        assert_eq!(scale.ticks(4).into_iter().map(tick).collect::<Vec<_>>(), ["0", "2e-5", "4e-5"]);
    }

    #[test]
    fn places_grow_with_values_and_one_value_is_in_the_middle() {
        let scale = Scale::around([2.0, 4.0].into_iter(), false, (100.0, 0.0)).unwrap();
        assert!((scale.at(3.0) - 50.0).abs() < 1e-9 && scale.at(2.0) > scale.at(4.0));
        let single = Scale::around([0.5].into_iter(), false, (0.0, 10.0)).unwrap();
        assert!((single.at(0.5) - 5.0).abs() < 1e-9);
        assert_eq!(Scale::around([f64::NAN].into_iter(), false, (0.0, 1.0)), None);
        // With a zero among the values, a scale cannot be logarithmic.
        assert_eq!(
            Scale::around([0.0, 1.0].into_iter(), true, (0.0, 1.0)),
            Scale::around([0.0, 1.0].into_iter(), false, (0.0, 1.0))
        );
    }
}
