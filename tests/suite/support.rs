//! Helpers shared by several tests.
#![allow(dead_code)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gluepot::architecture::{Architecture, Parameter};
use gluepot::checkpoint::{CheckpointName, Classifier, Files, HostTensor, Template, Weights, initialize};
use gluepot::hub::Hub;
use gluepot::plan::{Facts, Trial, plan};
use gluepot::settings::{DeviceChoice, Precision, Settings};
use gluepot::task::{Example, Origin, Output, Reads, Source, SplitLabels, Task, glue};
use gluepot::tokens::{Encoded, Tokens};
use gluepot::train::{Device, EvaluationEvent, Event, Observer, Replays, StepEvent, Stop};
use serde_json::Value;

/// Returns a path in this project; `GLUEPOT_TEST_PROJECT` names the project if this program was built elsewhere.
pub fn project(path: &str) -> PathBuf {
    let root = std::env::var_os("GLUEPOT_TEST_PROJECT").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    root.join(path)
}

/// The device to check numbers on: the CPU, the one named by `GLUEPOT_TEST_DEVICE`, or any GPU for "webgpu".
pub fn device() -> Device {
    #[cfg(feature = "webgpu")]
    if std::env::var("GLUEPOT_TEST_DEVICE").is_ok_and(|name| name == "webgpu") {
        return Device::webgpu();
    }
    let choice = std::env::var("GLUEPOT_TEST_DEVICE").map_or(DeviceChoice::Cpu, |name| name.parse().unwrap());
    Device::choose(choice, Precision::Fp32).unwrap()
}

