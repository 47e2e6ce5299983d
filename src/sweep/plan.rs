//! The plan of a sweep: its trials, fully resolved, one per line. Lines are added and never changed.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::experiment::{Choice, Document};
use crate::machine::digest::hex;
use crate::plan::{SettingRow, numerics, shown};
use crate::settings::Precision;

/// A planned training run: a line of `plan.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedTrial {
    /// Hash of what decides the outcome.
    pub id: String,
    /// Version of the numerics that its id includes.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub numerics: u32,
    /// Its id under the first version of the numerics, if that is different. It identifies the same training in a plan made
    /// under other numerics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_id: Option<String>,
    /// Number of its variant, starting at 1.
    pub variant: usize,
    /// The settings that make the variant: values by dotted path.
    pub choices: BTreeMap<String, Json>,
    pub seed: u64,
    pub steps: u64,
    /// Number of examples to train on and to score.
    pub work: Workload,
    /// Additional steps after which the validation split is scored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rungs: Vec<u64>,
    /// Whether its scores at the rungs decide if its variant continues.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decides: bool,
    /// Every setting. On disk, paths are relative to the sweep's directory if possible.
    pub settings: Vec<SettingRow>,
    /// On disk, the absolute paths at the time of writing, by the setting's path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absolute: BTreeMap<String, String>,
}

/// The amount of work in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Examples trained on, counting repetitions.
    pub learnt: u64,
    /// Examples scored, counting repetitions.
    pub scored: u64,
}

impl Workload {
    /// Returns the work in units of training examples; scoring an example costs a third, since a forward pass is a third of
    /// a step.
    #[must_use]
    pub fn units(&self) -> f64 {
        self.learnt as f64 + self.scored as f64 / 3.0
    }
}

fn first() -> u32 {
    1
}

// Serde passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_first(numerics: &u32) -> bool {
    *numerics == first()
}

impl PlannedTrial {
    /// Returns its id under the first version of the numerics.
    #[must_use]
    pub fn first_id(&self) -> &str {
        self.first_id.as_deref().unwrap_or(&self.id)
    }

    /// Returns the version of the numerics with which this program computes it.
    #[must_use]
    pub fn current_numerics(&self) -> u32 {
        let precision = self.setting("training.precision").and_then(|value| Precision::deserialize(value).ok());
        numerics(precision.unwrap_or_default())
    }

    /// Describes what distinguishes it from the others: `learning_rate 2e-5, seed 3`.
    #[must_use]
    pub fn label(&self) -> String {
        let seed = format!("seed {}", self.seed);
        if self.choices.is_empty() { seed } else { format!("{}, {seed}", point_label(&self.choices)) }
    }

    /// Returns its settings as an experiment's document.
    #[must_use]
    pub fn document(&self) -> Document {
        let paths: Vec<String> = self.settings.iter().map(SettingRow::path).collect();
        let rows = self.settings.iter().zip(&paths);
        Document::planned(rows.filter_map(|(row, path)| Some((path.as_str(), row.value.as_ref()?, row.origin.as_str()))))
    }

    /// Returns the name of its task.
    #[must_use]
    pub fn task(&self) -> &str {
        let named = |path| self.setting(path).and_then(Json::as_str);
        named("task").or_else(|| named("task.name")).unwrap_or_default()
    }

    /// Returns the value of a setting; `None` if it is off.
    #[must_use]
    pub fn setting(&self, path: &str) -> Option<&Json> {
        self.settings.iter().find(|row| row.path() == path)?.value.as_ref()
    }
}

/// Formats values of settings for a person: `learning_rate 2e-5, data.batch_size 8`.
pub(super) fn point_label(point: &BTreeMap<String, Json>) -> String {
    let words: Vec<String> = point.iter().map(|(path, value)| format!("{path} {}", shown(Some(value)))).collect();
    words.join(", ")
}

/// Returns the choices as values by path.
#[must_use]
pub fn values(choices: &[Choice]) -> BTreeMap<String, Json> {
    choices.iter().map(|choice| (choice.path.clone(), choice.value.clone())).collect()
}

/// A plan as read from disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The trials, without duplicates.
    pub trials: Vec<PlannedTrial>,
    /// Damaged lines: their numbers, starting at 1, and what is wrong.
    pub damaged: Vec<(usize, String)>,
    /// The lines as written, by trial id.
    lines: HashMap<String, String>,
}

/// Start of the checksum at the end of a line.
const CHECK: &str = ",\"check\":\"";

impl Plan {
    /// Reads the lines of a plan; damaged ones are left out and reported.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut plan = Self::default();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match read_line(line) {
                // A trial that is listed twice counts once.
                Ok(trial) => {
                    if plan.lines.insert(trial.id.clone(), line.into()).is_none() {
                        plan.trials.push(trial);
                    }
                }
                Err(reason) => plan.damaged.push((number + 1, reason)),
            }
        }
        plan
    }

    /// Formats the lines of these trials; a trial that is already in this plan keeps its line.
    pub fn write(&self, trials: &[PlannedTrial]) -> anyhow::Result<String> {
        let known: HashMap<&str, &PlannedTrial> = self.trials.iter().map(|trial| (trial.id.as_str(), trial)).collect();
        let mut text = String::new();
        for trial in trials {
            match self.lines.get(&trial.id).filter(|_| known.get(trial.id.as_str()) == Some(&trial)) {
                Some(line) => text.push_str(line),
                None => text.push_str(&write_line(trial)?),
            }
            text.push('\n');
        }
        Ok(text)
    }
}

