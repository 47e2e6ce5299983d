//! Compares encoders on fused kernels to encoders on Burn's own operations, parameter by parameter.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};

use super::*;
use crate::architecture::{Draw, DropoutProbabilities, Parameter, Role};
use crate::checkpoint::{Classifier, initialize};
use crate::kernels::RaggedBatch;
use crate::kernels::applied::applied_in;
use crate::models::{Constants, Model, Op, PaddedBatch, ReferenceOps, Value};
use crate::random::{Purpose, Stream};
use crate::task::Head;

/// The batch's number in the training run.
const NUMBER: u64 = 3;

/// A shape with a head of two outputs; the padding token is 7.
fn architecture(model_type: &str, width: usize, heads: usize, layers: usize) -> Architecture {
    let mut file = serde_json::json!({
        "model_type": model_type, "vocab_size": VOCABULARY, "hidden_size": width, "num_hidden_layers": layers.max(1),
        "num_attention_heads": heads, "intermediate_size": 2 * width + 4, "max_position_embeddings": 160,
        "type_vocab_size": 2, "layer_norm_eps": 1e-12, "initializer_range": 0.3, "pad_token_id": PADDING,
        // ELECTRA's and ALBERT's
        "embedding_size": width / 2 + 1,
        // DistilBERT's names
        "dim": width, "n_layers": layers.max(1), "n_heads": heads, "hidden_dim": 2 * width + 4,
        // ModernBERT's
        "local_attention": 8, "local_rope_theta": 50.0, "global_rope_theta": 1000.0,
        "classifier_pooling": if layers == 1 { "cls" } else { "mean" }
    });
    if let Some((model_type, kinds)) = model_type.split_once(' ') {
        // DeBERTa's; both kinds of scores share the projections of the layer, as in v3.
        let is_v3 = kinds.contains('|');
        file["model_type"] = model_type.into();
        file["relative_attention"] = true.into();
        file["pos_att_type"] = kinds.into();
        file["share_att_key"] = is_v3.into();
        file["norm_rel_ebd"] = if is_v3 { "layer_norm" } else { "none" }.into();
        file["position_buckets"] = if kinds == "c2p" { -1 } else { 6 }.into();
        file["max_relative_positions"] = if kinds == "c2p" { 20 } else { -1 }.into();
        file["position_biased_input"] = (!is_v3).into();
        file["type_vocab_size"] = if is_v3 { 0 } else { 2 }.into();
    }
    Architecture::parse(&file.to_string()).unwrap()
}

const VOCABULARY: usize = 50;
const PADDING: u32 = 7;

/// Examples of several lengths, ragged and padded, and parameters that require gradients.
struct Case {
    architecture: Architecture,
    table: Vec<Parameter>,
    ragged: RaggedBatch,
    padded: PaddedBatch,
    seed: u64,
}

impl Case {
    fn new(lengths: &[usize], architecture: Architecture, seed: u64) -> Self {
        let stream = Stream::new(seed, Purpose::Order, 0, 0);
        let (mut examples, mut tokens, mut segments) = (Vec::new(), Vec::new(), Vec::new());
        let longest = lengths.iter().copied().max().unwrap();
        for (example, length) in lengths.iter().enumerate() {
            let ids: Vec<u32> =
                (0..*length).map(|at| stream.below((example * 1000 + at) as u64, VOCABULARY as u64) as u32).collect();
            let parts: Vec<u32> = (0..*length).map(|at| u32::from(at > length / 2 && architecture.segments() > 0)).collect();
            let padded = |ids: &[u32], fill: i32| {
                ids.iter().map(|id| id.cast_signed()).chain(std::iter::repeat_n(fill, longest - length)).collect::<Vec<_>>()
            };
            tokens.extend(padded(&ids, PADDING.cast_signed()));
            segments.extend(padded(&parts, 0));
            examples.push((ids, parts));
        }
        // The padding token occurs in the examples; it gets no gradient and is not counted in positions.
        assert!(tokens.contains(&PADDING.cast_signed()));
        let (ignored, positions) = (architecture.pad_token(), architecture.positions());
        let ragged = RaggedBatch::new(examples.iter().map(|(ids, parts)| (&**ids, &**parts)));
        let padded = PaddedBatch::new(tokens.clone(), segments, lengths, longest, &Device::flex());
        let ragged = ragged.ignoring(ignored).positioned(positions).numbered(NUMBER);
        let padded = padded.ignoring(ignored).positioned(positions, &tokens);
        let head = Head::Classes(vec!["no".into(), "yes".into()]);
        let table = architecture.parameters(&head);
        Self { architecture, table, ragged, padded, seed }
    }

