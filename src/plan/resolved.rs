//! Every setting with its value and origin, for `resolved.toml` and for the plan that `check` prints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Trial;
use crate::architecture::DropoutProbabilities;
use crate::checkpoint::RUN_PREFIX;
use crate::experiment::Experiment;
use crate::settings::{CHECKPOINT, DATA_SOURCE, Derived, Property, properties};

/// A resolved setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingRow {
    /// The table, empty at the top level.
    pub table: String,
    pub key: String,
    /// The value; `None` if the setting is off.
    pub value: Option<Json>,
    /// Where the value came from.
    pub origin: String,
}

impl SettingRow {
    /// The dotted path.
    #[must_use]
    pub fn path(&self) -> String {
        if self.table.is_empty() { self.key.clone() } else { format!("{}.{}", self.table, self.key) }
    }

    /// The value in TOML; `None` if the setting is off.
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

/// A setting's value as shown in a table.
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

/// The values of settings that name folders or files, as absolute paths, by setting path; inputs from the hub have none.
pub type Located = BTreeMap<&'static str, Json>;

/// Every setting, in the order of the manual.
///
/// # Panics
/// Never: settings consist of strings, numbers, lists and tables, which JSON has too.
#[must_use]
pub fn setting_rows(experiment: &Experiment, trial: &Trial, located: &Located) -> Vec<SettingRow> {
    let values = serde_json::to_value(&trial.settings).expect("settings are texts, numbers, lists and tables");
    let resolver = Resolver { experiment, trial, located, values };
    let mut rows: Vec<SettingRow> =
        properties().of_trial().filter(|property| resolver.applies(property)).map(|property| resolver.row(property)).collect();
    // Next to the other settings of their table, where earlier versions put them.
    for (retired, value) in experiment.retired() {
        let (table, key) = retired.path.split_once('.').unwrap_or(("", retired.path));
        let row =
            SettingRow { table: table.into(), key: key.into(), value: Some(value), origin: experiment.origin(retired.path) };
        let after = rows.iter().rposition(|row| row.table == table).map_or(rows.len(), |last| last + 1);
        rows.insert(after, row);
    }
    rows
}

struct Resolver<'a> {
    experiment: &'a Experiment,
    trial: &'a Trial,
    located: &'a Located,
    /// The settings as JSON.
    values: Json,
}

impl Resolver<'_> {
    fn row(&self, property: &Property) -> SettingRow {
        let value = self.value(&property.path);
        let replaced = self.replaced(property).map(|origin| (None, origin));
        let given = value.map(|value| {
            let (value, origin) = self.located(property, value);
            (Some(value), origin)
        });
        let resolved = replaced.or(given).or_else(|| property.derived.and_then(|derived| self.derived(derived)));
        let (value, origin) = resolved.unwrap_or_else(|| (None, self.experiment.origin(&property.path)));
        SettingRow { table: property.table.clone(), key: property.key.clone(), value, origin }
    }

    /// A key that holds a value or, instead, a table, has either one row or a row for each key of the table.
    fn applies(&self, property: &Property) -> bool {
        let is_table = |key: &str| self.values.get(key).is_some_and(Json::is_object);
        // A task with files of its own has no other source.
        if property.path == DATA_SOURCE && is_table("task") {
            return false;
        }
        if property.table.is_empty() { !is_table(&property.key) } else { is_table(&property.table) }
    }

    fn value(&self, path: &str) -> Option<&Json> {
        self.values.pointer(&format!("/{}", path.replace('.', "/")))
    }

    /// The origin text if another setting replaces this one. A number of 0 does not count as set.
    fn replaced(&self, property: &Property) -> Option<String> {
        let other = property.replaced_by.as_deref()?;
        self.value(other).filter(|value| value.as_f64() != Some(0.0))?;
        Some(match property.derived {
            Some(Derived::Warmup) => format!("{} by {other}", self.trial.steps.warmup),
            _ => format!("replaced by {other}"),
        })
    }

    /// An explicit value and its origin; a folder is given by its absolute path.
    fn located(&self, property: &Property, value: &Json) -> (Json, String) {
        let origin = self.experiment.origin(&property.path);
        let Some(located) = self.located.get(property.path.as_str()) else { return (value.clone(), origin) };
        let run = value.as_str().filter(|name| property.path == CHECKPOINT && name.starts_with(RUN_PREFIX));
        (located.clone(), run.map_or(origin.clone(), |run| format!("{run}, {origin}")))
    }

    /// A derived value and its origin.
    fn derived(&self, derived: Derived) -> Option<(Option<Json>, String)> {
        let dropout = &self.trial.dropout;
        Some(match derived {
            Derived::LongestInput => (Some(self.trial.max_length.into()), "the checkpoint's limit".into()),
            Derived::Dropout if dropout.hidden == dropout.attention && dropout.hidden == dropout.classifier => {
                (Some(dropout.hidden.into()), "the checkpoint's config.json".into())
            }
            Derived::Dropout => {
                let DropoutProbabilities { hidden, attention, classifier } = dropout;
                let probabilities = format!("hidden {hidden}, attention {attention}, classifier {classifier}");
                (None, format!("the checkpoint's config.json: {probabilities}"))
            }
            Derived::Labels => {
                let labels = self.trial.task.head.labels();
                (Some(labels.into()).filter(|_| !labels.is_empty()), "the training files".into())
            }
            Derived::Warmup => return None,
        })
    }
}

/// The settings as an experiment file that can be run again, with each origin as a comment.
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
