//! Tokenization version 1, kept so that runs trained with it keep their identities.

use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use tokenizers::{AddedToken, Tokenizer, TruncationDirection, TruncationParams, TruncationStrategy};

use super::Encoded;
use super::build::{Built, parse, strip};
use super::settings::Normalization;
use super::sources::TokenizerSources;
use super::word_piece::{around, word_piece, words_of_text};
use crate::task::{Example, Text};

/// The version 1 tokenizer, and which texts may have different ids under it.
pub(super) struct EarlierTokenizer {
    tokenizer: Tokenizer,
    /// If set, only pairs may differ whose sentences both have at least this many bytes; `None` if any text may differ.
    only_pairs_beyond: Option<usize>,
    /// Whether no text can differ.
    is_same: bool,
}

impl EarlierTokenizer {
    /// Builds tokenization version 1 from the same files, and compares it with the current tokenizer.
    pub fn of(sources: &TokenizerSources, now: &Built, max_length: usize) -> Result<Self> {
        let mut tokenizer = match (&sources.json, &sources.words) {
            (Some(_), _) => parse(&sources.json_text)?,
            (None, words) => of_words(words.as_deref().context("there is no vocabulary")?, sources)?,
        };
        let processor = match tokenizer.get_post_processor() {
            // An equivalent template, so that it can be compared.
            Some(tokenizers::PostProcessorWrapper::Bert(bert)) => Some(around(&tokenizer, &bert.cls.0, &bert.sep.0)?),
            other => other.cloned(),
        };
        let mut bare = tokenizer.clone();
        strip(&mut bare)?;
        let settings = &now.settings;
        let is_same_words = settings.segments
            && settings.truncation == TruncationDirection::Right
            && !now.tokenizer.get_encode_special_tokens()
            && described(&bare)? == described(&now.tokenizer)?
            && serde_json::to_value(&processor)? == serde_json::to_value(&now.processor)?;
        let added = tokenizers::PostProcessor::added_tokens(&now.processor, true);
        // If the remaining length is even, both versions split it in half, whichever sentence is longer.
        let is_same = is_same_words && max_length.saturating_sub(added).is_multiple_of(2);
        // A byte of text becomes at most one and a half tokens, when decomposed letters stand alone.
        let only_pairs_beyond = (is_same_words && settings.class.is_bert()).then_some(max_length / 2);
        let truncation = TruncationParams {
            max_length,
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
            direction: TruncationDirection::Right,
        };
        tokenizer.with_truncation(Some(truncation)).map_err(|error| anyhow!("{error}"))?;
        tokenizer.with_padding(None);
        Ok(Self { tokenizer, only_pairs_beyond, is_same })
    }

    /// Whether an example may have different ids, so that it must be encoded to find out.
    pub fn may_differ(&self, example: &Example) -> bool {
        match (&example.text, self.only_pairs_beyond) {
            _ if self.is_same => false,
            (_, None) => true,
            (Text::Single(_), Some(_)) => false,
            (Text::Pair(first, second), Some(least)) => first.len().min(second.len()) >= least,
        }
    }

    /// Whether version 1 gives these ids.
    pub fn gives(&self, example: &Example, encoded: &Encoded) -> bool {
        let encoding = match &example.text {
            Text::Single(text) => self.tokenizer.encode(text.as_str(), true),
            Text::Pair(first, second) => self.tokenizer.encode((first.as_str(), second.as_str()), true),
        };
        encoding.is_ok_and(|before| before.get_ids() == encoded.tokens && before.get_type_ids() == encoded.segments)
    }
}

/// The padding token, which version 1 trained if it occurred in a text.
pub(super) struct PaddingToken {
    id: Option<u32>,
    /// The string that a text must contain for the token to occur in it; `None` if unknown.
    content: Option<String>,
}

impl PaddingToken {
    /// The padding token with this id, as the tokenizer defines it.
    pub fn of(built: &Built, id: Option<u32>) -> Self {
        let token = id.and_then(|id| built.tokenizer.get_added_tokens_decoder().get(&id).cloned());
        let is_verbatim = |token: &AddedToken| !token.normalized && !built.settings.split_special;
        Self { id, content: token.filter(is_verbatim).map(|token| token.content) }
    }

    /// Whether an example may contain it, so that it must be encoded to find out.
    pub fn may_be_in(&self, example: &Example) -> bool {
        let has = |text: &str| self.content.as_ref().is_none_or(|content| text.contains(content.as_str()));
        self.id.is_some()
            && match &example.text {
                Text::Single(text) => has(text),
                Text::Pair(first, second) => has(first) || has(second),
            }
    }

    /// Whether an encoded example contains it.
    pub fn is_in(&self, row: &Encoded) -> bool {
        self.id.is_some_and(|id| row.tokens.contains(&id))
    }
}

/// Everything that affects the ids of a sentence.
fn described(tokenizer: &Tokenizer) -> Result<Value> {
    let mut described = serde_json::to_value(tokenizer)?;
    if let Some(fields) = described.as_object_mut() {
        fields.remove("decoder");
    }
    Ok(described)
}

/// Builds the tokenizer from `vocab.txt` and the keys of `tokenizer_config.json` that version 1 read.
fn of_words(text: &str, sources: &TokenizerSources) -> Result<Tokenizer> {
    let flag = |name: &str| sources.config.get(name).and_then(Value::as_bool);
    let normalization = Normalization {
        lower_case: flag("do_lower_case").unwrap_or(true),
        chinese: flag("tokenize_chinese_chars").unwrap_or(true),
        strip_accents: flag("strip_accents"),
    };
    let mut tokenizer = word_piece(words_of_text(text)?, "[UNK]", normalization)?;
    let is_word = |word: &str| text.lines().any(|line| line == word);
    for needed in ["[CLS]", "[SEP]", "[UNK]"] {
        is_word(needed).then_some(()).with_context(|| format!("the vocabulary has no {needed}"))?;
    }
    let processor = around(&tokenizer, "[CLS]", "[SEP]")?;
    tokenizer.with_post_processor(Some(processor));
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].into_iter().filter(|word| is_word(word));
    let special: Vec<AddedToken> = special.map(|word| AddedToken::from(word, true)).collect();
    tokenizer.add_special_tokens(special).map_err(|error| anyhow!("{error}"))?;
    Ok(tokenizer)
}