/// Reads a JSON file of reference values.
pub fn golden(path: &str) -> Value {
    let text = std::fs::read_to_string(project("tests/golden").join(path)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Returns the cases at a key of a JSON file of reference values; there must be at least one.
pub fn cases(path: &str, key: &str) -> Vec<Value> {
    let cases = golden(path)[key].as_array().cloned().unwrap_or_default();
    assert!(!cases.is_empty(), "{path} has no {key}");
    cases
}

/// Parses logits.
pub fn logits(value: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Returns the largest difference between a model's outputs and the reference.
pub fn difference(outputs: &[Output], reference: &[Vec<f64>]) -> f64 {
    assert_eq!(outputs.len(), reference.len());
    let pairs = outputs.iter().zip(reference).flat_map(|(output, reference)| output.0.iter().zip(reference));
    pairs.map(|(ours, theirs)| (f64::from(*ours) - theirs).abs()).fold(0.0, f64::max)
}

/// |a / b - 1|, and 0 if both are 0.
pub fn relative(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { ((a - b) / b).abs() }
}

/// A checkpoint, a task's data, and values derived from both.
pub struct Bench {
    pub task: Task,
    pub files: Files,
    pub architecture: Architecture,
    pub wanted: Vec<Parameter>,
    pub train: Vec<Example>,
    pub validation: Vec<Example>,
}

impl Bench {
    pub fn new(task: &str, checkpoint: &Path, data: &Path) -> Self {
        Self::of(glue::task(task).unwrap(), checkpoint, data)
    }

    pub fn of(task: Task, checkpoint: &Path, data: &Path) -> Self {
        let hub = Hub::offline();
        let files = Files::find(&CheckpointName::Folder(checkpoint.to_path_buf()), true, &hub).unwrap();
        let architecture = files.architecture().unwrap();
        let source = Source::find(&Origin::Folder(data.to_path_buf()), &task, &hub).unwrap();
        let (train, validation) = (
            source.train.read(&task, Reads::Labeled).unwrap().examples,
            source.validation.read(&task, Reads::Labeled).unwrap().examples,
        );
        Self { wanted: architecture.parameters(&task.head), task, files, architecture, train, validation }
    }

    /// The tiny BERT on the demonstration's data.
    pub fn tiny() -> Self {
        let mut bench = Self::new("mrpc", &project("tests/golden/tiny"), &project("experiments/quickstart"));
        bench.validation.truncate(64);
        bench
    }

    pub fn parameters(&self) -> Vec<HostTensor> {
        let weights = Weights::read_all(&self.files.weights, &self.architecture).unwrap();
        initialize(&self.wanted, Some(weights), &Classifier::default(), 1).unwrap().parameters
    }

    /// Returns the template for written checkpoints, with the tokenizer of these files.
    pub fn template(&self, source: Files) -> Template {
        let parameters = self.wanted.clone().into();
        Template { architecture: self.architecture.clone(), head: self.task.head.clone(), parameters, source }
    }

    /// Returns a trial with the given settings.
    pub fn trial(&self, settings: &str) -> Trial {
        // Settings must name a GLUE task; the trial uses the bench's own task all the same.
        let (task, metric) =
            if glue::task(&self.task.name).is_some() { (&*self.task.name, self.task.metrics[0].name) } else { ("mrpc", "loss") };
        let required = format!("name = \"x\"\ntask = \"{task}\"\ncheckpoint = \"x\"\nmetric = \"{metric}\"\n");
        let settings: Settings = toml::from_str(&(required + settings)).unwrap();
        let used = &self.train[..settings.data.train_examples(self.train.len())];
        let facts = Facts {
            architecture: self.architecture.clone(),
            tokenizer_longest: None,
            train_examples: self.train.len(),
            train_labels: SplitLabels::of(&self.task.head, used, &[]).map(|labels| labels.train),
            validation_examples: self.validation.len(),
            fastest_precision: Precision::Fp32,
        };
        plan(settings, self.task.clone(), facts).unwrap()
    }

    pub fn tokens(&self) -> Tokens {
        Tokens::read(&self.files, &self.architecture).unwrap()
    }

    pub fn encode(&self, trial: &Trial) -> (Vec<Encoded>, Vec<Encoded>) {
        let encode = |examples: &[Example]| self.tokens().encode(examples, trial.max_length).unwrap();
        (encode(&self.train[..trial.train_examples]), encode(&self.validation[..trial.validation_examples]))
    }
}

/// Records everything that training reports.
#[derive(Default)]
pub struct Heard {
    pub steps: Vec<StepEvent>,
    pub predictions: Vec<Output>,
    pub parameters: Vec<HostTensor>,
    pub replays: Replays,
}

impl Observer for Heard {
    fn wants_parameters(&mut self, _: &EvaluationEvent<'_>) -> bool {
        true
    }

    fn observe(&mut self, event: &Event<'_>) -> anyhow::Result<ControlFlow<Stop>> {
        match event {
            Event::Step(step) => self.steps.push(step.clone()),
            Event::Evaluation(EvaluationEvent { predictions, parameters, .. }) => {
                self.predictions = predictions.iter().map(|prediction| prediction.output.clone()).collect();
                self.parameters = parameters.unwrap().to_vec();
            }
            Event::Finished(replays) => self.replays = replays.clone(),
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Asserts that each step equals the reference within the project's relative tolerances: learning rate 1e-9, loss
/// 1e-3 and gradient norm 2e-3.
pub fn assert_trajectory(name: &str, steps: &[StepEvent], reference: &Value) {
    let reference = reference.as_array().unwrap();
    assert_eq!(steps.len(), reference.len(), "{name}");
    let mut worst = [0.0_f64; 3];
    for (ours, theirs) in steps.iter().zip(reference) {
        let of = |key: &str, value: f64| relative(value, theirs[key].as_f64().unwrap());
        let now = [of("learning_rate", ours.learning_rate), of("loss", ours.loss), of("grad_norm", ours.grad_norm)];
        for (worst, now) in worst.iter_mut().zip(now) {
            *worst = worst.max(now);
        }
    }
    println!("{name}: learning rate {:.1e}, loss {:.1e}, gradient norm {:.1e}", worst[0], worst[1], worst[2]);
    assert!(worst[0] <= 1e-9, "{name}: learning rate differs by {:e}", worst[0]);
    assert!(worst[1] <= 1e-3, "{name}: loss differs by {:e}", worst[1]);
    assert!(worst[2] <= 2e-3, "{name}: gradient norm differs by {:e}", worst[2]);
}

/// Formats each byte as two hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
