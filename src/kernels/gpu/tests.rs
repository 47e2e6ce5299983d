//! Operations that the model's tests do not reach, compared to the CPU: the optimizer, the loss, long sums and batches of
//! matrices; and replays.

use std::sync::Arc;

use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind};
use burn::tensor::{Device, DeviceKind, Tensor, TensorData};
use burn_cubecl::tensor::CubeTensor;

use super::matrix_batch::{batched, matrices};
use super::recording::{PreparedDevice, RecordingInputs, on_gpu};
use crate::architecture::Gelu;
use crate::kernels::{
    AdamWStep, AddGradients, AddTokenGradients, BatchIndices, BatchNumbers, BiasGelu, CrossEntropy, GlobalNorm, MatmulPrecision,
    Operation, RaggedBatch, ResidentBatch, ResidentTokens, RotaryAttention, RotaryTable, SparseAdamWStep, Targets, TouchedRows,
    UniqueTokens, Update, UpdateRule, ZeroGradients,
};
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

fn rule(turn: u64) -> UpdateRule {
    let step_size = 1e-3 / (1.0 - 0.9_f32.powf(turn as f32));
    UpdateRule { keep: 0.999, beta1: 0.9, beta2: 0.99, step_size, root_correction: 0.3, epsilon: 1e-8 }
}

fn tokens(ids: &[u32]) -> Arc<ResidentTokens> {
    Arc::new(UniqueTokens::of(ids, None).into())
}

/// Takes three steps, the last two with gradients of different words; returns the parameters and both moments.
///
/// There are more parameters than fit in one launch, and one of them is shared and must not change.
fn steps(device: &Device) -> Vec<f32> {
    let (size, d, count) = (300, 20, 11);
    let clip = || Tensor::<1>::from_data(TensorData::new(vec![0.7_f32], [1]), device).into_dispatch();
    let draws = |seed: u64| (0..count).map(|part| draw(seed + part, [size - 7 * part as usize, d], device)).collect::<Vec<_>>();
    let dispatched = |tensors: Vec<Tensor<2>>| tensors.into_iter().map(Tensor::into_dispatch).collect::<Vec<_>>();
    let absolute = |tensors: Vec<Tensor<2>>| tensors.into_iter().map(Tensor::abs).collect::<Vec<_>>();
    let x = draws(100);
    let (held, before) = (x[3].clone(), numbers(x[3].clone()));
    let rules: Vec<UpdateRule> = (0..count).map(|part| UpdateRule { keep: 1.0 - 0.01 * part as f32, ..rule(1) }).collect();
    let step = AdamWStep { rules: Arc::new(rules.into()), which: (0..count as usize).collect() };
    let moments = [absolute(draws(200)), absolute(draws(300))].map(dispatched).concat();
    let all = step.apply([dispatched(x), dispatched(draws(400)), moments, vec![clip()]].concat());
    assert_eq!(numbers(held), before);
    let parts: Vec<Tensor<2>> = all.into_iter().map(Tensor::from_dispatch).collect();
    let touched = TouchedRows::default();
    let [mut x, mut m, mut v] = [0, 1, 2].map(|which| parts[which * count as usize].clone());
    for turn in 2..4 {
        let ids: Vec<u32> = (0..size as u32).filter(|id| u64::from(*id) % (3 + turn) == 1).collect();
        let gradient = draw(5, [ids.len(), d], device);
        let rules = Arc::new(vec![rule(1), rule(turn)].into());
        let step = SparseAdamWStep { tokens: tokens(&ids), touched: Arc::clone(&touched), rules, which: 1 };
        let all = step.apply([x, gradient, m, v].map(Tensor::into_dispatch).into_iter().chain([clip()]).collect());
        let all: [DispatchTensor; 3] = all.try_into().unwrap();
        [x, m, v] = all.map(Tensor::from_dispatch);
    }
    parts.into_iter().chain([x, m, v]).flat_map(numbers).collect()
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
        // One large enough for its units to loop more than once.
        let x = x.chain([draw(5, [9000, 130], device).into_dispatch()]).collect();
        Tensor::<1>::from_dispatch(GlobalNorm.apply(x).remove(0)).into_data().try_to_vec::<f32>().unwrap()
    };
    agree(&norm(&gpu()), &norm(&Device::flex()), 1e-5);
}

