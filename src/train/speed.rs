//! How fast training is on this machine.

use std::time::Instant;

use anyhow::Result;
use burn::tensor::{Distribution, Tensor};

use super::device::Device;
use super::order::batches;
use super::trainer::{Spent, Trainer};
use crate::checkpoint::HostTensor;
use crate::plan::Trial;
use crate::tokens::Encoded;

/// What some steps of a trial took.
#[derive(Clone, Debug)]
pub struct Speed {
    /// Seconds of each step, in their order.
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
    let mut speed =
        Speed { seconds: Vec::new(), spent: Spent::default(), examples: 0, tokens: 0, padded_tokens: 0, operations: 0.0 };
    let mut before = Spent::default();
    for (number, group) in all.take(warm_up + steps).enumerate() {
        if number == warm_up {
            before = trainer.spent();
        }
        let begun = Instant::now();
        trainer.step(examples, &group, 0.0)?;
        if number < warm_up {
            continue;
        }
        speed.seconds.push(begun.elapsed().as_secs_f64());
        for batch in &group {
            let of = |index: &usize| lengths[*index];
            speed.examples += batch.len() as u64;
            speed.tokens += batch.iter().map(of).sum::<usize>() as u64;
            speed.padded_tokens += (batch.iter().map(of).max().unwrap_or(0) * batch.len()) as u64;
            speed.operations += batch.iter().map(|index| operations(trial, lengths[*index])).sum::<f64>();
        }
    }
    let after = trainer.spent();
    speed.spent = Spent {
        data: after.data.saturating_sub(before.data),
        forward: after.forward.saturating_sub(before.forward),
        backward: after.backward.saturating_sub(before.backward),
        update: after.update.saturating_sub(before.update),
    };
    Ok(speed)
}

/// Operations of a training step on one example of `length` tokens: two for each multiplication of the matrix products,
/// forward once and backward twice, without padding and in every layer for every token (Kaplan et al. 2020, appendix B).
fn operations(trial: &Trial, length: usize) -> f64 {
    let config = &trial.config;
    let (d, wide, tokens) = (config.hidden_size as f64, config.intermediate_size as f64, length as f64);
    let projections = 2.0 * tokens * (4.0 * d * d + 2.0 * d * wide);
    let attention = 4.0 * tokens * tokens * d;
    3.0 * config.num_hidden_layers as f64 * (projections + attention)
}

/// The most floating-point operations in a second that this device was seen to do, in products of f32 matrices.
///
/// # Errors
/// The device fails.
pub fn matmul_peak(device: &Device) -> Result<f64> {
    const SIDE: usize = 1024;
    let random = || Tensor::<2>::random([SIDE, SIDE], Distribution::Uniform(-1.0, 1.0), device.plain());
    let (a, b) = (random(), random());
    let mut best = f64::INFINITY;
    for _ in 0..10 {
        let begun = Instant::now();
        let data = a.clone().matmul(b.clone()).slice([0..1, 0..1]).try_into_data();
        data.map_err(|error| anyhow::anyhow!("the device failed: {error:?}"))?;
        best = best.min(begun.elapsed().as_secs_f64());
    }
    Ok(2.0 * (SIDE as f64).powi(3) / best)
}
