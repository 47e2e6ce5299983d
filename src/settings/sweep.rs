//! `[sweep]`: many trials from one file.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use super::{METRIC, MetricName, SettingProblem, TASK};

/// What varies among the trials of a sweep, and how to run them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sweep {
    /// "grid": every combination of the axes. "random": `trials` combinations, drawn with the experiment's seed.
    pub strategy: StrategyName,
    /// Seeds to train every variant with. Default: the experiment's seed.
    #[schemars(inner(range(min = 0, max = 9_223_372_036_854_775_807_i64)))]
    pub seeds: Option<Vec<u64>>,
    /// For "random": number of variants.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub trials: Option<NonZeroUsize>,
    /// Metric that ranks the variants. Default: the experiment's.
    pub metric: Option<MetricName>,
    /// When a trial fails: "continue" with the others, or "stop" starting new ones.
    pub on_failure: OnFailure,
    /// Settings to vary: a setting's path in quotes, and its values.
    pub axes: BTreeMap<String, Axis>,
    /// Settings that vary together: each table is one point on a common axis.
    pub paired: Vec<BTreeMap<String, Json>>,
    /// Combinations to leave out.
    pub exclude: Vec<BTreeMap<String, Json>>,
    /// Stop variants that fall behind (successive halving). Default: off.
    pub prune: Option<Prune>,
}

/// How variants are drawn from the axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Strategy")]
pub enum StrategyName {
    /// Every combination.
    #[default]
    Grid,
    /// A number of them, by chance.
    Random,
}

impl StrategyName {
    /// Returns the name as written in experiment files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Random => "random",
        }
    }
}

/// What a failed trial means for the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Nothing.
    #[default]
    Continue,
    /// No further trial starts.
    Stop,
}

/// The values of one setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Axis {
    /// A list of values.
    Values(Vec<Json>),
    /// Any value between two bounds.
    Range(Range),
}

/// Numbers between two bounds, both included.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a table { min = …, max = … }")]
pub struct Range {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Draw uniformly on a logarithmic scale, as for learning rates.
    #[serde(default)]
    pub log: bool,
}

/// Asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prune {
    /// Fraction of the steps that every variant trains before it can be stopped.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub grace: f64,
    /// Keep 1 variant in this many at each rung; each rung comes after this many times as many steps.
    #[schemars(range(min = 2, max = 100))]
    pub factor: NonZeroU32,
}

impl Default for Prune {
    fn default() -> Self {
        Self { grace: 0.25, factor: const { NonZeroU32::new(3).unwrap() } }
    }
}

impl<'de> Deserialize<'de> for Axis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AxisVisitor)
    }
}

struct AxisVisitor;

impl<'de> Visitor<'de> for AxisVisitor {
    type Value = Axis;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values or a table with min and max")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<Axis, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(values)).map(Axis::Values)
    }

    fn visit_map<A: MapAccess<'de>>(self, bounds: A) -> Result<Axis, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(bounds)).map(Axis::Range)
    }
}

/// Describes only the form; the schema of the whole file adds which settings can vary, and their values.
impl JsonSchema for Axis {
    fn schema_name() -> Cow<'static, str> {
        "Axis".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<Range>();
        json_schema!({ "anyOf": [{ "type": "array", "minItems": 1 }, range] })
    }
}