    fn ragged(&self, by_reference: ReferenceOps) -> Input {
        let batch = self.ragged.clone();
        let batch = if by_reference.needs_padded_layout(self.architecture.kind()) { batch.with_padded_layout() } else { batch };
        Input::Ragged { batch: batch.resident(), by_reference }
    }

    /// Returns parameter values with noise, so that biases and norms differ from 0 and 1 and mix-ups show.
    fn values(&self, device: &Device) -> Vec<Value> {
        let parameters = initialize(&self.table, None, &Classifier::default(), self.seed).unwrap().parameters;
        let device = device.clone().autodiff();
        let noise = Stream::new(self.seed, Purpose::Weights, 999, 0);
        let values = parameters.into_iter().zip(&self.table).enumerate().map(|(index, (mut tensor, entry))| {
            let noise = noise.normal(tensor.values.len() + index, 0.1);
            tensor.values.iter_mut().zip(&noise[index..]).for_each(|(value, noise)| *value += noise);
            Value::from_host(&tensor, entry.role, &device)
        });
        values.collect()
    }

    /// Returns the logits, and the gradient of each parameter for a loss that weights every logit differently.
    fn learn(&self, input: &Input, device: &Device, dropout: f64) -> (Vec<f32>, Vec<Vec<f32>>) {
        let values = self.values(device);
        let dropout = DropoutProbabilities::uniform(dropout);
        let named: NamedParameters<'_> = self.table.iter().map(|entry| &*entry.name).zip(&values).collect();
        let constants = Constants::new(&self.architecture, self.architecture.longest(), device);
        let model = Model::new(&self.architecture, &constants, &named, Precision::Fp32).unwrap();
        let logits = model.forward(input, DropoutSites::training(dropout, 7, NUMBER));
        let [examples, labels] = logits.dims();
        let weights: Vec<f32> = (0..examples * labels).map(|index| (index as f32 * 0.7).sin()).collect();
        let weights = Tensor::<2>::from_data(TensorData::new(weights, [examples, labels]), &logits.device().without_autodiff());
        let out = logits.clone().into_data().try_to_vec::<f32>().unwrap();
        let mut gradients = (logits * weights).sum().backward();
        let of = |(value, entry): (&Value, &Parameter)| match value {
            Value::Vector(x) => x.grad_remove(&mut gradients).map(Tensor::into_data),
            Value::Matrix(x) if entry.role == Role::WordEmbedding && !input.has_sparse_embeddings() => {
                x.grad_remove(&mut gradients).map(|x| input.without_padding_token(x).into_data())
            }
            Value::Matrix(x) if entry.role == Role::PositionEmbedding => {
                x.grad_remove(&mut gradients).map(|x| input.without_padding_position(x).into_data())
            }
            Value::Matrix(x) => x.grad_remove(&mut gradients).map(Tensor::into_data),
        };
        let all = values.iter().zip(&self.table).map(of).map(|data| data.unwrap().try_to_vec::<f32>().unwrap());
        let mut all: Vec<Vec<f32>> = all.collect();
        if input.has_sparse_embeddings() {
            all[0] = whole(&all[0], &self.ragged.unique.ids, self.table[0].shape[1]);
        }
        (out, all)
    }
}

