//! Sweeps with a scripted trainer: which trials exist, in which order they run, and how their results are handled.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::time::Duration;

use gluepot::settings::{OnFailure, Prune, Sweep};
use gluepot::sweep::{
    Crew, CrewEvent, DriveOptions, Driven, FixedPlan, Parallelism, PlannedTrial, SearchSpace, StopReason, SweepObserver,
    TrialEnd, TrialProgress, TrialState, Workload, drive, grid, random, rungs, survives,
};
use gluepot::task::metrics::Direction;
use serde_json::{Value, json};

fn sweep(toml: &str) -> Sweep {
    toml::from_str(toml).unwrap()
}

/// Formats points as `path value` pairs.
fn points(points: &[Vec<gluepot::experiment::Choice>]) -> Vec<String> {
    let words = |point: &Vec<gluepot::experiment::Choice>| {
        point.iter().map(|choice| format!("{} {}", choice.path, choice.value)).collect::<Vec<_>>().join(", ")
    };
    points.iter().map(words).collect()
}

#[test]
fn a_grid_is_every_combination_without_what_is_excluded() {
    let sweep = sweep(
        r#"
        axes = { learning_rate = [1.0, 2.0], "data.batch_size" = [8, 16] }
        paired = [{ checkpoint = "small", epochs = 3 }, { checkpoint = "large", epochs = 2 }]
        exclude = [{ learning_rate = 2, "data.batch_size" = 16 }, { checkpoint = "large", "data.batch_size" = 16 }]
        "#,
    );
    let space = SearchSpace::of(&sweep, |_| false);
    assert_eq!(
        points(&grid(&space)),
        [
            "data.batch_size 8, learning_rate 1.0, checkpoint \"small\", epochs 3",
            "data.batch_size 8, learning_rate 1.0, checkpoint \"large\", epochs 2",
            "data.batch_size 8, learning_rate 2.0, checkpoint \"small\", epochs 3",
            "data.batch_size 8, learning_rate 2.0, checkpoint \"large\", epochs 2",
            "data.batch_size 16, learning_rate 1.0, checkpoint \"small\", epochs 3",
        ]
    );
}

const RANDOM: &str = r#"axes = { learning_rate = { min = 1e-5, max = 1e-3, log = true }, "data.batch_size" = { min = 4, max = 7 }, "model.dropout" = { min = 0.0, max = 0.3 } }"#;

#[test]
fn random_draws_are_a_function_of_the_seed_alone() {
    let space = SearchSpace::of(&sweep(RANDOM), |path| path == "data.batch_size");
    let first = random(&space, 42, 50);
    assert_eq!(first, random(&space, 42, 50));
    assert_ne!(first, random(&space, 43, 50));
    // A larger number of trials begins with the same ones.
    assert_eq!(first[..20], random(&space, 42, 20));
    // Another axis leaves the others' values unchanged.
    let more = RANDOM.replace("axes = {", "axes = { epochs = [1, 2, 3],");
    let with_epochs = random(&SearchSpace::of(&sweep(&more), |path| path == "data.batch_size"), 42, 50);
    for (point, wider) in first.iter().zip(&with_epochs) {
        assert!(point.iter().all(|choice| wider.contains(choice)));
    }
}

#[test]
fn random_draws_have_the_distributions_that_are_asked_for() {
    let space = SearchSpace::of(&sweep(RANDOM), |path| path == "data.batch_size");
    let n = 4000;
    let drawn = random(&space, 7, n);
    let of = |path: &str| -> Vec<f64> {
        drawn.iter().map(|point| point.iter().find(|choice| choice.path == path).unwrap().value.as_f64().unwrap()).collect()
    };
    // The Kolmogorov-Smirnov distance of 4000 uniform samples exceeds 1.95 / sqrt(n) once in a thousand times.
    let uniform = |mut shares: Vec<f64>| {
        shares.sort_by(f64::total_cmp);
        shares.iter().enumerate().map(|(i, share)| (share - (i as f64 + 0.5) / n as f64).abs()).fold(0.0, f64::max)
    };
    let bound = 1.95 / (n as f64).sqrt();
    assert!(uniform(of("learning_rate").iter().map(|value| (value / 1e-5).log10() / 2.0).collect()) < bound);
    assert!(uniform(of("model.dropout").iter().map(|value| value / 0.3).collect()) < bound);
    // Four integers: chi-square with 3 degrees of freedom stays below 16.3 in 999 of 1000 cases.
    let sizes = of("data.batch_size");
    let chi_square: f64 = (4..=7)
        .map(|size| sizes.iter().filter(|value| **value == f64::from(size)).count() as f64)
        .map(|count| (count - n as f64 / 4.0).powi(2) / (n as f64 / 4.0))
        .sum();
    assert!(chi_square < 16.3, "{chi_square}");
}

