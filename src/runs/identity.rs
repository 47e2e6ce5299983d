//! Checks a run's identity against its settings and files, and determines which variant the run belongs to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::facts::RunFacts;
use crate::plan::{Hashes, SettingRow, extended, identity, identity_of};
use crate::settings::{CHECKPOINT, DATA_SOURCE, properties};

/// Whether a run's identity matches its settings and files, taking into account every time it was extended to more epochs.
#[must_use]
pub fn is_of(facts: &RunFacts, settings: &[SettingRow], rungs: &[u64]) -> bool {
    let tokenization = facts.tokenization.unwrap_or(1);
    let with_epochs = |epochs: &Value| {
        let given = |row: &SettingRow| if row.path() == "epochs" { Some(epochs.clone()) } else { row.value.clone() };
        let settings: Vec<SettingRow> = settings.iter().map(|row| SettingRow { value: given(row), ..row.clone() }).collect();
        identity(&settings, &facts.hashes, rungs, tokenization, facts.identity_numerics())
    };
    // Each time it was planned with more epochs, it either stayed the same training run or became a different one.
    let longer = facts.resumed.iter().filter_map(|resumption| {
        let epochs = resumption.changed.iter().find_map(|change| change.strip_prefix("epochs: ")?.split_once(" → "));
        epochs.map(|(before, now)| (resumption.step, before.to_string(), now.to_string()))
    });
    let number = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    let mut possible: Vec<String> = Vec::new();
    for (step, before, now) in longer {
        if possible.is_empty() {
            possible.push(with_epochs(&number(&before)));
        }
        let planned = with_epochs(&number(&now));
        possible = possible.iter().map(|before| extended(&planned, before, step)).chain([planned.clone()]).collect();
    }
    let current = identity(settings, &facts.hashes, rungs, tokenization, facts.identity_numerics());
    if possible.is_empty() {
        current == facts.trial
    } else {
        possible.contains(&facts.trial) && last_epochs_agree(facts, settings)
    }
}

/// Whether the settings have the number of epochs that the run was last extended to.
fn last_epochs_agree(facts: &RunFacts, settings: &[SettingRow]) -> bool {
    let changes = facts.resumed.iter().flat_map(|resumption| &resumption.changed);
    let last = changes.rev().find_map(|change| change.strip_prefix("epochs: ")?.split_once(" → "));
    let epochs = settings.iter().find(|row| row.path() == "epochs").and_then(|row| row.value.as_ref());
    last.is_none_or(|(_, now)| epochs.map(Value::to_string).as_deref() == Some(now))
}

/// Everything that determines a run's scores, by setting: values, and content hashes instead of paths. If the run was extended
/// beyond its plan, and that made it a different training run, [`RESUMED`] says how.
///
/// Runs that differ only in `seed` are replicates. The machine, versions and additional evaluations are not included.
#[must_use]
pub fn deciding(settings: &BTreeMap<String, Value>, facts: &RunFacts) -> BTreeMap<String, Value> {
    let Hashes { data, tokenizer, config, weights, classifier: _ } = &facts.hashes;
    let mut deciding: BTreeMap<String, Value> = settings
        .iter()
        .filter(|(path, _)| properties().decides(path))
        .map(|(path, value)| (path.clone(), value.clone()))
        .collect();
    deciding.insert(CHECKPOINT.into(), json!({ "config": config, "tokenizer": tokenizer, "weights": weights }));
    deciding.insert(DATA_SOURCE.into(), json!(data));
    if let Some(tokenization) = facts.tokenization {
        deciding.insert(TOKENIZATION.into(), tokenization.into());
    }
    if let Some(resumed) = resumed_for_longer(settings, facts) {
        deciding.insert(RESUMED.into(), resumed.into());
    }
    deciding
}

/// The key, next to the setting names, for what was changed when a run was resumed.
pub const RESUMED: &str = "resumed";

/// The key, next to the setting names, for the tokenization version, if it is not the first.
pub const TOKENIZATION: &str = "tokenization";

/// What was changed when the run was resumed, unless a run planned that way from the start would be the same training run.
fn resumed_for_longer(settings: &BTreeMap<String, Value>, facts: &RunFacts) -> Option<String> {
    let effective = |change: &&String| change.split_once(": ").is_some_and(|(path, _)| properties().decides(path));
    let changes: Vec<String> = facts
        .resumed
        .iter()
        .flat_map(|resumption| resumption.changed.iter().map(move |change| (resumption.step, change)))
        .filter(|(_, change)| effective(change))
        .map(|(step, change)| format!("{} after step {step}", change.replacen(": ", " ", 1)))
        .collect();
    if changes.is_empty() {
        return None;
    }
    let values = settings.iter().map(|(path, value)| (path.clone(), value)).collect();
    let tokenization = facts.tokenization.unwrap_or(1);
    let planned = identity_of(properties(), &values, &facts.hashes, &[], tokenization, facts.identity_numerics());
    (facts.trial != planned).then(|| changes.join(", "))
}
