//! Scores by relative position in one head: from a column per row of relative positions to a column per key, and back.

use std::ops::Range;

use crate::kernels::DistanceRows;

/// The relative positions of one example's queries and keys.
#[derive(Debug)]
pub struct Distances {
    queries: usize,
    keys: usize,
    /// The rows of the table that occur.
    table_rows: Range<usize>,
    /// The column of each distance, ascending from the last key before the first query to the first key after the last one; counted
    /// from the first row that occurs.
    columns: Vec<u32>,
}

impl Distances {
    /// The distances between the first `queries` tokens of an example and all of its `keys` tokens.
    pub fn new(rows: &DistanceRows, queries: usize, keys: usize) -> Self {
        let rows = rows.between(1 - keys.cast_signed(), queries.cast_signed() - 1);
        let (first, last) = rows.iter().fold((u32::MAX, 0), |(first, last), row| (first.min(*row), last.max(*row)));
        let columns = rows.iter().map(|row| row - first).collect();
        Self { queries, keys, columns, table_rows: first as usize..last as usize + 1 }
    }

    /// The rows of the table that occur.
    pub fn table_rows(&self) -> Range<usize> {
        self.table_rows.clone()
    }

    /// The number of rows that occur.
    pub fn rows(&self) -> usize {
        self.table_rows.len()
    }

    /// The column of each key for one query.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn of_query(&self, query: usize) -> impl Iterator<Item = usize> {
        self.columns[query..query + self.keys].iter().rev().map(|column| *column as usize)
    }
}

/// Adds scores of queries by relative position, `[queries, far]`, to scores by key, `[queries, long]`.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn add_by_query(distances: &Distances, (scores, far): (&[f32], usize), (s, long): (&mut [f32], usize)) {
    for (query, (scores, s)) in scores.chunks_exact(far).zip(s.chunks_exact_mut(long)).enumerate().take(distances.queries) {
        for (s, column) in s.iter_mut().zip(distances.of_query(query)) {
            *s += scores[column];
        }
    }
}

/// Adds scores of keys by relative position, `[keys, far]`, to scores by key, `[queries, long]`.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn add_by_key(distances: &Distances, (scores, far): (&[f32], usize), (s, long): (&mut [f32], usize)) {
    for (query, s) in s.chunks_exact_mut(long).enumerate() {
        for ((s, scores), column) in s.iter_mut().zip(scores.chunks_exact(far)).zip(distances.of_query(query)) {
            *s += scores[column];
        }
    }
}

/// Sums the gradients of scores, `[queries, long]`, by query and relative position, `[queries, far]`.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn sum_by_query(distances: &Distances, (s, long): (&[f32], usize), (scores, far): (&mut [f32], usize)) {
    scores.fill(0.0);
    for (query, (scores, s)) in scores.chunks_exact_mut(far).zip(s.chunks_exact(long)).enumerate() {
        for (s, column) in s.iter().zip(distances.of_query(query)) {
            scores[column] += s;
        }
    }
}

/// Sums the gradients of scores, `[queries, long]`, by key and relative position, `[keys, far]`.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn sum_by_key(distances: &Distances, (s, long): (&[f32], usize), (scores, far): (&mut [f32], usize)) {
    scores.fill(0.0);
    for (query, s) in s.chunks_exact(long).enumerate() {
        for ((s, scores), column) in s.iter().zip(scores.chunks_exact_mut(far)).zip(distances.of_query(query)) {
            scores[column] += s;
        }
    }
}

/// Adds a bias by relative position, `[rows]`, to scores by key, `[queries, long]`.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn add_bias(distances: &Distances, bias: &[f32], (s, long): (&mut [f32], usize)) {
    for (query, s) in s.chunks_exact_mut(long).enumerate() {
        for (s, column) in s.iter_mut().zip(distances.of_query(query)) {
            *s += bias[column];
        }
    }
}

/// Adds the gradients of scores, `[queries, long]`, to `sums`, `[rows]`, by relative position.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn sum_bias(distances: &Distances, (s, long): (&[f32], usize), sums: &mut [f32]) {
    for (query, s) in s.chunks_exact(long).enumerate() {
        for (s, column) in s.iter().zip(distances.of_query(query)) {
            sums[column] += s;
        }
    }
}