#[test]
fn random_draws_no_variant_twice_and_end_when_there_are_no_more() {
    let sweep =
        sweep("axes = { learning_rate = [1.0, 2.0, 3.0], epochs = [1, 2] }\nexclude = [{ epochs = 2, learning_rate = 3.0 }]");
    let space = SearchSpace::of(&sweep, |_| false);
    let mut drawn = points(&random(&space, 1, 100));
    assert_eq!(drawn.len(), 5);
    drawn.sort();
    let mut all = points(&grid(&space));
    all.sort();
    assert_eq!(drawn, all);
}

/// Rungs at grace · factorᵏ of the steps, below the last step (Li et al. 2020, section 3).
#[test]
fn rungs_are_powers_of_the_factor() {
    let prune = |grace: f64, factor: u32| Prune { grace, factor: factor.try_into().unwrap() };
    assert_eq!(rungs(&prune(0.25, 3), 100), [25, 75]);
    assert_eq!(rungs(&prune(1.0 / 27.0, 3), 81), [3, 9, 27]);
    assert_eq!(rungs(&prune(0.1, 4), 1377), [138, 551]);
    assert_eq!(rungs(&prune(0.25, 3), 2), [1]);
    assert_eq!(rungs(&prune(0.5, 2), 1), Vec::<u64>::new());
}

/// The best third of the trials that have reached the rung, including the trial itself, continues.
#[test]
fn one_in_factor_goes_on_and_ties_do_too() {
    let up = |score: f64, others: &[f64]| survives(score, others, 3, Direction::Maximize);
    assert!(up(0.1, &[]));
    assert!(!up(0.1, &[0.2]));
    assert!(up(0.2, &[0.1]));
    assert!(up(0.2, &[0.2, 0.2, 0.2]));
    assert!(up(0.5, &[0.9, 0.1, 0.2]));
    assert!(!up(0.5, &[0.9, 0.8, 0.2, 0.1]));
    assert!(survives(0.3, &[0.4, 0.5], 3, Direction::Minimize));
    assert!(!survives(0.6, &[0.4, 0.5], 3, Direction::Minimize));
}

/// `variants` by `seeds` trials in plan order, each called `v1s1`.
fn trials(variants: usize, seeds: u64, decides: bool) -> Vec<PlannedTrial> {
    let trial = |seed: u64, variant: usize| PlannedTrial {
        id: format!("v{variant}s{seed}"),
        variant,
        choices: BTreeMap::from([("x".into(), json!(variant))]),
        seed,
        steps: 10,
        work: Workload { learnt: 10, scored: 0 },
        rungs: Vec::new(),
        decides: decides && seed == 1,
        settings: Vec::new(),
        numerics: 1,
        first_id: None,
        absolute: BTreeMap::new(),
    };
    (1..=seeds).flat_map(|seed| (1..=variants).map(move |variant| trial(seed, variant))).collect()
}

/// A trainer that takes each trial's end from a script; trials end in the order of their start.
struct Script {
    ids: Vec<String>,
    before: Vec<TrialState>,
    endings: BTreeMap<String, TrialEnd>,
    running: VecDeque<(usize, String)>,
    started: Vec<String>,
    most: usize,
    stopped: bool,
    asked: bool,
    /// The states that another process has reached, once asked for.
    later: BTreeMap<String, TrialState>,
}

