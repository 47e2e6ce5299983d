//! A strategy that uses scores, from its proposals to the trials of a shared plan on disk.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use gluepot::experiment::{Choice, Environment, Experiment};
use gluepot::failure::{Failure, Outcome};
use gluepot::hub::Hub;
use gluepot::settings::{OnFailure, Sweep};
use gluepot::sweep::{
    Candidate, Crew, CrewEvent, DriveOptions, Driven, ExperimentTrials, FixedPlan, Further, GrowingPlan, History, Lookup,
    OpenOptions, PlanSource, PlannedTrial, Planner, Planning, Proposal, SearchSpace, Strategy, SweepDirectory, SweepFacts,
    SweepRequest, TrialEnd, TrialMaker, TrialState, VariantResult, Workload, drive,
};
use gluepot::task::metrics::Direction;
use serde_json::{Value, json};

use crate::support::project;
use crate::sweep::{Silent, exactly};

/// Climbs along one axis: first two points, then the nearest untried neighbors of the best one, two at a time.
struct Climber {
    first: [u64; 2],
    last: u64,
}

impl Strategy for Climber {
    fn next(&mut self, history: &History) -> Proposal {
        let x = |point: &BTreeMap<String, Value>| point["x"].as_u64().unwrap();
        let point = |x: u64| BTreeMap::from([("x".to_string(), json!(x))]);
        let propose = |x: u64| Proposal::Variant(vec![Choice { path: "x".into(), value: json!(x), place: String::new() }]);
        if let Some(first) = self.first.into_iter().find(|x| !history.contains(&point(*x))) {
            return propose(first);
        }
        let scored = history.variants().iter().filter_map(|variant| match variant.result {
            VariantResult::Scored(score) => Some((score, x(&variant.point))),
            _ => None,
        });
        let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
        if history.variants().iter().filter(|variant| variant.result == VariantResult::Open).count() > 1 {
            return Proposal::Wait;
        }
        match best {
            Some((_, best)) => {
                let neighbors = [best.saturating_sub(1), best + 1];
                let inside = |x: &u64| (1..=self.last).contains(x) && !history.contains(&point(*x));
                match neighbors.into_iter().find(inside) {
                    Some(x) => propose(x),
                    None if history.has_open() => Proposal::Wait,
                    None => Proposal::Done,
                }
            }
            None if history.has_open() => Proposal::Wait,
            None => Proposal::Done,
        }
    }
}

/// Makes trials without an experiment.
struct Paper;

impl TrialMaker for Paper {
    fn make(&mut self, candidates: &[Candidate]) -> Outcome<Vec<PlannedTrial>> {
        let trial = |Candidate { variant, point, seed, .. }: &Candidate| PlannedTrial {
            id: format!("x{}s{}", point[0].value, seed.unwrap_or(1)),
            numerics: 1,
            first_id: None,
            variant: *variant,
            choices: point.iter().map(|choice| (choice.path.clone(), choice.value.clone())).collect(),
            seed: seed.unwrap_or(1),
            steps: 10,
            work: Workload { learnt: 10, scored: 0 },
            rungs: Vec::new(),
            decides: false,
            settings: Vec::new(),
            absolute: BTreeMap::new(),
        };
        Ok(candidates.iter().map(trial).collect())
    }
}

fn planner(seeds: &[u64], last: u64) -> Planner<Paper> {
    let sweep: Sweep = toml::from_str(&format!("axes = {{ x = {{ min = 1, max = {last} }} }}")).unwrap();
    let strategy = Box::new(Climber { first: [2, 9], last });
    Planner::new(SearchSpace::of(&sweep, |_| true), Some(seeds.to_vec()), strategy, Paper)
}

fn facts() -> SweepFacts {
    serde_json::from_value(json!({
        "format_version": 2, "name": "climb", "file": "climb.toml", "strategy": "climber", "varies": ["x"], "metric": "f1",
        "direction": "maximize", "created": "2026-01-01T00:00:00Z",
    }))
    .unwrap()
}

