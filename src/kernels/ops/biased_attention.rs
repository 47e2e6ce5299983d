//! Attention with a learned bias on each score, by the position of the key relative to the query (Raffel et al. 2020).

use std::sync::Arc;

use super::Attention;
use crate::kernels::ResidentDistanceRows;

/// O `[queries, d]` from `[query, query_bias, key, key_bias, value, value_bias, score_bias]`: the first six as in [`Attention`], and the
/// biases of scores, `[rows, heads]`.
///
/// For each head h, and with r the row of the distance from key j to query i: S = Qᵢ·Kⱼ / √width + bias[r, h]; then as in
/// [`Attention`].
#[derive(Clone, Debug)]
pub struct BiasedAttention {
    pub attention: Attention,
    /// The row of each distance.
    pub rows: Arc<ResidentDistanceRows>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::RelativeBuckets;
    use crate::kernels::ops::gradcheck::{dropout, gradcheck, operand, widened};
    use crate::kernels::{DistanceRows, DropoutMask, MatmulPrecision, Queries, RaggedBatch};

    const D: usize = 6;
    const HEADS: usize = 2;
    const WIDTH: usize = D / HEADS;
    const LENGTHS: [usize; 3] = [1, 20, 4];
    const ROWS: usize = 25;

    /// Returns O of all examples and heads, pair by pair.
    fn formula(operands: &[Vec<f64>], operation: &BiasedAttention) -> Vec<f64> {
        let Attention { queries, dropout, .. } = &operation.attention;
        let biased = |which: usize, row: usize, column: usize| operands[which][row * D + column] + operands[which + 1][column];
        let mut out = Vec::new();
        let (mut query_row, mut first) = (0, 0);
        for length in LENGTHS {
            for query in 0..if *queries == Queries::All { length } else { 1 } {
                for head in 0..HEADS {
                    let columns = head * WIDTH..(head + 1) * WIDTH;
                    let exponential = |key: usize| {
                        let row = RelativeBuckets::T5.row(query.cast_signed() - key.cast_signed());
                        let product = |column: usize| biased(0, query_row, column) * biased(2, first + key, column);
                        let product: f64 = columns.clone().map(product).sum();
                        (product / (WIDTH as f64).sqrt() + operands[6][row * HEADS + head]).exp()
                    };
                    let exponentials: Vec<f64> = (0..length).map(exponential).collect();
                    let total: f64 = exponentials.iter().sum();
                    let mut factors = vec![1.0; length];
                    if let Some(mask) = dropout {
                        mask.attention_row(first + query, head, HEADS, &mut factors);
                    }
                    let factors = widened(&factors);
                    let weigh = |column: usize| {
                        let part = |key: usize| exponentials[key] / total * factors[key] * biased(4, first + key, column);
                        (0..length).map(part).sum::<f64>()
                    };
                    out.extend(columns.clone().map(weigh));
                }
                query_row += 1;
            }
            first += length;
        }
        out
    }

    #[test]
    fn biased_attention_is_its_formula() {
        let ids: Vec<Vec<u32>> = LENGTHS.iter().map(|length| vec![0; *length]).collect();
        let batch = RaggedBatch::new(ids.iter().map(|ids| (&**ids, &**ids))).resident();
        let rows = Arc::new(DistanceRows::new(RelativeBuckets::T5, 20).into());
        let check = |queries: Queries, dropout: Option<DropoutMask>| {
            let batch = Arc::clone(&batch);
            let attention = Attention { batch, heads: HEADS, queries, precision: MatmulPrecision::F32, dropout };
            let operation = BiasedAttention { attention, rows: Arc::clone(&rows) };
            let count = if queries == Queries::All { ROWS } else { LENGTHS.len() };
            let operands = [
                operand("query", 1, [count, D]),
                operand("query_bias", 2, [D]),
                operand("key", 3, [ROWS, D]),
                operand("key_bias", 4, [D]),
                operand("value", 5, [ROWS, D]),
                operand("value_bias", 6, [D]),
                operand("score_bias", 7, [RelativeBuckets::T5.rows(), HEADS]),
            ];
            gradcheck(&operation, &operands, &|operands| formula(operands, &operation), (2e-6, 5e-6));
        };
        check(Queries::All, None);
        check(Queries::All, Some(dropout(5)));
        check(Queries::First, Some(dropout(6)));
    }
}
