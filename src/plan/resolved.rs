//! Every setting with its value and its origin: `resolved.toml`, and the plan that `check` prints.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Trial;
use crate::checkpoint::RUN_PREFIX;
use crate::experiment::{Experiment, schema};

/// A setting as it is resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingRow {
    /// The table, empty at the top level.
    pub table: String,
    /// The key.
    pub key: String,
    /// The value; none where the setting is off.
    pub value: Option<Json>,
    /// Who said so.
    pub origin: String,
}

impl SettingRow {
    /// The dotted path.
    #[must_use]
    pub fn path(&self) -> String {
        if self.table.is_empty() { self.key.clone() } else { format!("{}.{}", self.table, self.key) }
    }

    /// The value in TOML; none where the setting is off.
    #[must_use]
    pub fn toml(&self) -> Option<String> {
        let value = toml::Value::try_from(self.value.as_ref()?).ok()?;
        Some(match value {
            // 5e-5 is easier to read than 0.00005.
            toml::Value::Float(number) if number != 0.0 && !(1e-3..1e6).contains(&number.abs()) => format!("{number:e}"),
            other => other.to_string(),
        })
    }
}

/// A setting's value as a table shows it.
#[must_use]
pub fn shown(value: Option<&Json>) -> String {
    match value {
        None => "none".into(),
        Some(Json::String(text)) => text.clone(),
        Some(Json::Number(number)) => match number.as_f64() {
            Some(float) if number.is_f64() && float != 0.0 && !(1e-3..1e6).contains(&float.abs()) => format!("{float:e}"),
            _ => number.to_string(),
        },
        Some(other) => other.to_string(),
    }
}

/// Where the folders that an experiment names are, as absolute paths; none for what comes from the hub.
#[derive(Clone, Debug, Default)]
pub struct Located {
    /// The checkpoint's folder.
    pub checkpoint: Option<PathBuf>,
    /// The data's folder.
    pub data: Option<PathBuf>,
}

/// Every setting in the order of the manual.
#[must_use]
pub fn setting_rows(experiment: &Experiment, trial: &Trial, located: &Located) -> Vec<SettingRow> {
    let schema = schema();
    let resolver = Resolver { experiment, trial, located };
    let values = serde_json::to_value(&trial.settings).unwrap_or(Json::Null);
    let mut top = Vec::new();
    let mut tables = Vec::new();
    for (key, property) in properties(schema) {
        let definition =
            property.get("$ref").and_then(Json::as_str).and_then(|reference| schema.pointer(reference.trim_start_matches('#')));
        match definition.filter(|definition| definition.get("properties").is_some()) {
            Some(_) if key == "sweep" => {}
            Some(table) => tables.extend(properties(table).map(|(inner, _)| resolver.row(&values, key, inner))),
            None if key == "base" => {}
            None => top.push(resolver.row(&values, "", key)),
        }
    }
    top.extend(tables);
    top
}

fn properties(schema: &Json) -> impl Iterator<Item = (&String, &Json)> {
    schema.get("properties").and_then(Json::as_object).into_iter().flatten()
}

struct Resolver<'a> {
    experiment: &'a Experiment,
    trial: &'a Trial,
    located: &'a Located,
}

impl Resolver<'_> {
    fn row(&self, values: &Json, table: &str, key: &str) -> SettingRow {
        let path = if table.is_empty() { key.to_string() } else { format!("{table}.{key}") };
        let value = values.pointer(&format!("/{}", path.replace('.', "/"))).cloned();
        let (value, origin) = self.derived(&path, value.is_some()).unwrap_or_else(|| (value, self.experiment.origin(&path)));
        SettingRow { table: table.into(), key: key.into(), value, origin }
    }

    /// Values that follow from the checkpoint, and paths that are made absolute.
    fn derived(&self, path: &str, written: bool) -> Option<(Option<Json>, String)> {
        let trial = self.trial;
        let dropout = &trial.dropout;
        let absolute = |folder: &Path| Some(folder.to_string_lossy().into_owned().into());
        match (path, written) {
            ("data.max_length", false) => Some((Some(trial.max_length.into()), "the checkpoint's limit".into())),
            ("model.dropout", false) if dropout.hidden == dropout.attention && dropout.hidden == dropout.classifier => {
                Some((Some(dropout.hidden.into()), "the checkpoint's config.json".into()))
            }
            ("model.dropout", false) => {
                let origin = format!(
                    "the checkpoint's config.json: hidden {}, attention {}, classifier {}",
                    dropout.hidden, dropout.attention, dropout.classifier
                );
                Some((None, origin))
            }
            ("schedule.warmup_steps", _) if trial.settings.schedule.warmup_path() != path => {
                Some((None, format!("{} by schedule.warmup_ratio", trial.steps.warmup)))
            }
            ("epochs", _) if trial.settings.training.max_steps.is_some() => Some((None, "replaced by training.max_steps".into())),
            ("checkpoint", true) => {
                let folder = self.located.checkpoint.as_deref()?;
                let mut origin = self.experiment.origin(path);
                if trial.settings.checkpoint.starts_with(RUN_PREFIX) {
                    origin = format!("{}, {origin}", trial.settings.checkpoint);
                }
                Some((absolute(folder), origin))
            }
            ("data.source", true) => {
                let folder = self.located.data.as_deref()?;
                Some((absolute(folder), self.experiment.origin(path)))
            }
            _ => None,
        }
    }
}

/// The settings as an experiment file that can be run again, each with its origin as a comment.
#[must_use]
pub fn resolved_toml(rows: &[SettingRow]) -> String {
    let mut text = String::from("# Every setting of this run, and where its value came from.\n");
    let width =
        rows.iter().filter_map(|row| Some(row.key.len() + row.toml()?.len())).filter(|width| *width <= 50).max().unwrap_or(0) + 3;
    let mut table = "";
    for row in rows {
        if row.table != table {
            table = &row.table;
            text.push_str(&format!("\n[{table}]\n"));
        }
        match row.toml() {
            Some(value) => {
                let entry = format!("{} = {value}", row.key);
                text.push_str(&format!("{entry:width$}  # {}\n", row.origin));
            }
            None => text.push_str(&format!("# {}: none ({})\n", row.key, row.origin)),
        }
    }
    text
}
