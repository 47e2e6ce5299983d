//! From text to token ids, with the checkpoint's own tokenizer.

mod cache;

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow};
use rayon::prelude::*;
use serde_json::Value;
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, Tokenizer, TruncationDirection, TruncationParams, TruncationStrategy};

use crate::checkpoint::{Config, Files};
use crate::tasks::{Example, Text};

pub use cache::TokenCache;

/// An example as the model reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Token ids, from `[CLS]` to the last `[SEP]`.
    pub tokens: Vec<u32>,
    /// 0 for the first sentence, 1 for the second.
    pub segments: Vec<u32>,
    /// An index into the task's labels.
    pub label: usize,
}

impl Encoded {
    /// Whether a model of this shape can read it.
    fn fits(&self, max_length: usize, shape: &Config) -> Result<(), String> {
        let beyond = |ids: &[u32], size: usize| ids.iter().copied().find(|id| *id as usize >= size);
        if self.tokens.is_empty() {
            return Err("the tokenizer gives no token for a text, not even [CLS]".into());
        }
        if self.tokens.len() > max_length {
            return Err(format!("the tokenizer gives {} tokens where {max_length} are the most", self.tokens.len()));
        }
        if let Some(id) = beyond(&self.tokens, shape.vocab_size) {
            return Err(format!("the tokenizer gives id {id}, but the model has only {} words", shape.vocab_size));
        }
        if let Some(id) = beyond(&self.segments, shape.type_vocab_size) {
            return Err(format!("the tokenizer gives segment {id}, but the model has only {}", shape.type_vocab_size));
        }
        Ok(())
    }
}

/// A checkpoint's tokenizer.
pub struct Tokens {
    tokenizer: Tokenizer,
    longest: Option<usize>,
}

impl Tokens {
    /// Reads `tokenizer.json`, or builds BERT's tokenizer from `vocab.txt` where that is all there is.
    ///
    /// # Errors
    /// A file cannot be read or is damaged.
    pub fn read(files: &Files) -> Result<Self> {
        let settings = tokenizer_config(files)?;
        let path = files.tokenizer.path();
        let tokenizer = if path.extension().is_some_and(|extension| extension == "json") {
            Tokenizer::from_bytes(files.tokenizer.bytes())
                .map_err(|error| anyhow!("{} is damaged or of an unknown kind: {error}", path.display()))?
        } else {
            from_vocabulary(files.tokenizer.text()?, &settings).with_context(|| format!("cannot use {}", path.display()))?
        };
        // Where nothing is known, transformers writes a number of 30 digits.
        let longest = settings.get("model_max_length").and_then(Value::as_u64).and_then(|longest| usize::try_from(longest).ok());
        Ok(Self { tokenizer, longest })
    }

    /// The longest sequence that the tokenizer's settings allow, where they say one.
    #[must_use]
    pub fn longest(&self) -> Option<usize> {
        self.longest
    }

    /// Number of ids that the tokenizer may give.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// Encodes every example in parallel: pairs as pairs, the longer sentence truncated first.
    ///
    /// # Errors
    /// The tokenizer refuses a text, or does not fit the model's shape.
    pub fn encode(mut self, examples: &[Example], max_length: usize, shape: &Config) -> Result<Vec<Encoded>> {
        // The file may carry settings of its own for inference; training decides for itself.
        let truncation = TruncationParams {
            max_length,
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
            direction: TruncationDirection::Right,
        };
        self.tokenizer.with_truncation(Some(truncation)).map_err(|error| anyhow!("cannot truncate to {max_length}: {error}"))?;
        self.tokenizer.with_padding(None);
        let tokenizer = &self.tokenizer;
        examples
            .par_iter()
            .map(|example| {
                let encoding = match &example.text {
                    Text::Single(text) => tokenizer.encode(text.as_str(), true),
                    Text::Pair(first, second) => tokenizer.encode((first.as_str(), second.as_str()), true),
                };
                let encoding = encoding.map_err(|error| anyhow!("cannot encode {:?}: {error}", example.text))?;
                let encoded = Encoded {
                    tokens: encoding.get_ids().to_vec(),
                    segments: encoding.get_type_ids().to_vec(),
                    label: example.label,
                };
                encoded
                    .fits(max_length, shape)
                    .map_err(|problem| anyhow!("tokenizer and model do not belong together: {problem}"))?;
                Ok(encoded)
            })
            .collect()
    }
}

/// Words that stand for themselves, also in the middle of a text.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

fn tokenizer_config(files: &Files) -> Result<Value> {
    let name = "tokenizer_config.json";
    let Some(file) = files.tokenizer_extras.iter().find(|file| file.name() == name) else {
        return Ok(Value::Null);
    };
    serde_json::from_slice(file.bytes()).with_context(|| format!("{} is not JSON", file.path().display()))
}

/// BERT's tokenizer: cleaned, perhaps lower-cased text, split at white space and punctuation, then
/// WordPiece (Wu et al. 2016).
fn from_vocabulary(text: &str, settings: &Value) -> Result<Tokenizer> {
    let vocabulary: HashMap<String, u32> = text.lines().map(str::to_string).zip(0..).collect();
    let special = |name: &str| -> Result<(String, u32)> {
        let id = vocabulary.get(name).with_context(|| format!("the vocabulary has no {name}"))?;
        Ok((name.to_string(), *id))
    };
    let processing = BertProcessing::new(special("[SEP]")?, special("[CLS]")?);
    special("[UNK]")?;
    let lower = settings.get("do_lower_case").and_then(Value::as_bool).unwrap_or(true);
    let flag = |name: &str| settings.get(name).and_then(Value::as_bool);
    let known: Vec<AddedToken> =
        SPECIAL.iter().filter(|token| vocabulary.contains_key(**token)).map(|token| AddedToken::from(*token, true)).collect();
    let words = WordPiece::read_bytes(text.as_bytes()).map_err(|error| anyhow!("{error}"))?;
    let model = WordPiece::builder().vocab(words).build().map_err(|error| anyhow!("{error}"))?;
    let mut tokenizer = Tokenizer::new(model);
    let chinese = flag("tokenize_chinese_chars").unwrap_or(true);
    let normalizer = BertNormalizer::new(true, chinese, flag("strip_accents"), lower);
    let refused = |error: tokenizers::Error| anyhow!("{error}");
    tokenizer.with_normalizer(Some(normalizer)).map_err(refused)?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.with_post_processor(Some(processing));
    tokenizer.with_decoder(Some(WordPieceDecoder::default()));
    tokenizer.add_special_tokens(known).map_err(refused)?;
    Ok(tokenizer)
}
