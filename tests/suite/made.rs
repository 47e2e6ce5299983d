//! Synthetic run directories for comparisons, in which every number is known.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::shell::{Done, Shell};

/// A synthetic run, of MRPC unless said otherwise, finished unless its status differs.
#[derive(Clone)]
pub struct Made {
    pub id: String,
    pub seed: u64,
    pub settings: BTreeMap<String, Value>,
    pub status: &'static str,
    pub task: &'static str,
    /// The task's main metric.
    pub main: &'static str,
    /// Step and main score of each evaluation; the last one is at the last step.
    pub evaluations: Vec<(u64, f64)>,
    /// Overrides for parts of run.json.
    pub facts: Value,
    /// The metric that picked the best checkpoint.
    pub metric: &'static str,
    /// Whether metrics/eval.csv exists.
    pub has_table: bool,
}

impl Made {
    /// Creates a run with one evaluation, after the last of 100 steps.
    pub fn new(id: &str, seed: u64, f1: f64) -> Self {
        let settings = [("learning_rate", json!(2e-5)), ("checkpoint", json!("bert")), ("data.source", json!("glue"))];
        Self {
            id: id.into(),
            seed,
            settings: settings.map(|(path, value)| (path.into(), value)).into(),
            status: "finished",
            task: "mrpc",
            main: "f1",
            evaluations: vec![(100, f1)],
            facts: json!({}),
            metric: "f1",
            has_table: true,
        }
    }

    pub fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(path.into(), value.into());
        self
    }

    pub fn evaluated(mut self, evaluations: &[(u64, f64)]) -> Self {
        self.evaluations = evaluations.to_vec();
        self
    }

    pub fn status(self, status: &'static str) -> Self {
        Self { status, ..self }
    }

    pub fn facts(self, facts: Value) -> Self {
        Self { facts, ..self }
    }

    /// Makes it a run of another task, with files of its own and judged by this metric.
    pub fn on(self, task: &'static str, metric: &'static str) -> Self {
        let file = |split: &str| format!("{task} {split}").repeat(8);
        let data = json!({ "hashes": { "data": { "train": file("train"), "validation": file("validation") } } });
        Self { task, main: metric, metric, facts: data, ..self }
    }

    pub fn judged_by(self, metric: &'static str) -> Self {
        Self { metric, ..self }
    }

    /// Accuracy is the main score minus 0.05, the loss is 1 minus it.
    fn scores(&self, score: f64) -> Value {
        let mut scores = json!({ "accuracy": score - 0.05, "loss": 1.0 - score });
        scores[self.main] = score.into();
        scores
    }

    /// Writes the directory; runs are ordered by `minute`.
    pub fn write(&self, shell: &Shell, minute: usize) -> String {
        let started = format!("2026-11-23T{:02}:{:02}:00Z", minute / 60, minute % 60);
        let folder = format!("runs/{}_x_{}", started.replace(':', "-"), self.id);
        let mut facts = json!({
            "format_version": 1, "id": self.id, "name": "x", "task": self.task, "trial": "", "status": self.status, "started": started,
            "command_line": [], "working_folder": "", "device": "cpu", "checkpoint": "bert", "seed": self.seed, "parameters": 1,
            "host": { "name": "elsewhere", "platform": "linux-x86_64", "threads": 2, "process": 1 },
            "versions": { "gluepot": "0.1.0", "burn": "0.22.1" }, "drawn": [], "unused": [],
            "hashes": { "data": { "train": "t".repeat(64), "validation": "v".repeat(64) }, "tokenizer": {}, "config": "c", "weights": "w" },
            "train_examples": 800, "validation_examples": 408, "steps": 100,
        });
        merge(&mut facts, &self.facts);
        shell.write(&format!("{folder}/run.json"), facts.to_string());
        let (task, seed, metric) = (self.task, self.seed, self.metric);
        let mut resolved = format!("name = \"x\"\ntask = \"{task}\"\nseed = {seed}\nmetric = \"{metric}\"\n");
        let (inner, outer): (Vec<_>, Vec<_>) = self.settings.iter().partition(|(path, _)| path.contains('.'));
        for (path, value) in outer.into_iter().chain(inner) {
            resolved += &format!("{path} = {value}\n");
        }
        shell.write(&format!("{folder}/resolved.toml"), resolved);
        let rows = self
            .evaluations
            .iter()
            .map(|(step, f1)| format!("{step},{},validation,{},{},{f1}\n", *step as f64 / 100.0, 1.0 - f1, f1 - 0.05));
        if self.has_table {
            let rows: String = rows.collect();
            shell.write(&format!("{folder}/metrics/eval.csv"), format!("step,epoch,split,loss,accuracy,{}\n{rows}", self.main));
        }
        if self.status == "finished" {
            let moment =
                |(step, f1): (u64, f64)| json!({ "step": step, "epoch": 1.0, "scores": self.scores(f1), "collapsed": false });
            let better = |a: f64, b: f64| a > b;
            let best = self.evaluations.iter().copied().reduce(|best, next| if better(next.1, best.1) { next } else { best });
            let last = *self.evaluations.last().unwrap();
            let direction = if self.metric == "loss" { "minimize" } else { "maximize" };
            let summary = json!({
                "format_version": 1, "task": self.task, "metric": self.metric, "direction": direction, "best": moment(best.unwrap()),
                "final": moment(last), "collapsed": false, "steps": last.0, "examples": 800, "duration_seconds": 100.0,
                "training_seconds": 90.0, "examples_per_second": 8.0, "tokens_per_second": 400.0,
            });
            shell.write(&format!("{folder}/summary.json"), summary.to_string());
        }
        folder
    }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// Creates a folder with these runs, the oldest first.
pub fn shell(runs: &[Made]) -> Shell {
    let shell = Shell::new();
    for (minute, run) in runs.iter().enumerate() {
        run.write(&shell, minute);
    }
    shell
}

pub fn json_of(done: &Done) -> Value {
    assert_eq!(done.code, 0, "{done:?}");
    serde_json::from_str(&done.out).unwrap()
}

/// Returns the only comparison.
pub fn compared(shell: &Shell, arguments: &[&str]) -> Value {
    let json = json_of(&shell.gluepot(&[&["compare", "--format", "json"], arguments].concat()));
    assert_eq!(json.as_array().unwrap().len(), 1, "{json}");
    json[0].clone()
}

/// Returns the variant with this setting.
pub fn variant<'a>(comparison: &'a Value, path: &str, value: &Value) -> &'a Value {
    let variants = comparison["variants"].as_array().unwrap();
    variants.iter().find(|variant| variant["settings"][path] == *value).unwrap_or_else(|| panic!("{path} {value}: {comparison}"))
}

/// Returns how many runs notes of this kind refer to; 0 if there are none.
pub fn noted(comparison: &Value, kind: &str) -> u64 {
    let notes = comparison["notes"].as_array().unwrap().iter();
    notes.filter(|note| note["kind"] == kind).map(|note| note["count"].as_u64().unwrap()).sum()
}

pub fn close(ours: &Value, theirs: f64) {
    let ours = ours.as_f64().unwrap_or_else(|| panic!("{ours} is no number, expected {theirs}"));
    assert!((ours - theirs).abs() < 1e-9, "{ours}, expected {theirs}");
}
