//! Content hashes of a trial's inputs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// SHA-256 hashes of everything that is read, in hexadecimal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hashes {
    /// Data files, by split.
    pub data: BTreeMap<String, String>,
    /// Tokenizer files, by file name.
    pub tokenizer: BTreeMap<String, String>,
    /// `config.json`.
    pub config: String,
    /// The weights, if training started from pretrained ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// How the checkpoint's classifier was used, if not as it is. Not a hash, but like the hashes it affects the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<String>,
}

impl Hashes {
    /// Names of the inputs that differ.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut names = Vec::new();
        for (mine, theirs, kind) in [(&self.data, &other.data, " data"), (&self.tokenizer, &other.tokenizer, "")] {
            let all: std::collections::BTreeSet<&String> = mine.keys().chain(theirs.keys()).collect();
            names.extend(all.into_iter().filter(|name| mine.get(*name) != theirs.get(*name)).map(|name| format!("{name}{kind}")));
        }
        if self.config != other.config {
            names.push("config.json".into());
        }
        if self.classifier != other.classifier {
            names.push("the use of the classifier".into());
        }
        if self.weights != other.weights {
            names.push("the weights".into());
        }
        names
    }
}
