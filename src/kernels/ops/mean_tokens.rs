//! The mean over the tokens of each example.

use std::sync::Arc;

use crate::kernels::ResidentBatch;

/// `[examples, d]` from `[x]`, `[rows, d]`.
#[derive(Clone, Debug)]
pub struct MeanTokens {
    /// The batch.
    pub batch: Arc<ResidentBatch>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::RaggedBatch;
    use crate::kernels::ops::gradcheck::{gradcheck, operand};

    #[test]
    fn means_are_their_formula() {
        const D: usize = 17;
        let lengths = [1_usize, 70, 4];
        let ids: Vec<Vec<u32>> = lengths.iter().map(|length| vec![0; *length]).collect();
        let batch = RaggedBatch::new(ids.iter().map(|ids| (&**ids, &**ids))).resident();
        let formula = |operands: &[Vec<f64>]| -> Vec<f64> {
            let rows: Vec<&[f64]> = operands[0].chunks(D).collect();
            let mean = |(first, length): (usize, usize), column: usize| {
                rows[first..first + length].iter().map(|row| row[column]).sum::<f64>() / length as f64
            };
            [(0, 1), (1, 70), (71, 4)].into_iter().flat_map(|at| (0..D).map(move |column| mean(at, column))).collect::<Vec<_>>()
        };
        gradcheck(&MeanTokens { batch }, &[operand("x", 1, [75, D])], &formula, (1e-6, 1e-6));
    }
}
