//! Steps that a GPU takes by replaying recorded ones, against the same steps launched kernel by kernel.

use gluepot::train::{Device, Replays, Taken, Trainer};

use crate::support::{Bench, device};

const SETTINGS: &str = "learning_rate = 1e-3\nepochs = 9\n[data]\nshuffle = false\nbatch_size = 8\n[model]\ndropout = 0.1\n";

/// Loss and gradient norm of steps of which every third is of other examples, and the logits behind them; and how many
/// steps were replays.
fn learn(device: &Device, accumulated: usize) -> (Vec<f32>, Vec<Vec<f32>>, Replays) {
    let bench = Bench::tiny();
    let trial = bench.trial(SETTINGS);
    let (examples, validation) = bench.encode(&trial);
    let initial = bench.parameters();
    let mut trainer = Trainer::new(&trial, &initial, device);
    let batches: Vec<Vec<usize>> = (0..examples.len()).collect::<Vec<_>>().chunks_exact(8).map(<[usize]>::to_vec).collect();
    let mut taken: Vec<Taken> = Vec::new();
    let mut predictions = Vec::new();
    for step in 0..60 {
        let batch = batches[if step % 3 == 0 { step / 3 } else { step } % batches.len()].clone();
        taken.push(trainer.step(&examples, &vec![batch; accumulated]).unwrap());
        // In between others use the GPU's memory.
        if step % 20 == 19 {
            predictions.extend(trainer.predict(&validation).unwrap().into_iter().map(|prediction| prediction.logits));
        }
    }
    let replays = trainer.replays();
    println!("{replays:?}");
    let numbers = taken.into_iter().flat_map(|step| step.numbers.into_data().try_to_vec::<f32>().unwrap()).collect();
    (numbers, predictions, replays)
}

#[test]
fn a_replayed_step_gives_the_same_bits() {
    if !device().is_gpu() {
        return;
    }
    let (numbers, logits, replays) = learn(&device(), 1);
    let (launched, launched_logits, none) = learn(&device().without_recordings(), 1);
    assert_eq!(none, Replays::default());
    assert_eq!(replays.refused, None);
    assert!(replays.recorded > 1 && replays.replayed > 30, "{replays:?}");
    assert_eq!(numbers, launched);
    assert_eq!(logits, launched_logits);
    assert!(numbers.iter().all(|number| number.is_finite()));
}

/// CUDA would record what this spoils recordings with.
#[cfg(feature = "webgpu")]
#[test]
fn where_a_gpu_refuses_training_goes_on_as_if_nothing_had_been_recorded() {
    if !device().is_gpu() {
        return;
    }
    let (numbers, logits, replays) = learn(&device().with_spoilt_recordings(), 1);
    let why = replays.refused.as_deref().unwrap_or_default();
    assert!(replays.replayed == 0 && why.starts_with("write: ") && !why.contains('\n'), "{replays:?}");
    let (launched, launched_logits, _) = learn(&device().without_recordings(), 1);
    assert_eq!(numbers, launched);
    assert_eq!(logits, launched_logits);
}

#[test]
fn a_step_of_several_batches_is_not_replayed() {
    let (numbers, _, replays) = learn(&device(), 2);
    assert_eq!(replays, Replays::default());
    assert_eq!(numbers, learn(&device().without_recordings(), 2).0);
}
