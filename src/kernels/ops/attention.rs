//! Scaled dot-product attention (Vaswani et al. 2017) within each example of a batch without padding.
//!
//! For each head: S = (Q + b)(K + b)ᵀ / √width, P = softmax(S), O = dropout(P)(V + b). Backward, with D the dropout factors:
//! dV = (P∘D)ᵀ dO, dP = (dO Vᵀ)∘D, dS = P∘(dP - rowsum(P∘dP)), dQ = dS K / √width, dK = dSᵀ Q / √width.

use std::sync::Arc;

use crate::kernels::{DropoutMask, MatmulPrecision, ResidentBatch};

/// The tokens that have a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queries {
    /// Every token.
    All,
    /// Only the first token of each example, which is all that a classifier reads from the last layer.
    First,
}

/// O `[queries, d]` from `[query, query_bias, key, key_bias, value, value_bias]`: queries are `[queries, d]`, keys and values
/// `[rows, d]`, all before their bias is added.
#[derive(Clone, Debug)]
pub struct Attention {
    /// The batch.
    pub batch: Arc<ResidentBatch>,
    /// Number of heads.
    pub heads: usize,
    /// The tokens that have a query.
    pub queries: Queries,
    /// Precision of attention's own matrix products, and of those that consume the output and the gradients. On a GPU both are
    /// rounded to it right away.
    pub precision: MatmulPrecision,
    /// Dropout on the attention probabilities.
    pub dropout: Option<DropoutMask>,
}

/// [`Attention`] from every token to all tokens of its example, projections included:
/// `[x, query, query_bias, key, key_bias, value, value_bias]`, where x is `[rows, d]` and the weights are `[d, d]`.
#[derive(Clone, Debug)]
pub struct SelfAttention(pub Attention);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::RaggedBatch;
    use crate::kernels::ops::gradcheck::{dropout, gradcheck, operand, widened};

    const D: usize = 12;
    const HEADS: usize = 2;
    const LENGTHS: [usize; 3] = [1, 5, 18];
    const ROWS: usize = 24;

    fn attention(queries: Queries, dropout: Option<DropoutMask>) -> Attention {
        let ids: Vec<Vec<u32>> = LENGTHS.iter().map(|length| vec![0; *length]).collect();
        let batch = RaggedBatch::new(ids.iter().map(|ids| (&**ids, &**ids))).resident();
        Attention { batch, heads: HEADS, queries, precision: MatmulPrecision::F32, dropout }
    }

    /// Returns O of one example and head, from its queries, keys and values.
    fn attend(query: &[f64], key: &[f64], value: &[f64], width: usize, factors: &[f64]) -> Vec<f64> {
        let keys = key.len() / width;
        let row = |(at, query): (usize, &[f64])| {
            let score = |key: &[f64]| query.iter().zip(key).map(|(q, k)| q * k).sum::<f64>() / (width as f64).sqrt();
            let exponentials: Vec<f64> = key.chunks(width).map(score).map(f64::exp).collect();
            let total: f64 = exponentials.iter().sum();
            let weigh = |column: usize| {
                (0..keys).map(|k| exponentials[k] / total * factors[at * keys + k] * value[k * width + column]).sum::<f64>()
            };
            (0..width).map(weigh).collect::<Vec<_>>()
        };
        query.chunks(width).enumerate().flat_map(row).collect()
    }

    /// Returns O of all examples and heads, from `[query, query_bias, key, key_bias, value, value_bias]`.
    fn formula(operands: &[Vec<f64>], Attention { queries, dropout, .. }: &Attention) -> Vec<f64> {
        let width = D / HEADS;
        let query_count = |length: usize| if *queries == Queries::All { length } else { 1 };
        let mut out = vec![0.0; operands[0].len()];
        let (mut first_query, mut first) = (0, 0);
        for length in LENGTHS {
            for head in 0..HEADS {
                let part = |which: usize, from: usize, rows: usize| -> Vec<f64> {
                    let cell = |row: usize, column: usize| operands[which][row * D + column] + operands[which + 1][column];
                    let columns = head * width..(head + 1) * width;
                    (from..from + rows).flat_map(|row| columns.clone().map(move |column| cell(row, column))).collect()
                };
                let factors = |query: usize| {
                    let mut factors = vec![1.0; length];
                    if let Some(mask) = dropout {
                        mask.attention_row(first + query, head, HEADS, &mut factors);
                    }
                    widened(&factors)
                };
                let factors: Vec<f64> = (0..query_count(length)).flat_map(factors).collect();
                let query = part(0, first_query, query_count(length));
                let o = attend(&query, &part(2, first, length), &part(4, first, length), width, &factors);
                for (row, o) in o.chunks(width).enumerate() {
                    out[(first_query + row) * D + head * width..][..width].copy_from_slice(o);
                }
            }
            first_query += query_count(length);
            first += length;
        }
        out
    }

    #[test]
    fn attention_is_its_formula() {
        for (queries, dropout) in [(Queries::All, None), (Queries::All, Some(dropout(5))), (Queries::First, Some(dropout(6)))] {
            let count = if queries == Queries::All { ROWS } else { LENGTHS.len() };
            let attention = attention(queries, dropout);
            let operands = [
                operand("query", 1, [count, D]),
                operand("query_bias", 2, [D]),
                operand("key", 3, [ROWS, D]),
                operand("key_bias", 4, [D]),
                operand("value", 5, [ROWS, D]),
                operand("value_bias", 6, [D]),
            ];
            gradcheck(&attention, &operands, &|operands| formula(operands, &attention), (2e-6, 5e-6));
        }
    }

    #[test]
    fn self_attention_is_its_formula() {
        let attention = attention(Queries::All, Some(dropout(7)));
        let operands = [
            operand("x", 1, [ROWS, D]),
            operand("query", 2, [D, D]),
            operand("query_bias", 3, [D]),
            operand("key", 4, [D, D]),
            operand("key_bias", 5, [D]),
            operand("value", 6, [D, D]),
            operand("value_bias", 7, [D]),
        ];
        let whole = |operands: &[Vec<f64>]| {
            let project = |weight: &Vec<f64>| -> Vec<f64> {
                let cell = |at: usize| (0..D).map(|k| operands[0][at / D * D + k] * weight[k * D + at % D]).sum();
                (0..ROWS * D).map(cell).collect()
            };
            let [_, query, query_bias, key, key_bias, value, value_bias] = operands else { unreachable!("seven operands") };
            let [query, key, value] = [query, key, value].map(project);
            formula(&[query, query_bias.clone(), key, key_bias.clone(), value, value_bias.clone()], &attention)
        };
        gradcheck(&SelfAttention(attention.clone()), &operands, &whole, (5e-6, 2e-5));
    }
}
