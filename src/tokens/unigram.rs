//! The tokenizers of XLM-RoBERTa and CamemBERT: Unigram language models (Kudo 2018) from SentencePiece.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::{NormalizerWrapper, Precompiled};
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::{PostProcessorWrapper, Tokenizer};

use super::build::{Built, add, parse, template};
use super::class::Class;
use super::sentencepiece::SentencePieceModel;
use super::settings::TokenizerSettings;
use super::sources::TokenizerSources;

/// Pieces with the logarithms of their probabilities, in id order.
pub(super) type Pieces = Vec<(String, f64)>;

/// Builds an `XLMRobertaTokenizer` or a `CamembertTokenizer` around the pieces of `tokenizer.json` or of
/// `sentencepiece.bpe.model`.
pub(super) fn unigram(sources: &TokenizerSources, class: Class) -> Result<Built> {
    let json = sources.json_without_words().map(|json| parse(&json)).transpose()?;
    let settings = TokenizerSettings::read(sources, class, json.as_ref())?;
    let (pieces, charsmap) = match (&sources.json, &sources.sentencepiece, &json) {
        (Some(source), _, Some(json)) => {
            (pieces_of_json(source.get("model").and_then(|model| model.get("vocab")))?, charsmap_of(json))
        }
        (_, Some(model), _) => {
            let charsmap = model.charsmap().map(Precompiled::from).transpose();
            (
                reordered(model, class, &settings)?,
                charsmap.map_err(|error| anyhow!("its table of characters is damaged: {error}"))?,
            )
        }
        _ => bail!("the tokenizer needs a tokenizer.json or a sentencepiece.bpe.model"),
    };
    let unknown = match class {
        Class::Camembert => {
            let token = settings.named("unk_token")?;
            pieces.iter().position(|(piece, _)| piece == token).unwrap_or(0)
        }
        _ => 3,
    };
    let refused = |error: &dyn std::fmt::Display| anyhow!("{error}");
    let model = Unigram::from(pieces, Some(unknown), false).map_err(|error| refused(&error))?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(charsmap).map_err(|error| refused(&error))?;
    let scheme = if settings.add_prefix_space { PrependScheme::Always } else { PrependScheme::Never };
    let words = Sequence::new(vec![WhitespaceSplit.into(), Metaspace::new('▁', scheme, true).into()]);
    tokenizer.with_pre_tokenizer(Some(words));
    add(&mut tokenizer, &settings)?;
    let processor = around_texts(&tokenizer, &settings)?;
    Ok(Built { tokenizer, processor, settings })
}

fn around_texts(tokenizer: &Tokenizer, settings: &TokenizerSettings) -> Result<PostProcessorWrapper> {
    let (bos, eos) = (settings.named("bos_token")?, settings.named("eos_token")?);
    let id = |token: &str| tokenizer.token_to_id(token).with_context(|| format!("the vocabulary has no {token}"));
    let special = vec![(bos.to_string(), id(bos)?), (eos.to_string(), id(eos)?)];
    template(&format!("{bos} $A {eos}"), &format!("{bos} $A {eos} {eos} $B {eos}"), special)
}

/// Reads the pieces of a `tokenizer.json`.
pub(super) fn pieces_of_json(vocabulary: Option<&Value>) -> Result<Pieces> {
    let Some(Value::Array(pieces)) = vocabulary else { bail!("tokenizer.json is not of a Unigram model") };
    let piece = |entry: &Value| {
        let pair = match entry.as_array().map(Vec::as_slice) {
            Some([Value::String(piece), score]) => score.as_f64().map(|score| (piece.clone(), score)),
            _ => None,
        };
        pair.with_context(|| format!("tokenizer.json has the piece {entry}, expected a string and a number"))
    };
    pieces.iter().map(piece).collect()
}

/// SentencePiece's table of characters in the normalizer of a `tokenizer.json`.
fn charsmap_of(json: &Tokenizer) -> Option<Precompiled> {
    let of = |normalizer: &NormalizerWrapper| match normalizer {
        NormalizerWrapper::Precompiled(map) => Some(map.clone()),
        _ => None,
    };
    match json.get_normalizer()? {
        NormalizerWrapper::Sequence(all) => all.as_ref().iter().find_map(of),
        one => of(one),
    }
}

/// The pieces at the ids that fairseq gave them before pretraining: its own special tokens first.
fn reordered(model: &SentencePieceModel, class: Class, settings: &TokenizerSettings) -> Result<Pieces> {
    let token = |key: &str| Ok::<_, anyhow::Error>((settings.named(key)?.to_string(), 0.0));
    let (mut pieces, left_out) = match class {
        Class::Camembert => {
            let fixed = |piece: &str, score: f64| (piece.to_string(), score);
            let first = vec![
                fixed("<s>NOTUSED", 0.0),
                token("pad_token")?,
                fixed("</s>NOTUSED", 0.0),
                token("unk_token")?,
                fixed("<unk>NOTUSED", -100.0),
            ];
            (first, 1)
        }
        _ => (vec![token("bos_token")?, token("pad_token")?, token("eos_token")?, token("unk_token")?], 3),
    };
    pieces.extend(model.pieces.iter().skip(left_out).map(|piece| (piece.piece.clone(), f64::from(piece.score))));
    pieces.push(token("mask_token")?);
    Ok(pieces)
}