/// Opens the sweep's directory below a folder, and returns it with the trials of its plan.
fn open(root: &Path, planner: &mut Planner<Paper>) -> (SweepDirectory, Vec<PlannedTrial>, Lookup) {
    let opened = SweepRequest { root, facts: &facts(), planning: planner }.open(&[], OpenOptions::default(), &mut |_| {});
    let opened = opened.unwrap();
    (opened.directory, opened.trials, opened.before)
}

/// The score of a trial, highest at x = 6.
fn score(trial: &PlannedTrial) -> f64 {
    let x = trial.choices["x"].as_f64().unwrap();
    1.0 - (x - 6.0).powi(2) / 100.0 + trial.seed as f64 / 1e4
}

/// The states of trials, which outlive the processes that train them.
type World = Rc<RefCell<BTreeMap<String, TrialState>>>;

struct Workers {
    world: World,
    trials: Vec<PlannedTrial>,
    running: VecDeque<(usize, PlannedTrial)>,
    started: Vec<String>,
    most: usize,
    /// The number of starts before the process dies.
    starts: usize,
}

impl Workers {
    fn new(world: &World, trials: &[PlannedTrial], starts: usize) -> Self {
        let (running, started) = (VecDeque::new(), Vec::new());
        Self { world: Rc::clone(world), trials: trials.to_vec(), running, started, most: 0, starts }
    }
}

impl Crew for Workers {
    fn extend(&mut self, added: &[PlannedTrial]) {
        self.trials.extend_from_slice(added);
    }

    fn states(&mut self) -> Vec<TrialState> {
        let world = self.world.borrow();
        self.trials.iter().map(|trial| world.get(&trial.id).cloned().unwrap_or(TrialState::Pending)).collect()
    }

    fn start(&mut self, trial: &PlannedTrial, slot: usize) -> anyhow::Result<()> {
        anyhow::ensure!(self.started.len() < self.starts, "the process dies");
        assert!(self.trials.contains(trial) && !self.world.borrow().contains_key(&trial.id));
        self.running.push_back((slot, trial.clone()));
        self.started.push(trial.id.clone());
        self.most = self.most.max(self.running.len());
        Ok(())
    }

    fn next_event(&mut self, _: Duration) -> Option<CrewEvent> {
        let (slot, trial) = self.running.pop_front()?;
        let state = TrialState::Done(Some(score(&trial)));
        self.world.borrow_mut().insert(trial.id, state.clone());
        Some(CrewEvent::Ended(slot, TrialEnd::State(state)))
    }

    fn ask_to_stop(&mut self) {}

    fn kill(&mut self) {
        self.running.clear();
    }
}

fn train(root: &Path, planner: &mut Planner<Paper>, workers: &mut Workers, jobs: usize) -> Outcome<Driven> {
    let (directory, trials, _) = open(root, planner);
    workers.trials.clone_from(&trials);
    let mut plan = GrowingPlan::new(&directory, Some(planner), Some(Direction::Maximize), false);
    let options = DriveOptions { parallelism: exactly(jobs), on_failure: OnFailure::Continue };
    drive(trials, &mut plan, workers, &mut Silent, options, &|| 0)
}

fn lines(root: &Path) -> String {
    let directory = SweepDirectory::all(root).remove(0);
    std::fs::read_to_string(directory.path().join("plan.jsonl")).unwrap()
}

fn ids(trials: &[PlannedTrial]) -> Vec<&str> {
    trials.iter().map(|trial| trial.id.as_str()).collect()
}

#[test]
fn two_workers_train_what_follows_from_the_scores_so_far() {
    let mut plans = Vec::new();
    for _ in 0..2 {
        let root = tempfile::tempdir().unwrap();
        let mut workers = Workers::new(&World::default(), &[], usize::MAX);
        let driven = train(root.path(), &mut planner(&[1], 10), &mut workers, 2).unwrap();
        // 2 is scored first, so its neighbor 1 follows; then 9 scores better (8, 10), and then 8 (7), 7 (6) and 6 (5).
        assert_eq!(ids(&driven.trials), ["x2s1", "x9s1", "x1s1", "x8s1", "x10s1", "x7s1", "x6s1", "x5s1"]);
        assert_eq!(workers.started, ids(&driven.trials));
        assert_eq!(workers.most, 2);
        assert!(driven.states.iter().all(TrialState::is_final) && !driven.interrupted);
        plans.push(lines(root.path()));
    }
    assert_eq!(plans[0], plans[1]);
    assert_eq!(plans[0].lines().count(), 8);
}

