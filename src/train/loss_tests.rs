use std::path::PathBuf;

use burn::tensor::{Device, TensorData};
use serde_json::Value as Json;

use super::*;
use crate::architecture::{Architecture, EncoderKind, Parameter, Role};
use crate::checkpoint::{Classifier, HostTensor, Weights, initialize};
use crate::kernels::RaggedBatch;
use crate::models::{Constants, DropoutSites, Model, NamedParameters, Op, PaddedBatch, ReferenceOps, Value};
use crate::plan::TrainingLoss;
use crate::settings::Precision;
use crate::task::{Head, Target};
use crate::train::targets::checked;

fn numbers(json: &Json) -> Vec<f32> {
    json.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn near(name: &str, ours: &[f32], theirs: &[f32], bound: f32) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() <= bound, "{name}: {a} and {b}, bound {bound:e}");
    }
}

/// The plain loss for these targets.
fn plain(targets: &Targets) -> Criterion {
    match targets {
        Targets::Labels { .. } => Criterion::BinaryCrossEntropy,
        Targets::Values(_) => Criterion::MeanSquaredError,
        Targets::Classes(_) | Targets::None => Criterion::CrossEntropy,
    }
}

/// A batch of one-token examples with targets, ragged and padded.
fn inputs(targets: &Targets, examples: usize) -> [Input; 2] {
    let ragged = RaggedBatch::new((0..examples).map(|_| (&[1][..], &[0][..]))).with_targets(targets.clone()).resident();
    let padded = PaddedBatch::new(vec![1; examples], vec![0; examples], &vec![1; examples], 1, &Device::flex());
    let padded = Input::Padded(padded.with_targets(targets.clone()));
    [Input::Ragged { batch: ragged, by_reference: ReferenceOps::default() }, padded]
}

fn devices() -> Vec<Device> {
    vec![
        Device::flex(),
        #[cfg(feature = "webgpu")]
        Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
    ]
}

/// Expected values: `torch.nn.functional` in float64, times 0.25.
#[test]
fn losses_and_their_gradients_are_torchs() {
    let values = (vec![2.5, -1.0, 0.25], Targets::Values(vec![3.75, -0.5, 0.0]), 0.156_25);
    let labels = Targets::Labels { values: vec![1.0, 0.0, 0.0, 0.0, 1.0, 1.0], labels: 3 };
    let labels = (vec![1.0, -2.0, 0.5, 40.0, -3.0, -88.0], labels, 5.519_285_7);
    let classes = (vec![1.0, -2.0, 0.5, 90.0, -3.0, 88.0], Targets::Classes(vec![2, 0]), 0.141_440_62);
    let gradients = [
        vec![-0.208_333_33, -0.083_333_336, 0.041_666_668],
        vec![-0.011_205_893, 0.004_966_788_4, 0.025_935_805, 0.041_666_668, -0.039_690_588, -0.041_666_668],
        vec![0.075_468_61, 0.003_757_361, -0.079_225_97, -0.014_900_365, 0.0, 0.014_900_365],
    ];
    for ((outputs, targets, expected), gradient) in [values, labels, classes].into_iter().zip(gradients) {
        let examples = if targets.width() == Some(1) { 3 } else { 2 };
        for (device, input) in devices().into_iter().flat_map(|device| inputs(&targets, examples).map(|x| (device.clone(), x))) {
            let data = TensorData::new(outputs.clone(), [examples, outputs.len() / examples]);
            let outputs = Tensor::<2>::from_data(data, &device.autodiff()).require_grad();
            let loss = plain(&targets).loss(outputs.clone(), &input, 0.25).unwrap();
            near("loss", &loss.clone().into_data().try_to_vec().unwrap(), &[expected], 1e-6);
            let ours = outputs.grad(&loss.backward()).unwrap().into_data().try_to_vec::<f32>().unwrap();
            near("gradient", &ours, &gradient, 1e-7);
        }
    }
}

#[test]
fn a_batch_without_targets_has_no_loss() {
    let outputs = Tensor::<2>::zeros([1, 2], &Device::flex());
    let [ragged, _] = inputs(&Targets::None, 1);
    let refused = Criterion::CrossEntropy.loss(outputs.clone(), &ragged, 1.0).unwrap_err().to_string();
    assert_eq!(refused, "examples without targets to learn from");
    let [ragged, _] = inputs(&Targets::Values(vec![1.0]), 1);
    let refused = Criterion::CrossEntropy.loss(outputs, &ragged, 1.0).unwrap_err().to_string();
    assert_eq!(refused, "the targets of the examples are of another kind than the loss");
}

