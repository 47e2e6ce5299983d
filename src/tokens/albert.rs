//! ALBERT's tokenizer as in transformers 4, with which the model was pretrained: SentencePiece's Unigram model (Kudo 2018) of
//! lower-cased text without accents. That of transformers 5 has no segments.

use anyhow::{Context, Result, anyhow};
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::replace::{Replace, ReplacePattern};
use tokenizers::normalizers::{Lowercase, NFKD, NormalizerWrapper, Precompiled, Sequence, StripAccents};
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::{AddedToken, Tokenizer};

use super::build::{Built, add};
use super::class::Class;
use super::sentencepiece::{PieceKind, SentencePieceModel};
use super::settings::{Normalization, TokenizerSettings};
use super::sources::TokenizerSources;
use super::tokenizer_json::fast;
use super::word_piece::around;

/// Subtracted from the score of a piece of a digit and a comma, as in the original code, which split them.
const PENALTY: f64 = 100.0;

/// Builds an `AlbertTokenizer` from `tokenizer.json` as it is, or around the pieces of `spiece.model`.
pub(super) fn albert(sources: &TokenizerSources) -> Result<Built> {
    if sources.json.is_some() {
        return fast(sources, Class::Albert);
    }
    let model = sources.sentencepiece.as_ref().context("AlbertTokenizer needs a tokenizer.json or a spiece.model")?;
    let settings = TokenizerSettings::read(sources, Class::Albert, None)?;
    let refused = |error: &dyn std::fmt::Display| anyhow!("{error}");
    let unigram = Unigram::from(pieces(model), Some(model.unknown()), false).map_err(|error| refused(&error))?;
    let mut tokenizer = Tokenizer::new(unigram);
    tokenizer.with_normalizer(Some(normalizer(model, settings.normalization)?)).map_err(|error| refused(&error))?;
    tokenizer.with_pre_tokenizer(Some(Metaspace::new('▁', PrependScheme::Always, true)));
    add(&mut tokenizer, &settings)?;
    // Tokens that the settings define keep their flags.
    let known: Vec<String> = tokenizer.get_added_tokens_decoder().into_values().map(|token| token.content).collect();
    let of_model = model.pieces_of(&[PieceKind::Control, PieceKind::UserDefined]);
    let of_model = of_model.filter(|(piece, _)| !known.iter().any(|known| known == piece));
    let of_model = of_model.map(|(piece, kind)| AddedToken::from(piece, kind == PieceKind::Control).normalized(false));
    tokenizer.add_tokens(of_model.collect::<Vec<_>>()).map_err(|error| refused(&error))?;
    let processor = around(&tokenizer, "[CLS]", "[SEP]")?;
    Ok(Built { tokenizer, processor, settings })
}

fn pieces(model: &SentencePieceModel) -> Vec<(String, f64)> {
    let is_number_with_comma = |piece: &str| {
        let mut last = piece.chars().rev();
        last.next() == Some(',') && last.next().is_some_and(char::is_numeric)
    };
    let score = |piece: &str, score: f32| f64::from(score) - if is_number_with_comma(piece) { PENALTY } else { 0.0 };
    model.pieces.iter().map(|piece| (piece.piece.clone(), score(&piece.piece, piece.score))).collect()
}

fn normalizer(model: &SentencePieceModel, normalization: Normalization) -> Result<NormalizerWrapper> {
    let replace = |pattern: ReplacePattern, by: &str| -> Result<NormalizerWrapper> {
        Ok(Replace::new(pattern, by).map_err(|error| anyhow!("{error}"))?.into())
    };
    let quotes = |text: &str| replace(ReplacePattern::String(text.into()), "\"");
    let mut steps = vec![quotes("``")?, quotes("''")?];
    if normalization.strip_accents == Some(true) {
        steps.extend([NFKD.into(), StripAccents.into()]);
    }
    if normalization.lower_case {
        steps.push(Lowercase.into());
    }
    if let Some(charsmap) = model.charsmap() {
        let charsmap = Precompiled::from(charsmap).map_err(|error| anyhow!("its table of characters is damaged: {error}"))?;
        steps.push(charsmap.into());
    }
    steps.push(replace(ReplacePattern::Regex(" {2,}".into()), " ")?);
    Ok(Sequence::new(steps).into())
}
