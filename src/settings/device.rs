//! `device`.

use std::fmt;
use std::str::FromStr;

use super::forms::{Around, Form, Written, described, of_text, written, written_in_forms};

/// The device requested by an experiment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A CUDA device if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device with this index.
    Cuda(usize),
}

impl Written for DeviceChoice {
    const FORMS: &'static [Form<Self>] = &[
        Form::Word("auto", Self::Auto),
        Form::Word("cpu", Self::Cpu),
        Form::Alias("cuda", Self::Cuda(0)),
        Form::Text {
            text: Around { before: "cuda:", after: "", plural: "", least: 0, most_digits: 4 },
            example: "cuda:1",
            read: |number| usize::try_from(number).ok().map(Self::Cuda),
            number: |device| if let Self::Cuda(number) = device { Some(number as u64) } else { None },
        },
    ];
}

written_in_forms!(DeviceChoice);

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        of_text(text).ok_or_else(|| format!("\"{text}\" is not a valid device; expected {}", described::<Self>()))
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(written(*self).as_str().unwrap_or_default())
    }
}
