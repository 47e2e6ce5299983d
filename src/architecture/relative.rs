//! Relative positions: which row of a table stands for the distance between two tokens.

use std::ops::Range;

/// How distances share the `2 · span` rows of a table of relative positions, as in DeBERTa (He et al. 2021; the buckets are those
/// of transformers' `make_log_bucket_position`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelativeBuckets {
    span: usize,
    /// If set, distances beyond half of the span share rows, more of them the longer they are, up to this distance.
    logarithmic_up_to: Option<usize>,
}

impl RelativeBuckets {
    /// A row for each distance below `span` in either direction; longer ones share the first and the last row.
    #[must_use]
    pub fn of_each_distance(span: usize) -> Self {
        Self { span, logarithmic_up_to: None }
    }

    /// Half of the rows for short distances, and the others for those of up to `longest`; `None` if that leaves no rows to share.
    #[must_use]
    pub fn logarithmic(span: usize, longest: usize) -> Option<Self> {
        (span >= 2 && longest > span / 2 + 1).then_some(Self { span, logarithmic_up_to: Some(longest) })
    }

    /// The number of rows of the table.
    #[must_use]
    pub fn rows(self) -> usize {
        2 * self.span
    }

    /// The row for a query that is `distance` tokens after its key, negative if it is before it. Rows ascend with the distance.
    #[must_use]
    pub fn row(self, distance: isize) -> usize {
        let bucket = match self.logarithmic_up_to {
            Some(longest) => distance.signum() * self.bucket(distance.unsigned_abs(), longest).cast_signed(),
            None => distance,
        };
        let span = self.span.cast_signed();
        (bucket.clamp(-span, span - 1) + span).cast_unsigned()
    }

    /// The rows that tokens less than `length` apart use.
    #[must_use]
    pub fn rows_within(self, length: usize) -> Range<usize> {
        let furthest = length.saturating_sub(1).cast_signed();
        self.row(-furthest)..self.row(furthest) + 1
    }

    /// Computes in f32 as torch does: which bucket a distance at a boundary belongs to depends on the rounding.
    fn bucket(self, distance: usize, longest: usize) -> usize {
        let middle = self.span / 2;
        if distance <= middle {
            return distance;
        }
        let relative = (distance as f32 / middle as f32).ln();
        let whole = (((longest - 1) as f64 / middle as f64) as f32).ln();
        (relative / whole * (middle - 1) as f32).ceil() as usize + middle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of transformers' `make_log_bucket_position` (tests/reference/make_relative_positions.py).
    #[test]
    fn distances_have_the_rows_that_transformers_gives_them() {
        let golden: serde_json::Value = serde_json::from_str(include_str!("../../tests/golden/relative_positions.json")).unwrap();
        let (mut distances, cases) = (0, golden["cases"].as_array().unwrap());
        for case in cases {
            let longest = case["max_relative_positions"].as_u64().unwrap() as usize;
            let buckets = match case["position_buckets"].as_u64() {
                Some(span) => RelativeBuckets::logarithmic(span as usize, longest).unwrap(),
                None => RelativeBuckets::of_each_distance(longest),
            };
            let rows = |key: &str| -> Vec<usize> { serde_json::from_value(case[key].clone()).unwrap() };
            let after = rows("after").into_iter().zip(0..).map(|(row, distance): (usize, isize)| (distance, row));
            let before = rows("before").into_iter().zip(1..).map(|(row, distance): (usize, isize)| (-distance, row));
            for (distance, row) in after.chain(before) {
                assert_eq!(buckets.row(distance), row, "{buckets:?} at {distance}");
                distances += 1;
            }
            let all = buckets.rows_within(2 * longest);
            assert_eq!((all.start.min(1), all.end), (all.start, buckets.rows()), "{buckets:?}");
        }
        assert!(cases.len() >= 7 && distances > 5000, "{distances}");
    }

    #[test]
    fn published_buckets() {
        let buckets = RelativeBuckets::logarithmic(256, 512).unwrap();
        let expected =
            [(127, 127), (128, 128), (129, 129), (130, 130), (200, 169), (256, 192), (300, 207), (384, 229), (511, 255)];
        for (distance, bucket) in expected {
            assert_eq!(buckets.row(distance), 256 + bucket, "{distance}");
            assert_eq!(buckets.row(-distance), 256 - bucket, "{distance}");
        }
        assert_eq!(buckets.rows_within(50), 256 - 49..256 + 50);
        assert_eq!([RelativeBuckets::logarithmic(1, 512), RelativeBuckets::logarithmic(256, 129)], [None, None]);
    }
}
