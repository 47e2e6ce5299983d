//! BERT's tokenizer and those built like it.

use anyhow::{Context, Result, anyhow, bail, ensure};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::roberta::RobertaProcessing;
use tokenizers::{PostProcessorWrapper, Tokenizer};

use super::build::{Built, add, parse, template, vocabulary, words_of_json};
use super::class::Class;
use super::settings::{Normalization, TokenizerSettings};
use super::sources::TokenizerSources;

/// Builds a `BertTokenizer`, or an `MPNetTokenizer`, around the vocabulary of `tokenizer.json` or `vocab.txt`.
pub(super) fn bert(sources: &TokenizerSources, class: Class) -> Result<Built> {
    let json = sources.json_without_words().map(|json| parse(&json)).transpose()?;
    let settings = TokenizerSettings::read(sources, class, json.as_ref())?;
    let (cls, sep, unknown) = (settings.named("cls_token")?, settings.named("sep_token")?, settings.named("unk_token")?);
    let words = match (&sources.json, &sources.words) {
        (Some(json), _) => words_of_json(json.get("model").and_then(|model| model.get("vocab")))?,
        (None, Some(text)) => words_of_text(text)?,
        (None, None) => bail!("BertTokenizer needs a tokenizer.json or a vocab.txt"),
    };
    let mut tokenizer = word_piece(words, unknown, settings.normalization)?;
    // transformers would give them ids after the end of the vocabulary, which are untrained.
    let is_known = |token: &str| settings.special.added.values().any(|added| added.content == token);
    for (token, may_be_added) in [(cls, true), (sep, true), (unknown, false)] {
        let is_there = tokenizer.token_to_id(token).is_some() || (may_be_added && is_known(token));
        ensure!(is_there, "the vocabulary has no {token}");
    }
    add(&mut tokenizer, &settings)?;
    let processor = match class {
        Class::Mpnet => around_as_in_roberta(&tokenizer, cls, sep)?,
        _ => around(&tokenizer, cls, sep)?,
    };
    Ok(Built { tokenizer, processor, settings })
}

/// Parses a vocabulary with one word per line; of duplicates, the last one counts.
pub(super) fn words_of_text(text: &str) -> Result<Vec<(String, u32)>> {
    let words = WordPiece::read_bytes(text.as_bytes()).map_err(|error| anyhow!("cannot use vocab.txt: {error}"))?;
    Ok(words.into_iter().collect())
}

/// BERT's tokenizer: cleans the text, optionally lowercases it, splits it at whitespace and punctuation, and applies WordPiece
/// (Wu et al. 2016).
pub(super) fn word_piece(words: Vec<(String, u32)>, unknown: &str, normalization: Normalization) -> Result<Tokenizer> {
    let refused = |error: tokenizers::Error| anyhow!("{error}");
    let model = WordPiece::builder().vocab(vocabulary(words)?).unk_token(unknown.into()).build().map_err(refused)?;
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

/// A post-processor that adds `cls` before the first sentence, and `sep` after each and before the second.
fn around_as_in_roberta(tokenizer: &Tokenizer, cls: &str, sep: &str) -> Result<PostProcessorWrapper> {
    let special = |token: &str| {
        let id = tokenizer.token_to_id(token).with_context(|| format!("the vocabulary has no {token}"))?;
        Ok::<_, anyhow::Error>((token.to_string(), id))
    };
    Ok(RobertaProcessing::new(special(sep)?, special(cls)?).add_prefix_space(false).into())
}
