//! Comparisons of synthetic run directories, in which every number is known.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use gluepot::plan::Hashes;
use gluepot::runs::{Exit, Host, Moment, RunFacts, Status, Summary, Versions};
use gluepot::task::metrics::Direction;
use gluepot::train::Kernels;
use serde_json::Value;

use crate::redactor::snapshot;
use crate::shell::{Done, Shell};

/// A synthetic run.
struct Made {
    id: &'static str,
    task: &'static str,
    learning_rate: &'static str,
    seed: u64,
    /// F1 and accuracy; `None` for a failed run.
    scores: Option<(f64, f64)>,
    collapsed: bool,
}

fn made(id: &'static str, learning_rate: &'static str, seed: u64, f1: f64) -> Made {
    Made { id, task: "mrpc", learning_rate, seed, scores: Some((f1, f1 - 0.05)), collapsed: false }
}

impl Made {
    fn write(&self, shell: &Shell, minute: u32) {
        let started: DateTime<Utc> = format!("2026-11-23T05:{minute:02}:00Z").parse().unwrap();
        let hash = |what: &str| format!("{}{what}0000000000", self.task);
        let facts = RunFacts {
            format_version: 1,
            id: self.id.into(),
            trial: String::new(),
            name: "x".into(),
            task: self.task.into(),
            task_definition: None,
            status: if self.scores.is_some() { Status::Finished } else { Status::Failed },
            started,
            ended: Some(started),
            exit: Some(Exit { code: 0, message: None }),
            command_line: Vec::new(),
            working_folder: String::new(),
            host: Host::this(),
            device: "cpu".into(),
            gpu: None,
            kernels: Kernels::Fused,
            versions: Versions::this(),
            checkpoint: "bert".into(),
            data_source: "hub".into(),
            commits: gluepot::runs::Commits::default(),
            hashes: Hashes {
                data: [("train".into(), hash("train")), ("validation".into(), hash("validation"))].into(),
                tokenizer: std::collections::BTreeMap::new(),
                config: String::new(),
                weights: None,
                classifier: None,
            },
            tokenization: None,
            numerics: 1,
            planned_numerics: None,
            seed: self.seed,
            parameters: 1,
            drawn: Vec::new(),
            unused: Vec::new(),
            cast: BTreeMap::new(),
            input: None,
            train_examples: 3668,
            validation_examples: 408,
            steps: 1377,
            resumed: Vec::new(),
            removed: Vec::new(),
        };
        let folder = format!("runs/2026-11-23T05-{minute:02}-00Z_x_{}", self.id);
        shell.write(&format!("{folder}/run.json"), serde_json::to_vec(&facts).unwrap());
        let settings = format!(
            "name = \"x\"\ntask = \"{}\"\nlearning_rate = {}\nseed = {}\nmetric = \"f1\"\n[data]\nbatch_size = 16\n[logging]\nevery = {minute}\n",
            self.task, self.learning_rate, self.seed
        );
        shell.write(
            &format!("{folder}/resolved.toml"),
            settings.replace("\"f1\"", if self.task == "mrpc" { "\"f1\"" } else { "\"accuracy\"" }),
        );
        if let Some((f1, accuracy)) = self.scores {
            let scores = [("f1".to_string(), f1), ("accuracy".to_string(), accuracy), ("loss".to_string(), 1.0 - accuracy)];
            let moment = Moment {
                step: 459,
                epoch: 1.0,
                scores: scores.into(),
                further: std::collections::BTreeMap::new(),
                collapsed: self.collapsed,
            };
            let summary = Summary {
                confusion: None,
                by_label: None,
                format_version: 1,
                task: self.task.into(),
                metric: "f1".into(),
                direction: Direction::Maximize,
                best: moment.clone(),
                last: moment,
                collapsed: self.collapsed,
                labels: None,
                steps: 1377,
                examples: 11004,
                duration_seconds: 100.0,
                training_seconds: 90.0,
                examples_per_second: 122.3,
                tokens_per_second: 6000.0,
            };
            shell.write(&format!("{folder}/summary.json"), serde_json::to_vec(&summary).unwrap());
        }
    }
}

/// Runs with three learning rates: two with six seeds, of which one is better on every seed; and one with a failed and a
/// collapsed run. Also a repeated seed, and another task.
pub fn shell() -> Shell {
    let shell = Shell::new();
    let mut runs = Vec::new();
    for (seed, (low, high)) in
        [(0.861, 0.871), (0.858, 0.875), (0.866, 0.870), (0.863, 0.879), (0.859, 0.864), (0.870, 0.881)].into_iter().enumerate()
    {
        runs.push(made(["a0", "a1", "a2", "a3", "a4", "a5"][seed], "2e-5", seed as u64, low));
        runs.push(made(["b0", "b1", "b2", "b3", "b4", "b5"][seed], "5e-5", seed as u64, high));
    }
    runs.push(Made { collapsed: true, ..made("c0", "1e-2", 0, 0.8122) });
    runs.push(Made { scores: None, ..made("c1", "1e-2", 1, 0.0) });
    runs.push(made("a6", "2e-5", 0, 0.861));
    runs.push(Made { task: "sst2", ..made("d0", "2e-5", 0, 0.9) });
    for (minute, run) in (0..).zip(&runs) {
        run.write(&shell, minute);
    }
    shell
}

