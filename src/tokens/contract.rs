//! What a model is given: the ids of the probe, and how much of the data the tokenizer does not know or cuts off.

use std::collections::BTreeMap;

use anyhow::Result;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tokenizers::PostProcessor;

use super::disagreement::TokenizerDisagreement;
use super::probe::ProbeIds;
use super::{Encoded, Tokens};
use crate::task::{Example, Text};

/// The input contract of a run: a record, which affects nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputContract {
    /// How the tokenizer differs from that of transformers 5, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// The ids of a few texts.
    pub probe: Vec<ProbeIds>,
    /// Other tokenizer files of the checkpoint that give different ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disagreements: Vec<TokenizerDisagreement>,
    /// By split.
    pub splits: BTreeMap<String, SplitInputs>,
}

/// What the tokenizer makes of a split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitInputs {
    pub examples: usize,
    /// Tokens after truncation, without those that the tokenizer adds around texts.
    pub tokens: u64,
    /// How many of them are unknown.
    pub unknown: u64,
    /// Examples that are truncated.
    pub truncated: usize,
    /// The rows with the largest share of unknown tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub most_unknown: Vec<UnknownTokens>,
    /// The longest truncated rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub longest: Vec<TruncatedRow>,
}

/// A row with unknown tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownTokens {
    /// Counted from 1.
    pub row: usize,
    pub unknown: usize,
    pub tokens: usize,
}

/// A row that is truncated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruncatedRow {
    /// Counted from 1.
    pub row: usize,
    /// Tokens before truncation, with those that the tokenizer adds.
    pub tokens: usize,
}

/// The number of worst rows that are listed.
const WORST: usize = 3;

impl Tokens {
    /// Counts unknown tokens and truncated examples. `rows` are the encoded examples.
    ///
    /// # Errors
    /// The tokenizer rejects a text.
    pub fn split_inputs(&self, examples: &[Example], rows: &[Encoded], max_length: usize) -> Result<SplitInputs> {
        let unknown = self.unknown_token();
        let is_unknown = |id: &u32| Some(*id) == unknown;
        let added = |example: &Example| self.built.processor.added_tokens(matches!(example.text, Text::Pair(..)));
        let of = |(row, (example, encoded)): (usize, (&Example, &Encoded))| UnknownTokens {
            row: row + 1,
            unknown: encoded.tokens.iter().filter(|id| is_unknown(id)).count(),
            tokens: encoded.tokens.len().saturating_sub(added(example)),
        };
        let counts: Vec<UnknownTokens> = examples.iter().zip(rows).enumerate().map(of).collect();
        let (tokens, unknown) =
            counts.iter().fold((0, 0), |(tokens, unknown), row| (tokens + row.tokens as u64, unknown + row.unknown as u64));
        let mut most_unknown: Vec<UnknownTokens> = counts.into_iter().filter(|row| row.unknown > 0).collect();
        // Shares are compared without rounding; of equal ones, the first row is shown.
        most_unknown.sort_by_key(|row| row.row);
        most_unknown.sort_by(|a, b| (b.unknown * a.tokens).cmp(&(a.unknown * b.tokens)));
        most_unknown.truncate(WORST);
        let mut longest = self.truncated(examples, rows, max_length)?;
        let truncated = longest.len();
        longest.sort_by_key(|row| (std::cmp::Reverse(row.tokens), row.row));
        longest.truncate(WORST);
        Ok(SplitInputs { examples: rows.len(), tokens, unknown, truncated, most_unknown, longest })
    }

    /// The rows that are truncated. Only rows of the full length can be.
    fn truncated(&self, examples: &[Example], rows: &[Encoded], max_length: usize) -> Result<Vec<TruncatedRow>> {
        let all = examples.par_iter().zip(rows).enumerate().filter(|(_, (_, encoded))| encoded.tokens.len() >= max_length);
        let whole = |(row, (example, _)): (usize, (&Example, &Encoded))| {
            Ok(TruncatedRow { row: row + 1, tokens: self.row(example, usize::MAX)?.tokens.len() })
        };
        let whole = all.map(whole).collect::<Result<Vec<TruncatedRow>>>()?;
        Ok(whole.into_iter().filter(|row| row.tokens > max_length).collect())
    }

    /// The token that stands for what the vocabulary does not have.
    fn unknown_token(&self) -> Option<u32> {
        self.built.tokenizer.token_to_id(self.built.settings.named("unk_token").ok()?)
    }
}
