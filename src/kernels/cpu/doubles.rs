//! The operations in f64 as their formulas read, one number at a time, and their gradients as differences: what the
//! fused ones are held to. Only for tests.

use super::attention::{self, Biased, Queries, Shape};
use super::close::{self, RowDrop};
use super::gelu;
use crate::kernels::Rows;
use crate::kernels::mask::Drop;
use crate::random::{Purpose, Stream};

fn draw(seed: u64, count: usize) -> Vec<f32> {
    Stream::new(seed, Purpose::Weights, 0, 0).normal(count, 1.0)
}

fn dropout(seed: u64) -> Drop {
    Drop::new(Stream::new(seed, Purpose::Order, 3, 1), 0.3)
}

fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

/// Σ weights · f(operands), and its derivative by each number of each operand, as central differences.
fn differences(operands: &[Vec<f64>], weights: &[f64], f: &dyn Fn(&[Vec<f64>]) -> Vec<f64>) -> Vec<Vec<f64>> {
    const STEP: f64 = 1e-5;
    let value = |operands: &[Vec<f64>]| f(operands).iter().zip(weights).map(|(y, weight)| y * weight).sum::<f64>();
    let mut moved = operands.to_vec();
    let mut derivatives = Vec::new();
    for (which, operand) in operands.iter().enumerate() {
        let mut derivative = Vec::new();
        for (index, x) in operand.iter().enumerate() {
            moved[which][index] = x + STEP;
            let above = value(&moved);
            moved[which][index] = x - STEP;
            let below = value(&moved);
            moved[which][index] = *x;
            derivative.push((above - below) / (2.0 * STEP));
        }
        derivatives.push(derivative);
    }
    derivatives
}

/// Each value within `bound` of the largest expected one.
fn near(name: &str, ours: &[f32], expected: &[f64], bound: f64) {
    assert_eq!(ours.len(), expected.len(), "{name}");
    let scale = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let worst = ours.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    assert!(worst <= bound * scale, "{name}: {worst:e} above {bound:e} of {scale}");
}

#[test]
fn gelu_is_its_formula() {
    for (rows, d) in [(1, 5), (5, 7), (70, 33)] {
        let (x, bias, weights) = (draw(1, rows * d), draw(2, d), draw(3, rows * d));
        let formula = |operands: &[Vec<f64>]| -> Vec<f64> {
            let normal = |z: f64| 0.5 * (1.0 + statrs::function::erf::erf(z / std::f64::consts::SQRT_2));
            operands[0].iter().enumerate().map(|(at, x)| x + operands[1][at % d]).map(|z| z * normal(z)).collect()
        };
        let operands = [widened(&x), widened(&bias)];
        near("y", &gelu::forward(&x, &bias), &formula(&operands), 1e-6);
        let expected = differences(&operands, &widened(&weights), &formula);
        let mut gradient = weights;
        let of_bias = gelu::backward(&x, &bias, &mut gradient);
        near("dx", &gradient, &expected[0], 1e-6);
        near("dbias", &of_bias, &expected[1], 1e-6);
    }
}

