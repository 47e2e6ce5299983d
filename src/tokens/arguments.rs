//! Collects the arguments of a tokenizer's class from its files, as transformers' `from_pretrained` does.
//!
//! They come from `tokenizer_config.json`. The older `special_tokens_map.json` and `added_tokens.json`, and the added tokens in
//! `tokenizer.json`, are used if it has no `added_tokens_decoder`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value};

use super::added::{Added, Argument, TokenEntry};
use super::sources::TokenizerSources;

/// The special tokens that every tokenizer can have.
pub(super) const NAMED: [&str; 7] = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

const EXTRA: &str = "extra_special_tokens";
/// The name of this key in transformers 4.
const ADDITIONAL: &str = "additional_special_tokens";

/// The arguments in order, which determines the ids of tokens that are not in the vocabulary.
#[derive(Clone, Debug)]
pub(super) struct Arguments {
    entries: Entries,
    /// `model_specific_special_tokens`.
    own: Option<Entries>,
    /// Added tokens by the ids in the files.
    added: BTreeMap<i64, Added>,
}

/// An ordered map, like a Python dictionary.
#[derive(Clone, Debug, Default)]
struct Entries(Vec<(String, Argument)>);

impl Entries {
    fn of(object: Map<String, Value>) -> Self {
        Self(object.into_iter().map(|(key, value)| (key, Argument::Json(value))).collect())
    }

    fn get(&self, key: &str) -> Option<&Argument> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    fn set(&mut self, key: &str, value: Argument) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => self.0.push((key.to_string(), value)),
        }
    }

    fn take(&mut self, key: &str) -> Option<Argument> {
        let index = self.0.iter().position(|(known, _)| known == key)?;
        Some(self.0.remove(index).1)
    }

    fn update(&mut self, others: Self) {
        for (key, value) in others.0 {
            self.set(&key, value);
        }
    }

    /// The value of a key, removed if it is an object; otherwise `None`.
    fn take_object(&mut self, key: &str) -> Option<Self> {
        if !matches!(self.get(key), Some(Argument::Json(Value::Object(_)))) {
            return None;
        }
        match self.take(key) {
            Some(Argument::Json(Value::Object(object))) => Some(Self::of(object)),
            _ => None,
        }
    }
}

/// The special tokens that the arguments define.
pub(super) struct Special {
    /// The named tokens by key, in the order in which they are added.
    pub named: Vec<(String, TokenEntry)>,
    /// Additional special tokens.
    pub extra: Vec<TokenEntry>,
    /// Added tokens by the ids in the files; only their order matters.
    pub added: BTreeMap<i64, Added>,
}

impl Arguments {
    /// Collects the arguments from the files.
    pub fn gather(sources: &TokenizerSources) -> Result<Self> {
        let mut entries = Entries::of(sources.config.clone());
        let mut own = entries.take_object("model_specific_special_tokens");
        if entries.get(ADDITIONAL).is_some() && entries.get(EXTRA).is_none_or(Argument::is_empty) {
            let tokens = entries.take(ADDITIONAL).unwrap_or(Argument::Json(Value::Null));
            entries.set(EXTRA, tokens);
        }
        let is_own = |(key, value): &(String, Argument)| {
            key.ends_with("_token") && !NAMED.contains(&key.as_str()) && matches!(value, Argument::Json(Value::String(_)))
        };
        let (mut gathered, rest): (Vec<_>, Vec<_>) = entries.0.into_iter().partition(is_own);
        let mut entries = Entries(rest);
        if let Some(extra) = entries.take_object(EXTRA) {
            let mut all = Entries(std::mem::take(&mut gathered));
            all.update(extra);
            gathered = all.0;
        }
        if !gathered.is_empty() {
            own = Some(Entries(gathered));
        }
        let mut arguments = Self { entries, own, added: BTreeMap::new() };
        let mut by_content = BTreeMap::new();
        let added = match arguments.entries.take("added_tokens_decoder") {
            Some(decoder) => of_decoder(decoder)?,
            None => arguments.merge_older(sources)?,
        };
        for (id, token) in added {
            by_content.insert(token.content.clone(), token.clone());
            arguments.added.insert(id, token);
        }
        arguments.make_tokens()?;
        // A named token gets the flags that it was added with.
        for key in NAMED {
            let content = arguments.entries.get(key).and_then(Argument::content);
            if let Some(token) = content.and_then(|content| by_content.get(content)).cloned() {
                arguments.entries.set(key, Argument::Token(token));
            }
        }
        Ok(arguments)
    }

    /// Merges the older files, and returns their added tokens; for equal ids, later entries win.
    fn merge_older(&mut self, sources: &TokenizerSources) -> Result<Vec<(i64, Added)>> {
        for (key, value) in &sources.special_tokens_map {
            self.merge(key, value).with_context(|| format!("special_tokens_map.json: `{key}`"))?;
        }
        if let Some(extra) = self.entries.take_object(EXTRA) {
            self.own.get_or_insert_default().update(extra);
        }
        let extra = match self.entries.get(EXTRA) {
            Some(Argument::List(entries)) => entries.clone(),
            Some(Argument::Json(Value::Array(entries))) => entries.iter().cloned().map(Argument::Json).collect(),
            _ => Vec::new(),
        };
        let named = NAMED.iter().filter_map(|key| self.entries.get(key)).chain(&extra);
        let special: Vec<&str> = named.filter_map(Argument::content).collect();
        let mut added = Vec::new();
        for (content, id) in &sources.added_tokens {
            let id =
                id.as_i64().with_context(|| format!("added_tokens.json gives {content:?} the id {id}, which is not a number"))?;
            let is_special = special.contains(&content.as_str());
            added.push((id, Added { normalized: Some(!is_special), ..Added::new(content, is_special) }));
        }
        let tokens = sources.json.as_ref().and_then(|json| json.get("added_tokens")).and_then(Value::as_array);
        for token in tokens.into_iter().flatten() {
            let fields = token.as_object().context("tokenizer.json has an added token that is not an object")?;
            let id = fields.get("id").and_then(Value::as_i64).context("tokenizer.json has an added token without an id")?;
            added.push((id, Added::read(fields).context("tokenizer.json")?));
        }
        Ok(added)
    }

