//! Attention whose scores also depend on the positions of tokens relative to each other (He et al. 2021).

use std::sync::Arc;

use super::Attention;
use crate::kernels::ResidentDistanceRows;

/// O `[queries, d]` from `[query, query_bias, key, key_bias, value, value_bias, position_key, position_query]`: the first six as in
/// [`Attention`], and the rows of relative positions that occur, `[rows, d]`, with their biases.
///
/// For each head, and with r the row of the distance from key j to query i: S = (Qᵢ·Kⱼ + Qᵢ·PKᵣ + Kⱼ·PQᵣ) / √(width · kinds), where the
/// kinds are those of the scores in the sum; then as in [`Attention`]. The products with PK and PQ are computed once per row instead of
/// once per pair.
#[derive(Clone, Debug)]
pub struct DisentangledAttention {
    pub attention: Attention,
    /// The row of each distance.
    pub rows: Arc<ResidentDistanceRows>,
    /// The row of the whole table that the first row of the operands is.
    pub first_row: usize,
    /// Whether `position_key` counts.
    pub has_position_keys: bool,
    /// Whether `position_query` counts.
    pub has_position_queries: bool,
}

impl DisentangledAttention {
    /// The number of kinds of scores in the sum.
    #[must_use]
    pub fn kinds(&self) -> usize {
        1 + usize::from(self.has_position_keys) + usize::from(self.has_position_queries)
    }
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
    const LENGTHS: [usize; 3] = [1, 4, 13];
    const ROWS: usize = 18;

    fn attention(queries: Queries, dropout: Option<DropoutMask>) -> Attention {
        let ids: Vec<Vec<u32>> = LENGTHS.iter().map(|length| vec![0; *length]).collect();
        let batch = RaggedBatch::new(ids.iter().map(|ids| (&**ids, &**ids))).resident();
        Attention { batch, heads: HEADS, queries, precision: MatmulPrecision::F32, dropout }
    }

    /// Returns O of all examples and heads, pair by pair.
    fn formula(operands: &[Vec<f64>], operation: &DisentangledAttention) -> Vec<f64> {
        let Attention { queries, dropout, .. } = &operation.attention;
        let biased = |which: usize, row: usize, column: usize| operands[which][row * D + column] + operands[which + 1][column];
        let mut out = Vec::new();
        let (mut query_row, mut first) = (0, 0);
        for length in LENGTHS {
            for query in 0..if *queries == Queries::All { length } else { 1 } {
                for head in 0..HEADS {
                    let columns = head * WIDTH..(head + 1) * WIDTH;
                    let score = |key: usize| {
                        let distance = query.cast_signed() - key.cast_signed();
                        let row = operation.rows.between(distance, distance)[0] as usize - operation.first_row;
                        let product = |column: usize| {
                            let (q, k) = (biased(0, query_row, column), biased(2, first + key, column));
                            let of_query = if operation.has_position_keys { q * operands[6][row * D + column] } else { 0.0 };
                            let of_key = if operation.has_position_queries { k * operands[7][row * D + column] } else { 0.0 };
                            q * k + of_query + of_key
                        };
                        columns.clone().map(product).sum::<f64>() / ((WIDTH * operation.kinds()) as f64).sqrt()
                    };
                    let exponentials: Vec<f64> = (0..length).map(|key| score(key).exp()).collect();
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
    fn disentangled_attention_is_its_formula() {
        let logarithmic = RelativeBuckets::logarithmic(4, 13).unwrap();
        assert_eq!(logarithmic.row(12), logarithmic.row(11), "long distances share rows");
        for (queries, dropout, buckets, [has_position_keys, has_position_queries]) in [
            (Queries::All, None, logarithmic, [true, true]),
            (Queries::All, Some(dropout(5)), RelativeBuckets::of_each_distance(20), [true, true]),
            (Queries::First, Some(dropout(6)), logarithmic, [true, true]),
            (Queries::All, None, logarithmic, [true, false]),
            (Queries::First, None, RelativeBuckets::of_each_distance(5), [false, true]),
        ] {
            let rows = buckets.rows_within(13);
            let operation = DisentangledAttention {
                attention: attention(queries, dropout),
                rows: Arc::new(DistanceRows::new(buckets, 20).into()),
                first_row: rows.start,
                has_position_keys,
                has_position_queries,
            };
            let count = if queries == Queries::All { ROWS } else { LENGTHS.len() };
            let operands = [
                operand("query", 1, [count, D]),
                operand("query_bias", 2, [D]),
                operand("key", 3, [ROWS, D]),
                operand("key_bias", 4, [D]),
                operand("value", 5, [ROWS, D]),
                operand("value_bias", 6, [D]),
                operand("position_key", 7, [rows.len(), D]),
                operand("position_query", 8, [rows.len(), D]),
            ];
            gradcheck(&operation, &operands, &|operands| formula(operands, &operation), (2e-6, 5e-6));
        }
    }
}
