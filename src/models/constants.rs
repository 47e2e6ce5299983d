//! What a model computes with besides its parameters and its input.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::architecture::{Architecture, Encoder, RelativeBuckets};
use crate::kernels::{DistanceRows, ResidentDistanceRows, ResidentRotaryTable, RotaryTable};

/// Tables that depend only on the architecture. They outlive the model, which is built again for every step, because a recorded step
/// reads them where they were when it was recorded.
#[derive(Clone, Debug)]
pub struct Constants {
    /// The angles for each base of rotary frequencies.
    rotary: Vec<(f64, Arc<ResidentRotaryTable>)>,
    relative: Option<RelativeIndex>,
}

impl Constants {
    /// Computes the tables for inputs of up to `longest` tokens, for models on `device`.
    #[must_use]
    pub fn new(architecture: &Architecture, longest: usize, device: &Device) -> Self {
        match architecture.encoder() {
            Encoder::PostNorm(names) => {
                let disentangled = names.relative_positions.map(|positions| positions.buckets);
                let buckets = disentangled.or(names.relative_bias.map(|_| RelativeBuckets::T5));
                let relative = buckets.map(|buckets| RelativeIndex::new(buckets, longest, device));
                Self { rotary: Vec::new(), relative }
            }
            Encoder::PreNorm(names) => {
                let mut rotary: Vec<(f64, Arc<ResidentRotaryTable>)> = Vec::new();
                for theta in names.layers.iter().map(|layer| layer.span.theta) {
                    if rotary.iter().all(|(other, _)| *other != theta) {
                        let table = RotaryTable::new(longest, architecture.head_width(), theta);
                        rotary.push((theta, Arc::new(table.into())));
                    }
                }
                Self { rotary, relative: None }
            }
        }
    }

    /// The angles for a base of rotary frequencies that the architecture has.
    pub(super) fn rotary(&self, theta: f64) -> &Arc<ResidentRotaryTable> {
        let found = self.rotary.iter().find(|(other, _)| *other == theta);
        found.map_or_else(|| unreachable!("the constants are of another architecture"), |(_, table)| table)
    }

    /// The rows of relative positions, if the architecture has them.
    pub(super) fn relative(&self) -> Option<&RelativeIndex> {
        self.relative.as_ref()
    }
}

/// The row of a table of relative positions for each distance.
#[derive(Clone, Debug)]
pub struct RelativeIndex {
    /// For kernels.
    pub rows: Arc<ResidentDistanceRows>,
    /// The rows in descending order of distances, for Burn's own functions: `[2 · longest + 1]`.
    descending: Tensor<1, Int>,
}

impl RelativeIndex {
    fn new(buckets: RelativeBuckets, longest: usize, device: &Device) -> Self {
        // The padded layout of a ragged batch may be longer than its longest example.
        let rows = DistanceRows::new(buckets, 2 * longest);
        let descending: Vec<i32> = rows.all().iter().rev().map(|row| row.cast_signed()).collect();
        let descending = Tensor::from_data(TensorData::from(descending.as_slice()), &device.clone().without_autodiff());
        Self { rows: Arc::new(rows.into()), descending }
    }

    /// Returns the row of the distance from each key to each query: `[queries, keys]`. Computed on the device, because indices from
    /// the host could not change between replays of a recorded step.
    pub fn between(&self, queries: usize, keys: usize) -> Tensor<2, Int> {
        let longest = self.descending.dims()[0] / 2;
        // Row q of the result is a window of the list that begins at `keys - 1 - q`. In a flat sequence of copies of the list, each
        // followed by the next, windows of this kind are one step less than a copy apart.
        let count = 2 * keys - 1;
        let list = self.descending.clone().slice([longest + 1 - keys..longest + keys]);
        let copies = list.unsqueeze::<2>().repeat_dim(0, queries + 1).reshape([(queries + 1) * count]);
        let skewed = copies.slice([keys - 1..keys - 1 + queries * (count - 1)]);
        match count {
            1 => self.descending.clone().slice([longest..longest + 1]).reshape([1, 1]),
            _ => skewed.reshape([queries, count - 1]).slice([0..queries, 0..keys]),
        }
    }
}