    /// Merges an entry of special_tokens_map.json.
    fn merge(&mut self, key: &str, value: &Value) -> Result<()> {
        let special = |fields: &Map<String, Value>| -> Result<Argument> {
            let fields = fields.iter().filter(|(name, _)| *name != "special");
            let fields: Map<String, Value> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
            Ok(Argument::Token(Added { special: true, ..Added::read(&fields)? }))
        };
        let merged = match value {
            Value::Object(fields) if key != EXTRA => special(fields)?,
            Value::Array(tokens) if key == EXTRA => {
                let mut all = match self.entries.get(EXTRA) {
                    Some(Argument::Json(Value::Array(before))) => before.iter().cloned().map(Argument::Json).collect(),
                    _ => Vec::new(),
                };
                for token in tokens {
                    let token = token.as_object().map_or_else(|| Ok(Argument::Json(token.clone())), special)?;
                    if !all.contains(&token) {
                        all.push(token);
                    }
                }
                Argument::List(all)
            }
            other => Argument::Json(other.clone()),
        };
        self.entries.set(key, merged);
        Ok(())
    }

    /// Converts objects of type AddedToken to tokens.
    fn make_tokens(&mut self) -> Result<()> {
        let own = self.own.iter_mut().flat_map(|own| own.0.iter_mut());
        for (key, value) in self.entries.0.iter_mut().chain(own) {
            if key.ends_with("_token") || key == EXTRA || key == ADDITIONAL {
                let argument = std::mem::replace(value, Argument::Json(Value::Null));
                *value = argument.with_tokens().with_context(|| format!("`{key}`"))?;
            }
        }
        Ok(())
    }

    /// The value of a key that does not hold a token.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self.entries.get(key)? {
            Argument::Json(value) => Some(value),
            Argument::Token(_) | Argument::List(_) => None,
        }
    }

    /// Sets a key if the files do not.
    pub fn set_default(&mut self, key: &str, value: Value) {
        if self.entries.get(key).is_none() {
            self.entries.set(key, Argument::Json(value));
        }
    }

    /// Sets a token if the files do not.
    pub fn set_default_token(&mut self, key: &str, token: Added) {
        if self.entries.get(key).is_none() {
            self.entries.set(key, Argument::Token(token));
        }
    }

    /// Gives tokens without flags those that some classes give them: whether they are matched in the normalized text, and that the
    /// mask takes the space before it.
    pub fn flag_plain_tokens(&mut self, keys: &[&str], normalized: bool) {
        for key in keys {
            if let Some(Argument::Json(Value::String(content))) = self.entries.get(key) {
                let token = Added { lstrip: *key == "mask_token", normalized: Some(normalized), ..Added::new(content, false) };
                self.entries.set(key, Argument::Token(token));
            }
        }
    }

    /// Sets the additional special tokens if the files do not.
    pub fn set_default_additional(&mut self, tokens: Vec<Added>) {
        if self.entries.get(ADDITIONAL).is_none() && !tokens.is_empty() {
            self.entries.set(ADDITIONAL, Argument::List(tokens.into_iter().map(Argument::Token).collect()));
        }
    }

    /// Extracts the special and added tokens.
    pub fn special(mut self) -> Result<Special> {
        if self.entries.get(EXTRA).is_none() {
            let additional = self.entries.take(ADDITIONAL);
            self.entries.0.extend(additional.map(|tokens| (EXTRA.to_string(), tokens)));
        }
        let mut named = Vec::new();
        for key in NAMED {
            let token = self.entries.take(key).map(|value| value.into_token(key)).transpose()?.flatten();
            named.extend(token.map(|token| (key.to_string(), token)));
        }
        let extra = self.entries.take(EXTRA).map(|value| value.into_tokens(EXTRA)).transpose()?.unwrap_or_default();
        let is_own = |(key, value): &(String, Argument)| key.ends_with("_token") && value.content().is_some();
        let mut own = Entries(self.entries.0.into_iter().filter(is_own).collect());
        own.update(self.own.unwrap_or_default());
        for (key, value) in own.0 {
            let Some(token) = value.into_token(&key)? else { bail!("`{key}` is null") };
            named.push((key, token));
        }
        Ok(Special { named, extra, added: self.added })
    }
}

/// Reads the tokens of `added_tokens_decoder`.
fn of_decoder(decoder: Argument) -> Result<Vec<(i64, Added)>> {
    let Argument::Json(Value::Object(entries)) = decoder else { bail!("`added_tokens_decoder` is not an object") };
    let token = |(id, token): (String, Value)| {
        let number = id.trim().parse().map_err(|_| anyhow!("`added_tokens_decoder` has the id {id:?}, which is not a number"))?;
        let fields =
            token.as_object().with_context(|| format!("`added_tokens_decoder` has {token} at {id}, which is not an object"))?;
        Ok((number, Added::read(fields).with_context(|| format!("`added_tokens_decoder` at {id}"))?))
    };
    entries.into_iter().map(token).collect()
}
