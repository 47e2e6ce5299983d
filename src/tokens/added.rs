//! Special and added tokens as transformers stores them: a plain string, or an `AddedToken` with flags.

use anyhow::{Result, bail, ensure};
use serde_json::{Map, Value};

/// A token with its flags.
// The same flags as Python's AddedToken.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Added {
    pub content: String,
    pub single_word: bool,
    pub lstrip: bool,
    pub rstrip: bool,
    /// Whether it is matched in the normalized text; by default, special tokens are not.
    pub normalized: Option<bool>,
    pub special: bool,
}

impl Added {
    /// A token with default flags.
    pub fn new(content: &str, special: bool) -> Self {
        Self { content: content.into(), single_word: false, lstrip: false, rstrip: false, normalized: None, special }
    }

    /// Reads the arguments of Python's `AddedToken`; unknown ones are ignored, as in Python.
    pub fn read(fields: &Map<String, Value>) -> Result<Self> {
        let flag = |name: &str| match fields.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => bail!("`{name}` of an added token is {other}, expected true or false"),
        };
        let content = match fields.get("content") {
            Some(Value::String(content)) => content.clone(),
            Some(other) => bail!("the `content` of an added token is {other}, expected a string"),
            None => bail!("an added token has no `content`"),
        };
        Ok(Self {
            content,
            single_word: flag("single_word")?.unwrap_or(false),
            lstrip: flag("lstrip")?.unwrap_or(false),
            rstrip: flag("rstrip")?.unwrap_or(false),
            normalized: flag("normalized")?,
            special: flag("special")?.unwrap_or(false),
        })
    }

    /// Converts it to the tokenizers crate's type.
    pub fn token(&self) -> tokenizers::AddedToken {
        tokenizers::AddedToken::from(self.content.as_str(), self.special)
            .single_word(self.single_word)
            .lstrip(self.lstrip)
            .rstrip(self.rstrip)
            .normalized(self.normalized.unwrap_or(!self.special))
    }
}

/// The value of a tokenizer argument in transformers, as it passes from the files to the class.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Argument {
    /// A JSON value from a file.
    Json(Value),
    /// A token with flags.
    Token(Added),
    /// Several tokens.
    List(Vec<Argument>),
}

impl Argument {
    /// The result of Python's `str` for a token; `None` for anything else.
    pub fn content(&self) -> Option<&str> {
        match self {
            Self::Json(Value::String(content)) => Some(content),
            Self::Token(token) => Some(&token.content),
            Self::Json(_) | Self::List(_) => None,
        }
    }

    /// Whether the value is falsy in Python.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Json(value) => match value {
                Value::Null | Value::Bool(false) => true,
                Value::String(text) => text.is_empty(),
                Value::Array(entries) => entries.is_empty(),
                Value::Object(fields) => fields.is_empty(),
                Value::Bool(true) | Value::Number(_) => false,
            },
            Self::List(entries) => entries.is_empty(),
            Self::Token(_) => false,
        }
    }

    /// Converts objects of type AddedToken to tokens, including those inside lists.
    pub fn with_tokens(self) -> Result<Self> {
        Ok(match self {
            Self::Json(Value::Object(fields)) if fields.get("__type").is_some_and(|kind| kind == "AddedToken") => {
                Self::Token(Added::read(&fields)?)
            }
            Self::Json(Value::Array(entries)) => {
                Self::List(entries.into_iter().map(|entry| Self::Json(entry).with_tokens()).collect::<Result<_>>()?)
            }
            Self::List(entries) => Self::List(entries.into_iter().map(Self::with_tokens).collect::<Result<_>>()?),
            other => other,
        })
    }

    /// The token under `key`; `None` if it is null.
    pub fn into_token(self, key: &str) -> Result<Option<TokenEntry>> {
        match self {
            Self::Json(Value::Null) => Ok(None),
            Self::Json(Value::String(content)) => Ok(Some(TokenEntry::Plain(content))),
            Self::Token(token) => Ok(Some(TokenEntry::Flagged(token))),
            Self::Json(other) => bail!("`{key}` is {other}, expected a string or an object of \"__type\": \"AddedToken\""),
            Self::List(_) => bail!("`{key}` is a list, expected a string or an object of \"__type\": \"AddedToken\""),
        }
    }

    /// The list of tokens under `key`.
    pub fn into_tokens(self, key: &str) -> Result<Vec<TokenEntry>> {
        match self {
            Self::Json(Value::Null) => Ok(Vec::new()),
            Self::List(entries) => {
                let tokens = entries.into_iter().map(|entry| entry.into_token(key)).collect::<Result<Option<Vec<_>>>>()?;
                ensure!(tokens.is_some(), "`{key}` holds null");
                Ok(tokens.unwrap_or_default())
            }
            _ => bail!("`{key}` is not a list of tokens"),
        }
    }
}

/// A token in a tokenizer's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenEntry {
    /// Without flags.
    Plain(String),
    /// With flags.
    Flagged(Added),
}

impl TokenEntry {
    pub fn content(&self) -> &str {
        match self {
            Self::Plain(content) => content,
            Self::Flagged(token) => &token.content,
        }
    }
}
