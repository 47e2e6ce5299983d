//! [`Embedding`] on the CPU.

use std::sync::Arc;

use burn::backend::Flex;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffer::zeros;
use super::reduce::ROWS;
use super::tensors::{dense, numbers, shape, tensor};
use crate::kernels::operation::Kernel;
use crate::kernels::{Embedding, RaggedBatch, ResidentBatch, UniqueTokens};

/// Returns the sum of the three embeddings of each token: `[tokens, d]`.
pub fn forward(words: &[f32], positions: &[f32], segments: &[f32], d: usize, batch: &RaggedBatch) -> Vec<f32> {
    let mut x = zeros(batch.rows() * d);
    x.par_chunks_mut(ROWS * d).enumerate().for_each(|(part, x)| {
        for (row, x) in x.chunks_exact_mut(d).enumerate() {
            let token = part * ROWS + row;
            let of = |table: &[f32], ids: &[u32]| -> std::ops::Range<usize> {
                let start = ids[token] as usize * d;
                debug_assert!(start + d <= table.len());
                start..start + d
            };
            let (word, position) = (&words[of(words, &batch.tokens)], &positions[of(positions, &batch.positions)]);
            let segment = &segments[of(segments, &batch.segments)];
            for (((x, word), position), segment) in x.iter_mut().zip(word).zip(position).zip(segment) {
                *x = word + segment + position;
            }
        }
    });
    x
}

/// Returns the gradient of a table `[size, d]`: each token's gradient is added to the row of its id, in token order, unless the id
/// is [`UniqueTokens::NONE`].
///
/// Each thread owns its rows of the table, so the number of threads does not change any sum.
pub fn backward(gradient: &[f32], ids: &[u32], size: usize, d: usize) -> Vec<f32> {
    let mut table = zeros(size * d);
    let parts = rayon::current_num_threads().max(1);
    let rows_each = size.div_ceil(parts);
    table.par_chunks_mut(rows_each * d).enumerate().for_each(|(part, table)| {
        let own = part * rows_each..(part + 1) * rows_each;
        for (gradient, id) in gradient.chunks_exact(d).zip(ids).filter(|(_, id)| own.contains(&(**id as usize))) {
            let start = (*id as usize - own.start) * d;
            for (sum, gradient) in table[start..start + d].iter_mut().zip(gradient) {
                *sum += gradient;
            }
        }
    });
    table
}

impl Kernel<Flex, 3> for Embedding {
    /// The batch, and the numbers of rows in the position and segment tables.
    type Saved = (Arc<ResidentBatch>, [usize; 2]);

    fn forward(self, tables: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let [words, positions, segments] = tables.map(dense);
        let d = shape(&words)[1];
        let x = forward(numbers(&words), numbers(&positions), numbers(&segments), d, &self.batch);
        let sizes = [&positions, &segments].map(|table| shape(table)[0]);
        (tensor(x, [self.batch.rows(), d]), (self.batch, sizes))
    }

    fn backward((batch, [positions, segments]): Self::Saved, gradient: FlexTensor) -> [FlexTensor; 3] {
        let gradient = dense(gradient);
        let d = shape(&gradient)[1];
        let of = |ids: &[u32], size: usize| tensor(backward(numbers(&gradient), ids, size, d), [size, d]);
        let unique = &batch.unique;
        let of_positions = match batch.position_rule.untrained() {
            None => of(&batch.positions, positions),
            Some(untrained) => {
                let trained = |id: &u32| if *id == untrained { UniqueTokens::NONE } else { *id };
                of(&batch.positions.iter().map(trained).collect::<Vec<_>>(), positions)
            }
        };
        [of(&unique.inverse, unique.ids.len()), of_positions, of(&batch.segments, segments)]
    }
}
