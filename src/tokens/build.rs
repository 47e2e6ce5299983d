//! Builds a tokenizer from its settings.

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, PostProcessorWrapper, Tokenizer};

use super::added::{Added, TokenEntry};
use super::settings::{Class, Normalization, TokenizerSettings};
use super::sources::TokenizerSources;

/// A tokenizer and its post-processor, which adds special tokens around the sentences.
pub(super) struct Built {
    /// The tokenizer without post-processor, truncation and padding.
    pub tokenizer: Tokenizer,
    pub processor: PostProcessorWrapper,
    pub settings: TokenizerSettings,
}

impl Built {
    /// Builds the same tokenizer as transformers does from these files.
    ///
    /// # Errors
    /// The files do not define a valid tokenizer, or define an unsupported one.
    pub fn of(sources: &TokenizerSources) -> Result<Self> {
        let class = Class::of(sources)?;
        match class {
            Class::Bert => bert(sources),
            Class::Fast => fast(sources),
        }
    }
}

/// Builds a `PreTrainedTokenizerFast`.
fn fast(sources: &TokenizerSources) -> Result<Built> {
    if sources.json.is_none() {
        bail!("`tokenizer_class` needs a tokenizer.json, but there is only a vocab.txt");
    }
    let mut tokenizer = parse(&sources.json_text)?;
    let settings = TokenizerSettings::read(sources, Class::Fast, Some(&tokenizer))?;
    let processor = match tokenizer.get_post_processor() {
        Some(processor) => processor.clone(),
        None => template("$A:0", "$A:0 $B:1", Vec::new())?,
    };
    strip(&mut tokenizer)?;
    add(&mut tokenizer, &settings)?;
    Ok(Built { tokenizer, processor, settings })
}

/// Builds a `BertTokenizer` around the vocabulary of `tokenizer.json` or `vocab.txt`.
fn bert(sources: &TokenizerSources) -> Result<Built> {
    let json = sources.json_without_words().map(|json| parse(&json)).transpose()?;
    let settings = TokenizerSettings::read(sources, Class::Bert, json.as_ref())?;
    let (cls, sep, unknown) = (settings.named("cls_token")?, settings.named("sep_token")?, settings.named("unk_token")?);
    let words = match (&sources.json, &sources.words) {
        (Some(json), _) => words_of_json(json.get("model").and_then(|model| model.get("vocab")))?,
        (None, Some(text)) => words_of_text(text)?,
        (None, None) => bail!("there is no vocabulary"),
    };
    let mut tokenizer = word_piece(words, unknown, settings.normalization)?;
    // transformers would give them ids after the end of the vocabulary, which are untrained.
    let is_known = |token: &str| settings.special.added.values().any(|added| added.content == token);
    for (token, may_be_added) in [(cls, true), (sep, true), (unknown, false)] {
        let is_there = tokenizer.token_to_id(token).is_some() || (may_be_added && is_known(token));
        ensure!(is_there, "the vocabulary has no {token}");
    }
    add(&mut tokenizer, &settings)?;
    let processor = around(&tokenizer, cls, sep)?;
    Ok(Built { tokenizer, processor, settings })
}

/// Parses a vocabulary with one word per line; of duplicates, the last one counts.
pub(super) fn words_of_text(text: &str) -> Result<Vec<(String, u32)>> {
    let words = WordPiece::read_bytes(text.as_bytes()).map_err(|error| anyhow!("cannot use vocab.txt: {error}"))?;
    Ok(words.into_iter().collect())
}

/// Reads words with their ids, or in id order: models other than WordPiece list them with scores.
fn words_of_json(vocabulary: Option<&Value>) -> Result<Vec<(String, u32)>> {
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

/// BERT's tokenizer: cleans the text, optionally lowercases it, splits it at whitespace and punctuation, and applies WordPiece
/// (Wu et al. 2016).
pub(super) fn word_piece(words: Vec<(String, u32)>, unknown: &str, normalization: Normalization) -> Result<Tokenizer> {
    let refused = |error: tokenizers::Error| anyhow!("{error}");
    let mut vocabulary = WordPiece::read_bytes(&[]).map_err(refused)?;
    vocabulary.extend(words);
    let model = WordPiece::builder().vocab(vocabulary).unk_token(unknown.into()).build().map_err(refused)?;
    let mut tokenizer = Tokenizer::new(model);
    let Normalization { lower_case, chinese, strip_accents } = normalization;
    tokenizer.with_normalizer(Some(BertNormalizer::new(true, chinese, strip_accents, lower_case))).map_err(refused)?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    Ok(tokenizer)
}

/// A post-processor that adds `cls` before the first sentence and `sep` after each; the second sentence is segment 1.
pub(super) fn around(tokenizer: &Tokenizer, cls: &str, sep: &str) -> Result<PostProcessorWrapper> {
    let id = |token: &str| tokenizer.token_to_id(token).with_context(|| format!("the vocabulary has no {token}"));
    let special = vec![(cls.to_string(), id(cls)?), (sep.to_string(), id(sep)?)];
    template(&format!("{cls}:0 $A:0 {sep}:0"), &format!("{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1"), special)
}

fn template(single: &str, pair: &str, special: Vec<(String, u32)>) -> Result<PostProcessorWrapper> {
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
fn add(tokenizer: &mut Tokenizer, settings: &TokenizerSettings) -> Result<()> {
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
