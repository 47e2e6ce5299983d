//! GPUs that fail, are full, or are several. CUDA's driver in software does so when it is asked to (tests/cuda.sh).

use std::collections::BTreeSet;

use crate::resume::{assert_same, outcome, runs, states, with};
use crate::shell::{Done, Shell};

/// 18 steps of few shapes, so that most are replays, with states between them.
const EXPERIMENT: &str = r#"
task = "mrpc"
checkpoint = "./tiny"
learning_rate = 2e-3
epochs = 3
metric = "accuracy"
device = "auto"
[data]
source = "./data"
train_limit = 48
eval_limit = 16
batch_size = 8
[checkpoints]
every = 3
[logging]
every = 2
"#;

/// A folder with an experiment in `x.toml` and a sweep over seeds in `sweep.toml`.
fn shell() -> Shell {
    assert!(std::env::var_os("SOFT_CUDA_UNIT").is_some(), "CUDA's driver in software is missing: run tests/cuda.sh");
    let mut shell = with(EXPERIMENT);
    shell.write("sweep.toml", "base = \"x.toml\"\n[sweep]\nseeds = [1, 2, 3, 4]\n");
    // With the kernels that were tuned there already.
    shell.set("XDG_CACHE_HOME", &std::env::var("XDG_CACHE_HOME").unwrap());
    shell
}

