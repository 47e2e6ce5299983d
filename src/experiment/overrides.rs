//! Values given outside of files: on the command line, or by a sweep to its trials.

/// A dotted path and its value, given outside of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The dotted path, such as `data.batch_size`.
    pub path: String,
    /// The value as typed.
    pub value: String,
    /// The option that gave it: `--set`, `--device`, `--axis` or `--seeds`.
    pub option: &'static str,
}

/// A setting's value in one trial of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The dotted path, such as `data.batch_size`.
    pub path: String,
    pub value: serde_json::Value,
    /// The path of the entry that gives the value, such as `sweep.axes.data.batch_size[1]`.
    pub place: String,
}

impl Override {
    /// Reads `path=value`, split at the first `=`.
    ///
    /// # Errors
    /// There is no `=`, or no path in front of it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((path, value)) if !path.trim().is_empty() => {
                Ok(Self { path: path.trim().into(), value: value.trim().into(), option: "--set" })
            }
            _ => Err(format!("\"{text}\" is not of the form path=value, such as data.batch_size=16")),
        }
    }
}
