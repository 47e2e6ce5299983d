//! Training in bf16 on a CPU that has the instructions.

use gluepot::kernels::{has_bf16_instructions, instruction_set};
use gluepot::settings::{DeviceChoice, Precision};
use gluepot::train::{Device, Start, train};
use serde_json::Value;

use crate::families::{bench, families, reference, singles, with_steps};
use crate::shell::Shell;
use crate::support::{Heard, golden};

/// A step's loss in bf16 may be as far from f32 as PyTorch's is under autocast (tests/reference/make_bf16.py), which also rounds the
/// results of products.
#[test]
#[ignore = "needs AVX512-BF16"]
fn every_family_trains_as_closely_to_f32_as_pytorchs_autocast() {
    let device = Device::choose(DeviceChoice::Cpu, Precision::Bf16).unwrap();
    let autocast = golden("bf16.json");
    let mut ratios = Vec::new();
    for (family, folder) in families() {
        let golden = reference(&family);
        for name in ["pairs", "single", "dropout"] {
            let options = &golden["options"][name];
            let mut bench = bench(&folder);
            if options["single"] == true {
                singles(&mut bench.train);
                singles(&mut bench.validation);
            }
            let trial = bench.trial(&(crate::golden::settings(&with_steps(options)) + "precision = \"bf16\"\n"));
            let (examples, validation) = bench.encode(&trial);
            let mut heard = Heard::default();
            let end = train(&trial, Start::Fresh(&bench.parameters()), &examples, &validation, &device, &mut [&mut heard]);
            assert!(end.unwrap().is_continue());
            let trajectory = golden["trainings"][name]["trajectory"].as_array().unwrap();
            assert_eq!(heard.steps.len(), trajectory.len(), "{family}, {name}");
            let apart: Vec<f64> = heard
                .steps
                .iter()
                .zip(trajectory)
                .map(|(ours, theirs)| (ours.loss - theirs["loss"].as_f64().unwrap()).abs())
                .collect();
            let mean = apart.iter().sum::<f64>() / apart.len() as f64;
            let theirs = autocast["families"][&family][name]["mean"].as_f64().unwrap();
            let largest = apart.iter().fold(0.0_f64, |largest, apart| largest.max(*apart));
            println!("{family}, {name}: mean {mean:.5} (PyTorch {theirs:.5}), largest {largest:.5}");
            assert!(mean > 0.0, "{family}, {name}: this is f32");
            // Some trainings take a turn in either, which depends on the processor's rounding.
            assert!(mean <= 5.0 * theirs, "{family}, {name}: {mean} apart, PyTorch {theirs}");
            ratios.push(mean / theirs);
        }
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    println!("of {}: median of the ratios {median:.2}", ratios.len());
    assert!(median <= 1.0, "{ratios:?}");
}

fn training(shell: &Shell, threads: &str) -> (Vec<u8>, String) {
    let runs = format!("runs-{threads}");
    let arguments = ["run", "x.toml", "--runs", &runs, "-q", "--device", "cpu", "--set", "training.precision=bf16"];
    let done = shell.command(&arguments).env("RAYON_NUM_THREADS", threads).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let run = std::fs::read_dir(shell.path(&runs)).unwrap().next().unwrap().unwrap().path();
    let checkpoints = std::fs::read_dir(run.join("checkpoints")).unwrap();
    let last = checkpoints.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir() && !path.is_symlink()).max().unwrap();
    let losses = std::fs::read_to_string(run.join("metrics/eval.csv")).unwrap();
    (std::fs::read(last.join("model.safetensors")).unwrap(), losses)
}

#[test]
#[ignore = "needs AVX512-BF16"]
fn threads_change_no_byte_of_a_training() {
    assert!(has_bf16_instructions(), "{}", instruction_set());
    let shell = shell();
    assert_eq!(training(&shell, "1"), training(&shell, "2"));
}

fn shell() -> Shell {
    crate::resume::with(
        "task = \"mrpc\"\ncheckpoint = \"./tiny\"\nlearning_rate = 2e-3\nepochs = 1\nmetric = \"f1\"\n[data]\nsource = \"./data\"\nbatch_size = 8\n",
    )
}

#[test]
#[ignore = "needs AVX512-BF16"]
fn bf16_instructions_compute_every_product_of_a_step() {
    let shell = shell();
    let products = |precision: &str| -> [u64; 2] {
        let precision = format!("training.precision={precision}");
        let done = shell.gluepot(&["bench", "x.toml", "--steps", "3", "--warm-up", "0", "--json", "--set", &precision]);
        let figures: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"));
        ["products_f32", "products_bf16"].map(|key| figures[key].as_u64().unwrap())
    };
    let [f32, none] = products("fp32");
    assert!(f32 > 0 && none == 0, "{f32} and {none}");
    assert_eq!(products("bf16"), [0, f32]);
}

/// A run keeps what "auto" became: resumed elsewhere, it has that precision or is refused.
#[test]
fn auto_is_the_fastest_precision_of_this_cpu() {
    let shell = shell();
    let resolved = |runs: &str, precision: &str| {
        let precision = format!("training.precision={precision}");
        let done = shell.gluepot(&["run", "x.toml", "--runs", runs, "-q", "--device", "cpu", "--set", &precision]);
        assert_eq!(done.code, 0, "{done:?}");
        let run = std::fs::read_dir(shell.path(runs)).unwrap().next().unwrap().unwrap().path();
        let facts: Value = serde_json::from_str(&std::fs::read_to_string(run.join("run.json")).unwrap()).unwrap();
        (std::fs::read_to_string(run.join("resolved.toml")).unwrap(), facts["trial"].as_str().unwrap().to_string())
    };
    let fastest = if has_bf16_instructions() { "bf16" } else { "fp32" };
    let (auto, of_auto) = resolved("auto", "auto");
    assert!(auto.contains(&format!("precision = \"{fastest}\"")), "{auto}");
    assert_eq!(resolved("named", fastest).1, of_auto);
}