/// Expands the gradient of a batch's distinct tokens to the whole vocabulary.
fn whole(some: &[f32], ids: &[u32], d: usize) -> Vec<f32> {
    let mut all = vec![0.0; VOCABULARY * d];
    for (id, row) in ids.iter().zip(some.chunks_exact(d)) {
        all[*id as usize * d..][..d].copy_from_slice(row);
    }
    all
}

/// Compares every operation and its gradient to Burn's own on padded batches on the CPU, for widths that are not a multiple
/// of the vector width and for various lengths.
fn equal_burns_own(device: &Device, by_reference: ReferenceOps) {
    for (number, (family, width, heads, layers, lengths)) in [
        ("bert", 12, 2, 2, vec![1, 5, 17, 3, 40]),
        ("bert", 80, 5, 1, vec![64, 65, 2]),
        ("bert", 24, 3, 3, vec![130, 1, 16, 33, 8]),
        ("roberta", 12, 2, 2, vec![1, 5, 17, 3, 40]),
        ("distilbert", 80, 5, 1, vec![64, 65, 2]),
        ("electra", 24, 3, 2, vec![130, 1, 16, 33, 8]),
        ("modernbert", 12, 2, 4, vec![1, 5, 17, 3, 40]),
        ("modernbert", 80, 5, 1, vec![64, 65, 2]),
        ("modernbert", 24, 3, 3, vec![150, 1, 16, 130, 8]),
        // Beyond the last bucket of relative positions.
        ("mpnet", 24, 3, 2, vec![130, 1, 16, 33, 8]),
        // Two layers that share their parameters.
        ("albert", 12, 2, 2, vec![1, 5, 17, 3, 40]),
        ("deberta-v2 p2c|c2p", 12, 2, 2, vec![1, 5, 17, 3, 40]),
        ("deberta-v2 p2c|c2p", 80, 5, 1, vec![64, 65, 2]),
        ("deberta-v2 c2p", 24, 3, 2, vec![130, 1, 16, 33, 8]),
        ("deberta-v2 p2c", 24, 3, 2, vec![130, 1, 16, 33, 8]),
        ("deberta-v2 p2c|c2p", 12, 2, 1, vec![1; 200]),
    ]
    .into_iter()
    .enumerate()
    {
        let case = Case::new(&lengths, architecture(family, width, heads, layers), number as u64);
        for dropout in [0.0, 0.3] {
            let (ours, our_gradients) = case.learn(&case.ragged(by_reference), device, dropout);
            let (theirs, their_gradients) = case.learn(&Input::Padded(case.padded.clone()), &Device::flex(), dropout);
            let largest = |values: &[f32]| values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            for (a, b) in ours.iter().zip(&theirs) {
                assert!((a - b).abs() <= 2e-5 * largest(&theirs), "{family}, case {number}, dropout {dropout}: {a} and {b}");
            }
            let overall = their_gradients.iter().map(|gradient| largest(gradient)).fold(0.0_f32, f32::max);
            for ((a, b), entry) in our_gradients.iter().zip(&their_gradients).zip(&case.table) {
                assert_eq!(a.len(), b.len(), "{}", entry.name);
                // A key's bias does not change any probability, so its gradient is 0 up to rounding of the others.
                let bound = 1e-4 * largest(b) + 1e-6 * overall;
                let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
                assert!(worst <= bound, "case {number}, dropout {dropout}, {}: {worst:e} above {bound:e}", entry.name);
                if let (Role::WordEmbedding | Role::PositionEmbedding, Draw::Normal { zero_row: Some(row), .. }) =
                    (entry.role, entry.draw)
                {
                    let d = entry.shape[1];
                    assert!(a[row * d..(row + 1) * d].iter().all(|value| *value == 0.0), "{}", entry.name);
                }
            }
        }
    }
}

