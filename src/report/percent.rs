//! Shares in percent.

use std::fmt;

/// A part of a whole, shown in percent; a part that is neither nothing nor all never looks like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(pub u64, pub u64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(part, whole) = *self;
        let percent = 100.0 * part as f64 / whole.max(1) as f64;
        match percent {
            _ if part == 0 => f.write_str("0 %"),
            _ if part == whole => f.write_str("100 %"),
            _ if percent < 0.1 => f.write_str("under 0.1 %"),
            _ if percent > 99.9 => f.write_str("over 99.9 %"),
            _ => write!(f, "{percent:.1} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_not_nothing_and_much_is_not_all() {
        let shown = [(0, 9), (9, 9), (0, 0), (1, 9999), (9998, 9999), (1, 8), (1, 1000)].map(|(a, b)| Percent(a, b).to_string());
        assert_eq!(shown, ["0 %", "100 %", "0 %", "under 0.1 %", "over 99.9 %", "12.5 %", "0.1 %"]);
    }
}
