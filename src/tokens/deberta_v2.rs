//! The tokenizer of DeBERTa-v2, v3 and mDeBERTa: a Unigram language model (Kudo 2018) from SentencePiece.

use anyhow::{Result, anyhow, bail};
use serde_json::Value;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{Lowercase, NFC, NormalizerWrapper, Precompiled, Replace, Sequence as Normalizers, Strip};
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer};

use super::added::{Added, TokenEntry};
use super::build::{Built, add, parse};
use super::class::Class;
use super::sentencepiece::SentencePieceModel;
use super::settings::TokenizerSettings;
use super::sources::TokenizerSources;
use super::unigram::{Pieces, pieces_of_json};
use super::word_piece::around;

/// Builds a `DebertaV2Tokenizer`.
///
/// From `spm.model` it is that of transformers 4, which prepares texts as for the model's pretraining. From `tokenizer.json` it is that of
/// transformers 5, which takes only its pieces.
pub(super) fn deberta_v2(sources: &TokenizerSources) -> Result<Built> {
    let json = sources.json_without_words().map(|json| parse(&json)).transpose()?;
    let mut settings = TokenizerSettings::read(sources, Class::DebertaV2, json.as_ref())?;
    if json.is_none() {
        match_unknown_in_normalized_text(&mut settings);
    }
    let Parts { pieces, unknown, normalizers, prefix } = match (&sources.json, &sources.sentencepiece) {
        (Some(source), _) => of_json(source.get("model").and_then(|model| model.get("vocab")), &settings)?,
        (None, Some(model)) => of_sentencepiece(model)?,
        (None, None) => bail!("the tokenizer needs a tokenizer.json or an spm.model"),
    };
    let refused = |error: &dyn std::fmt::Display| anyhow!("{error}");
    let mut tokenizer = Tokenizer::new(Unigram::from(pieces, Some(unknown), false).map_err(|error| refused(&error))?);
    let lowercase = settings.normalization.lower_case.then_some(Lowercase.into());
    let normalizers = lowercase.into_iter().chain(normalizers).collect();
    tokenizer.with_normalizer(Some(Normalizers::new(normalizers))).map_err(|error| refused(&error))?;
    let punctuation = settings.split_by_punct.then(|| Punctuation::new(SplitDelimiterBehavior::Isolated).into());
    let words = PreTokenizerWrapper::from(Metaspace::new('▁', prefix, true));
    tokenizer.with_pre_tokenizer(Some(Sequence::new(punctuation.into_iter().chain([words]).collect())));
    add(&mut tokenizer, &settings)?;
    let processor = around(&tokenizer, settings.named("cls_token")?, settings.named("sep_token")?)?;
    Ok(Built { tokenizer, processor, settings })
}

/// Looks for `[UNK]` in a text only after the text is normalized, unlike for the other special tokens.
fn match_unknown_in_normalized_text(settings: &mut TokenizerSettings) {
    let unknown = settings.special.named.iter_mut().find(|(key, _)| key == "unk_token");
    if let Some((_, token @ TokenEntry::Plain(_))) = unknown {
        *token = TokenEntry::Flagged(Added { normalized: Some(true), ..Added::new(token.content(), true) });
    }
}

/// What differs between the files.
struct Parts {
    pieces: Pieces,
    /// The id of the piece for unknown characters.
    unknown: usize,
    normalizers: Vec<NormalizerWrapper>,
    prefix: PrependScheme,
}

fn of_json(vocabulary: Option<&Value>, settings: &TokenizerSettings) -> Result<Parts> {
    let pieces = pieces_of_json(vocabulary)?;
    let token = settings.named("unk_token")?;
    let unknown = pieces.iter().position(|(piece, score)| piece == token && *score == 0.0);
    let normalizers = vec![replace(r"\s{2,}|[\n\r\t]")?, NFC.into(), Strip::new(false, true).into()];
    let prefix = if settings.add_prefix_space { PrependScheme::Always } else { PrependScheme::First };
    Ok(Parts { pieces, unknown: unknown.unwrap_or(1), normalizers, prefix })
}

fn of_sentencepiece(model: &SentencePieceModel) -> Result<Parts> {
    let charsmap = model.charsmap().map(Precompiled::from).transpose();
    let charsmap = charsmap.map_err(|error| anyhow!("its table of characters is damaged: {error}"))?;
    let stripped = [NormalizerWrapper::from(Strip::new(true, true))];
    let normalizers = stripped.into_iter().chain(charsmap.map(NormalizerWrapper::from)).chain([replace(" {2,}")?]).collect();
    let pieces = model.pieces.iter().map(|piece| (piece.piece.clone(), f64::from(piece.score))).collect();
    Ok(Parts { pieces, unknown: model.unknown()?, normalizers, prefix: PrependScheme::Always })
}

/// Replaces what matches a pattern by one space.
fn replace(pattern: &str) -> Result<NormalizerWrapper> {
    let replace = Replace::new(ReplacePattern::Regex(pattern.into()), " ");
    Ok(replace.map_err(|error| anyhow!("{error}"))?.into())
}
