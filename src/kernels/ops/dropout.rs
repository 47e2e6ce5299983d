//! Dropout by itself.

use std::sync::Arc;

use crate::kernels::{DropoutMask, ResidentBatch};

/// dropout(x) of `[x]`, `[n, d]`. It is its own gradient.
#[derive(Clone, Debug)]
pub struct Dropout {
    /// The batch.
    pub batch: Arc<ResidentBatch>,
    /// The mask.
    pub mask: DropoutMask,
    /// Which of the mask's rows each row of x has.
    pub rows: MaskRows,
}

/// Which of a mask's rows the rows of a matrix have. A mask is a function of its rows' numbers, so that the same token has the
/// same mask however a batch is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskRows {
    /// Row i has row i: hidden states of all tokens, or a vector for each example.
    Same,
    /// Row i has that of the i-th example's first token.
    FirstTokens,
    /// Rows are those of the padded attention probabilities `[examples, heads, queries, padded length]`.
    Attention {
        /// Number of heads.
        heads: usize,
        /// Queries of each example, padding included; the first ones are tokens, in their order.
        queries: usize,
    },
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Tensor, TensorData};

    use super::*;
    use crate::kernels::ops::gradcheck::{devices, dropout};
    use crate::kernels::{Operation, RaggedBatch};

    /// The factors of padded probabilities are those that [`Attention`](crate::kernels::Attention) draws; padding's are of no
    /// account.
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
