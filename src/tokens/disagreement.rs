//! Compares the tokenizer files of a checkpoint, which may be left over from different models.

use std::fmt;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::class::Class;
use super::probe::ProbeIds;
use super::sources::TokenizerSources;
use super::{Tokens, build};
use crate::checkpoint::Files;

/// How the tokenizer in another file differs from the one in use, `tokenizer.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizerDisagreement {
    /// The other file, or files.
    pub file: String,
    /// The texts of the probe that get different ids.
    pub probes: Vec<String>,
    /// The number of texts in the probe.
    pub of: usize,
    /// The first difference, in the first of these texts.
    pub first: FirstDifference,
}

/// The first token that differs, counted from 1. A token is absent where the ids end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstDifference {
    pub position: usize,
    pub used: Option<TokenId>,
    pub other: Option<TokenId>,
}

/// A token with its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenId {
    pub id: u32,
    pub token: String,
}

impl fmt::Display for TokenizerDisagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, probes, of, first } = self;
        let shown = |token: &Option<TokenId>| {
            token.as_ref().map_or_else(|| "nothing".into(), |TokenId { id, token }| format!("{token:?} ({id})"))
        };
        let text = probes.first().map_or("", String::as_str);
        write!(
            f,
            "tokenizer.json, which is used, and {file} disagree on {} of {of} probe texts: token {} of \"{text}\" is {} and {}",
            probes.len(),
            first.position,
            shown(&first.used),
            shown(&first.other)
        )
    }
}

impl Tokens {
    /// Compares the tokenizer with those in other files beside `tokenizer.json`. Files that make no tokenizer are left out,
    /// since they are not used. `probe` are the ids by this tokenizer.
    #[must_use]
    pub fn disagreements(&self, files: &Files, probe: &[ProbeIds]) -> Vec<TokenizerDisagreement> {
        if self.sources.json.is_none() {
            return Vec::new();
        }
        let disagreement = |(file, sources): (String, TokenizerSources)| {
            let built = build(&sources).ok()?;
            let other = Self { built, sources, vocabulary: self.vocabulary, segments: self.segments, pad_token: self.pad_token };
            self.disagreement(file, &other, probe)
        };
        self.sources.alternatives(files).unwrap_or_default().into_iter().filter_map(disagreement).collect()
    }

    fn disagreement(&self, file: String, other: &Self, probe: &[ProbeIds]) -> Option<TokenizerDisagreement> {
        let theirs = other.probe().ok()?;
        let differing: Vec<(&ProbeIds, &ProbeIds)> =
            probe.iter().zip(&theirs).filter(|(used, other)| used.ids != other.ids).collect();
        let (used, their) = differing.first()?;
        let both = used.ids.len().min(their.ids.len());
        let position = (0..both).find(|at| used.ids[*at] != their.ids[*at]).unwrap_or(both);
        let token = |tokens: &Self, ids: &[u32]| {
            let id = *ids.get(position)?;
            Some(TokenId { id, token: tokens.built.tokenizer.id_to_token(id).unwrap_or_default() })
        };
        Some(TokenizerDisagreement {
            file,
            probes: differing.iter().map(|(used, _)| used.name.clone()).collect(),
            of: probe.len(),
            first: FirstDifference { position: position + 1, used: token(self, &used.ids), other: token(other, &their.ids) },
        })
    }
}

impl TokenizerSources {
    /// The same settings around each other vocabulary in the checkpoint's folder that a tokenizer of the class can have.
    fn alternatives(&self, files: &Files) -> Result<Vec<(String, Self)>> {
        let mut settings = Self { json: None, json_text: String::new(), ..self.clone() };
        if Class::of(self)? == Class::Fast {
            // It has no class of its own, so the model's usual one reads the other files.
            settings.config.remove("tokenizer_class");
            settings.model_class = None;
        }
        settings.with_each(Class::of(&settings)?.vocabulary_files(), &files.other_vocabularies()?)
    }
}
