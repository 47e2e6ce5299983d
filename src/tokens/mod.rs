//! Converts text to token ids, with the same result as transformers' tokenizer for the same files.

mod added;
mod albert;
mod arguments;
mod build;
mod byte_level_bpe;
mod cache;
mod class;
mod contract;
mod deberta_v2;
mod disagreement;
mod earlier;
mod probe;
mod sentencepiece;
mod settings;
mod sources;
mod tokenizer_json;
mod unigram;
mod word_piece;

use std::fmt;

use anyhow::{Context, Result, anyhow};
use rayon::prelude::*;
use tokenizers::{Encoding, PostProcessor, TruncationParams, TruncationStrategy, truncate_encodings};

use crate::architecture::Architecture;
use crate::checkpoint::Files;
use crate::task::{Example, Target, Text};

use build::Built;
use class::Class;
use earlier::{EarlierTokenizer, PaddingToken};
use sources::TokenizerSources;

pub use cache::TokenCache;
pub use contract::{InputContract, SplitInputs, TruncatedRow, UnknownTokens};
pub use disagreement::{FirstDifference, TokenId, TokenizerDisagreement};
pub use probe::ProbeIds;

/// The tokenization version, raised whenever a text may get different ids than before.
///
/// 1: `tokenizer.json` as it is, or the words of `vocab.txt`; pairs truncated by tokenizers 0.23.2.
/// 2: all tokenizer files, read as in transformers; pairs truncated as in transformers; the padding token is not trained when it
/// occurs in a text.
pub const TOKENIZATION: u32 = 2;

/// An encoded example, the model's input.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// Token ids, from `[CLS]` to the last `[SEP]`.
    pub tokens: Vec<u32>,
    /// Segment ids: 0 for the first sentence, 1 for the second; all 0 if the tokenizer does not distinguish them.
    pub segments: Vec<u32>,
    /// The target; `None` for unlabeled text.
    pub target: Option<Target>,
}

/// A checkpoint's tokenizer.
pub struct Tokens {
    built: Built,
    sources: TokenizerSources,
    /// From the model: number of token ids, number of segments, and the padding token.
    vocabulary: usize,
    segments: usize,
    pad_token: Option<u32>,
}

/// Builds the same tokenizer as transformers does from these files.
fn build(sources: &TokenizerSources) -> Result<Built> {
    let class = Class::of(sources)?;
    match class {
        Class::Bert | Class::DistilBert | Class::Mpnet => word_piece::bert(sources, class),
        Class::Roberta => byte_level_bpe::byte_level_bpe(sources),
        Class::XlmRoberta | Class::Camembert => unigram::unigram(sources, class),
        Class::Albert => albert::albert(sources),
        Class::DebertaV2 => deberta_v2::deberta_v2(sources),
        Class::Fast => tokenizer_json::fast(sources, class),
    }
}

impl Tokens {
    /// Builds the same tokenizer as transformers does from these files.
    ///
    /// # Errors
    /// A file cannot be read or is damaged, or asks for an unsupported feature.
    pub fn read(files: &Files, architecture: &Architecture) -> Result<Self> {
        let sources = TokenizerSources::read(files, architecture)?;
        let built = build(&sources).with_context(|| format!("cannot use {}", files.tokenizer.path().display()))?;
        let (vocabulary, segments) = (architecture.vocabulary(), architecture.segments());
        Ok(Self { built, sources, vocabulary, segments, pad_token: architecture.pad_token() })
    }

    /// The maximum length in the tokenizer's settings, if any.
    #[must_use]
    pub fn longest(&self) -> Option<usize> {
        self.built.settings.longest
    }

    /// How the token ids or segments differ from those of transformers 5, if they do.
    #[must_use]
    pub fn remark(&self) -> Option<&'static str> {
        self.built.settings.class.remark(&self.sources)
    }

    /// Encodes all examples in parallel; in pairs, the longer sentence is truncated first.
    ///
    /// # Errors
    /// The tokenizer rejects a text, or does not match the model's shape.
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

    /// All tokens of a sentence, untruncated: how a pair is truncated depends on the full lengths of its sentences, and
    /// tokenizers 0.23.2 stops early if it is asked to truncate.
    fn sentence(&self, text: &str) -> Result<Encoding> {
        self.built.tokenizer.encode_fast(text, false).map_err(|error| anyhow!("cannot encode {text:?}: {error}"))
    }

    /// The oldest tokenization version with which training on these splits is the same.
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

    /// Whether these rows could be the encoded examples: the same number and targets, and ids that the model can read.
    #[must_use]
    pub fn may_have_made(&self, rows: &[Encoded], examples: &[Example], max_length: usize) -> bool {
        let fits = |(row, example): (&Encoded, &Example)| row.target == example.target && self.check(row, max_length).is_ok();
        rows.len() == examples.len() && rows.iter().zip(examples).all(fits)
    }

    /// Checks that the model can read a row.
    fn check(&self, row: &Encoded, max_length: usize) -> Result<(), String> {
        let beyond = |ids: &[u32], size: usize| ids.iter().copied().find(|id| *id as usize >= size);
        if row.tokens.is_empty() {
            return Err("the tokenizer produces no token for a text, not even [CLS]".into());
        }
        if row.tokens.len() > max_length {
            return Err(format!("the tokenizer produces {} tokens, more than max_length ({max_length})", row.tokens.len()));
        }
        if let Some(id) = beyond(&row.tokens, self.vocabulary) {
            return Err(format!(
                "the tokenizer produces the id {id}, but the model's vocabulary has only {} tokens",
                self.vocabulary
            ));
        }
        // Without segment embeddings, all segment ids are 0 and the model ignores them.
        if let Some(id) = beyond(&row.segments, self.segments.max(1)) {
            return Err(format!("the tokenizer produces the segment {id}, but the model has only {}", self.segments));
        }
        Ok(())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}
