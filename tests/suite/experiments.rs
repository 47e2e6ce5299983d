//! The experiments that come with gluepot.

use std::path::PathBuf;

use gluepot::experiment::{Environment, Experiment};
use gluepot::settings::Sweep;
use serde_json::Value;

use crate::support::project;

fn shipped() -> Vec<(PathBuf, String)> {
    let files = std::fs::read_dir(project("experiments")).unwrap().flatten().map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let found: Vec<_> = files.map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap())).collect();
    assert!(found.len() > 3);
    found
}

fn read(path: &std::path::Path) -> Experiment {
    Experiment::load(path, &[], &Environment::default())
}

#[test]
fn each_says_what_it_costs_and_which_score_to_expect_and_has_no_problem() {
    for (path, text) in shipped() {
        let header: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        for part in ["# cost      ", "# expected  "] {
            assert!(header.iter().any(|line| line.starts_with(part)), "{} lacks {part}", path.display());
        }
        let command = format!("experiments/{}", path.file_name().unwrap().display());
        assert!(header.iter().any(|line| line.contains(&command)), "{} lacks its command", path.display());
        let experiment = read(&path);
        assert!(experiment.problems.is_empty(), "{}: {:?}", path.display(), experiment.problems);
    }
}

/// Sizes of the training splits on the hub, which the steps in the header follow from.
const SIZES: [(&str, u64); 9] = [
    ("cola", 8551),
    ("sst2", 67349),
    ("mrpc", 3668),
    ("stsb", 5749),
    ("qqp", 363_846),
    ("mnli", 392_702),
    ("qnli", 104_743),
    ("rte", 2490),
    ("wnli", 635),
];

#[test]
fn the_benchmark_has_every_task_and_the_steps_that_it_says() {
    let path = project("experiments/glue.toml");
    let Sweep { paired, seeds, .. } = read(&path).sweep.unwrap();
    let of_task = |(task, size): (&str, u64)| {
        let entry = paired.iter().find(|entry| entry["task"] == task).unwrap_or_else(|| panic!("{task} is missing"));
        size.div_ceil(32) * entry.get("epochs").and_then(Value::as_u64).unwrap()
    };
    assert_eq!(paired.len(), SIZES.len());
    let steps: u64 = SIZES.into_iter().map(of_task).sum();
    let total = steps * seeds.unwrap().len() as u64;
    let (steps, total) = (gluepot::numbers::count(steps), gluepot::numbers::count(total));
    let header = std::fs::read_to_string(path).unwrap();
    assert!(header.contains(&format!("{total} steps, {steps} per seed")), "{total}, {steps}");
}
