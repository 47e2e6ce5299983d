//! Builds device batches from examples.

use super::device::{Device, Kernels};
use super::targets::{TargetError, checked};
use crate::architecture::{Architecture, EncoderKind, Positions};
use crate::kernels::{RaggedBatch, Targets};
use crate::models::{Input, Model, PaddedBatch, ReferenceOps};
use crate::plan::Trial;
use crate::tokens::Encoded;

/// How a model needs its batches.
#[derive(Clone, Copy, Debug)]
pub struct BatchLayout {
    /// The padding token, whose embedding gets no gradient; `None` if the tokenizer has none.
    pub token: Option<u32>,
    /// How position ids are counted beside it.
    pub positions: Positions,
    /// What reads it.
    pub kind: EncoderKind,
    /// Operations that have no kernel for the model on a GPU.
    without_gpu_kernels: ReferenceOps,
}

impl BatchLayout {
    /// The layout for an architecture.
    #[must_use]
    pub fn in_model(architecture: &Architecture) -> Self {
        Self {
            token: architecture.pad_token(),
            positions: architecture.positions(),
            kind: architecture.kind(),
            without_gpu_kernels: Model::without_gpu_kernels(architecture),
        }
    }

    /// The operations that run by Burn's own functions on a device.
    #[must_use]
    pub fn reference_ops(self, device: &Device) -> ReferenceOps {
        let chosen = device.reference_ops();
        if device.is_gpu() { chosen.and(self.without_gpu_kernels) } else { chosen }
    }

    /// The layout for a trial's architecture.
    #[must_use]
    pub fn of(trial: &Trial) -> Self {
        Self::in_model(&trial.architecture)
    }
}

/// A batch of examples on the device.
pub struct Batch {
    /// The model's input.
    pub input: Input,
}

impl Batch {
    /// Puts examples on the device for prediction: packed without padding for the fused kernels, otherwise padded to the longest.
    #[must_use]
    pub fn new(examples: &[&Encoded], layout: BatchLayout, device: &Device) -> Self {
        Self { input: input(examples, layout, (Targets::None, 0), device) }
    }

    /// Puts examples on the device for training, as batch `number` of the training run.
    pub fn to_learn(number: u64, examples: &[&Encoded], trial: &Trial, device: &Device) -> Result<Self, TargetError> {
        let targets = checked(examples.iter().map(|example| example.target.as_ref()), trial.task.head.outputs())?;
        Ok(Self { input: input(examples, BatchLayout::of(trial), (targets, number), device) })
    }

    #[must_use]
    pub fn examples(&self) -> usize {
        self.input.examples()
    }
}

fn input(examples: &[&Encoded], layout: BatchLayout, (targets, number): (Targets, u64), device: &Device) -> Input {
    match device.kernels() {
        Kernels::Fused => {
            let batch = RaggedBatch::new(examples.iter().map(|example| (&*example.tokens, &*example.segments)));
            let batch = batch.ignoring(layout.token).positioned(layout.positions).with_targets(targets).numbered(number);
            let by_reference = layout.reference_ops(device);
            let batch = if by_reference.needs_padded_layout(layout.kind) { batch.with_padded_layout() } else { batch };
            Input::Ragged { batch: batch.resident(), by_reference }
        }
        Kernels::Reference => Input::Padded(padded(examples, layout, device).with_targets(targets).numbered(number)),
    }
}

fn padded(examples: &[&Encoded], layout: BatchLayout, device: &Device) -> PaddedBatch {
    let lengths: Vec<usize> = examples.iter().map(|example| example.tokens.len()).collect();
    let length = lengths.iter().copied().max().unwrap_or(1);
    let filled = |values: fn(&Encoded) -> &[u32], fill: u32| -> Vec<i32> {
        let row = |example: &&Encoded| {
            let values = values(example);
            let padding = std::iter::repeat_n(fill, length - values.len());
            values.iter().copied().chain(padding).map(u32::cast_signed).collect::<Vec<_>>()
        };
        examples.iter().flat_map(row).collect()
    };
    let tokens = filled(|example| &example.tokens, layout.token.unwrap_or(0));
    let segments = filled(|example| &example.segments, 0);
    let batch = PaddedBatch::new(tokens.clone(), segments, &lengths, length, device.plain());
    batch.ignoring(layout.token).positioned(layout.positions, &tokens)
}
