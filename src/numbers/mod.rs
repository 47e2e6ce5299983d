//! Formatting and parsing of numbers, sizes and durations for people.

mod parse;

pub use parse::{Age, Size};

/// A size with its unit, in powers of 1000: `12.3 MB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let (scaled, unit) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (bytes as f64 / 1e3, "kB"),
        1_000_000..1_000_000_000 => (bytes as f64 / 1e6, "MB"),
        _ => (bytes as f64 / 1e9, "GB"),
    };
    format!("{scaled:.1} {unit}")
}

/// A score with four decimals: one MRPC validation example is 0.0025.
#[must_use]
pub fn score(value: f64) -> String {
    format!("{value:.4}")
}

/// A p-value: `0.031`, `0.50`, and `< 0.001` instead of a misleading zero.
#[must_use]
pub fn p_value(p: f64) -> String {
    match p {
        ..0.001 => "< 0.001".into(),
        0.001..0.0995 => format!("{p:.3}"),
        _ => format!("{p:.2}"),
    }
}

/// A small number, such as a learning rate, in scientific notation.
#[must_use]
pub fn scientific(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{value:.2e}") }
}

/// A throughput, such as examples or tokens per second.
#[must_use]
pub fn rate(per_second: f64) -> String {
    if per_second < 100.0 { format!("{per_second:.1}") } else { count(per_second.round() as u64) }
}

/// A count with thousands separators.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 trial`, `3 trials`.
#[must_use]
pub fn counted(n: usize, one: &str, more: &str) -> String {
    format!("{} {}", count(n as u64), if n == 1 { one } else { more })
}

/// A duration in seconds, with units: `4.2 s`, `3 min 07 s`, `2 h 05 min`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if !(0.0..1e9).contains(&seconds) {
        return "unknown".into();
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 if seconds < 59.95 => format!("{seconds:.1} s"),
        0..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1377), "1,377");
        assert_eq!(count(109_483_778), "109,483,778");
        assert_eq!(scientific(5e-5), "5.00e-5");
        assert_eq!(
            [0.0, 0.000_99, 0.001, 0.031_25, 0.25, 1.0].map(p_value),
            ["< 0.001", "< 0.001", "0.001", "0.031", "0.25", "1.00"]
        );
        assert_eq!(rate(12.345), "12.3");
        assert_eq!(rate(4321.0), "4,321");
    }

    #[test]
    fn durations_use_two_units_at_most() {
        let text = duration;
        assert_eq!(text(4.23), "4.2 s");
        assert_eq!(text(59.97), "1 min 00 s");
        assert_eq!(text(187.0), "3 min 07 s");
        assert_eq!(text(7500.0), "2 h 05 min");
        assert_eq!(text(f64::INFINITY), "unknown");
    }
}