/// Class weights and label smoothing, alone and together, with 2 to 77 classes (tests/reference/make_losses.py).
#[test]
fn weighted_and_smoothed_losses_and_their_gradients_are_torchs() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/losses.json");
    let golden: Json = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let cases = golden["losses"].as_array().unwrap();
    assert_eq!(cases.len(), 30);
    for case in cases {
        let classes = usize::try_from(case["classes"].as_u64().unwrap()).unwrap();
        let targets = Targets::Classes(ids(&case["targets"]));
        let examples = case["targets"].as_array().unwrap().len();
        let class_weights = case["class_weights"].as_array().map(|weights| weights.iter().map(|w| w.as_f64().unwrap()).collect());
        let trial_loss = TrainingLoss::CrossEntropy { label_smoothing: case["label_smoothing"].as_f64().unwrap(), class_weights };
        for (device, input) in devices().into_iter().flat_map(|device| inputs(&targets, examples).map(|x| (device.clone(), x))) {
            let data = TensorData::new(numbers(&case["logits"]), [examples, classes]);
            let outputs = Tensor::<2>::from_data(data, &device.clone().autodiff()).require_grad();
            let loss = Criterion::new(&trial_loss, classes, &device).loss(outputs.clone(), &input, 0.25).unwrap();
            let ours = loss.clone().into_data().try_to_vec::<f32>().unwrap()[0] / 0.25;
            let gradient = outputs.grad(&loss.backward()).unwrap().into_data().try_to_vec::<f32>().unwrap();
            let gradient: Vec<f32> = gradient.into_iter().map(|part| part / 0.25).collect();
            let name = format!("{classes} classes, {trial_loss:?}");
            for precision in ["f64", "f32"] {
                let theirs = case[precision]["loss"].as_f64().unwrap() as f32;
                near(&format!("{name}: loss"), &[ours], &[theirs], 2e-6 * theirs.max(1.0));
                near(&format!("{name}: gradient"), &gradient, &numbers(&case[precision]["gradient"]), 1e-6);
            }
        }
    }
}

/// Without smoothing and weights, the loss is the fused operation.
#[test]
fn a_plain_loss_stays_the_fused_one() {
    let plain = TrainingLoss::CrossEntropy { label_smoothing: 0.0, class_weights: None };
    assert!(matches!(Criterion::new(&plain, 3, &Device::flex()), Criterion::CrossEntropy));
}

/// The tiny BERT with one of the heads in heads.json.
struct Golden {
    architecture: Architecture,
    table: Vec<Parameter>,
    parameters: Vec<HostTensor>,
    examples: Vec<(Vec<u32>, Vec<u32>)>,
    targets: Targets,
    head: Json,
}

