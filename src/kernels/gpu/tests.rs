//! What the model's test does not reach: the optimizer's operations, the loss, long sums and stacks, against those on the CPU.

use std::sync::Arc;

use burn::backend::{BackendTensor, Dispatch, DispatchTensor, DispatchTensorKind};
use burn::tensor::{Device, DeviceKind, Tensor, TensorData};
use burn_cubecl::tensor::CubeTensor;

use super::recording::on_gpu;
use super::stack::{layers, stacked};
use crate::kernels::{Fused, Judging, Moved, Products, Rows, Rule, Ruled, Rules, Several, Sums, Touched, Update, Words};
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
    Rule { keep: 0.999, beta1: 0.9, beta2: 0.99, step_size, root_correction: 0.3, epsilon: 1e-8 }
}

fn words(ids: &[u32]) -> Arc<Words> {
    Arc::clone(&Rows::new([(ids, &vec![0; ids.len()][..])].into_iter()).words)
}

/// Three steps, the last two with gradients of other words: the parameters and both moments.
///
/// There are more parameters than share a launch, and one of them is held by somebody else, who must not see it change.
fn steps(device: &Device) -> Vec<f32> {
    let (size, d, count) = (300, 20, 11);
    let clip = || Tensor::<1>::from_data(TensorData::new(vec![0.7_f32], [1]), device).into_dispatch();
    let draws = |seed: u64| (0..count).map(|part| draw(seed + part, [size - 7 * part as usize, d], device)).collect::<Vec<_>>();
    let several = |tensors: Vec<Tensor<2>>| Several(tensors.into_iter().map(Tensor::into_dispatch).collect());
    let absolute = |tensors: Vec<Tensor<2>>| tensors.into_iter().map(Tensor::abs).collect::<Vec<_>>();
    let x = draws(100);
    let (held, before) = (x[3].clone(), numbers(x[3].clone()));
    let rules = Arc::new(Rules::new((0..count).map(|part| Rule { keep: 1.0 - 0.01 * part as f32, ..rule(1) }).collect()));
    let by = Ruled { rules, which: (0..count as usize).collect() };
    let moments = [draws(200), draws(300)].map(|moments| several(absolute(moments)));
    let [first, second] = moments;
    let (x, first, second) = Dispatch::adamw(several(x), several(draws(400)), first, second, clip(), by);
    assert_eq!(numbers(held), before);
    let parts = [x, first, second].map(|all| all.0.into_iter().map(Tensor::<2>::from_dispatch).collect::<Vec<_>>());
    let moved = Moved::default();
    let [mut x, mut m, mut v] = [0, 1, 2].map(|which| parts[which][0].clone());
    for turn in 2..4 {
        let ids: Vec<u32> = (0..size as u32).filter(|id| u64::from(*id) % (3 + turn) == 1).collect();
        let gradient = draw(5, [ids.len(), d], device).into_dispatch();
        let [of_x, of_m, of_v] = [x, m, v].map(Tensor::into_dispatch);
        let rules = Arc::new(Rules::new(vec![rule(1), rule(turn)]));
        let how = Touched { words: words(&ids), moved: Arc::clone(&moved), rules, which: 1 };
        let (a, b, c) = Dispatch::adamw_words(of_x, gradient, of_m, of_v, clip(), how);
        [x, m, v] = [a, b, c].map(Tensor::from_dispatch);
    }
    parts.into_iter().flatten().chain([x, m, v]).flat_map(numbers).collect()
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
fn norms_are_those_on_the_cpu() {
    let norm = |device: &Device| {
        let x = (0..40).map(|part| draw(6 + part, [1 + 19 * part as usize, 130], device).into_dispatch());
        // One that its units go through more than once.
        let x = x.chain([draw(5, [9000, 130], device).into_dispatch()]).collect();
        Tensor::<1>::from_dispatch(Dispatch::norm(Several(x))).into_data().try_to_vec::<f32>().unwrap()
    };
    agree(&norm(&gpu()), &norm(&Device::flex()), 1e-5);
}

/// More sums than share a launch, one of which somebody else holds; and a table's, from rows behind which there may be
/// some of no word.
#[test]
fn sums_over_batches_are_burns_own_on_the_cpu() {
    let sum = |device: &Device, filling: usize| {
        let several = |seed: u64| (0..33).map(|part| draw(seed + part, [1 + 7 * part as usize, 40], device)).collect::<Vec<_>>();
        let dispatched = |all: Vec<Tensor<2>>| Several(all.into_iter().map(Tensor::into_dispatch).collect());
        let sums = several(10);
        let (held, before) = (sums[5].clone(), numbers(sums[5].clone()));
        let sums = Dispatch::accumulate(dispatched(sums), dispatched(several(50)));
        let sums = Dispatch::accumulate(sums, dispatched(several(90)));
        assert_eq!(numbers(held), before);
        let mut table = draw(130, [300, 130], device).into_dispatch();
        for (seed, ids) in [(7, &[3, 7, 8, 200, 299][..]), (8, &[0, 7, 200])] {
            let gradient = draw(seed, [8, 130], device).slice([0..ids.len() + filling, 0..130]);
            table = Dispatch::accumulate_words(table, gradient.into_dispatch(), words(ids));
        }
        let cleared = Dispatch::clear(dispatched(several(170)));
        let all = sums.0.into_iter().chain([table]).chain(cleared.0);
        all.flat_map(|sum| numbers(Tensor::from_dispatch(sum))).collect::<Vec<f32>>()
    };
    assert_eq!(sum(&gpu(), 3), sum(&Device::flex(), 0));
}

/// More rows than the units of a column ask for at once.
#[test]
fn sums_of_columns_are_those_on_the_cpu() {
    let sums = |device: &Device| {
        let x = draw(11, [700, 50], device).autodiff();
        let bias: Tensor<1> = draw(13, [1, 50], device).reshape([50]).autodiff().require_grad();
        let y = Dispatch::bias_gelu(x.into_dispatch(), bias.clone().into_dispatch(), Products::Exact);
        let y = Tensor::<2>::from_dispatch(y) * Tensor::from_inner(draw(12, [700, 50], device));
        bias.grad(&y.sum().backward()).unwrap().into_data().try_to_vec::<f32>().unwrap()
    };
    agree(&sums(&gpu()), &sums(&Device::flex()), 1e-5);
}

/// Matrices that stand behind each other are a stack already; others are copied to one, with their numbers.
#[test]
fn a_stack_is_made_only_of_what_is_none() {
    let device = gpu();
    let drawn = [13, 14, 15].map(|seed| draw(seed, [7, 9], &device));
    let numbers_of = |stack: &CubeTensor| {
        layers::<3>(stack).map(|matrix| {
            numbers(Tensor::from_dispatch(DispatchTensor {
                kind: DispatchTensorKind::Cube(BackendTensor::Float(matrix)),
                autodiff: drawn[0].clone().into_dispatch().autodiff,
            }))
        })
    };
    let place = |tensor: &CubeTensor| tensor.handle.clone().binding().claim_key();
    let stack = stacked(drawn.each_ref().map(|x| on_gpu(x.clone().into_dispatch()).unwrap()));
    assert_eq!(numbers_of(&stack), drawn.each_ref().map(|x| numbers(x.clone())));
    let again = stacked(layers::<3>(&stack));
    assert_eq!(place(&again), place(&stack));
    let [a, b, c] = layers::<3>(&stack);
    let turned = stacked([c, b, a]);
    assert_ne!(place(&turned), place(&stack));
    let [a, b, c] = drawn.each_ref().map(|x| numbers(x.clone()));
    assert_eq!(numbers_of(&turned), [c, b, a]);
}

#[test]
fn the_loss_and_its_gradient_are_those_on_the_cpu() {
    let judge = |device: &Device| {
        let logits = (draw(9, [300, 5], device) * 20.0).autodiff().require_grad();
        let rows = Rows::new((0..300).map(|_| (&[1][..], &[0][..]))).labelled((0..300).map(|example| example * 7 % 5).collect());
        let how = Judging { rows: Arc::new(rows), share: 0.3 };
        let loss = Dispatch::cross_entropy(logits.clone().into_dispatch(), how);
        let loss = Tensor::<1>::from_dispatch(loss);
        let gradient = logits.grad(&(loss.clone() * 2.0).backward()).unwrap();
        [loss.into_data().try_to_vec().unwrap(), numbers(gradient)].concat()
    };
    let (ours, theirs) = (judge(&gpu()), judge(&Device::flex()));
    agree(&ours, &theirs, 1e-6);
    assert!(theirs[1..].iter().any(|gradient| gradient.abs() > 1e-4));
}