/// More sums than fit in one launch, one of them shared; and a table's sum, whose gradient may have padding rows at the end.
#[test]
fn sums_over_batches_are_burns_own_on_the_cpu() {
    let sum = |device: &Device, filling: usize| {
        let several = |seed: u64| (0..33).map(|part| draw(seed + part, [1 + 7 * part as usize, 40], device)).collect::<Vec<_>>();
        let dispatched = |all: Vec<Tensor<2>>| all.into_iter().map(Tensor::into_dispatch).collect::<Vec<_>>();
        let sums = several(10);
        let (held, before) = (sums[5].clone(), numbers(sums[5].clone()));
        let sums = AddGradients.apply([dispatched(sums), dispatched(several(50))].concat());
        let sums = AddGradients.apply([sums, dispatched(several(90))].concat());
        assert_eq!(numbers(held), before);
        let mut table = draw(130, [300, 130], device).into_dispatch();
        for (seed, ids) in [(7, &[3, 7, 8, 200, 299][..]), (8, &[0, 7, 200])] {
            let gradient = draw(seed, [8, 130], device).slice([0..ids.len() + filling, 0..130]);
            table = AddTokenGradients { tokens: tokens(ids) }.apply(vec![table, gradient.into_dispatch()]).remove(0);
        }
        let cleared = ZeroGradients.apply(dispatched(several(170)));
        let all = sums.into_iter().chain([table]).chain(cleared);
        all.flat_map(|sum| numbers(Tensor::from_dispatch(sum))).collect::<Vec<f32>>()
    };
    assert_eq!(sum(&gpu(), 3), sum(&Device::flex(), 0));
}

/// More rows than the units of a column load in one iteration.
#[test]
fn sums_of_columns_are_those_on_the_cpu() {
    let sums = |device: &Device| {
        let x = draw(11, [700, 50], device).autodiff();
        let bias: Tensor<1> = draw(13, [1, 50], device).reshape([50]).autodiff().require_grad();
        let y = BiasGelu { gelu: Gelu::Exact, precision: MatmulPrecision::F32 }
            .apply([x.into_dispatch(), bias.clone().into_dispatch()]);
        let y = Tensor::<2>::from_dispatch(y) * Tensor::from_inner(draw(12, [700, 50], device));
        bias.grad(&y.sum().backward()).unwrap().into_data().try_to_vec::<f32>().unwrap()
    };
    agree(&sums(&gpu()), &sums(&Device::flex()), 1e-5);
}

/// Matrices that already form a batch stay in place; others are copied with their values.
#[test]
fn only_what_is_no_batch_is_copied_to_one() {
    let device = gpu();
    let drawn = [13, 14, 15].map(|seed| draw(seed, [7, 9], &device));
    let numbers_of = |batch: &CubeTensor| {
        matrices::<3>(batch).map(|matrix| {
            numbers(Tensor::from_dispatch(DispatchTensor {
                kind: DispatchTensorKind::Cube(BackendTensor::Float(matrix)),
                autodiff: drawn[0].clone().into_dispatch().autodiff,
            }))
        })
    };
    let place = |tensor: &CubeTensor| tensor.handle.clone().binding().claim_key();
    let batch = batched(drawn.each_ref().map(|x| on_gpu(x.clone().into_dispatch()).unwrap()));
    assert_eq!(numbers_of(&batch), drawn.each_ref().map(|x| numbers(x.clone())));
    let again = batched(matrices::<3>(&batch));
    assert_eq!(place(&again), place(&batch));
    let [a, b, c] = matrices::<3>(&batch);
    let reversed = batched([c, b, a]);
    assert_ne!(place(&reversed), place(&batch));
    let [a, b, c] = drawn.each_ref().map(|x| numbers(x.clone()));
    assert_eq!(numbers_of(&reversed), [c, b, a]);
}

#[test]
fn the_loss_and_its_gradient_are_those_on_the_cpu() {
    let learn = |device: &Device| {
        let logits = (draw(9, [300, 5], device) * 20.0).autodiff().require_grad();
        let classes = Targets::Classes((0..300).map(|example| example * 7 % 5).collect());
        let batch = RaggedBatch::new((0..300).map(|_| (&[1][..], &[0][..]))).with_targets(classes).resident();
        let loss = CrossEntropy { batch, share: 0.3 }.apply([logits.clone().into_dispatch()]);
        let loss = Tensor::<1>::from_dispatch(loss);
        let gradient = logits.grad(&(loss.clone() * 2.0).backward()).unwrap();
        [loss.into_data().try_to_vec().unwrap(), numbers(gradient)].concat()
    };
    let (ours, theirs) = (learn(&gpu()), learn(&Device::flex()));
    agree(&ours, &theirs, 1e-6);
    assert!(theirs[1..].iter().any(|gradient| gradient.abs() > 1e-4));
}

