//! Special and added tokens as transformers keeps them: a plain word, or an `AddedToken` with flags.

use anyhow::{Result, bail, ensure};
use serde_json::{Map, Value};

/// A token with its flags.
// As many as Python's AddedToken has.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Added {
    pub content: String,
    pub single_word: bool,
    pub lstrip: bool,
    pub rstrip: bool,
    /// Whether it is searched for in the normalized text; where nobody says so, special tokens are not.
    pub normalized: Option<bool>,
    pub special: bool,
}

impl Added {
    /// A token of which nothing is said but its content.
    pub fn new(content: &str, special: bool) -> Self {
        Self { content: content.into(), single_word: false, lstrip: false, rstrip: false, normalized: None, special }
    }

    /// Reads the arguments of Python's `AddedToken`; it ignores those that it does not know.
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

    /// As the tokenizer takes it.
    pub fn token(&self) -> tokenizers::AddedToken {
        tokenizers::AddedToken::from(self.content.as_str(), self.special)
            .single_word(self.single_word)
            .lstrip(self.lstrip)
            .rstrip(self.rstrip)
            .normalized(self.normalized.unwrap_or(!self.special))
    }
}

/// The value of an argument of transformers' tokenizers, on its way from the files to the class.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Argument {
    /// As it stands in a file.
    Json(Value),
    /// A token with flags.
    Token(Added),
    /// Several tokens.
    List(Vec<Argument>),
}

impl Argument {
    /// What Python's `str` gives for a token; none for what is no token.
    pub fn content(&self) -> Option<&str> {
        match self {
            Self::Json(Value::String(content)) => Some(content),
            Self::Token(token) => Some(&token.content),
            Self::Json(_) | Self::List(_) => None,
        }
    }

    /// Whether Python takes it for false.
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

    /// Objects of the type AddedToken become tokens, also those inside of lists.
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

    /// The token of the key `key`; none where it is null.
    pub fn into_token(self, key: &str) -> Result<Option<TokenEntry>> {
        match self {
            Self::Json(Value::Null) => Ok(None),
            Self::Json(Value::String(content)) => Ok(Some(TokenEntry::Plain(content))),
            Self::Token(token) => Ok(Some(TokenEntry::Flagged(token))),
            Self::Json(other) => bail!("`{key}` is {other}, expected a string or an object of \"__type\": \"AddedToken\""),
            Self::List(_) => bail!("`{key}` is a list, expected a string or an object of \"__type\": \"AddedToken\""),
        }
    }

    /// The tokens of the key `key`, a list.
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

/// A token of a tokenizer's settings.
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
