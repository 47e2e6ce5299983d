//! The buckets of relative positions of T5 (Raffel et al. 2020), as MPNet uses them.

use burn::tensor::{Device, Int, Tensor};

/// Half of the buckets: those of keys at or before the query.
const HALF: i32 = 16;

/// The distances at which the next bucket begins: each of the first 8 has its own, and then ⌊8 + 8 ln(n / 8) / ln(128 / 8)⌋ rises.
const BEGINS: [i32; 15] = [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91];

/// Returns the bucket of each key for each of the first `queries` positions: `[queries · keys]`, row-major.
pub fn buckets(queries: usize, keys: usize, device: &Device) -> Tensor<1, Int> {
    let positions = |count: usize| Tensor::<1, Int>::arange(0..count.cast_signed() as i64, device);
    let distance = positions(keys).reshape([1, keys]) - positions(queries).reshape([queries, 1]);
    let from_after = distance.clone().greater_elem(0).int() * HALF;
    let magnitude = distance.abs();
    let bucket = BEGINS.iter().fold(from_after, |bucket, begin| bucket + magnitude.clone().greater_equal_elem(*begin).int());
    bucket.reshape([queries * keys])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the bucket changes in `MPNetEncoder.relative_position_bucket` of transformers 5.24.0: the key's position minus the
    /// query's, and the bucket from there on.
    const CHANGES: [(i32, i32); 31] = [
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
    fn buckets_are_those_of_transformers() {
        const LENGTH: i32 = 200;
        let all = buckets(LENGTH as usize, LENGTH as usize, &Device::flex()).into_data().iter::<i32>().collect::<Vec<_>>();
        assert_eq!(all.len(), (LENGTH * LENGTH) as usize);
        for (at, bucket) in (0..).zip(all) {
            let distance = at % LENGTH - at / LENGTH;
            let expected = CHANGES.iter().rfind(|(from, _)| *from <= distance).unwrap().1;
            assert_eq!(bucket, expected, "{distance}");
        }
    }
}