#[test]
fn closing_a_block_is_its_formula() {
    const EPSILON: f64 = 1e-3;
    for (case, (rows, d)) in [(1, 9), (3, 17), (66, 24)].into_iter().enumerate() {
        for drop in [None, Some(dropout(case as u64))] {
            let drop = drop.as_ref().map(|drop| RowDrop { drop, rows: None });
            let mut factors = vec![1.0; rows * d];
            close::drop_rows(&mut factors, d, drop);
            let (factors, weights) = (widened(&factors), draw(9, rows * d));
            let operands = [draw(1, rows * d), draw(2, d), draw(3, rows * d), draw(4, d), draw(5, d)];
            let formula = |operands: &[Vec<f64>]| -> Vec<f64> {
                let [x, bias, residual, scale, shift] = operands else { unreachable!("five operands") };
                let row = |row: usize| {
                    let h: Vec<f64> =
                        (0..d).map(|at| (x[row * d + at] + bias[at]) * factors[row * d + at] + residual[row * d + at]).collect();
                    let mean = h.iter().sum::<f64>() / d as f64;
                    let variance = h.iter().map(|h| (h - mean).powi(2)).sum::<f64>() / d as f64;
                    let normal = move |h: f64| (h - mean) / (variance + EPSILON).sqrt();
                    h.into_iter().enumerate().map(|(at, h)| normal(h) * scale[at] + shift[at]).collect::<Vec<_>>()
                };
                (0..rows).flat_map(row).collect()
            };
            let wide = operands.each_ref().map(|operand| widened(operand));
            let [x, bias, residual, scale, shift] = &operands;
            let (y, saved) = close::forward(x, bias, residual, (scale, shift, EPSILON as f32), drop);
            near("y", &y, &formula(&wide), 2e-6);
            let expected = differences(&wide, &widened(&weights), &formula);
            let mut gradient = weights;
            let ours = close::backward(&mut gradient, &saved, scale, drop);
            let ours = [&ours.x, &ours.bias, &gradient, &ours.scale, &ours.shift];
            for (name, (ours, expected)) in
                ["x", "bias", "residual", "scale", "shift"].into_iter().zip(ours.into_iter().zip(&expected))
            {
                near(name, ours, expected, 5e-6);
            }
        }
    }
}

/// O of one example and head, from its queries, keys and values.
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

#[test]
fn attention_is_its_formula() {
    let (d, heads) = (12, 2);
    let width = d / heads;
    let lengths = [1_usize, 5, 18];
    let ids: Vec<Vec<u32>> = lengths.iter().map(|length| vec![0; *length]).collect();
    let rows = Rows::new(ids.iter().map(|ids| (&**ids, &**ids)));
    for (queries, drop) in [(Queries::All, None), (Queries::All, Some(dropout(5))), (Queries::Firsts, Some(dropout(6)))] {
        let shape = Shape { rows: &rows, heads, queries, drop: drop.as_ref() };
        let asking = |length: usize| if queries == Queries::All { length } else { 1 };
        let count: usize = lengths.iter().map(|length| asking(*length)).sum();
        let operands = [draw(1, count * d), draw(2, d), draw(3, 24 * d), draw(4, d), draw(5, 24 * d), draw(6, d)];
        let factors = |first: usize, query: usize, head: usize, keys: usize| {
            let mut factors = vec![1.0; keys];
            if let Some(drop) = &drop {
                drop.attention_row(first + query, head, heads, &mut factors);
            }
            widened(&factors)
        };
        let formula = |operands: &[Vec<f64>]| -> Vec<f64> {
            let mut out = vec![0.0; count * d];
            let (mut asked, mut first) = (0, 0);
            for length in lengths {
                for head in 0..heads {
                    let part = |which: usize, from: usize, rows: usize| -> Vec<f64> {
                        let cell = |row: usize, column: usize| operands[which][row * d + column] + operands[which + 1][column];
                        (from..from + rows)
                            .flat_map(|row| (head * width..(head + 1) * width).map(move |column| cell(row, column)))
                            .collect()
                    };
                    let factors: Vec<f64> = (0..asking(length)).flat_map(|query| factors(first, query, head, length)).collect();
                    let (query, key, value) = (part(0, asked, asking(length)), part(2, first, length), part(4, first, length));
                    let o = attend(&query, &key, &value, width, &factors);
                    for (row, o) in o.chunks(width).enumerate() {
                        out[(asked + row) * d + head * width..][..width].copy_from_slice(o);
                    }
                }
                asked += asking(length);
                first += length;
            }
            out
        };
        let wide = operands.each_ref().map(|operand| widened(operand));
        let biased = |which: usize| Biased { rows: &operands[which], bias: &operands[which + 1] };
        let (out, probabilities) = attention::forward(biased(0), biased(2), biased(4), &shape);
        near("o", &out, &formula(&wide), 2e-6);
        let weights = draw(7, count * d);
        let expected = differences(&wide, &widened(&weights), &formula);
        let (dq, dk, dv) = attention::backward(&weights, &probabilities, biased(0), biased(2), biased(4), &shape);
        for (name, ours, expected) in [("query", dq, &expected[0]), ("key", dk, &expected[2]), ("value", dv, &expected[4])] {
            near(name, &ours, expected, 5e-6);
        }
    }
}