fn ids(json: &Json) -> Vec<u32> {
    json.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

impl Golden {
    fn read(head: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let golden: Json = serde_json::from_str(&text("heads.json")).unwrap();
        let architecture = Architecture::parse(&text("tiny/config.json")).unwrap();
        let rows = |name: &str| golden[name].as_array().unwrap().iter().map(ids).collect::<Vec<_>>();
        let name = head;
        let head = golden["heads"][head].clone();
        let outputs = head["classifier"]["bias"].as_array().unwrap().len();
        let labels = (0..outputs).map(|label| label.to_string()).collect();
        let table = architecture.parameters(&if name == "value" { Head::Value } else { Head::Labels(labels) });
        let weights = Weights::read(&folder.join("tiny/model.safetensors"), &architecture).unwrap();
        let mut parameters = initialize(&table, Some(weights), &Classifier::default(), 1).unwrap().parameters;
        for (tensor, entry) in parameters.iter_mut().zip(&table) {
            if let Some(part) = entry.name.strip_prefix("classifier.") {
                tensor.values = numbers(&head["classifier"][part]);
            }
        }
        let target = |target: &Json| match name {
            "value" => Target::Value(target.as_f64().unwrap() as f32),
            "labels" => Target::Labels(numbers(target).iter().map(|label| *label == 1.0).collect()),
            _ => Target::Class(target.as_u64().unwrap() as u32),
        };
        let targets: Vec<Target> = head["targets"].as_array().unwrap().iter().map(target).collect();
        let targets = checked(targets.iter().map(Some), outputs).unwrap();
        let examples = rows("tokens").into_iter().zip(rows("segments")).collect();
        Self { architecture, table, parameters, examples, targets, head }
    }

    fn ragged(&self, by_reference: ReferenceOps) -> Input {
        let batch = RaggedBatch::new(self.examples.iter().map(|(tokens, segments)| (&**tokens, &**segments)));
        let batch = batch.ignoring(Some(0)).with_targets(self.targets.clone());
        let batch = if by_reference.needs_padded_layout(EncoderKind::PostNorm) { batch.with_padded_layout() } else { batch };
        Input::Ragged { batch: batch.resident(), by_reference }
    }

    fn padded(&self) -> Input {
        let lengths: Vec<usize> = self.examples.iter().map(|(tokens, _)| tokens.len()).collect();
        let longest = *lengths.iter().max().unwrap();
        let filled = |ids: &[u32]| {
            let mut ids: Vec<i32> = ids.iter().map(|id| id.cast_signed()).collect();
            ids.resize(longest, 0);
            ids
        };
        let tokens = self.examples.iter().flat_map(|(tokens, _)| filled(tokens)).collect();
        let segments = self.examples.iter().flat_map(|(_, segments)| filled(segments)).collect();
        let batch = PaddedBatch::new(tokens, segments, &lengths, longest, &Device::flex());
        Input::Padded(batch.ignoring(Some(0)).with_targets(self.targets.clone()))
    }

    /// Checks outputs, loss and every parameter's gradient.
    fn check(&self, input: &Input, device: &Device) {
        let device = device.clone().autodiff();
        let leaf = |(tensor, entry): (&HostTensor, &Parameter)| Value::from_host(tensor, entry.role, &device);
        let values: Vec<Value> = self.parameters.iter().zip(&self.table).map(leaf).collect();
        let named: NamedParameters<'_> = self.table.iter().map(|entry| &*entry.name).zip(&values).collect();
        let constants = Constants::new(&self.architecture, self.architecture.longest(), &device);
        let model = Model::new(&self.architecture, &constants, &named, Precision::Fp32).unwrap();
        let outputs = model.forward(input, DropoutSites::none());
        near("outputs", &outputs.clone().into_data().try_to_vec().unwrap(), &numbers(&self.head["outputs"]), 1e-5);
        let loss = plain(&self.targets).loss(outputs, input, 1.0).unwrap();
        let theirs = self.head["loss"].as_f64().unwrap() as f32;
        near("loss", &loss.clone().into_data().try_to_vec().unwrap(), &[theirs], 1e-5 * theirs);
        let mut gradients = loss.backward();
        let norms = self.head["gradients"].as_object().unwrap().values().map(|gradient| gradient["norm"].as_f64().unwrap());
        // A key bias does not affect the attention weights: its gradient is 0 up to the rounding of the others.
        let rounding = 2e-6 * norms.fold(0.0, f64::max) as f32;
        for (value, entry) in values.iter().zip(&self.table) {
            let gradient = match value {
                Value::Vector(x) => Value::Vector(x.grad_remove(&mut gradients).unwrap()),
                Value::Matrix(x) => Value::Matrix(x.grad_remove(&mut gradients).unwrap()),
            };
            let theirs = &self.head["gradients"][&entry.name];
            let norm = theirs["norm"].as_f64().unwrap() as f32;
            let ours = gradient.to_host(entry.role).unwrap().values;
            let our_norm = ours.iter().map(|x| x * x).sum::<f32>().sqrt();
            assert!((our_norm - norm).abs() <= 1e-4 * norm + rounding, "{}: norm {our_norm} and {norm}", entry.name);
            if entry.role != Role::WordEmbedding {
                let theirs = numbers(&theirs["last"]);
                near(&entry.name, &ours[ours.len() - theirs.len()..], &theirs, 1e-4 * norm + rounding);
            }
        }
    }
}

/// Regression, multi-label and multi-class heads, with fused kernels, with reference operations on ragged batches, and padded.
#[test]
fn gradients_of_every_head_are_transformers() {
    for head in ["value", "labels", "classes"] {
        let golden = Golden::read(head);
        golden.check(&golden.padded(), &Device::flex());
        for device in devices() {
            golden.check(&golden.ragged(ReferenceOps::default()), &device);
            golden.check(&golden.ragged(Op::ALL.into_iter().collect()), &device);
        }
    }
}