#[test]
fn a_crash_between_planning_and_starting_loses_nothing() {
    for starts in 1..8 {
        let root = tempfile::tempdir().unwrap();
        let world = World::default();
        let mut workers = Workers::new(&world, &[], starts);
        let failure = train(root.path(), &mut planner(&[1], 10), &mut workers, 2).unwrap_err();
        assert!(failure.to_string().contains("the process dies"));
        let planned = lines(root.path());
        assert_eq!(planned.lines().count(), starts + 1, "one is planned and not started");
        let mut again = Workers::new(&world, &[], usize::MAX);
        let driven = train(root.path(), &mut planner(&[1], 10), &mut again, 2).unwrap();
        assert!(lines(root.path()).starts_with(&planned));
        assert_eq!(again.started[0], ids(&driven.trials)[starts]);
        let all: Vec<&String> = workers.started.iter().chain(&again.started).collect();
        assert_eq!(all, ids(&driven.trials));
        assert!(ids(&driven.trials).contains(&"x6s1") && driven.states.iter().all(TrialState::is_final));
    }
}

#[test]
fn processes_that_share_a_plan_take_each_others_proposals() {
    let root = tempfile::tempdir().unwrap();
    let (mut one, mut other) = (planner(&[1], 10), planner(&[1], 10));
    let (directory, first, _) = open(root.path(), &mut one);
    let (_, same, before) = open(root.path(), &mut other);
    assert!(matches!(before, Lookup::Found(_)) && same == first);
    let mut one = GrowingPlan::new(&directory, Some(&mut one), Some(Direction::Maximize), false);
    let mut other = GrowingPlan::new(&directory, Some(&mut other), Some(Direction::Maximize), false);
    let Further::Trials(second) = one.further(&first, &[TrialState::Running]).unwrap() else { panic!() };
    assert_eq!(ids(&second), ["x9s1"]);
    assert_eq!(other.further(&first, &[TrialState::Running]).unwrap(), Further::Trials(second.clone()));
    let both = [first, second].concat();
    let states = [TrialState::Running, TrialState::Running];
    assert_eq!(other.further(&both, &states).unwrap(), Further::Wait);
    let states = [TrialState::Done(Some(0.5)), TrialState::Running];
    let Further::Trials(third) = other.further(&both, &states).unwrap() else { panic!() };
    assert_eq!(one.further(&both, &states).unwrap(), Further::Trials(third));
    // Without a strategy, as in a resumed sweep, a process trains what others plan.
    let mut reader = GrowingPlan::new(&directory, None, Some(Direction::Maximize), false);
    let Further::Trials(rest) = reader.further(&both[..1], &states[..1]).unwrap() else { panic!() };
    assert_eq!(ids(&rest), ["x9s1", "x1s1"]);
    assert_eq!(reader.further(&[&both[..1], &rest].concat(), &states).unwrap(), Further::Nothing);
}

#[test]
fn added_seeds_are_replicates_of_every_variant_and_another_space_is_another_sweep() {
    let root = tempfile::tempdir().unwrap();
    let world = World::default();
    train(root.path(), &mut planner(&[1], 10), &mut Workers::new(&world, &[], usize::MAX), 2).unwrap();
    let before = lines(root.path());
    let mut workers = Workers::new(&world, &[], usize::MAX);
    let driven = train(root.path(), &mut planner(&[1, 2], 10), &mut workers, 2).unwrap();
    assert!(lines(root.path()).starts_with(&before));
    assert_eq!(workers.started, ["x2s2", "x9s2", "x1s2", "x8s2", "x10s2", "x7s2", "x6s2", "x5s2"]);
    let variant = |trial: &PlannedTrial| (trial.choices["x"].clone(), trial.variant);
    let of_first: Vec<_> = driven.trials[..8].iter().map(variant).collect();
    assert_eq!(driven.trials[8..].iter().map(variant).collect::<Vec<_>>(), of_first);
    // 9 is outside the range, so its trial is not requested.
    let (_, _, lookup) = open(root.path(), &mut planner(&[1, 2], 8));
    assert!(matches!(lookup, Lookup::Absent(Some(_))));
}