fn read_line(line: &str) -> Result<PlannedTrial, String> {
    // Lines of earlier versions have no checksum.
    if let Some((content, rest)) = line.rsplit_once(CHECK) {
        let check = rest.strip_suffix("\"}").ok_or("it is cut off")?;
        if check != checksum(content) {
            return Err("it was edited: its checksum is another".into());
        }
    }
    let trial: PlannedTrial = serde_json::from_str(line).map_err(|error| error.to_string())?;
    // The id is used in file names.
    let is_plain = !trial.id.is_empty() && trial.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_plain { Ok(trial) } else { Err(format!("{:?} is not a trial's id", trial.id)) }
}

fn write_line(trial: &PlannedTrial) -> anyhow::Result<String> {
    let line = serde_json::to_string(trial)?;
    let content = line.strip_suffix('}').unwrap_or(&line);
    Ok(format!("{content}{CHECK}{}\"}}", checksum(content)))
}

fn checksum(content: &str) -> String {
    hex(&Sha256::digest(content)[..8])
}

/// Returns the first two trials with the same identity.
pub(super) fn duplicate<'a>(mut trials: impl Iterator<Item = &'a PlannedTrial>) -> Option<(&'a PlannedTrial, &'a PlannedTrial)> {
    let mut known: HashMap<&str, &PlannedTrial> = HashMap::new();
    trials.find_map(|trial| known.insert(trial.first_id(), trial).map(|other| (other, trial)))
}

/// Returns the number of distinct variants and seeds of these trials.
#[must_use]
pub fn variants_and_seeds(trials: &[PlannedTrial]) -> (usize, usize) {
    let variants: HashSet<usize> = trials.iter().map(|trial| trial.variant).collect();
    let seeds: HashSet<u64> = trials.iter().map(|trial| trial.seed).collect();
    (variants.len(), seeds.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn trial(id: &str) -> PlannedTrial {
        let row = SettingRow { table: String::new(), key: "seed".into(), value: Some(json!(1)), origin: "x.toml:3".into() };
        PlannedTrial {
            id: id.into(),
            numerics: 1,
            first_id: None,
            variant: 1,
            choices: BTreeMap::from([("learning_rate".into(), json!(5e-5))]),
            seed: 1,
            steps: 10,
            work: Workload { learnt: 80, scored: 8 },
            rungs: Vec::new(),
            decides: false,
            settings: vec![row],
            absolute: BTreeMap::new(),
        }
    }

    fn written() -> String {
        Plan::default().write(&[trial("a1"), trial("b2"), trial("c3")]).unwrap()
    }

    #[test]
    fn what_was_written_is_read_and_written_again_as_it_was() {
        let text = written();
        let plan = Plan::read(&text);
        assert_eq!(plan.trials, [trial("a1"), trial("b2"), trial("c3")]);
        assert!(plan.damaged.is_empty());
        assert_eq!(plan.write(&plan.trials).unwrap(), text);
    }

    #[test]
    fn every_cut_and_every_edit_of_a_line_is_found() {
        let text = written();
        let ids = |plan: &Plan| plan.trials.iter().map(|trial| trial.id.clone()).collect::<Vec<_>>();
        let line: Vec<&str> = text.lines().collect();
        for cut in 1..line[1].len() {
            let plan = Plan::read(&[line[0], &line[1][..cut], line[2]].join("\n"));
            assert_eq!((ids(&plan), plan.damaged.len()), (vec!["a1".into(), "c3".into()], 1), "cut at {cut}");
            let plan = Plan::read(&[line[0], line[2], &line[1][..cut]].join("\n"));
            assert_eq!(plan.damaged.first().map(|(number, _)| *number), Some(3), "cut at {cut}");
        }
        for (from, to) in [("0.00005", "0.00006"), ("\"seed\":1", "\"seed\":2"), ("\"b2\"", "\"b3\""), ("x.toml", "y.toml")] {
            let edited = line[1].replacen(from, to, 1);
            assert_ne!(edited, line[1]);
            assert_eq!(Plan::read(&[line[0], &edited, line[2]].join("\n")).damaged.len(), 1, "{from}");
        }
    }

    #[test]
    fn repeated_and_reordered_lines_change_nothing_and_old_ones_have_no_checksum() {
        let text = written();
        let line: Vec<&str> = text.lines().collect();
        let plan = Plan::read(&[line[2], line[0], line[0], line[1], "", line[2]].join("\n"));
        assert_eq!(plan.trials, [trial("c3"), trial("a1"), trial("b2")]);
        assert!(plan.damaged.is_empty());
        let old = serde_json::to_string(&trial("a1")).unwrap();
        let plan = Plan::read(&old);
        assert_eq!((plan.trials.as_slice(), plan.damaged.len()), ([trial("a1")].as_slice(), 0));
        // What an earlier version wrote stays unchanged.
        assert_eq!(plan.write(&[trial("a1"), trial("b2")]).unwrap(), format!("{old}\n{}\n", line[1]));
        assert_eq!(Plan::read(&old.replace("a1", "../x")).damaged.len(), 1);
    }
}
