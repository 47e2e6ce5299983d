//! A few texts whose token ids tell tokenizers apart.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Tokens;
use crate::task::{Example, Text};

/// A text that any tokenizer can be tried on.
struct ProbeText {
    name: &'static str,
    first: &'static str,
    second: Option<&'static str>,
    /// Maximum number of tokens.
    max_length: Option<usize>,
}

/// The probe. Texts may be added, but not changed: records of runs are compared with each other.
const PROBE: [ProbeText; 5] = [
    ProbeText {
        name: "unicode", first: "Café naïve cafe\u{301} — “Straße” ﬁ ½ 東京 Привет 🙂", second: None, max_length: None
    },
    ProbeText { name: "spaces", first: "  two  spaces\ta tab\na line\u{a0}end ", second: None, max_length: None },
    ProbeText { name: "case", first: "iPhone ISTANBUL McDonald's U.S. $3,000.50", second: None, max_length: None },
    ProbeText { name: "pair", first: "A man is playing a guitar.", second: Some("Somebody makes music."), max_length: None },
    ProbeText {
        name: "truncation",
        first: "The committee postponed its decision until next week.",
        second: Some("The committee did not decide today, because two of its members were ill."),
        max_length: Some(16),
    },
];

/// The ids of one text of the probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeIds {
    /// The text's name.
    pub name: String,
    /// The text, or both sentences of a pair.
    pub texts: Vec<String>,
    /// The number of tokens that it is truncated to; `None` if it is not truncated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    pub ids: Vec<u32>,
    /// The segment of each token, unless all are 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<u32>,
}

impl Tokens {
    /// Encodes the texts of the probe.
    ///
    /// # Errors
    /// The tokenizer rejects a text.
    pub fn probe(&self) -> Result<Vec<ProbeIds>> {
        let ids = |probe: &ProbeText| {
            let text = match probe.second {
                None => Text::Single(probe.first.into()),
                Some(second) => Text::Pair(probe.first.into(), second.into()),
            };
            let row = self.row(&Example { text, target: None }, probe.max_length.unwrap_or(usize::MAX))?;
            let segments = if row.segments.iter().any(|segment| *segment > 0) { row.segments } else { Vec::new() };
            Ok(ProbeIds {
                name: probe.name.into(),
                texts: [probe.first].into_iter().chain(probe.second).map(String::from).collect(),
                max_length: probe.max_length,
                ids: row.tokens,
                segments,
            })
        };
        PROBE.iter().map(ids).collect()
    }
}