impl Sweep {
    /// Returns all conflicts between the keys of this table.
    #[must_use]
    pub fn problems(&self) -> Vec<SettingProblem> {
        let mut problems = Vec::new();
        let mut say = |path: &str, message: String, help: &str| problems.push(SettingProblem::new(path, message).help(help));
        if self.axes.is_empty() && self.paired.is_empty() && self.seeds.as_ref().is_none_or(|seeds| seeds.len() < 2) {
            say(
                "sweep",
                "the sweep defines nothing to vary".into(),
                "add seeds = [1, 2, 3], or [sweep.axes] with lists of values",
            );
        }
        if let Some(seed) = repeated(self.seeds.iter().flatten()) {
            say("sweep.seeds", format!("seed {seed} is listed twice"), "the same seed reproduces the same run");
        }
        match (self.strategy, self.trials) {
            (StrategyName::Random, None) => {
                say("sweep.strategy", "a random sweep needs `trials`".into(), "add a line such as `trials = 20`");
            }
            (StrategyName::Grid, Some(_)) => say(
                "sweep.trials",
                "`trials` applies to random sweeps only".into(),
                "a grid takes every combination; write strategy = \"random\" to draw some of them",
            ),
            _ => {}
        }
        for (path, axis) in &self.axes {
            let place = format!("sweep.axes.{path}");
            match axis {
                Axis::Values(values) if repeated(values.iter().map(Json::to_string)).is_some() => {
                    say(&place, format!("a value of the axis {path} is listed twice"), "list each value once");
                }
                Axis::Range(_) if self.strategy == StrategyName::Grid => {
                    say(&place, "a grid cannot have ranges".into(), "list the values, or write strategy = \"random\"");
                }
                Axis::Range(range) if range.min >= range.max => {
                    say(&place, format!("the range from {} to {} is empty", range.min, range.max), "min must be below max");
                }
                Axis::Range(range) if range.log && range.min <= 0.0 => {
                    say(&place, format!("{} has no logarithm", range.min), "with log = true, min must be above 0");
                }
                _ => {}
            }
        }
        if self.prune.is_some() && self.varies(TASK) {
            problems.push(unrankable("sweep.prune", "pruning"));
        }
        problems.extend(self.paired_problems());
        problems.extend(self.exclude_problems());
        problems
    }

    /// Returns whether the setting at a path varies.
    #[must_use]
    pub fn varies(&self, path: &str) -> bool {
        self.paths().contains(&path)
    }

    /// Returns the paths of the settings that vary, each once.
    #[must_use]
    pub fn paths(&self) -> Vec<&str> {
        self.axes.keys().chain(self.paired.first().into_iter().flat_map(BTreeMap::keys)).map(String::as_str).collect()
    }

    fn paired_problems(&self) -> Vec<SettingProblem> {
        let Some(first) = self.paired.first() else { return Vec::new() };
        let mut problems = Vec::new();
        for (index, entry) in self.paired.iter().enumerate() {
            let place = format!("sweep.paired[{index}]");
            if entry.is_empty() {
                problems.push(
                    SettingProblem::new(&place, "the paired table is empty").help("give it the settings that move together"),
                );
            } else if !entry.keys().eq(first.keys()) {
                let keys = first.keys().cloned().collect::<Vec<_>>().join(", ");
                problems.push(
                    SettingProblem::new(&place, "paired tables set different keys")
                        .help(format!("the first one sets {keys}; each must set the same")),
                );
            }
        }
        if first.contains_key(METRIC) && !first.contains_key(TASK) {
            let message = "variants that are judged by different metrics cannot be compared";
            problems.push(
                SettingProblem::new("sweep.paired[0].metric", message)
                    .help("the metric can vary only together with the task, in the same [[sweep.paired]]"),
            );
        }
        for path in first.keys().filter(|path| self.axes.contains_key(*path)) {
            let message = format!("{path} is an axis and paired");
            problems.push(SettingProblem::new(&format!("sweep.axes.{path}"), message).help("let it vary in one place"));
        }
        problems
    }

    fn exclude_problems(&self) -> Vec<SettingProblem> {
        let varying = self.paths();
        let mut problems = Vec::new();
        for (index, entry) in self.exclude.iter().enumerate() {
            if entry.is_empty() {
                let message = "an empty table would exclude everything";
                problems.push(SettingProblem::new(&format!("sweep.exclude[{index}]"), message));
            }
            for path in entry.keys().filter(|path| !varying.contains(&path.as_str())) {
                let message = format!("{path} does not vary, so nothing can be excluded by it");
                let problem = SettingProblem::new(&format!("sweep.exclude[{index}].{path}"), message);
                problems.push(if varying.is_empty() {
                    problem
                } else {
                    problem.help(format!("what varies: {}", varying.join(", ")))
                });
            }
        }
        problems
    }
}

/// Returns the problem with something that ranks trials of different tasks with each other.
#[must_use]
pub fn unrankable(path: &str, what: &str) -> SettingProblem {
    SettingProblem::new(path, format!("the task varies, and {what} would rank scores of different tasks with each other"))
        .help("give each task a sweep of its own, or train every variant in full")
}

fn repeated<T: Ord + Clone>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = BTreeSet::new();
    values.find(|value| !seen.insert(value.clone()))
}
