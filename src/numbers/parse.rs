//! Parsing of durations and sizes.

use std::str::FromStr;

use chrono::TimeDelta;

/// A duration: `7d`, `12h`, `30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age(pub TimeDelta);

/// A size in bytes: `500MB`, `2GB`, with powers of 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split(text);
        let minutes = match unit {
            "d" => Some(24 * 60),
            "h" => Some(60),
            "m" => Some(1),
            _ => None,
        };
        let age = minutes.zip(number).and_then(|(minutes, number)| TimeDelta::try_minutes(number.checked_mul(minutes)?));
        age.map(Self).ok_or_else(|| format!("\"{text}\" is not a valid duration; write 7d, 12h or 30m"))
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split(text);
        let bytes = match unit {
            "kB" | "KB" => Some(1_000),
            "MB" => Some(1_000_000),
            "GB" => Some(1_000_000_000),
            _ => None,
        };
        let size = bytes.zip(number).and_then(|(bytes, number)| u64::try_from(number).ok()?.checked_mul(bytes));
        size.map(Self).ok_or_else(|| format!("\"{text}\" is not a valid size; write 500MB or 2GB"))
    }
}

/// Splits text into a leading whole number and the rest.
fn split(text: &str) -> (Option<i64>, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    (text[..digits].parse().ok(), text[digits..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_read_as_people_write_them() {
        assert_eq!("7d".parse(), Ok(Age(TimeDelta::days(7))));
        assert_eq!("90 m".parse(), Ok(Age(TimeDelta::minutes(90))));
        assert_eq!("2GB".parse(), Ok(Size(2_000_000_000)));
        for wrong in ["", "7", "d", "-1d", "7w", "99999999999999999999d", "9223372036854775807d", "ü"] {
            assert!(wrong.parse::<Age>().is_err(), "{wrong}");
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}