impl Script {
    fn new(trials: &[PlannedTrial], endings: &[(&str, TrialEnd)]) -> Self {
        Self {
            ids: trials.iter().map(|trial| trial.id.clone()).collect(),
            before: vec![TrialState::Pending; trials.len()],
            endings: endings.iter().map(|(id, ending)| ((*id).to_string(), ending.clone())).collect(),
            running: VecDeque::new(),
            started: Vec::new(),
            most: 0,
            stopped: false,
            asked: false,
            later: BTreeMap::new(),
        }
    }
}

impl Crew for Script {
    fn extend(&mut self, _: &[PlannedTrial]) {}

    fn states(&mut self) -> Vec<TrialState> {
        let states = self.before.clone();
        for (index, id) in self.ids.iter().enumerate() {
            if let Some(state) = self.later.get(id) {
                self.before[index] = state.clone();
            }
        }
        states
    }

    fn start(&mut self, trial: &PlannedTrial, slot: usize) -> anyhow::Result<()> {
        assert!(self.running.iter().all(|(taken, _)| *taken != slot), "slot {slot} is taken");
        self.running.push_back((slot, trial.id.clone()));
        self.started.push(trial.id.clone());
        self.most = self.most.max(self.running.len());
        Ok(())
    }

    fn next_event(&mut self, _: Duration) -> Option<CrewEvent> {
        let (slot, id) = self.running.pop_front()?;
        Some(CrewEvent::Ended(slot, self.endings.get(&id).cloned().unwrap_or(TrialEnd::State(TrialState::Done(Some(0.5))))))
    }

    fn ask_to_stop(&mut self) {
        self.asked = true;
    }

    fn kill(&mut self) {
        self.stopped = true;
        self.running.clear();
    }
}

pub struct Silent;

impl SweepObserver for Silent {
    fn planned(&mut self, _: &[PlannedTrial]) {}
    fn started(&mut self, _: usize, _: usize) {}
    fn progress(&mut self, _: usize, _: usize, _: TrialProgress) {}
    fn ended(&mut self, _: usize, _: usize, _: &TrialEnd) {}
    fn tick(&mut self, _: &[TrialState]) {}
    fn decided(&mut self, _: &str) {}
    fn winding_down(&mut self, _: StopReason, _: usize) {}
}

pub fn exactly(jobs: usize) -> Parallelism {
    Parallelism::fixed(NonZeroUsize::new(jobs).unwrap())
}

fn run(trials: &[PlannedTrial], script: &mut Script, jobs: usize, on_failure: OnFailure) -> Driven {
    drive(trials.to_vec(), &mut FixedPlan, script, &mut Silent, DriveOptions { parallelism: exactly(jobs), on_failure }, &|| 0)
        .unwrap()
}

fn failed() -> TrialEnd {
    TrialEnd::State(TrialState::Failed("no".into()))
}

#[test]
fn every_trial_runs_once_in_the_plans_order_and_no_more_at_once_than_asked() {
    let trials = trials(3, 4, false);
    for jobs in [1, 2, 5, 40] {
        let mut script = Script::new(&trials, &[]);
        let driven = run(&trials, &mut script, jobs, OnFailure::Continue);
        assert_eq!(script.started, trials.iter().map(|trial| trial.id.clone()).collect::<Vec<_>>());
        assert_eq!(script.most, jobs.min(12));
        assert!(driven.states.iter().all(|state| *state == TrialState::Done(Some(0.5))) && !driven.interrupted);
    }
}

#[test]
fn what_is_done_or_has_failed_is_not_done_again() {
    let trials = trials(2, 2, false);
    let mut script = Script::new(&trials, &[]);
    script.before = vec![
        TrialState::Done(Some(0.9)),
        TrialState::Failed("no".into()),
        TrialState::Pending,
        TrialState::Pruned("behind".into()),
    ];
    let driven = run(&trials, &mut script, 1, OnFailure::Continue);
    assert_eq!(script.started, ["v1s2"]);
    assert_eq!(driven.states[0], TrialState::Done(Some(0.9)));
}