/// Runs with two learning rates and three seeds each, with metrics files, under an experiment's name.
pub fn with_curves(name: &str) -> Shell {
    let shell = Shell::new();
    let scores = [("2e-5", [0.861, 0.858, 0.866]), ("5e-5", [0.871, 0.875, 0.870])];
    let ids = [["a1", "a2", "a3"], ["b1", "b2", "b3"]];
    for (variant, (learning_rate, f1)) in scores.into_iter().enumerate() {
        for (seed, f1) in f1.into_iter().enumerate() {
            let minute = (variant * 3 + seed) as u32;
            let id = ids[variant][seed];
            made(id, learning_rate, seed as u64 + 1, f1).write(&shell, minute);
            let folder = format!("runs/2026-11-23T05-{minute:02}-00Z_x_{id}");
            let facts = std::fs::read_to_string(shell.path(&format!("{folder}/run.json"))).unwrap();
            let mut facts: Value = serde_json::from_str(&facts).unwrap();
            facts["name"] = name.into();
            shell.write(&format!("{folder}/run.json"), facts.to_string());
            let rows = |row: &dyn Fn(f64) -> String| (1..=300).map(|n| row(f64::from(n))).collect::<String>();
            let train = rows(&|n| {
                format!("{n},{},{},{},{},1.0\n", n / 100.0, n * 8.0, 0.7 - n / 1000.0 - f1 / 10.0, 5e-5 * (1.0 - n / 300.0))
            });
            shell.write(
                &format!("{folder}/metrics/train.csv"),
                format!("step,epoch,examples,loss,learning_rate,grad_norm\n{train}"),
            );
            let eval = (1..=3).fold(String::new(), |text, epoch| {
                text + &format!("{0}00,{0}.0,validation,0.{1},0.8,{2}\n", epoch, 6 - epoch, f1 - 0.01 * f64::from(3 - epoch))
            });
            shell.write(&format!("{folder}/metrics/eval.csv"), format!("step,epoch,split,loss,accuracy,f1\n{eval}"));
        }
    }
    shell
}

fn snapshot(name: &str, done: &Done) {
    assert_eq!(done.code, 0, "{done:?}");
    snapshot!(name, &done.out);
}

#[test]
fn tables_in_every_format() {
    let shell = shell();
    snapshot("compare-text", &shell.gluepot(&["compare"]));
    snapshot("compare-markdown", &shell.gluepot(&["compare", "--format", "markdown", "--filter", "task == mrpc"]));
    snapshot("compare-latex", &shell.gluepot(&["compare", "--format", "latex", "--filter", "learning_rate < 1e-2"]));
    snapshot("compare-csv", &shell.gluepot(&["compare", "--format", "csv", "--filter", "task == mrpc"]));
    snapshot(
        "compare-another-reference",
        &shell.gluepot(&[
            "compare",
            "--reference",
            "learning_rate=0.00005",
            "--filter",
            "task == mrpc",
            "--sort",
            "learning_rate",
        ]),
    );
    snapshot("compare-another-metric", &shell.gluepot(&["compare", "a0", "b0", "--metric", "loss"]));
    snapshot(
        "compare-by-nothing-that-differs",
        &shell.gluepot(&["compare", "--by", "data.batch_size", "--filter", "task == mrpc"]),
    );
    snapshot("compare-one-run", &shell.gluepot(&["compare", "a0"]));
    snapshot("compare-failed-runs", &shell.gluepot(&["compare", "c1"]));
    snapshot("diff", &shell.gluepot(&["diff", "a0", "b1"]));
}

/// With six differences of one sign, the exact p is 2/64; Holm doubles it for two comparisons with this p.
#[test]
fn the_numbers_are_those_of_the_statistics() {
    let shell = shell();
    let json: Value = serde_json::from_str(
        &shell.gluepot(&["compare", "--format", "json", "--filter", "task == mrpc and learning_rate < 1e-2"]).out,
    )
    .unwrap();
    let variants = json[0]["variants"].as_array().unwrap();
    assert_eq!(variants.len(), 2);
    let (ahead, reference) = (&variants[0], &variants[1]);
    assert_eq!((ahead["settings"]["learning_rate"].as_f64(), json[0]["reference"].as_u64()), (Some(5e-5), Some(1)));
    assert_eq!((ahead["difference"]["p"].as_f64(), ahead["adjusted_p"].as_f64()), (Some(2.0 / 64.0), Some(2.0 / 64.0)));
    assert_eq!(ahead["difference"]["method"], "sign-flip");
    assert_eq!((reference["scores"].as_object().unwrap().len(), json[0]["repeated"].as_u64()), (6, Some(1)));
    assert!((ahead["difference"]["mean"].as_f64().unwrap() - 0.063 / 6.0).abs() < 1e-12);
}

