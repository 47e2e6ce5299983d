//! How fast training is on this machine.

use std::time::Instant;

use anyhow::{Result, anyhow};
use burn::tensor::{Distribution, FloatDType, Tensor};

use super::account::Taken;
use super::device::Device;
use super::learner::Spent;
use super::order::batches;
use super::replays::Replays;
use super::trainer::Trainer;
use crate::checkpoint::HostTensor;
use crate::models::{product, products, read};
use crate::plan::Trial;
use crate::settings::Precision;
use crate::tokens::Encoded;

/// What some steps of a trial took.
#[derive(Clone, Debug)]
pub struct Speed {
    /// Seconds of each step, in their order; of steps that were read together, their mean.
    pub seconds: Vec<f64>,
    /// Where the time of all of them went.
    pub spent: Spent,
    /// Examples learnt from.
    pub examples: u64,
    /// Their tokens.
    pub tokens: u64,
    /// Tokens with the padding of batches to their longest example.
    pub padded_tokens: u64,
    /// Floating-point operations that the model needs for them.
    pub operations: f64,
    /// How many of all steps, those before included, were replays of recorded ones, on a GPU.
    pub replays: Replays,
}

/// Takes `warm_up` steps that do not count and `steps` that do, over the batches of the trial's seed.
///
/// # Errors
/// Training fails.
pub fn measure(
    trial: &Trial,
    initial: &[HostTensor],
    examples: &[Encoded],
    device: &Device,
    (warm_up, steps): (usize, usize),
) -> Result<Speed> {
    let mut trainer = Trainer::new(trial, initial, device);
    let lengths: Vec<usize> = examples.iter().map(|example| example.tokens.len()).collect();
    let accumulated = trial.settings.training.gradient_accumulation.get();
    let all = (0..).flat_map(|epoch| {
        let batches = batches(&trial.settings.data, trial.settings.seed, epoch, &lengths);
        batches.chunks(accumulated).map(<[_]>::to_vec).collect::<Vec<Vec<Vec<usize>>>>()
    });
    if device.is_gpu() {
        trainer.warm_up(examples, &lengths)?;
    }
    let mut speed = Speed {
        seconds: Vec::new(),
        spent: Spent::default(),
        examples: 0,
        tokens: 0,
        padded_tokens: 0,
        operations: 0.0,
        replays: Replays::default(),
    };
    let mut before = Spent::default();
    // As in training, nothing is waited for on the way where the device works behind the program's back.
    let together = if device.works_behind() { trial.settings.logging.every.get() as usize } else { 1 };
    let mut unread = Vec::new();
    let mut begun = Instant::now();
    for (number, group) in (1..).zip(all.take(warm_up + steps)) {
        unread.push((trainer.step(examples, &group)?, 0.0));
        let counts = number > warm_up;
        if unread.len() == together || number == warm_up || number == warm_up + steps {
            let read = unread.len();
            Taken::read(std::mem::take(&mut unread))?;
            let each = begun.elapsed().as_secs_f64() / read as f64;
            speed.seconds.extend(std::iter::repeat_n(each, if counts { read } else { 0 }));
            begun = Instant::now();
        }
        if number == warm_up {
            before = trainer.spent();
        }
        for batch in group.iter().filter(|_| counts) {
            let of = |index: &usize| lengths[*index];
            speed.examples += batch.len() as u64;
            speed.tokens += batch.iter().map(of).sum::<usize>() as u64;
            speed.padded_tokens += (batch.iter().map(of).max().unwrap_or(0) * batch.len()) as u64;
            speed.operations += batch.iter().map(|index| trial.architecture.operations(lengths[*index])).sum::<f64>();
        }
    }
    speed.replays = trainer.replays();
    let after = trainer.spent();
    speed.spent = Spent {
        data: after.data.saturating_sub(before.data),
        forward: after.forward.saturating_sub(before.forward),
        backward: after.backward.saturating_sub(before.backward),
        update: after.update.saturating_sub(before.update),
    };
    Ok(speed)
}

/// The most floating-point operations in a second that this device was seen to do, in the matrix products of training.
///
/// # Errors
/// The device fails.
pub fn matmul_peak(device: &Device, precision: Precision) -> Result<f64> {
    // Large enough that launching does not count, and several in a row where the device works behind the program's back.
    let (side, row) = if device.works_behind() { (4096, 20) } else { (1024, 1) };
    let random = || {
        let x = Tensor::<2>::random([side, side], Distribution::Uniform(-1.0, 1.0), device.plain());
        if precision == Precision::Bf16 { x.cast(FloatDType::BF16) } else { x }
    };
    let (a, b) = (random(), random());
    let multiply = || product(a.clone(), b.clone(), products(precision));
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
