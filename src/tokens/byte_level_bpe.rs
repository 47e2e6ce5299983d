//! RoBERTa's tokenizer: byte-pair encoding (Sennrich et al. 2016) of bytes, as in GPT-2.

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;
use tokenizers::Tokenizer;
use tokenizers::models::bpe::{BPE, Merges};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::roberta::RobertaProcessing;

use super::build::{Built, add, parse, vocabulary, words_of_json};
use super::class::Class;
use super::settings::TokenizerSettings;
use super::sources::TokenizerSources;

/// Builds a `RobertaTokenizer` around the vocabulary and the merges of `tokenizer.json`, or of `vocab.json` and `merges.txt`.
pub(super) fn byte_level_bpe(sources: &TokenizerSources) -> Result<Built> {
    let json = sources.json_without_words().map(|json| parse(&json)).transpose()?;
    let settings = TokenizerSettings::read(sources, Class::Roberta, json.as_ref())?;
    let (words, merges) = match (&sources.json, &sources.word_ids, &sources.merges) {
        (Some(json), ..) => {
            let model = json.get("model");
            let merges = model.and_then(|model| model.get("merges"));
            (words_of_json(model.and_then(|model| model.get("vocab")))?, merges_of_json(merges)?)
        }
        (None, Some(words), Some(merges)) => (words_of_json(Some(words)).context("vocab.json")?, merges_of_text(merges)?),
        (None, Some(_), None) => bail!("there is vocab.json, but no merges.txt"),
        (None, None, _) => bail!("RobertaTokenizer needs a tokenizer.json, or vocab.json and merges.txt"),
    };
    let refused = |error: tokenizers::Error| anyhow!("{error}");
    let model = BPE::builder().vocab_and_merges(vocabulary(words)?, merges).build().map_err(refused)?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(settings.add_prefix_space, true, true)));
    add(&mut tokenizer, &settings)?;
    let special = |key: &str| -> Result<(String, u32)> {
        let token = settings.named(key)?;
        Ok((token.into(), tokenizer.token_to_id(token).with_context(|| format!("the vocabulary has no {token}"))?))
    };
    let processor =
        RobertaProcessing::new(special("sep_token")?, special("cls_token")?).add_prefix_space(settings.add_prefix_space);
    Ok(Built { tokenizer, processor: processor.into(), settings })
}

/// Reads merges as pairs or as strings with a space.
fn merges_of_json(merges: Option<&Value>) -> Result<Merges> {
    let Some(Value::Array(merges)) = merges else { bail!("tokenizer.json has no merges: it is not byte-level BPE") };
    let merge = |merge: &Value| {
        let pair = match merge {
            Value::String(text) => text.split_once(' ').map(|(first, second)| (first.to_string(), second.to_string())),
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(first), Value::String(second)] => Some((first.clone(), second.clone())),
                _ => None,
            },
            _ => None,
        };
        pair.with_context(|| format!("tokenizer.json has the merge {merge}, expected two strings"))
    };
    merges.iter().map(merge).collect()
}

/// Reads `merges.txt`: a pair per line, best first.
fn merges_of_text(text: &str) -> Result<Merges> {
    let mut merges = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with("#version")) {
        let parts: Vec<&str> = line.split(' ').collect();
        ensure!(parts.len() == 2, "merges.txt, line {}: {line:?} is not a pair", number + 1);
        merges.push((parts[0].to_string(), parts[1].to_string()));
    }
    Ok(merges)
}