#[test]
fn a_failure_ends_one_trial_or_on_request_all_that_follow() {
    let trials = trials(4, 1, false);
    let mut script = Script::new(&trials, &[("v2s1", failed())]);
    let driven = run(&trials, &mut script, 1, OnFailure::Continue);
    assert_eq!(script.started.len(), 4);
    assert_eq!(driven.states.iter().filter(|state| matches!(state, TrialState::Failed(_))).count(), 1);
    let mut script = Script::new(&trials, &[("v2s1", failed())]);
    let driven = run(&trials, &mut script, 2, OnFailure::Stop);
    // The third trial was already running, and finishes normally.
    assert_eq!(script.started, ["v1s1", "v2s1", "v3s1"]);
    assert_eq!(driven.states[2..], [TrialState::Done(Some(0.5)), TrialState::Pending]);
}

#[test]
fn a_variant_that_is_stopped_needs_no_more_seeds_and_the_others_run_in_full() {
    let trials = trials(3, 3, true);
    let mut script = Script::new(&trials, &[("v2s1", TrialEnd::State(TrialState::Pruned("behind".into()))), ("v3s1", failed())]);
    let driven = run(&trials, &mut script, 3, OnFailure::Continue);
    assert_eq!(script.started, ["v1s1", "v2s1", "v3s1", "v1s2", "v1s3", "v3s2", "v3s3"]);
    assert_eq!((&driven.states[4], &driven.states[7]), (&TrialState::Skipped, &TrialState::Skipped));
}

#[test]
fn further_seeds_wait_until_their_variant_is_decided() {
    let trials = trials(1, 3, true);
    let mut script = Script::new(&trials, &[]);
    run(&trials, &mut script, 3, OnFailure::Continue);
    assert_eq!((script.started.len(), script.most), (3, 2));
}

#[test]
fn what_another_process_runs_is_awaited_and_taken_over_if_that_process_dies() {
    let trials = trials(3, 1, false);
    let mut script = Script::new(&trials, &[("v2s1", TrialEnd::Elsewhere)]);
    script.before[0] = TrialState::Running;
    script.later = BTreeMap::from([("v1s1".into(), TrialState::Pending), ("v2s1".into(), TrialState::Done(Some(0.7)))]);
    let driven = run(&trials, &mut script, 1, OnFailure::Continue);
    assert_eq!(script.started, ["v2s1", "v3s1", "v1s1"]);
    assert_eq!(driven.states[1], TrialState::Done(Some(0.7)));
    assert!(driven.states.iter().all(TrialState::is_final));
}

#[test]
fn asked_to_stop_once_it_lets_trials_end_and_twice_it_ends_them() {
    let trials = trials(4, 1, false);
    let asked = |after: usize, often: usize| {
        let calls = std::cell::Cell::new(0);
        move || {
            calls.set(calls.get() + 1);
            if calls.get() > after { often } else { 0 }
        }
    };
    let options = DriveOptions { parallelism: exactly(2), on_failure: OnFailure::Continue };
    let mut script = Script::new(&trials, &[]);
    let driven = drive(trials.clone(), &mut FixedPlan, &mut script, &mut Silent, options.clone(), &asked(4, 1)).unwrap();
    assert!(driven.interrupted && script.asked && !script.stopped);
    assert_eq!(script.started, ["v1s1", "v2s1"]);
    assert_eq!(
        driven.states,
        [TrialState::Done(Some(0.5)), TrialState::Done(Some(0.5)), TrialState::Pending, TrialState::Pending]
    );
    let mut script = Script::new(&trials, &[]);
    let driven = drive(trials.clone(), &mut FixedPlan, &mut script, &mut Silent, options, &asked(4, 2)).unwrap();
    assert!(driven.interrupted && script.stopped);
}

/// A trial survives the round trip through its line of the plan.
#[test]
fn a_planned_trial_survives_its_line() {
    let trial = &trials(1, 1, true)[0];
    let line = serde_json::to_string(trial).unwrap();
    assert_eq!(serde_json::from_str::<PlannedTrial>(&line).unwrap(), *trial);
    let value: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["choices"]["x"], 1);
}
