//! Relative positions: which row of a table stands for the distance between two tokens.

use std::ops::Range;

/// The row of a table of relative positions for each distance between a query and a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelativeBuckets(Rule);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    EachDistance { span: usize },
    Logarithmic { span: usize, longest: usize },
    T5,
}

impl RelativeBuckets {
    /// The buckets of T5 (Raffel et al. 2020), as MPNet uses them: 16 for keys at or before the query, and 16 for those after it.
    pub const T5: Self = Self(Rule::T5);

    /// A row for each distance below `span` in either direction; longer ones share the first and the last row (DeBERTa, He et al.
    /// 2021).
    #[must_use]
    pub fn of_each_distance(span: usize) -> Self {
        Self(Rule::EachDistance { span })
    }

    /// Half of the rows for distances up to `span / 2` in either direction, and the others for those of up to `longest`, more of
    /// them to a row the longer they are (transformers' `make_log_bucket_position`); `None` if that leaves no rows to share.
    #[must_use]
    pub fn logarithmic(span: usize, longest: usize) -> Option<Self> {
        (span >= 2 && longest > span / 2 + 1).then_some(Self(Rule::Logarithmic { span, longest }))
    }

    /// The number of rows of the table.
    #[must_use]
    pub fn rows(self) -> usize {
        match self.0 {
            Rule::EachDistance { span } | Rule::Logarithmic { span, .. } => 2 * span,
            Rule::T5 => 2 * T5_HALF,
        }
    }

    /// The row for a query that is `distance` tokens after its key, negative if it is before it. All distances of a row are
    /// consecutive.
    #[must_use]
    pub fn row(self, distance: isize) -> usize {
        let (bucket, span) = match self.0 {
            Rule::EachDistance { span } => (distance, span),
            Rule::Logarithmic { span, longest } => {
                (distance.signum() * logarithmic_bucket(distance.unsigned_abs(), span / 2, longest).cast_signed(), span)
            }
            Rule::T5 => {
                let half = if distance < 0 { T5_HALF } else { 0 };
                return half + T5_BEGINS.partition_point(|begin| *begin <= distance.unsigned_abs());
            }
        };
        let span = span.cast_signed();
        (bucket.clamp(-span, span - 1) + span).cast_unsigned()
    }

    /// A range of rows that includes those that tokens less than `length` apart use.
    #[must_use]
    pub fn rows_within(self, length: usize) -> Range<usize> {
        if self == Self::T5 {
            return 0..self.rows();
        }
        // Rows ascend with the distance.
        let furthest = length.saturating_sub(1).cast_signed();
        self.row(-furthest)..self.row(furthest) + 1
    }
}

/// Buckets in each direction.
const T5_HALF: usize = 16;

/// The distances at which the next bucket begins: each of the first 8 has its own, and then ⌊8 + 8 ln(n / 8) / ln(128 / 8)⌋ rises.
const T5_BEGINS: [usize; T5_HALF - 1] = [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91];

/// Computes in f32 as torch does: which bucket a distance at a boundary belongs to depends on the rounding.
fn logarithmic_bucket(distance: usize, middle: usize, longest: usize) -> usize {
    if distance <= middle {
        return distance;
    }
    let relative = (distance as f32 / middle as f32).ln();
    let whole = (((longest - 1) as f64 / middle as f64) as f32).ln();
    (relative / whole * (middle - 1) as f32).ceil() as usize + middle
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

    /// Where the bucket changes in `MPNetEncoder.relative_position_bucket` of transformers 5.24.0: the key's position minus the
    /// query's, and the bucket from there on.
    const T5_CHANGES: [(isize, usize); 31] = [
        (-600, 15),
        (-90, 14),
        (-63, 13),
        (-45, 12),
        (-31, 11),
        (-22, 10),
        (-15, 9),
        (-11, 8),
        (-7, 7),
        (-6, 6),
        (-5, 5),
        (-4, 4),
        (-3, 3),
        (-2, 2),
        (-1, 1),
        (0, 0),
        (1, 17),
        (2, 18),
        (3, 19),
        (4, 20),
        (5, 21),
        (6, 22),
        (7, 23),
        (8, 24),
        (12, 25),
        (16, 26),
        (23, 27),
        (32, 28),
        (46, 29),
        (64, 30),
        (91, 31),
    ];

    #[test]
    fn buckets_of_t5_are_those_of_transformers() {
        for distance in -200..200 {
            let expected = T5_CHANGES.iter().rfind(|(from, _)| *from <= -distance).unwrap().1;
            assert_eq!(RelativeBuckets::T5.row(distance), expected, "{distance}");
        }
    }
}
