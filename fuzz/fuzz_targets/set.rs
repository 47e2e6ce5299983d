//! `--set` and the environment, with a path and a value of any text.
#![no_main]

use gluepot::experiment::{Experiment, Override, Environment};
use gluepot::experiment::problem::Problems;
use libfuzzer_sys::fuzz_target;

const EXPERIMENT: &str = "task = \"mrpc\"\ncheckpoint = \"bert\"\nlearning_rate = 1e-3\nepochs = 1\nmetric = \"f1\"\n";

fuzz_target!(|text: &str| {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = folder.path().join("x.toml");
    std::fs::write(&path, EXPERIMENT).unwrap();
    let overrides: Vec<Override> = text.lines().filter_map(|line| Override::parse(line).ok()).collect();
    let named = |set: &Override| (format!("GLUEPOT_{}", set.path.to_uppercase().replace('.', "_")), set.value.clone());
    let environment = Environment { variables: overrides.iter().map(named).collect(), ..Environment::default() };
    for experiment in [
        Experiment::load(&path, &overrides, &Environment::default()),
        Experiment::load(&path, &[], &environment),
    ] {
        let problems = Problems(experiment.problems.clone());
        let _ = (problems.to_string(), problems.styled());
    }
});
