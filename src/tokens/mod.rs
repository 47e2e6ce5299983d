//! From text to token ids, as transformers' tokenizer of the same files gives them.

mod added;
mod arguments;
mod build;
mod cache;
mod earlier;
mod settings;
mod sources;

use std::fmt;

use anyhow::{Context, Result, anyhow};
use rayon::prelude::*;
use tokenizers::{Encoding, PostProcessor, TruncationParams, TruncationStrategy, truncate_encodings};

use crate::architecture::Architecture;
use crate::checkpoint::Files;
use crate::task::{Example, Target, Text};

use build::Built;
use earlier::{EarlierTokenizer, PaddingToken};
use sources::TokenizerSources;

pub use cache::TokenCache;

/// How the ids are made: raised whenever a text can become other ids than before.
///
/// 1: `tokenizer.json` as it is, or the words of `vocab.txt`; pairs cut by tokenizers 0.23.2.
/// 2: all files of the tokenizer as transformers reads them; pairs cut as there; nothing is learnt of the padding token where
/// it stands in a text.
pub const TOKENIZATION: u32 = 2;

/// An example as the model reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// TokenEntry ids, from `[CLS]` to the last `[SEP]`.
    pub tokens: Vec<u32>,
    /// 0 for the first sentence, 1 for the second; 0 for both where the tokenizer tells them not apart.
    pub segments: Vec<u32>,
    /// What should be predicted; none for text to predict.
    pub target: Option<Target>,
}

/// A checkpoint's tokenizer.
pub struct Tokens {
    built: Built,
    sources: TokenizerSources,
    /// Of the model: number of token ids, of segments, and the padding token.
    vocabulary: usize,
    segments: usize,
    pad_token: Option<u32>,
}

impl Tokens {
    /// Makes the tokenizer that transformers makes of the same files.
    ///
    /// # Errors
    /// A file cannot be read or is damaged, or asks for what is not known here.
    pub fn read(files: &Files, architecture: &Architecture) -> Result<Self> {
        let sources = TokenizerSources::read(files, architecture)?;
        let built = Built::of(&sources).with_context(|| format!("cannot use {}", files.tokenizer.path().display()))?;
        let (vocabulary, segments) = (architecture.vocabulary(), architecture.segments());
        Ok(Self { built, sources, vocabulary, segments, pad_token: architecture.pad_token() })
    }

    /// The longest sequence that the tokenizer's settings allow, where they say one.
    #[must_use]
    pub fn longest(&self) -> Option<usize> {
        self.built.settings.longest
    }

    /// Encodes every example in parallel: pairs as pairs, the longer sentence truncated first.
    ///
    /// # Errors
    /// The tokenizer refuses a text, or does not fit the model's shape.
    pub fn encode(&self, examples: &[Example], max_length: usize) -> Result<Vec<Encoded>> {
        let encode = |example: &Example| {
            let encoded = self.row(example, max_length)?;
            self.check(&encoded, max_length).map_err(|problem| anyhow!("tokenizer and model do not match: {problem}"))?;
            Ok(encoded)
        };
        examples.par_iter().map(encode).collect()
    }

    fn row(&self, example: &Example, max_length: usize) -> Result<Encoded> {
        let Built { settings, processor, .. } = &self.built;
        let (first, second) = match &example.text {
            Text::Single(text) => (self.sentence(text)?, None),
            Text::Pair(first, second) => {
                let mut second = self.sentence(second)?;
                second.set_type_ids(vec![1; second.len()]);
                (self.sentence(first)?, Some(second))
            }
        };
        let refused = |error: tokenizers::Error| anyhow!("cannot encode {:?}: {error}", example.text);
        let cut = TruncationParams {
            max_length: max_length.saturating_sub(processor.added_tokens(second.is_some())),
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
            direction: settings.truncation,
        };
        let (first, second) = truncate_encodings(first, second, &cut).map_err(refused)?;
        let encoding = processor.process(first, second, true).map_err(refused)?;
        let tokens = encoding.get_ids().to_vec();
        let segments =
            if settings.segments && self.segments > 0 { encoding.get_type_ids().to_vec() } else { vec![0; tokens.len()] };
        Ok(Encoded { tokens, segments, target: example.target.clone() })
    }

    /// The tokens of a sentence, all of them: how a pair is cut depends on how long its sentences are, and tokenizers
    /// 0.23.2 stops early where it is told to truncate.
    fn sentence(&self, text: &str) -> Result<Encoding> {
        self.built.tokenizer.encode_fast(text, false).map_err(|error| anyhow!("cannot encode {text:?}: {error}"))
    }

    /// The oldest tokenization by which a training on these splits is the same.
    pub fn tokenization(&self, train: &[Example], validation: &[Example], max_length: usize) -> Result<u32> {
        let Ok(earlier) = EarlierTokenizer::of(&self.sources, &self.built, max_length) else { return Ok(TOKENIZATION) };
        let padding = PaddingToken::of(&self.built, self.pad_token);
        let differs = |(example, is_learnt): (&Example, bool)| -> Result<bool> {
            let may_pad = is_learnt && padding.may_be_in(example);
            if !may_pad && !earlier.may_differ(example) {
                return Ok(false);
            }
            let row = self.row(example, max_length)?;
            Ok((may_pad && padding.is_in(&row)) || (earlier.may_differ(example) && !earlier.gives(example, &row)))
        };
        let train = train.par_iter().map(|example| (example, true));
        let all = train.chain(validation.par_iter().map(|example| (example, false)));
        let found = all.map(differs).find_any(|differs| !matches!(differs, Ok(false)));
        Ok(if found.transpose()?.is_some() { TOKENIZATION } else { 1 })
    }

    /// Whether these rows can be what examples become: as many, with their labels, and nothing that the model cannot read.
    #[must_use]
    pub fn may_have_made(&self, rows: &[Encoded], examples: &[Example], max_length: usize) -> bool {
        let fits = |(row, example): (&Encoded, &Example)| row.target == example.target && self.check(row, max_length).is_ok();
        rows.len() == examples.len() && rows.iter().zip(examples).all(fits)
    }

    /// Whether the model can read a row.
    fn check(&self, row: &Encoded, max_length: usize) -> Result<(), String> {
        let beyond = |ids: &[u32], size: usize| ids.iter().copied().find(|id| *id as usize >= size);
        if row.tokens.is_empty() {
            return Err("the tokenizer gives no token for a text, not even [CLS]".into());
        }
        if row.tokens.len() > max_length {
            return Err(format!("the tokenizer gives {} tokens, more than max_length, {max_length}", row.tokens.len()));
        }
        if let Some(id) = beyond(&row.tokens, self.vocabulary) {
            return Err(format!("the tokenizer gives id {id}, but the model has only {} words", self.vocabulary));
        }
        // A model without segments gets those of its inputs as 0, and reads none.
        if let Some(id) = beyond(&row.segments, self.segments.max(1)) {
            return Err(format!("the tokenizer gives segment {id}, but the model has only {}", self.segments));
        }
        Ok(())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}