/// Always makes the same proposal.
struct Fixed(Proposal);

impl Strategy for Fixed {
    fn next(&mut self, _: &History) -> Proposal {
        self.0.clone()
    }
}

fn proposal(path: &str, value: Value) -> Proposal {
    Proposal::Variant(vec![Choice { path: path.into(), value, place: String::new() }])
}

#[test]
fn what_is_no_variant_of_the_sweep_or_one_already_is_refused_by_name() {
    let sweep: Sweep = toml::from_str("axes = { x = { min = 1, max = 10 } }").unwrap();
    let refused = |proposal: Proposal, state: TrialState| {
        let mut planner =
            Planner::new(SearchSpace::of(&sweep, |_| true), None, Box::new(Fixed(proposal)) as Box<dyn Strategy>, Paper);
        let point = vec![Choice { path: "x".into(), value: json!(4), place: String::new() }];
        let plan = Paper.make(&[Candidate { variant: 1, point, seed_index: 0, seed: None }]).unwrap();
        planner.propose(&plan, &[state], Direction::Maximize).unwrap_err().to_string()
    };
    assert_eq!(
        refused(proposal("x", json!(4.0)), TrialState::Running),
        "the strategy proposed x 4.0, which is in the plan already"
    );
    assert_eq!(
        refused(proposal("x", json!(11)), TrialState::Running),
        "the strategy proposed x 11, which is not in the sweep's space"
    );
    assert_eq!(
        refused(proposal("x", json!(2.5)), TrialState::Running),
        "the strategy proposed x 2.5, which is not in the sweep's space"
    );
    assert_eq!(refused(Proposal::Wait, TrialState::Done(None)), "the strategy waits, though every trial has ended");
}

#[test]
fn proposed_values_are_checked_as_those_of_a_file_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    let (tiny, data) = (project("tests/golden/tiny"), project("experiments/quickstart"));
    let text = format!(
        "task = \"mrpc\"\ncheckpoint = {tiny:?}\nlearning_rate = 1e-3\nepochs = 1\nmetric = \"f1\"\n[data]\nsource = {data:?}\n\
         train_limit = 16\neval_limit = 16\n[sweep.axes]\n\"data.max_length\" = {{ min = 8, max = 100000 }}\n[sweep]\n\
         strategy = \"random\"\ntrials = 2\n"
    );
    std::fs::write(&file, text).unwrap();
    let hub = Hub::offline();
    let propose = |length: u64| {
        let experiment = Experiment::load(&file, &[], &Environment::default());
        let strategy = Box::new(Fixed(proposal("data.max_length", json!(length))));
        let mut planner = Planner::<ExperimentTrials<'_>>::with_strategy(experiment, &hub, |_, _, _| Ok(strategy)).unwrap();
        planner.propose(&[], &[], Direction::Maximize)
    };
    let Further::Trials(trials) = propose(16).unwrap() else { panic!() };
    assert_eq!((trials.len(), trials[0].setting("data.max_length")), (1, Some(&json!(16))));
    let Err(Failure::Experiment(problems)) = propose(90_000) else { panic!("it is planned") };
    let said = problems.to_string();
    assert!(said.contains("data.max_length") && (said.contains("90000") || said.contains("90,000")), "{said}");
}

#[test]
fn a_plan_that_does_not_grow_ends_with_its_last_trial() {
    let trials = Paper.make(&[Candidate {
        variant: 1,
        point: vec![Choice { path: "x".into(), value: json!(1), place: String::new() }],
        seed_index: 0,
        seed: None,
    }]);
    let trials = trials.unwrap();
    let mut workers = Workers::new(&World::default(), &trials, usize::MAX);
    let options = DriveOptions { parallelism: exactly(2), on_failure: OnFailure::Continue };
    let driven = drive(trials, &mut FixedPlan, &mut workers, &mut Silent, options, &|| 0).unwrap();
    assert_eq!(workers.started, ids(&driven.trials));
}
