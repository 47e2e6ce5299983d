//! Comparison of a requested plan with a frozen one: the same with more trials, or another sweep.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::plan::PlannedTrial;
use super::space::{point_key, same};
use crate::plan::{SettingRow, shown};
use crate::settings::properties;

/// A frozen plan, extended by the newly requested trials.
#[derive(Clone, Debug, PartialEq)]
pub struct Extended {
    /// The trials that were planned before, followed by the new ones.
    pub trials: Vec<PlannedTrial>,
    /// Number of new trials.
    pub added: usize,
    /// Settings without effect on scores that were requested differently and stay as planned: `logging.every 10, not 5`.
    pub kept: BTreeSet<String>,
}

/// Extends the plan by the requested trials; `None` if some of its trials are not requested.
#[must_use]
pub fn extend(known: &[PlannedTrial], asked: &[PlannedTrial]) -> Option<Extended> {
    let by_id: HashMap<&str, &PlannedTrial> = asked.iter().map(|trial| (trial.first_id(), trial)).collect();
    let mut kept = BTreeSet::new();
    let mut trials = Vec::new();
    for old in known {
        trials.push(refreshed(old, by_id.get(old.first_id())?, &mut kept));
    }
    let old_ids: BTreeSet<&str> = known.iter().map(PlannedTrial::first_id).collect();
    // Equal seeds see the same order of examples, so new variants are decided on by the seed that decided before.
    let deciding = known.iter().find(|trial| trial.decides).map(|trial| trial.seed);
    let mut variants: HashMap<String, usize> = HashMap::new();
    for trial in &trials {
        variants.entry(point_key(&trial.choices)).or_insert(trial.variant);
    }
    let mut last = trials.iter().map(|trial| trial.variant).max().unwrap_or(0);
    let mut added = 0;
    for new in asked.iter().filter(|trial| !old_ids.contains(trial.first_id())) {
        let variant = *variants.entry(point_key(&new.choices)).or_insert_with(|| {
            last += 1;
            last
        });
        let decides = if new.rungs.is_empty() { false } else { deciding.map_or(new.decides, |seed| new.seed == seed) };
        trials.push(PlannedTrial { variant, decides, ..new.clone() });
        added += 1;
    }
    Some(Extended { trials, added, kept })
}

/// Returns a planned trial with its paths as they are now. Since the ids match, the rest is the same unless it was edited.
fn refreshed(old: &PlannedTrial, asked: &PlannedTrial, kept: &mut BTreeSet<String>) -> PlannedTrial {
    let row = |row: &SettingRow| {
        let is_same = |now: &&SettingRow| (&now.table, &now.key) == (&row.table, &row.key);
        let Some(now) = asked.settings.iter().find(is_same) else { return row.clone() };
        let agrees = match (&row.value, &now.value) {
            (Some(before), Some(now)) => same(before, now),
            (before, now) => before == now,
        };
        if agrees {
            return row.clone();
        }
        let path = row.path();
        if !properties().has_effect(&path) {
            // Where it trains is each process's own choice.
            if path != "device" {
                kept.insert(format!("{path} {}, not {}", shown(row.value.as_ref()), shown(now.value.as_ref())));
            }
            return row.clone();
        }
        now.clone()
    };
    let settings = old.settings.iter().map(row).collect();
    PlannedTrial {
        id: old.id.clone(),
        numerics: old.numerics,
        first_id: old.first_id.clone(),
        variant: old.variant,
        choices: old.choices.clone(),
        seed: asked.seed,
        steps: asked.steps,
        work: asked.work,
        rungs: asked.rungs.clone(),
        decides: old.decides,
        settings,
        absolute: BTreeMap::new(),
    }
}

/// Lists the settings in which the trials of two plans differ, except for added values: `data.batch_size 16, not 8`.
#[must_use]
pub fn differences(known: &[PlannedTrial], asked: &[PlannedTrial]) -> Vec<String> {
    let (before, now) = (values(known), values(asked));
    let paths: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let none = Vec::new();
    let mut found = Vec::new();
    for path in paths {
        let (before, now) = (before.get(path).unwrap_or(&none), now.get(path).unwrap_or(&none));
        let list = |values: &[&String]| values.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(", ");
        let gone: Vec<&String> = before.iter().filter(|value| !now.contains(value)).collect();
        let new: Vec<&String> = now.iter().filter(|value| !before.contains(value)).collect();
        match (gone.is_empty(), new.is_empty()) {
            (true, _) => {}
            (false, true) => found.push(format!("{path} without {}", list(&gone))),
            (false, false) => found.push(format!("{path} {}, not {}", list(&new), list(&gone))),
        }
    }
    found
}

