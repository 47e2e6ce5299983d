//! The tokenizer settings that affect token ids.

use anyhow::{Result, anyhow, bail, ensure};
use serde_json::{Map, Value};
use tokenizers::{PaddingDirection, Tokenizer, TruncationDirection};

use super::added::{Added, TokenEntry};
use super::arguments::{Arguments, NAMED, Special};
use super::class::Class;
use super::sentencepiece::PieceKind;
use super::sources::TokenizerSources;

/// The options of BERT's normalizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Normalization {
    /// `do_lower_case`.
    pub lower_case: bool,
    /// `tokenize_chinese_chars`: put spaces around Chinese characters.
    pub chinese: bool,
    /// `strip_accents`; if `None`, accents are stripped when lowercasing.
    pub strip_accents: Option<bool>,
}

/// The tokenizer settings that affect token ids.
pub(super) struct TokenizerSettings {
    pub class: Class,
    /// Options of the normalizer, for the tokenizers of BERT and ALBERT only.
    pub normalization: Normalization,
    /// Special and added tokens.
    pub special: Special,
    /// `split_special_tokens`: treat special tokens in a text as ordinary words.
    pub split_special: bool,
    /// `truncation_side`.
    pub truncation: TruncationDirection,
    /// `add_prefix_space`: treat the first word of a text like those after a space. For byte-level BPE and Unigram only.
    pub add_prefix_space: bool,
    /// Whether the model gets segment ids.
    pub segments: bool,
    /// `model_max_length`.
    pub longest: Option<usize>,
}

impl TokenizerSettings {
    /// Reads the settings. `json` is the tokenizer built from `tokenizer.json`, with or without its vocabulary.
    ///
    /// # Errors
    /// A key has a value that transformers rejects or that is not supported here.
    pub fn read(sources: &TokenizerSources, class: Class, json: Option<&Tokenizer>) -> Result<Self> {
        refuse(&sources.config, json.is_some())?;
        let mut arguments = Arguments::gather(sources)?;
        if class == Class::Camembert {
            arguments.set_default_token("mask_token", Added { lstrip: true, ..Added::new("<mask>", true) });
        }
        for (key, content) in class.special_tokens() {
            arguments.set_default(key, (*content).into());
        }
        match class {
            Class::Mpnet => arguments.flag_plain_tokens(&NAMED, true),
            Class::Albert => arguments.flag_plain_tokens(&["mask_token"], false),
            _ => {}
        }
        arguments.set_default_additional(additional_special_tokens(sources, class));
        if let Some(truncation) = json.and_then(|json| json.get_truncation()) {
            arguments.set_default("truncation_side", truncation.direction.as_ref().into());
        }
        if let Some(padding) = json.and_then(|json| json.get_padding()) {
            let is_left = matches!(padding.direction, PaddingDirection::Left);
            arguments.set_default("padding_side", if is_left { "left" } else { "right" }.into());
            arguments.set_default("pad_token", padding.pad_token.clone().into());
        }
        ensure!(
            side(&arguments, "padding_side")? == TruncationDirection::Right,
            "`padding_side` is \"left\", with which the model would take padding for the beginning of a text; set it to \"right\""
        );
        let normalization = match class {
            Class::Bert | Class::DistilBert | Class::Mpnet => Normalization {
                lower_case: flag(&arguments, "do_lower_case", true)?,
                chinese: flag(&arguments, "tokenize_chinese_chars", true)?,
                strip_accents: arguments
                    .get("strip_accents")
                    .filter(|value| !value.is_null())
                    .map(|_| flag(&arguments, "strip_accents", true))
                    .transpose()?,
            },
            Class::Albert => Normalization {
                lower_case: flag(&arguments, "do_lower_case", true)?,
                chinese: false,
                strip_accents: Some(!flag(&arguments, "keep_accents", false)?),
            },
            _ => Normalization { lower_case: true, chinese: true, strip_accents: None },
        };
        let longest = arguments.get("model_max_length").or_else(|| arguments.get("max_len"));
        Ok(Self {
            class,
            normalization,
            split_special: flag(&arguments, "split_special_tokens", false)?,
            truncation: side(&arguments, "truncation_side")?,
            add_prefix_space: flag(&arguments, "add_prefix_space", class != Class::Roberta)?,
            segments: segments(arguments.get("model_input_names"), class)?,
            // transformers writes a 30-digit number if the limit is unknown.
            longest: longest.and_then(Value::as_u64).and_then(|longest| usize::try_from(longest).ok()),
            special: arguments.special()?,
        })
    }

    /// The content of a special token that the class requires.
    pub fn named(&self, key: &str) -> Result<&str> {
        let token = self.special.named.iter().find(|(name, _)| name == key).map(|(_, token)| TokenEntry::content(token));
        token.filter(|content| !content.is_empty()).ok_or_else(|| anyhow!("`{key}` is null or empty, but the tokenizer needs it"))
    }
}

/// Additional special tokens that come from the class or its vocabulary file, not from the settings.
fn additional_special_tokens(sources: &TokenizerSources, class: Class) -> Vec<Added> {
    match &sources.sentencepiece {
        // They are not among its arguments.
        Some(_) if class == Class::Albert => Vec::new(),
        Some(model) => {
            let added = |(piece, kind): (&str, PieceKind)| Added {
                normalized: Some(false),
                ..Added::new(piece, kind == PieceKind::Control)
            };
            model.pieces_of(&[PieceKind::Control, PieceKind::UserDefined]).map(added).collect()
        }
        None => class.additional_special_tokens().iter().map(|token| Added::new(token, true)).collect(),
    }
}

/// Rejects keys that would change the tokenizer in unsupported ways.
fn refuse(config: &Map<String, Value>, has_json: bool) -> Result<()> {
    let says =
        |key: &str| config.get(key).is_some_and(|value| !value.is_null() && value.as_array().is_none_or(|all| !all.is_empty()));
    for key in ["fast_tokenizer_files", "init_inputs"] {
        ensure!(!says(key), "`{key}` is not known here; remove it");
    }
    ensure!(has_json || !says("vocab"), "`vocab` is not known here; remove it to use vocab.txt");
    Ok(())
}

fn flag(arguments: &Arguments, key: &str, default: bool) -> Result<bool> {
    match arguments.get(key) {
        None => Ok(default),
        Some(Value::Bool(value)) => Ok(*value),
        Some(other) => bail!("`{key}` is {other}, expected true or false"),
    }
}

fn side(arguments: &Arguments, key: &str) -> Result<TruncationDirection> {
    match arguments.get(key) {
        None => Ok(TruncationDirection::Right),
        Some(Value::String(side)) if side == "right" => Ok(TruncationDirection::Right),
        Some(Value::String(side)) if side == "left" => Ok(TruncationDirection::Left),
        Some(other) => bail!("`{key}` is {other}, expected \"right\" or \"left\""),
    }
}

/// Whether the model's inputs include segment ids.
fn segments(names: Option<&Value>, class: Class) -> Result<bool> {
    let Some(names) = names else { return Ok(matches!(class, Class::Bert | Class::Albert)) };
    let has = |name: &str| names.as_array().is_some_and(|names| names.iter().any(|known| known == name));
    for name in ["input_ids", "attention_mask"] {
        ensure!(has(name), "`model_input_names` is {names}, without \"{name}\"; add it");
    }
    Ok(has("token_type_ids"))
}