/// Returns each operation alone by reference, then all of them together.
fn sets_by_reference() -> impl Iterator<Item = ReferenceOps> {
    Op::ALL.into_iter().map(|op| [op].into_iter().collect()).chain([Op::ALL.into_iter().collect()])
}

#[test]
fn fused_operations_equal_burns_own_with_and_without_dropout() {
    equal_burns_own(&Device::flex(), ReferenceOps::default());
}

#[test]
fn operations_by_reference_on_ragged_batches_equal_those_on_padded_ones() {
    sets_by_reference().for_each(|by_reference| equal_burns_own(&Device::flex(), by_reference));
}

/// The operations of a forward pass without dropout, beside matrix products.
fn kernels_of(family: &str, layers: usize, by_reference: ReferenceOps) -> BTreeMap<&'static str, usize> {
    let case = Case::new(&[150, 3], architecture(family, 12, 2, layers), 1);
    let device = Device::flex();
    let mut all = applied_in(|| drop(case.learn(&case.ragged(by_reference), &device, 0.0)));
    all.remove("Matmul");
    all
}

#[test]
fn every_family_runs_on_fused_kernels() {
    let counted =
        |family: &str, layers: usize| kernels_of(family, layers, ReferenceOps::default()).into_iter().collect::<Vec<_>>();
    let post_norm = |attention: &[(&'static str, usize)]| {
        let others = [("BiasGelu", 3), ("DropoutAddNorm", 6), ("Embedding", 1), ("NormDropout", 1), ("SelectFirst", 1)];
        let mut all: Vec<(&str, usize)> = others.into_iter().chain(attention.iter().copied()).collect();
        all.sort_unstable();
        all
    };
    for family in ["bert", "roberta", "distilbert", "electra", "albert"] {
        // The last layer computes only the first token's attention.
        assert_eq!(counted(family, 3), post_norm(&[("Attention", 1), ("SelfAttention", 2)]), "{family}");
    }
    assert_eq!(counted("mpnet", 3), post_norm(&[("BiasedAttention", 3)]));
    assert_eq!(counted("deberta-v2 p2c|c2p", 3), post_norm(&[("DisentangledAttention", 3)]));
    let pre_norm = [("Embedding", 1), ("Geglu", 3), ("MeanTokens", 1), ("NormDropout", 7), ("RotaryAttention", 3)];
    assert_eq!(counted("modernbert", 3), pre_norm);
    let none = kernels_of("modernbert", 3, Op::ALL.into_iter().collect());
    assert!(none.is_empty(), "{none:?}");
}

#[cfg(feature = "webgpu")]
#[test]
fn fused_operations_on_a_gpu_equal_burns_own() {
    let device = Device::wgpu(burn::tensor::DeviceKind::DefaultDevice);
    equal_burns_own(&device, ReferenceOps::default());
}

#[cfg(feature = "webgpu")]
#[test]
fn operations_by_reference_on_a_gpu_equal_burns_own() {
    let device = Device::wgpu(burn::tensor::DeviceKind::DefaultDevice);
    sets_by_reference().for_each(|by_reference| equal_burns_own(&device, by_reference));
}

#[test]
fn a_parameter_that_is_missing_or_of_another_rank_is_named() {
    let case = Case::new(&[150], architecture("bert", 12, 2, 1), 0);
    let values = case.values(&Device::flex());
    let build = |name: &str, value: Option<&Value>| {
        let all = case.table.iter().map(|entry| &*entry.name).zip(&values).filter(|(other, _)| *other != name);
        let named: NamedParameters<'_> = all.chain(value.map(|value| (name, value))).collect();
        Model::new(&case.architecture, &Constants::new(&case.architecture, 150, &Device::flex()), &named, Precision::Fp32)
            .unwrap_err()
    };
    let name = "bert.encoder.layer.0.output.dense.bias";
    assert_eq!(build(name, None), ParameterError::Missing(name.into()));
    assert_eq!(build(name, Some(&values[0])), ParameterError::Rank { name: name.into(), found: 2, needed: 1 });
}
