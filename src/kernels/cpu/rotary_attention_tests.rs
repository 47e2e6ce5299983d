use super::*;
use crate::kernels::RaggedBatch;
use crate::kernels::ops::gradcheck::draw;

#[test]
fn blocks_hold_every_key_in_the_window_and_few_beyond() {
    for (length, window) in [(1, None), (130, None), (130, Some(0)), (1000, Some(64)), (64, Some(64)), (65, Some(4))] {
        let all: Vec<QueryBlock> = blocks(length, window).collect();
        assert_eq!(all.iter().flat_map(|block| block.queries.clone()).collect::<Vec<_>>(), (0..length).collect::<Vec<_>>());
        for block in &all {
            let sees = |key: usize| block.queries.clone().any(|query| window.is_none_or(|window| key.abs_diff(query) <= window));
            assert_eq!((0..length).filter(|key| sees(*key)).collect::<Vec<_>>(), block.keys.clone().collect::<Vec<_>>());
        }
    }
    let scores = |window| blocks(1024, window).map(|block| block.queries.len() * block.keys.len()).sum::<usize>();
    assert_eq!((scores(None), scores(Some(64))), (1024 * 1024, 1024 * 3 * 64 - 2 * 64 * 64));
}

/// What is never read cannot spoil a sum: the keys and values of the first token are not numbers, and only the block of queries
/// whose window reaches it notices, in both passes.
#[test]
fn blocks_outside_the_window_are_not_computed() {
    const LENGTH: usize = 300;
    let (heads, d) = (2, 12);
    let ids = vec![0; LENGTH];
    let batch = RaggedBatch::new(std::iter::once((&*ids, &*ids))).resident();
    let table = Arc::new(RotaryTable::new(LENGTH, d / heads, 100.0).into());
    let attention =
        |window| RotaryAttention { batch: Arc::clone(&batch), heads, table: Arc::clone(&table), window, dropout: None };
    let mut qkv = draw(1, LENGTH * 3 * d);
    qkv[d..3 * d].fill(f32::NAN);
    let first_number = |window| {
        let qkv = tensor(qkv.clone(), [LENGTH, 3 * d]);
        let (out, saved) = <RotaryAttention as Kernel<Flex, 1>>::forward(attention(window), [qkv]);
        let ones = tensor(vec![1.0; LENGTH * d], [LENGTH, d]);
        let [of_qkv] = <RotaryAttention as Kernel<Flex, 1>>::backward(saved, ones);
        [(out, d), (of_qkv, 3 * d)].map(|(x, width)| numbers(&x).chunks(width).position(|row| row.iter().all(|x| !x.is_nan())))
    };
    assert_eq!(first_number(Some(8)), [Some(BLOCK), Some(BLOCK)]);
    assert_eq!(first_number(None), [None, None]);
}