/// Returns, by path, every value that a setting with an effect has in some trial, in plan order.
fn values(trials: &[PlannedTrial]) -> BTreeMap<String, Vec<String>> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let given = trials.iter().flat_map(|trial| &trial.settings).map(|row| (row.path(), row.value.as_ref()));
    // Settings that did not exist yet when a plan was made have their neutral values.
    let is_missing = |path: &str| trials.iter().any(|trial| trial.settings.iter().all(|row| row.path() != path));
    let neutral = properties().neutral().filter(|(property, _)| is_missing(&property.path));
    for (path, value) in given.chain(neutral.map(|(property, value)| (property.path.clone(), Some(value)))) {
        if !properties().decides(&path) {
            continue;
        }
        let (known, value) = (values.entry(path).or_default(), shown(value));
        if !known.contains(&value) {
            known.push(value);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::Workload;
    use serde_json::{Value as Json, json};

    /// A trial with a learning rate and a seed; `size` is the batch size.
    fn trial(rate: f64, seed: u64, size: u64) -> PlannedTrial {
        let row = |table: &str, key: &str, value: Json| SettingRow {
            table: table.into(),
            key: key.into(),
            value: Some(value),
            origin: "x.toml".into(),
        };
        PlannedTrial {
            id: format!("r{rate}s{seed}b{size}").replace('.', ""),
            numerics: 1,
            first_id: None,
            variant: 1,
            choices: BTreeMap::from([("learning_rate".into(), json!(rate))]),
            seed,
            steps: 10,
            work: Workload { learnt: 80, scored: 8 },
            rungs: Vec::new(),
            decides: false,
            settings: vec![
                row("", "checkpoint", json!("/a/bert")),
                row("", "learning_rate", json!(rate)),
                row("", "seed", json!(seed)),
                row("data", "batch_size", json!(size)),
                row("logging", "every", json!(10)),
            ],
            absolute: BTreeMap::new(),
        }
    }

    fn plan(rates: &[f64], seeds: &[u64]) -> Vec<PlannedTrial> {
        let of_seed = |seed: u64| {
            rates.iter().enumerate().map(move |(number, rate)| PlannedTrial { variant: number + 1, ..trial(*rate, seed, 8) })
        };
        seeds.iter().flat_map(|seed| of_seed(*seed)).collect()
    }

    #[test]
    fn added_seeds_and_values_come_last_and_variants_keep_their_numbers() {
        let known = plan(&[0.2, 0.4], &[1, 2]);
        // The new value is listed first, so that a grid would number it first.
        let extended = extend(&known, &plan(&[0.1, 0.2, 0.4], &[3, 1, 2])).unwrap();
        assert_eq!(extended.trials[..4], known);
        let new: Vec<(usize, u64)> = extended.trials[4..].iter().map(|trial| (trial.variant, trial.seed)).collect();
        assert_eq!((extended.added, new), (5, vec![(3, 3), (1, 3), (2, 3), (3, 1), (3, 2)]));
        assert_eq!(extend(&known, &known).unwrap().added, 0);
    }

    #[test]
    fn removed_values_and_other_settings_are_another_sweep_and_it_is_said_why() {
        let known = plan(&[0.2, 0.4], &[1, 2]);
        let fewer = plan(&[0.2, 0.5], &[1]);
        assert!(extend(&known, &fewer).is_none());
        assert_eq!(differences(&known, &fewer), ["learning_rate 0.5, not 0.4", "seed without 2"]);
        let other = vec![trial(0.2, 1, 16)];
        assert!(extend(&[trial(0.2, 1, 8)], &other).is_none());
        assert_eq!(differences(&[trial(0.2, 1, 8)], &other), ["data.batch_size 16, not 8"]);
    }

    #[test]
    fn new_variants_are_decided_upon_by_the_seed_that_decided_before() {
        let deciding = |plan: Vec<PlannedTrial>, seed: u64| -> Vec<PlannedTrial> {
            plan.into_iter().map(|trial| PlannedTrial { rungs: vec![3], decides: trial.seed == seed, ..trial }).collect()
        };
        let known = deciding(plan(&[0.2], &[1, 2]), 1);
        let extended = extend(&known, &deciding(plan(&[0.2, 0.4], &[3, 1, 2]), 3)).unwrap();
        let deciders: Vec<(usize, u64)> =
            extended.trials.iter().filter(|trial| trial.decides).map(|trial| (trial.variant, trial.seed)).collect();
        assert_eq!(deciders, [(1, 1), (2, 1)]);
    }

    #[test]
    fn planned_settings_stay_and_paths_lead_where_they_are_now() {
        let known = [trial(0.2, 1, 8)];
        let mut asked = trial(0.2, 1, 8);
        asked.settings[0].value = Some(json!("/b/bert"));
        asked.settings[4].value = Some(json!(5));
        let extended = extend(&known, &[asked]).unwrap();
        assert_eq!(extended.trials[0].setting("checkpoint"), Some(&json!("/b/bert")));
        assert_eq!(extended.trials[0].setting("logging.every"), Some(&json!(10)));
        assert_eq!(extended.kept, BTreeSet::from(["logging.every 10, not 5".to_string()]));
    }
}
