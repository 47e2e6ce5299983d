//! What the tokenizers of all classes are built with.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use tokenizers::models::bpe::Vocab;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, PostProcessorWrapper, Tokenizer};

use super::added::{Added, TokenEntry};
use super::settings::TokenizerSettings;

/// A tokenizer and its post-processor, which adds special tokens around the sentences.
pub(super) struct Built {
    /// The tokenizer without post-processor, truncation and padding.
    pub tokenizer: Tokenizer,
    pub processor: PostProcessorWrapper,
    pub settings: TokenizerSettings,
}

/// Reads words with their ids, or in id order: models other than WordPiece list them with scores.
pub(super) fn words_of_json(vocabulary: Option<&Value>) -> Result<Vec<(String, u32)>> {
    match vocabulary {
        Some(Value::Object(words)) => {
            let word = |(word, id): (&String, &Value)| {
                let number = id.as_u64().and_then(|id| u32::try_from(id).ok());
                Ok((
                    word.clone(),
                    number.with_context(|| format!("tokenizer.json gives {word:?} the id {id}, which is not a token id"))?,
                ))
            };
            words.iter().map(word).collect()
        }
        Some(Value::Array(words)) => {
            let word = |(word, id): (&Value, u32)| {
                let content = word.as_array().map_or(Some(word), |pair| pair.first()).and_then(Value::as_str);
                Ok((
                    content.with_context(|| format!("tokenizer.json has the word {word}, which is not a string"))?.to_string(),
                    id,
                ))
            };
            words.iter().zip(0..).map(word).collect()
        }
        _ => bail!("tokenizer.json has no vocabulary: `model.vocab`"),
    }
}

/// Collects words with their ids in the map that models are built from.
pub(super) fn vocabulary(words: Vec<(String, u32)>) -> Result<Vocab> {
    let mut vocabulary = WordPiece::read_bytes(&[]).map_err(|error| anyhow!("{error}"))?;
    vocabulary.extend(words);
    Ok(vocabulary)
}

pub(super) fn template(single: &str, pair: &str, special: Vec<(String, u32)>) -> Result<PostProcessorWrapper> {
    let refused = |error: &dyn std::fmt::Display| anyhow!("cannot put special tokens around a sentence: {error}");
    let mut builder = TemplateProcessing::builder();
    builder.try_single(single).map_err(|error| refused(&error))?.try_pair(pair).map_err(|error| refused(&error))?;
    builder.special_tokens(special);
    Ok(builder.build().map_err(|error| refused(&error))?.into())
}

pub(super) fn parse(json: &str) -> Result<Tokenizer> {
    Tokenizer::from_bytes(json).map_err(|error| anyhow!("it is damaged or of an unknown kind: {error}"))
}

/// Removes post-processing, truncation and padding, which are applied separately later.
pub(super) fn strip(tokenizer: &mut Tokenizer) -> Result<()> {
    tokenizer.with_post_processor(None::<PostProcessorWrapper>);
    tokenizer.with_truncation(None).map_err(|error| anyhow!("{error}"))?;
    tokenizer.with_padding(None);
    Ok(())
}

/// Adds the tokens that the files define, in transformers' order, which determines the ids of those not in the vocabulary.
pub(super) fn add(tokenizer: &mut Tokenizer, settings: &TokenizerSettings) -> Result<()> {
    let special = &settings.special;
    let known = tokenizer.get_added_tokens_decoder();
    let is_known = |content: &str| {
        known.values().any(|token| token.content == content) || special.added.values().any(|token| token.content == content)
    };
    let named = special.named.iter().map(|(_, token)| token).chain(&special.extra);
    let mut tokens: Vec<TokenEntry> = special.added.values().cloned().map(TokenEntry::Flagged).collect();
    for token in named.filter(|token| !is_known(token.content())) {
        if !tokens.contains(token) {
            tokens.push(token.clone());
        }
    }
    let is_named = |content: &str| special.named.iter().any(|(_, token)| token.content() == content);
    let added: Vec<AddedToken> = tokens
        .into_iter()
        .map(|token| match token {
            TokenEntry::Plain(content) => Added::new(&content, true).token(),
            TokenEntry::Flagged(token) => Added { special: token.special || is_named(&token.content), ..token }.token(),
        })
        .collect();
    tokenizer.add_tokens(added).map_err(|error| anyhow!("cannot add tokens: {error}"))?;
    tokenizer.set_encode_special_tokens(settings.split_special);
    Ok(())
}