#[test]
fn runs_are_found_by_name_folder_and_glob_and_mistakes_are_said() {
    let shell = shell();
    let count = |arguments: &[&str]| -> usize {
        let done = shell.gluepot(&[&["compare", "--format", "json"], arguments].concat());
        let json: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"));
        let variants = json.as_array().unwrap().iter().flat_map(|group| group["variants"].as_array().unwrap().clone());
        variants
            .map(|variant| {
                variant["scores"].as_object().unwrap().len() + usize::try_from(variant["failed"].as_u64().unwrap()).unwrap()
            })
            .sum()
    };
    assert_eq!(count(&["x"]), 15);
    assert_eq!(count(&["runs"]), 15);
    assert_eq!(count(&["runs/*_b?"]), 6);
    assert_eq!(count(&["a0", "a0", "runs/*_a0"]), 1);
    for (arguments, message) in [
        (vec!["nothing"], "no run in runs matches"),
        (vec!["no/*"], "no run matches"),
        (vec!["--filter", "f2 > 1"], "unknown name \"f2\" in --filter; did you mean f1?"),
        (vec!["--filter", "f1 > 2"], "no run matches the filter"),
        (vec!["--by", "data.size"], "no run has a setting data.size"),
        (vec!["--reference", "learning_rate=3"], "no variant matches"),
        (vec!["--metric", "bleu"], "has no metric \"bleu\""),
        (vec!["--sort", "beauty"], "cannot sort by \"beauty\""),
        (vec!["--examples"], "--examples needs two runs; 16 given"),
    ] {
        let done = shell.gluepot(&[vec!["compare"], arguments.clone()].concat());
        assert!(done.code == 2 && done.err.contains(message), "{arguments:?}: {done:?}");
    }
}

/// Counted by hand: of six examples, both runs are right on two, each run alone on one, and neither on two.
#[test]
fn two_runs_example_by_example() {
    let shell = shell();
    let header = "index,label,prediction,p0,p1\n";
    let rows = |predictions: [u8; 6]| -> String {
        let labels = [1, 0, 1, 0, 1, 1];
        predictions
            .iter()
            .zip(labels)
            .enumerate()
            .fold(String::new(), |rows, (index, (p, label))| rows + &format!("{index},{label},{p},0.5,0.5\n"))
    };
    shell.write("runs/2026-11-23T05-00-00Z_x_a0/predictions/validation.csv", format!("{header}{}", rows([1, 0, 1, 1, 0, 0])));
    shell.write("runs/2026-11-23T05-01-00Z_x_b0/predictions/validation.csv", format!("{header}{}", rows([1, 0, 0, 0, 0, 0])));
    snapshot("compare-examples", &shell.gluepot(&["compare", "a0", "b0", "--examples"]));
    let json: Value =
        serde_json::from_str(&shell.gluepot(&["compare", "a0", "b0", "--examples", "--format", "json"]).out).unwrap();
    let counts = ["both_right", "only_first", "only_second", "both_wrong"].map(|key| json[key].as_u64().unwrap());
    assert_eq!((counts, json["p"].as_f64()), ([2, 1, 1, 2], Some(1.0)));
    assert_eq!(shell.gluepot(&["compare", "a0", "d0", "--examples"]).code, 8);
}

/// A benchmark: `cargo test --release --test suite five_thousand -- --ignored --nocapture`.
#[test]
#[ignore = "a benchmark"]
fn five_thousand_runs_compare_in_under_a_second() {
    let shell = Shell::new();
    for number in 0..5000_u64 {
        let learning_rate =
            ["1e-5", "2e-5", "3e-5", "4e-5", "5e-5", "6e-5", "7e-5", "8e-5", "9e-5", "1e-4"][number as usize % 10];
        let f1 = 0.85 + (number % 10) as f64 / 1000.0 + (number / 10 % 7) as f64 / 500.0;
        let id: &'static str = Box::leak(format!("{number:06x}").into_boxed_str());
        let run = Made { id, task: "mrpc", learning_rate, seed: number / 10, scores: Some((f1, f1 - 0.05)), collapsed: false };
        run.write(&shell, (number % 60) as u32);
    }
    let mut seconds: Vec<f64> = (0..6)
        .map(|_| {
            let begun = std::time::Instant::now();
            let done = shell.gluepot(&["compare", "--format", "csv"]);
            assert_eq!((done.code, done.out.lines().count()), (0, 11), "{}", done.err);
            begun.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    seconds.sort_by(f64::total_cmp);
    println!("5,000 runs compared in {:.2} s (median of 5, {:.2} to {:.2})", seconds[2], seconds[0], seconds[4]);
    assert!(seconds[2] < 1.0);
}
