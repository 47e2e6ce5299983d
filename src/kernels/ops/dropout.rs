//! Dropout as an operation of its own.

use std::sync::Arc;

use crate::kernels::{DropoutMask, ResidentBatch};

/// dropout(x) of `[x]`, `[n, d]`. The backward pass is the same operation on the gradient.
#[derive(Clone, Debug)]
pub struct Dropout {
    /// The batch.
    pub batch: Arc<ResidentBatch>,
    /// The mask.
    pub mask: DropoutMask,
    /// The row of the mask that each row of x uses.
    pub rows: MaskRows,
}

/// Which row of a mask each row of a matrix uses. A mask depends only on row numbers, so a token gets the same mask however
/// the batch is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskRows {
    /// Row i uses mask row i: hidden states of all tokens, or one vector per example.
    Same,
    /// Row i uses the mask row of example i's first token.
    FirstTokens,
    /// Rows are padded attention probabilities, `[examples, heads, queries, padded length]`.
    Attention {
        /// Number of heads.
        heads: usize,
        /// Queries per example, padding included; the example's tokens come first, in order.
        queries: usize,
    },
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Tensor, TensorData};

    use super::*;
    use crate::kernels::ops::gradcheck::{devices, dropout};
    use crate::kernels::{Operation, RaggedBatch};

    /// Padded probabilities get the same factors as in [`Attention`](crate::kernels::Attention); the factors of padding do
    /// not matter.
    #[test]
    fn padded_probabilities_are_dropped_as_ragged_ones() {
        let (lengths, heads, width) = ([3_usize, 1, 8], 2, 8);
        let mask = dropout(5);
        let ids: Vec<Vec<u32>> = lengths.iter().map(|length| vec![0; *length]).collect();
        let batch = RaggedBatch::new(ids.iter().map(|ids| (&**ids, &**ids))).resident();
        for (device, queries) in devices().into_iter().flat_map(|device| [(device.clone(), width), (device, 1)]) {
            let shape = [lengths.len() * heads * queries, width];
            let ones = Tensor::<2>::from_data(TensorData::new(vec![1.0_f32; shape[0] * width], shape), &device);
            let rows = MaskRows::Attention { heads, queries };
            let dropout = Dropout { batch: Arc::clone(&batch), mask, rows };
            let factors = Tensor::<2>::from_dispatch(dropout.apply([ones.into_dispatch()])).into_data();
            for (row, ours) in factors.try_to_vec::<f32>().unwrap().chunks(width).enumerate() {
                let (example, head, query) = (row / queries / heads, row / queries % heads, row % queries);
                if query < lengths[example] {
                    let mut expected = vec![1.0; width];
                    mask.attention_row(batch.offsets[example] + query, head, heads, &mut expected);
                    assert_eq!(ours, expected, "row {row}");
                }
            }
        }
    }
}
