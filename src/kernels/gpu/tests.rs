//! What the model's test does not reach: the optimizer's operations, against those on the CPU.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::{Device, DeviceKind, Tensor, TensorData};

use crate::kernels::{Moved, Rows, Rule, Update, Words};
use crate::random::{Purpose, Stream};

fn gpu() -> Device {
    Device::wgpu(DeviceKind::DefaultDevice)
}

fn draw(seed: u64, shape: [usize; 2], device: &Device) -> Tensor<2> {
    let values = Stream::new(seed, Purpose::Weights, 0, 0).normal(shape[0] * shape[1], 1.0);
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn numbers(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn rule(turn: u64) -> Rule {
    let step_size = 1e-3 / (1.0 - 0.9_f32.powf(turn as f32));
    Rule { clip: 0.7, keep: 0.999, beta1: 0.9, beta2: 0.99, step_size, root_correction: 0.3, epsilon: 1e-8 }
}

fn words(ids: &[u32]) -> Arc<Words> {
    Arc::clone(&Rows::new([(ids, &vec![0; ids.len()][..])].into_iter()).words)
}

/// Three steps, the last two with gradients of other words: the parameter and both moments.
fn steps(device: &Device) -> Vec<f32> {
    let (size, d) = (300, 20);
    let [mut x, mut m, mut v] = [draw(1, [size, d], device), draw(2, [size, d], device).abs(), draw(3, [size, d], device).abs()];
    let moved = Moved::default();
    for turn in 1..4 {
        let parts = [x, m, v].map(Tensor::into_dispatch);
        let [of_x, of_m, of_v] = parts;
        let (a, b, c) = if turn == 1 {
            Dispatch::adamw(of_x, draw(4, [size, d], device).into_dispatch(), of_m, of_v, rule(turn))
        } else {
            let ids: Vec<u32> = (0..size as u32).filter(|id| u64::from(*id) % (3 + turn) == 1).collect();
            let gradient = draw(5, [ids.len(), d], device).into_dispatch();
            Dispatch::adamw_words(of_x, gradient, of_m, of_v, words(&ids), Arc::clone(&moved), rule(turn))
        };
        [x, m, v] = [a, b, c].map(Tensor::from_dispatch);
    }
    [x, m, v].map(numbers).concat()
}

fn agree(ours: &[f32], theirs: &[f32], bound: f32) {
    assert_eq!(ours.len(), theirs.len());
    for (at, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= bound * b.abs().max(1.0), "number {at}: {a} and {b}");
    }
}

#[test]
fn steps_of_the_optimizer_are_those_on_the_cpu() {
    agree(&steps(&gpu()), &steps(&Device::flex()), 1e-6);
}

#[test]
fn sums_are_those_on_the_cpu() {
    let sum = |device: &Device| {
        let x = draw(6, [777, 130], device);
        let squares = Tensor::<1>::from_dispatch(Dispatch::square_sum(x.into_dispatch()));
        let (first, second) = (words(&[3, 7, 8, 200]), words(&[1, 7, 200]));
        let both = first.and(&second);
        let (a, b) = (draw(7, [4, 20], device), draw(8, [3, 20], device));
        let added = Dispatch::add_words(a.into_dispatch(), first, b.into_dispatch(), second, both);
        [squares.into_data().try_to_vec::<f32>().unwrap(), numbers(Tensor::from_dispatch(added))].concat()
    };
    agree(&sum(&gpu()), &sum(&Device::flex()), 1e-5);
}