fn inputs(batch: &ResidentBatch) -> RecordingInputs<'_> {
    RecordingInputs { batch: Some(batch), rules: None }
}

/// Checks that a loss composed in Burn, recorded over one batch and replayed over another, reads the second batch's targets.
fn loss_of_the_replayed_batch(targets: [Targets; 2], loss: impl Fn(&Arc<ResidentBatch>) -> Tensor<1>) {
    let [first, second] =
        targets.map(|targets| RaggedBatch::new((0..3).map(|_| (&[1, 2][..], &[0, 0][..]))).with_targets(targets).resident());
    let number = |loss: Tensor<1>| loss.into_data().try_to_vec::<f32>().unwrap()[0];
    let [before, expected] = [&first, &second].map(|batch| number(loss(batch)));
    assert_ne!(before, expected);
    let beside = draw(1, [1, 1], &gpu()).into_dispatch();
    let prepared = PreparedDevice::on(beside).unwrap();
    loss(&first);
    let recording = prepared.record(inputs(&first), || Ok(Some(loss(&first)))).unwrap();
    for (batch, expected) in [(&second, expected), (&first, before), (&second, expected)] {
        assert_eq!(number(recording.replay(inputs(batch)).unwrap().unwrap()), expected);
    }
}

#[test]
fn recordings_read_the_targets_of_the_batch_that_is_replayed() {
    let outputs = draw(21, [3, 2], &gpu());
    let values = [vec![0.5, -1.0, 2.0], vec![3.0, 0.0, -0.25]].map(Targets::Values);
    loss_of_the_replayed_batch(values, |batch| {
        let targets = batch.numbers_on(&outputs, BatchNumbers::Targets).reshape([3, 1]);
        (outputs.clone().slice([0..3, 0..1]) - targets).square().mean()
    });
    let labels = [vec![0.0, 1.0, 1.0, 0.0, 0.0, 1.0], vec![1.0, 1.0, 0.0, 0.0, 1.0, 0.0]];
    loss_of_the_replayed_batch(labels.map(|values| Targets::Labels { values, labels: 2 }), |batch| {
        let targets = batch.numbers_on(&outputs, BatchNumbers::Targets).reshape([3, 2]);
        (outputs.clone() * targets).sum()
    });
    loss_of_the_replayed_batch([vec![0, 1, 1], vec![1, 1, 0]].map(Targets::Classes), |batch| {
        let classes = batch.indices_on(&outputs, BatchIndices::Classes).unsqueeze_dim(1);
        outputs.clone().gather(1, classes).sum()
    });
}

/// What is never read cannot spoil a sum: the keys and values of the first token are not numbers, and only the queries in the chunk of
/// rows that the first token's window reaches notice, in both passes.
#[test]
fn chunks_outside_the_window_are_not_computed() {
    const LENGTH: usize = 300;
    let (heads, d) = (2, 12);
    let ids = vec![0; LENGTH];
    let batch = RaggedBatch::new(std::iter::once((&*ids, &*ids))).resident();
    let table = Arc::new(RotaryTable::new(LENGTH, d / heads, 100.0).into());
    let mut qkv = Stream::new(1, Purpose::Weights, 0, 0).normal(LENGTH * 3 * d, 1.0);
    qkv[d..3 * d].fill(f32::NAN);
    let device = gpu().autodiff();
    let first_number = |window| {
        let qkv = Tensor::<2>::from_data(TensorData::new(qkv.clone(), [LENGTH, 3 * d]), &device).require_grad();
        let (batch, table) = (Arc::clone(&batch), Arc::clone(&table));
        let operation = RotaryAttention { batch, heads, table, window, dropout: None };
        let out = Tensor::<2>::from_dispatch(operation.apply([qkv.clone().into_dispatch()]));
        let gradients = out.clone().sum().backward();
        let first = |x: Tensor<2>| {
            let width = x.dims()[1];
            numbers(x).chunks(width).take(LENGTH).position(|row| row.iter().all(|x| !x.is_nan()))
        };
        [first(out.inner()), first(qkv.grad(&gradients).unwrap())]
    };
    let [out, of_qkv] = first_number(Some(8));
    // The windows of the queries from 80 on begin in the second chunk of 64 keys; those of the keys from 144 on, in the third chunk of
    // queries, and the last spoilt query is in the second.
    assert_eq!((out, of_qkv), (Some(80), Some(144)));
    assert_eq!(first_number(None), [None, None]);
}
