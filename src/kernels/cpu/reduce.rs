//! Sums in a fixed order.

use rayon::prelude::*;

use super::simd::vectorized;

/// Rows per partial sum, which one thread computes.
pub const ROWS: usize = 64;

/// Returns the sum of the values: 16 lanes sum every 16th element each, then the lanes are added in order.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn sum(values: impl ExactSizeIterator<Item = f32> + Clone) -> f32 {
    let mut lanes = [0.0_f32; 16];
    let mut values = values;
    let whole = values.len() / 16;
    for _ in 0..whole {
        for lane in &mut lanes {
            *lane += values.next().unwrap_or(0.0);
        }
    }
    for (lane, value) in lanes.iter_mut().zip(values) {
        *lane += value;
    }
    lanes.iter().sum()
}

/// Returns what [`sum`] does.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn sum_of_lanes(values: &[[f32; 16]]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    for values in values {
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane += value;
        }
    }
    lanes.iter().sum()
}

/// Returns what [`sum`] does for the products.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn sum_of_products(a: &[[f32; 16]], b: &[[f32; 16]]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    for (a, b) in a.iter().zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    lanes.iter().sum()
}

/// Returns the largest value that is a number.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn largest(values: &[[f32; 16]]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    for values in values {
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// Adds partial sums of width `d` in order.
pub fn fold(parts: &[Vec<f32>], d: usize) -> Vec<f32> {
    let mut total = vec![0.0; d];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
    }
    total
}

vectorized! {
    fn add_rows(rows: &[f32], sums: &mut [f32]) {
        let d = sums.len();
        for row in rows.chunks_exact(d) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}

/// Returns the sum of each column of rows of width `d`.
pub fn column_sums(rows: &[f32], d: usize) -> Vec<f32> {
    let part = |rows: &[f32]| {
        let mut sums = vec![0.0; d];
        add_rows(rows, &mut sums);
        sums
    };
    fold(&rows.par_chunks(ROWS * d).map(part).collect::<Vec<_>>(), d)
}

/// Returns the sum of squares, in f64.
pub fn square_sum(values: &[f32]) -> f64 {
    vectorized! {
        fn part(values: &[f32]) -> f64 {
            let mut lanes = [0.0_f64; 8];
            let chunks = values.chunks_exact(8);
            let rest: f64 = chunks.remainder().iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
            for chunk in chunks {
                for (lane, value) in lanes.iter_mut().zip(chunk) {
                    *lane += f64::from(*value) * f64::from(*value);
                }
            }
            lanes.iter().sum::<f64>() + rest
        }
    }
    values.par_chunks(1 << 16).map(part).collect::<Vec<f64>>().iter().sum()
}
