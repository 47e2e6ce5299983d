//! The row of a table of relative positions for each distance, tabulated.

use std::ops::Range;

use crate::architecture::RelativeBuckets;

/// [`RelativeBuckets::row`] of every distance that occurs.
#[derive(Clone, Debug)]
pub struct DistanceRows {
    buckets: RelativeBuckets,
    longest: isize,
    /// From the distance `-longest` to `longest`.
    rows: Vec<u32>,
}

impl DistanceRows {
    /// Tabulates distances of up to `longest` in either direction.
    #[must_use]
    pub fn new(buckets: RelativeBuckets, longest: usize) -> Self {
        let longest = longest.cast_signed();
        let rows = (-longest..=longest).map(|distance| buckets.row(distance) as u32).collect();
        Self { buckets, longest, rows }
    }

    /// Returns the rows of these distances, both included.
    #[must_use]
    pub fn between(&self, first: isize, last: isize) -> &[u32] {
        &self.rows[(first + self.longest).cast_unsigned()..=(last + self.longest).cast_unsigned()]
    }

    /// Returns the rows of all distances, `[2 · longest + 1]`; that of 0 is in the middle.
    #[must_use]
    pub fn all(&self) -> &[u32] {
        &self.rows
    }

    /// Returns a range of rows that includes those that tokens less than `length` apart use.
    #[must_use]
    pub fn within(&self, length: usize) -> Range<usize> {
        self.buckets.rows_within(length)
    }

    /// Returns the number of rows of the table.
    #[must_use]
    pub fn table_rows(&self) -> usize {
        self.buckets.rows()
    }
}
