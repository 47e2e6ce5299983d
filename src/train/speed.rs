//! Measures training speed on this machine.

use std::time::Instant;

use anyhow::{Result, anyhow};
use burn::tensor::{Distribution, FloatDType, Tensor};

use super::device::Device;
use super::error::TrainError;
use super::learner::StepTimes;
use super::order::Order;
use super::pending::PendingSteps;
use super::replays::Replays;
use super::trainer::Trainer;
use crate::checkpoint::HostTensor;
use crate::kernels::product_counts;
use crate::models::{matmul_precision, product, read};
use crate::plan::Trial;
use crate::settings::Precision;
use crate::tokens::Encoded;

/// The measured speed of some steps of a trial.
#[derive(Clone, Debug)]
pub struct Speed {
    /// Seconds per step, in order; for steps that were read together, their mean.
    pub seconds: Vec<f64>,
    /// Time spent in all measured steps, by phase.
    pub times: StepTimes,
    /// Number of examples.
    pub examples: u64,
    /// Number of tokens, without padding.
    pub tokens: u64,
    /// Number of tokens if batches are padded to their longest example.
    pub padded_tokens: u64,
    /// Floating-point operations that the model needs for these examples.
    pub operations: f64,
    /// Matrix products of all steps on a CPU, in f32 and by bf16 instructions.
    pub products: [u64; 2],
    /// How many of all steps, including the warm-up, were replays of recorded ones, on a GPU.
    pub replays: Replays,
}

/// Takes `warm_up` untimed steps and `steps` timed steps, over the batches of the trial's seed.
pub fn measure(
    trial: &Trial,
    initial: &[HostTensor],
    examples: &[Encoded],
    device: &Device,
    (warm_up, steps): (usize, usize),
) -> Result<Speed, TrainError> {
    let mut trainer = Trainer::new(trial, initial, device);
    let lengths: Vec<usize> = examples.iter().map(|example| example.tokens.len()).collect();
    if device.is_gpu() {
        trainer.warm_up(examples, &lengths)?;
    }
    let mut speed = Speed {
        seconds: Vec::new(),
        times: StepTimes::default(),
        examples: 0,
        tokens: 0,
        padded_tokens: 0,
        operations: 0.0,
        products: [0, 0],
        replays: Replays::default(),
    };
    let products_before = product_counts();
    let mut before = StepTimes::default();
    let (warm_up, steps) = (warm_up as u64, steps as u64);
    // As in training, wait for an asynchronous device only now and then.
    let together = if device.is_asynchronous() { trial.settings.logging.every.get() } else { 1 };
    let mut pending = PendingSteps::new();
    let mut begun = Instant::now();
    for group in Order::new(trial, &lengths, 0..warm_up + steps) {
        pending.push(trainer.step(examples, &group.batches)?);
        let counts = group.step > warm_up;
        if pending.len() as u64 == together || group.step == warm_up || group.step == warm_up + steps {
            let read = pending.read()?.len();
            let each = begun.elapsed().as_secs_f64() / read as f64;
            speed.seconds.extend(std::iter::repeat_n(each, if counts { read } else { 0 }));
            begun = Instant::now();
        }
        if group.step == warm_up {
            before = trainer.times();
        }
        for batch in group.batches.iter().filter(|_| counts) {
            let of = |index: &usize| lengths[*index];
            speed.examples += batch.len() as u64;
            speed.tokens += batch.iter().map(of).sum::<usize>() as u64;
            speed.padded_tokens += (batch.iter().map(of).max().unwrap_or(0) * batch.len()) as u64;
            speed.operations += batch.iter().map(|index| trial.architecture.operations(lengths[*index])).sum::<f64>();
        }
    }
    speed.products = std::array::from_fn(|which| product_counts()[which] - products_before[which]);
    speed.replays = trainer.replays();
    let after = trainer.times();
    speed.times = StepTimes {
        data: after.data.saturating_sub(before.data),
        forward: after.forward.saturating_sub(before.forward),
        backward: after.backward.saturating_sub(before.backward),
        update: after.update.saturating_sub(before.update),
    };
    Ok(speed)
}

/// The highest floating-point throughput measured on this device, in operations per second, for the matrix products of training.
pub fn matmul_peak(device: &Device, precision: Precision) -> Result<f64> {
    // Large enough to hide the launch overhead; several in a row if the device is asynchronous.
    let (side, row) = if device.is_asynchronous() { (4096, 20) } else { (1024, 1) };
    let random = || {
        let x = Tensor::<2>::random([side, side], Distribution::Uniform(-1.0, 1.0), device.plain());
        // A CPU rounds factors while it packs them.
        if precision == Precision::Bf16 && device.is_gpu() { x.cast(FloatDType::BF16) } else { x }
    };
    let (a, b) = (random(), random());
    let multiply = || product(a.clone(), b.clone(), matmul_precision(precision));
    let mut best = f64::INFINITY;
    for _ in 0..10 {
        let begun = Instant::now();
        let products: Vec<Tensor<2>> = (0..row).map(|_| multiply()).collect();
        let last = products.into_iter().last().ok_or_else(|| anyhow!("no product"))?;
        read(last.slice([0..1, 0..1]), "a product")?;
        best = best.min(begun.elapsed().as_secs_f64() / f64::from(row));
    }
    Ok(2.0 * f64::from(side).powi(3) / best)
}
