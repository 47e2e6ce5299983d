//! Training steps that a GPU replays from recordings, against the same steps launched kernel by kernel.

use std::ops::ControlFlow;

use gluepot::checkpoint::HostTensor;
use gluepot::models::Op;
use gluepot::settings::{DeviceChoice, Precision};
use gluepot::train::{
    Boundary, Device, EvaluationEvent, Event, Observer, PendingStep, Replays, Start, StepEvent, Stop, Trainer, TrainingState,
    train,
};

#[cfg(feature = "fault-injection")]
use gluepot::train::Faults;

use crate::support::{Bench, device, project};

const SETTINGS: &str = "learning_rate = 1e-3\nepochs = 9\n[data]\nshuffle = false\nbatch_size = 8\n[model]\ndropout = 0.1\n";

/// Returns the loss and gradient norm of each step, every third of which uses other examples; the logits after every twentieth
/// step; and the number of replays.
fn learn(device: &Device, precision: &str, accumulated: usize) -> (Vec<f32>, Vec<Vec<f32>>, Replays) {
    learn_on(&Bench::tiny(), 60, device, precision, accumulated)
}

/// The same with another model and another number of steps.
fn learn_on(
    bench: &Bench,
    steps: usize,
    device: &Device,
    precision: &str,
    accumulated: usize,
) -> (Vec<f32>, Vec<Vec<f32>>, Replays) {
    let trial = bench.trial(&format!("{SETTINGS}[training]\nprecision = \"{precision}\"\n"));
    let (examples, validation) = bench.encode(&trial);
    let initial = bench.parameters();
    let mut trainer = Trainer::new(&trial, &initial, device);
    let batches: Vec<Vec<usize>> = (0..examples.len()).collect::<Vec<_>>().chunks_exact(8).map(<[usize]>::to_vec).collect();
    let mut taken: Vec<PendingStep> = Vec::new();
    let mut predictions = Vec::new();
    for step in 0..steps {
        let first = if step % 3 == 0 { step / 3 } else { step };
        let several: Vec<Vec<usize>> = (first..first + accumulated).map(|batch| batches[batch % batches.len()].clone()).collect();
        taken.push(trainer.step(&examples, &several).unwrap());
        // In between, prediction uses the GPU's memory.
        if step % 20 == 19 {
            predictions.extend(trainer.predict(&validation).unwrap().into_iter().map(|output| output.0));
        }
    }
    let replays = trainer.replays();
    println!("{replays:?}");
    let numbers = taken.into_iter().flat_map(|step| step.loss_and_norm.into_data().try_to_vec::<f32>().unwrap()).collect();
    (numbers, predictions, replays)
}

/// Compares steps that are replayed where possible with steps that are launched.
fn assert_same_bits(device: &Device, precision: &str, accumulated: usize) -> Replays {
    assert!(device.is_gpu(), "GLUEPOT_TEST_DEVICE names no GPU");
    let (numbers, logits, replays) = learn(device, precision, accumulated);
    let (launched, launched_logits, none) = learn(&self::device().without_recordings(), precision, accumulated);
    assert_eq!(none, Replays::default());
    assert_eq!(numbers, launched);
    assert_eq!(logits, launched_logits);
    assert!(numbers.iter().all(|number| number.is_finite()));
    replays
}

fn assert_replayed(replays: &Replays) {
    assert!(replays.recorded > 1 && replays.replayed > 30 && replays.why_not.is_none(), "{replays:?}");
}

#[test]
#[ignore = "needs a GPU"]
fn a_replayed_step_gives_the_same_bits() {
    assert_replayed(&assert_same_bits(&device(), "fp32", 1));
}

#[test]
#[ignore = "needs a GPU"]
fn a_replayed_step_of_several_batches_gives_the_same_bits() {
    assert_replayed(&assert_same_bits(&device(), "fp32", 3));
}

/// The families whose operations a BERT does not have.
#[test]
#[ignore = "needs a GPU"]
fn a_replayed_step_of_other_families_gives_the_same_bits() {
    for family in ["albert", "mpnet", "modernbert-mean", "deberta-v3"] {
        let bench = Bench::new("mrpc", &project(&format!("tests/golden/encoders/{family}")), &project("experiments/quickstart"));
        let learn = |device: &Device| learn_on(&bench, 40, device, "fp32", 1);
        let (numbers, logits, replays) = learn(&device());
        println!("{family}: {replays:?}");
        assert!(replays.recorded > 0 && replays.replayed > 8 && replays.refusals == 0, "{family}: {replays:?}");
        let (launched, launched_logits, _) = learn(&device().without_recordings());
        assert_eq!((numbers == launched, logits == launched_logits), (true, true), "{family}");
        let (on_cpu, logits_on_cpu, _) = learn(&Device::choose(DeviceChoice::Cpu, Precision::Fp32).unwrap());
        for (a, b) in numbers.iter().zip(&on_cpu).chain(logits.iter().flatten().zip(logits_on_cpu.iter().flatten())) {
            assert!((a - b).abs() <= 1e-3 * b.abs().max(1.0), "{family}: {a} and {b}");
        }
    }
}

