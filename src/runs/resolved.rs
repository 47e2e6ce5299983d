//! Every setting with its value and its origin: `resolved.toml`, and the plan that `check` prints.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::best::RUN_PREFIX;
use crate::checkpoint::CheckpointName;
use crate::experiment::schema;
use crate::inputs::Inputs;

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

/// Every setting in the order of the manual.
#[must_use]
pub fn setting_rows(inputs: &Inputs) -> Vec<SettingRow> {
    let schema = schema();
    let values = serde_json::to_value(&inputs.trial.settings).unwrap_or(Json::Null);
    let mut top = Vec::new();
    let mut tables = Vec::new();
    for (key, property) in properties(schema) {
        let definition =
            property.get("$ref").and_then(Json::as_str).and_then(|reference| schema.pointer(reference.trim_start_matches('#')));
        match definition.filter(|definition| definition.get("properties").is_some()) {
            Some(_) if key == "sweep" => {}
            Some(table) => tables.extend(properties(table).map(|(inner, _)| row(inputs, &values, key, inner))),
            None if key == "base" => {}
            None => top.push(row(inputs, &values, "", key)),
        }
    }
    top.extend(tables);
    top
}

fn properties(schema: &Json) -> impl Iterator<Item = (&String, &Json)> {
    schema.get("properties").and_then(Json::as_object).into_iter().flatten()
}

fn row(inputs: &Inputs, values: &Json, table: &str, key: &str) -> SettingRow {
    let path = if table.is_empty() { key.to_string() } else { format!("{table}.{key}") };
    let value = values.pointer(&format!("/{}", path.replace('.', "/"))).cloned();
    let (value, origin) = derived(inputs, &path, value.is_some()).unwrap_or_else(|| (value, inputs.experiment.origin(&path)));
    SettingRow { table: table.into(), key: key.into(), value, origin }
}

/// Values that follow from the checkpoint, and paths that are made absolute.
fn derived(inputs: &Inputs, path: &str, written: bool) -> Option<(Option<Json>, String)> {
    let trial = &inputs.trial;
    let dropout = &trial.dropout;
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
        ("checkpoint", true) => match &inputs.named.checkpoint {
            CheckpointName::Folder(folder) => {
                let absolute = folder.canonicalize().unwrap_or_else(|_| folder.clone());
                let mut origin = inputs.experiment.origin(path);
                if trial.settings.checkpoint.starts_with(RUN_PREFIX) {
                    origin = format!("{}, {origin}", trial.settings.checkpoint);
                }
                Some((Some(absolute.to_string_lossy().into_owned().into()), origin))
            }
            CheckpointName::Hub { .. } => None,
        },
        ("data.source", true) if trial.settings.data.source != "hub" => {
            let folder = inputs.named.source.train.paths.first()?.parent()?;
            let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
            Some((Some(absolute.to_string_lossy().into_owned().into()), inputs.experiment.origin(path)))
        }
        _ => None,
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