/// `gluepot` on a GPU, with a variable set.
fn with_gpu(shell: &Shell, settings: &[(&str, &str)], arguments: &[&str]) -> Done {
    let output = shell.command(arguments).envs(settings.iter().copied()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Done { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

fn assert_no_panic(done: &Done) {
    assert!(!done.err.contains("panicked") && !done.err.contains("bug in gluepot"), "{done:?}");
}

#[test]
#[ignore = "needs CUDA's driver in software"]
fn a_gpu_without_memory_is_reported() {
    let shell = shell();
    let done = with_gpu(&shell, &[("SOFT_CUDA_MEMORY", "8000000")], &["run", "x.toml", "--quiet"]);
    assert_no_panic(&done);
    assert_eq!(done.code, 10, "{done:?}");
    assert!(done.err.contains("error: out of memory: the GPU has no 8.4 MB left"), "{done:?}");
    let facts = std::fs::read_to_string(shell.run().join("run.json")).unwrap();
    assert!(facts.contains("\"status\": \"out of memory\""), "{facts}");
}

/// A runtime's thread that cannot compile a kernel panics, and whoever reads what it should have computed gets something
/// else. Only where no other such library is installed.
#[test]
#[ignore = "needs CUDA's driver in software"]
fn without_a_compiler_nothing_is_trained() {
    let mut shell = shell();
    let driver = std::path::PathBuf::from(std::env::var("LD_LIBRARY_PATH").unwrap()).join("libcuda.so");
    std::fs::create_dir(shell.path("driver")).unwrap();
    std::fs::copy(driver, shell.path("driver/libcuda.so")).unwrap();
    let (folder, cache) = (shell.path("driver"), shell.path("cache"));
    shell.set("LD_LIBRARY_PATH", folder.to_str().unwrap());
    shell.set("XDG_CACHE_HOME", cache.to_str().unwrap());
    for command in ["run", "bench"] {
        let done = shell.gluepot(&[command, "x.toml"]);
        assert_eq!(done.code, 7, "{done:?}");
        assert!(done.err.contains("error: CUDA's runtime compiler (NVRTC) was not found: "), "{done:?}");
    }
    assert_eq!(states(&shell.run()), 0);
}

/// A recording takes memory of its own: two pages of the runtime's, of which 20 MB have two in all.
#[test]
#[ignore = "needs CUDA's driver in software"]
fn where_memory_is_short_steps_are_launched_and_end_the_same() {
    let reference = shell();
    let run = |shell: &Shell, memory| {
        let done = with_gpu(shell, &[("SOFT_CUDA_MEMORY", memory)], &["run", "x.toml", "--quiet"]);
        assert_eq!(done.code, 0, "{done:?}");
        std::fs::read_to_string(shell.run().join("log.txt")).unwrap()
    };
    let log = run(&reference, "8000000000");
    assert!(log.contains("replayed 13 steps from recordings of 2 batch shapes\n"), "{log}");
    let shell = shell();
    let log = run(&shell, "20000000");
    assert!(
        log.contains("replayed 0 steps from recordings of 0 batch shapes; recording stopped: too little memory is free"),
        "{log}"
    );
    assert_same(&shell.run(), &outcome(&reference.run()), "little memory");
}

/// What NVIDIA's tool would print of a GPU with `GPU_MEMORY` MiB, of which each trial takes 4,000.
const TOOL: &str = r#"#!/bin/sh
trials=$(pgrep -f 'gluepot trial .*parallel/')
case "$1" in
    *memory.free*) used=$((4000 * $(echo "$trials" | wc -w))); echo "$((GPU_MEMORY - used)), $used" ;;
    *) for trial in $trials; do echo "$trial, 4000"; done ;;
esac
"#;

/// How many trials a sweep ran in parallel is decided by speed, too, which depends on what else runs on the machine. So one GPU
/// has memory for a single trial, which is decided before speeds are compared, and the other for two, and never a third.
#[test]
#[ignore = "needs CUDA's driver in software"]
fn a_sweep_runs_as_many_trials_as_a_gpu_has_memory_for() {
    use std::os::unix::fs::PermissionsExt;
    let mut shell = shell();
    shell.write("pair.toml", "base = \"x.toml\"\n[sweep]\nseeds = [1, 2]\n");
    let tool = shell.write("bin/nvidia-smi", TOOL);
    std::fs::set_permissions(tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", shell.path("bin").display(), std::env::var("PATH").unwrap());
    shell.set("PATH", &path);
    let mut sweep = |memory: &str, file: &str| {
        shell.set("GPU_MEMORY", memory);
        let done = shell.gluepot(&["sweep", file, "--jobs", "auto", "--set", "epochs=10", "--runs", "parallel"]);
        assert_eq!(done.code, 0, "{done:?}");
        done.err
    };
    let one = sweep("7000", "pair.toml");
    let settled = one.lines().find(|line| line.starts_with("1 trial in parallel from now on (")).unwrap_or(&one);
    assert!(settled.ends_with("one takes up to 4.2 GB, and 3.1 GB is free"), "{settled}");
    let two = sweep("10000", "sweep.toml");
    assert!(two.contains("2 trials in parallel now: "), "{two}");
    assert!(!two.contains("3 trials in parallel"), "{two}");
    if let Some(settled) = two.lines().find(|line| line.starts_with("2 trials in parallel from now on (")) {
        assert!(settled.ends_with("one takes up to 4.2 GB, and 2.1 GB is free"), "{settled}");
    }
}

/// Before the first step, behind a state, between replays, while predicting: with errors that a GPU gives at such times.
#[test]
#[ignore = "needs CUDA's driver in software"]
fn a_run_whose_gpu_fails_goes_on_as_if_nothing_had_been() {
    let run = || {
        let shell = shell();
        let done = shell.gluepot(&["run", "x.toml", "--quiet"]);
        assert_eq!(done.code, 0, "{done:?}");
        (outcome(&shell.run()), launches(&done.err))
    };
    // Where no kernel has been tuned yet, the first run tunes them, with launches that the others do not have.
    run();
    let (expected, launches) = run();
    for (share, error, said) in [
        (0.01, "719", "a kernel failed on the GPU: "),
        (0.5, "700", "a kernel failed on the GPU: "),
        (0.8, "700", "a kernel failed on the GPU: "),
        (0.9, "214", "the GPU is no longer available: "),
        (0.999, "716", "a kernel failed on the GPU: "),
    ] {
        let fault = format!("{}:{error}", (launches as f64 * share) as usize);
        let shell = shell();
        let failed = with_gpu(&shell, &[("SOFT_CUDA_FAULT", &fault)], &["run", "x.toml", "--quiet"]);
        assert_no_panic(&failed);
        assert_eq!(failed.code, 7, "{fault}: {failed:?}");
        assert!(failed.err.contains(&format!("error: {said}")), "{fault}: {failed:?}");
        let run = shell.run();
        let has_states = states(&run) > 0;
        println!("{fault}: {}", if has_states { "resumed" } else { "again" });
        let again = if has_states { vec!["resume", run.to_str().unwrap(), "--quiet"] } else { vec!["run", "x.toml", "--quiet"] };
        let done = shell.gluepot(&again);
        assert_eq!(done.code, 0, "{fault}: {done:?}");
        assert_same(&runs(&shell).pop().unwrap(), &expected, &fault);
    }
}

/// How many launches and replays the driver tells.
fn launches(err: &str) -> usize {
    let number_before = |word: &str| {
        let before = err.split(word).next().unwrap();
        before.rsplit(' ').find_map(|number| number.parse::<usize>().ok()).unwrap()
    };
    number_before(" launches,") + number_before(" replays of")
}

#[test]
#[ignore = "needs CUDA's driver in software"]
fn trials_share_several_gpus() {
    let shell = shell();
    let done = with_gpu(&shell, &[("SOFT_CUDA_GPUS", "2")], &["sweep", "sweep.toml", "--jobs", "2"]);
    assert_eq!(done.code, 0, "{done:?}");
    // The driver's last words are in the log of each trial.
    let sweeps = std::fs::read_dir(shell.path("runs")).unwrap().flatten().map(|entry| entry.path().join("logs"));
    let logs = sweeps.flat_map(std::fs::read_dir).next().unwrap().flatten();
    let words: Vec<String> = logs.map(|log| std::fs::read_to_string(log.path()).unwrap()).collect();
    let gpu = |log: &String| log.split("in software, GPU ").nth(1).unwrap().split(':').next().unwrap().to_string();
    let used: Vec<String> = words.iter().map(gpu).collect();
    assert_eq!(used.len(), 4, "{used:?}");
    assert_eq!(used.iter().cloned().collect::<BTreeSet<_>>(), BTreeSet::from(["0".to_string(), "1".to_string()]), "{used:?}");
}