/// Operations without a fused kernel can be recorded as well, and train the same.
#[test]
#[ignore = "needs a GPU"]
fn a_replayed_step_with_operations_by_reference_gives_the_same_bits() {
    let by_reference = || device().with_reference_ops(Op::ALL.into_iter().collect());
    let (fused, fused_logits, _) = learn(&device(), "fp32", 1);
    for accumulated in [1, 3] {
        let (numbers, logits, replays) = learn(&by_reference(), "fp32", accumulated);
        let (launched, launched_logits, none) = learn(&by_reference().without_recordings(), "fp32", accumulated);
        assert_eq!((none, numbers == launched, logits == launched_logits), (Replays::default(), true, true));
        // The padded length is part of a shape, so there are more shapes than recordings if the free memory is unknown.
        let budget = "the driver does not say how much memory is free";
        let least = if replays.why_not.as_deref() == Some(budget) { 15 } else { 30 };
        assert!(replays.recorded > 1 && replays.replayed > least && replays.refusals == 0, "{replays:?}");
        assert!(replays.why_not.as_deref().is_none_or(|why| why == budget), "{replays:?}");
        if accumulated == 1 {
            for (a, b) in numbers.iter().zip(&fused).chain(logits.iter().flatten().zip(fused_logits.iter().flatten())) {
                assert!((a - b).abs() <= 2e-3 * b.abs().max(1.0), "{a} and {b}");
            }
        }
    }
}

#[test]
#[ignore = "needs a GPU with bf16"]
fn a_replayed_step_in_bf16_gives_the_same_bits() {
    assert_replayed(&assert_same_bits(&device(), "bf16", 1));
    assert_replayed(&assert_same_bits(&device(), "bf16", 3));
}

/// This fault makes every recording fail; CUDA would accept it.
#[cfg(feature = "fault-injection")]
#[test]
#[ignore = "needs a GPU"]
fn where_a_gpu_refuses_training_goes_on_as_if_nothing_had_been_recorded() {
    for accumulated in [1, 2] {
        let faults = Faults { refuse_recordings: true, ..Faults::default() };
        let replays = assert_same_bits(&device().with_faults(faults), "fp32", accumulated);
        let why = replays.why_not.as_deref().unwrap_or_default();
        let is_said = why.starts_with("write: ") && !why.contains('\n');
        assert!(replays.replayed == 0 && replays.refusals == 3 && is_said, "{replays:?}");
    }
}

/// Weights that are rounded once for all batches of a step are also rounded once in replays. Here the rounding is a copy, so
/// that the numbers stay the same.
#[cfg(feature = "fault-injection")]
#[test]
#[ignore = "needs a GPU"]
fn what_is_rounded_for_several_batches_is_so_in_replays() {
    let device = device().with_faults(Faults { copy_weights: true, ..Faults::default() });
    assert_replayed(&assert_same_bits(&device, "fp32", 1));
    assert_replayed(&assert_same_bits(&device, "fp32", 3));
}

/// All steps, the state after one of them, and the parameters after the last.
#[derive(Default)]
struct Kept {
    steps: Vec<StepEvent>,
    state: Option<TrainingState>,
    parameters: Vec<HostTensor>,
    replays: Replays,
}

/// The step after which the state is kept.
const HALFWAY: u64 = 25;

impl Observer for Kept {
    fn wants_parameters(&mut self, _: &EvaluationEvent<'_>) -> bool {
        true
    }

    fn wants_state(&mut self, boundary: &Boundary<'_>) -> bool {
        boundary.step == HALFWAY
    }

    fn observe(&mut self, event: &Event<'_>) -> anyhow::Result<ControlFlow<Stop>> {
        match event {
            Event::Step(step) => self.steps.push(step.clone()),
            Event::Finished(replays) => self.replays = replays.clone(),
            Event::Boundary(Boundary { state: Some(state), .. }) => self.state = Some((*state).clone()),
            Event::Evaluation(evaluation) => self.parameters = evaluation.parameters.unwrap().to_vec(),
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

#[test]
#[ignore = "needs a GPU"]
fn a_resumed_training_gives_the_bits_of_one_that_nobody_disturbed() {
    let bench = Bench::tiny();
    let settings = SETTINGS.replace("shuffle = false\n", "shuffle = true\n") + "[training]\nmax_steps = 60\n";
    let trial = bench.trial(&settings);
    let (examples, validation) = bench.encode(&trial);
    let go = |start: Start<'_>| {
        let mut kept = Kept::default();
        assert!(train(&trial, start, &examples, &validation, &device(), &mut [&mut kept]).unwrap().is_continue());
        println!("{}", kept.replays);
        kept
    };
    let mut whole = go(Start::Fresh(&bench.parameters()));
    let rest = go(Start::Resumed { state: whole.state.take().unwrap(), best: None });
    assert!(whole.replays.replayed > 0 && rest.replays.replayed > 0);
    assert_eq!((whole.replays.refusals, rest.replays.refusals), (0, 0));
    assert_eq!(whole.steps.len(), 60);
    assert_eq!(rest.steps, whole.steps[usize::try_from(HALFWAY).unwrap()..]);
    assert_eq!(rest.parameters, whole.parameters);
}
