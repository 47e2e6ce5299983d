//! Training in bf16 on a CPU that has the instructions.

use gluepot::kernels::{bf16_instructions, instruction_set};
use gluepot::plan::Trial;
use gluepot::settings::{DeviceChoice, Precision};
use gluepot::train::{Device, Start, train};
use serde_json::Value;

use crate::families::{bench, families, reference, singles, with_steps};
use crate::shell::Shell;
use crate::support::{Bench, Heard, golden};

/// Returns the losses of a training.
fn losses(trial: &Trial, bench: &Bench, precision: Precision) -> Vec<f64> {
    let device = Device::choose(DeviceChoice::Cpu, precision).unwrap();
    let (examples, validation) = bench.encode(trial);
    let mut heard = Heard::default();
    let end = train(trial, Start::Fresh(&bench.parameters()), &examples, &validation, &device, &mut [&mut heard]);
    assert!(end.unwrap().is_continue());
    heard.steps.iter().map(|step| step.loss).collect()
}

/// Returns the mean and its squared standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count * (count - 1.0)))
}

/// A step's loss in bf16 may be as far from f32 as PyTorch's is under autocast (tests/reference/make_bf16.py), which also rounds the
/// results of products. Where two trajectories part, a rounding decides how far, so each training is repeated on rotated examples.
#[test]
#[ignore = "needs AVX512-BF16 or AMX-BF16"]
fn every_family_trains_as_closely_to_f32_as_pytorchs_autocast() {
    let autocast = golden("bf16.json");
    let starts: Vec<usize> = serde_json::from_value(autocast["starts"].clone()).unwrap();
    let mut all = Vec::new();
    for (family, folder) in families() {
        let golden = reference(&family);
        for name in ["pairs", "single", "dropout"] {
            let options = &golden["options"][name];
            let apart: Vec<f64> = starts
                .iter()
                .map(|start| {
                    let mut bench = bench(&folder);
                    if options["single"] == true {
                        singles(&mut bench.train);
                        singles(&mut bench.validation);
                    }
                    bench.train.rotate_left(*start);
                    let settings = crate::golden::settings(&with_steps(options));
                    let exact = losses(&bench.trial(&settings), &bench, Precision::Fp32);
                    let rounded = losses(&bench.trial(&(settings + "precision = \"bf16\"\n")), &bench, Precision::Bf16);
                    assert_eq!(exact.len(), 60);
                    mean(&exact.iter().zip(&rounded).map(|(exact, rounded)| (exact - rounded).abs()).collect::<Vec<_>>()).0
                })
                .collect();
            let theirs: Vec<f64> = serde_json::from_value(autocast["families"][&family][name].clone()).unwrap();
            assert_eq!(theirs.len(), starts.len());
            println!("{family}, {name}: {apart:.5?}, PyTorch {theirs:.5?}");
            let [(ours, our_error), (theirs, their_error)] = [mean(&apart), mean(&theirs)];
            let deviations = (ours - theirs) / (our_error + their_error).sqrt();
            println!("{family}, {name}: {ours:.5}, PyTorch {theirs:.5}, ratio {:.2}, {deviations:.1} SE", ours / theirs);
            assert!(ours > 0.0, "{family}, {name}: this is f32");
            assert!(
                deviations <= 2.0,
                "{family}, {name}: {ours:.5} from f32, PyTorch {theirs:.5}: {deviations:.1} standard errors"
            );
            all.push((ours, theirs));
        }
    }
    let [ours, theirs] = [all.iter().map(|(ours, _)| ours).sum::<f64>(), all.iter().map(|(_, theirs)| theirs).sum::<f64>()];
    let closer = all.iter().filter(|(ours, theirs)| ours <= theirs).count();
    println!("all: {:.2} of PyTorch's distance; {closer} of {} are closer", ours / theirs, all.len());
    assert!(ours <= theirs && closer * 10 >= all.len() * 9, "{ours} and {theirs}, {closer} of {}", all.len());
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
#[ignore = "needs AVX512-BF16 or AMX-BF16"]
fn threads_change_no_byte_of_a_training() {
    assert!(bf16_instructions().is_some(), "{}", instruction_set());
    let shell = shell();
    assert_eq!(training(&shell, "1"), training(&shell, "2"));
}

fn shell() -> Shell {
    crate::resume::with(
        "task = \"mrpc\"\ncheckpoint = \"./tiny\"\nlearning_rate = 2e-3\nepochs = 1\nmetric = \"f1\"\n[data]\nsource = \"./data\"\nbatch_size = 8\n",
    )
}

#[test]
#[ignore = "needs AVX512-BF16 or AMX-BF16"]
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
    let fastest = if bf16_instructions().is_some() { "bf16" } else { "fp32" };
    let (auto, of_auto) = resolved("auto", "auto");
    assert!(auto.contains(&format!("precision = \"{fastest}\"")), "{auto}");
    assert_eq!(resolved("named", fastest).1, of_auto);
}
