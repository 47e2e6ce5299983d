//! An experiment file of any bytes: read, checked, and its problems shown.
#![no_main]

use gluepot::experiment::{Experiment, Environment};
use gluepot::experiment::problem::Problems;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = folder.path().join("x.toml");
    std::fs::write(&path, bytes).unwrap();
    let experiment = Experiment::load(&path, &[], &Environment::default());
    let problems = Problems(experiment.problems.clone());
    let _ = (problems.to_string(), problems.styled(), experiment.copies());
});
