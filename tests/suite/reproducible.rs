//! Two runs of one file on the CPU are identical byte for byte, and a seed changes what it should.

use std::path::Path;

use crate::shell::Shell;
use crate::support::project;

fn run(seed: u64, threads: &str) -> Shell {
    let mut shell = Shell::new();
    shell.set("RAYON_NUM_THREADS", threads);
    let experiment = project("experiments/quickstart.toml").display().to_string();
    let seed = format!("seed={seed}");
    let arguments = [
        "run",
        &experiment,
        "--quiet",
        "--device",
        "cpu",
        "--set",
        &seed,
        "--set",
        "data.train_limit=320",
        "--set",
        "epochs=2",
        "--set",
        "logging.every=1",
    ];
    let done = shell.gluepot(&arguments);
    assert_eq!(done.code, 0, "{done:?}");
    shell
}

fn read(shell: &Shell, file: &str) -> Vec<u8> {
    std::fs::read(shell.run().join(file)).unwrap()
}

const DECIDED_BY_THE_SEED: [&str; 5] = [
    "metrics/train.csv",
    "metrics/eval.csv",
    "predictions/validation.csv",
    "checkpoints/last",
    "checkpoints/step-000020/model.safetensors",
];

#[test]
fn the_same_seed_gives_the_same_bytes_with_any_number_of_threads() {
    let (first, second, single) = (run(42, "2"), run(42, "2"), run(42, "1"));
    for file in DECIDED_BY_THE_SEED {
        let bytes = read(&first, file);
        assert!(!bytes.is_empty());
        assert!(bytes == read(&second, file), "{file} differs between two runs");
        assert!(bytes == read(&single, file), "{file} differs with one thread");
    }
    assert_eq!(String::from_utf8(read(&first, "metrics/train.csv")).unwrap().lines().count(), 21);
}

#[test]
fn another_seed_gives_other_numbers() {
    let (first, second) = (run(1, "2"), run(2, "2"));
    for file in ["metrics/train.csv", "predictions/validation.csv"] {
        assert!(read(&first, file) != read(&second, file), "{file} does not depend on the seed");
    }
    assert!(Path::new(&first.run()).join("summary.json").exists());
}
