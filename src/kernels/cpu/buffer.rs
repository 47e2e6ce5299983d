//! Result buffers.

use std::mem::MaybeUninit;

use rayon::prelude::*;

/// Returns zeros written by all threads in parallel, where `vec!` would leave them all to one.
#[must_use]
pub fn zeros(count: usize) -> Vec<f32> {
    const CHUNK: usize = 1 << 15;
    let mut values = Vec::with_capacity(count);
    values.spare_capacity_mut()[..count].par_chunks_mut(CHUNK).for_each(|part| part.fill(MaybeUninit::new(0.0)));
    // SAFETY: the vector has capacity for `count` values, all of which have just been written.
    #[allow(unsafe_code)]
    unsafe {
        values.set_len(count);
    }
    values
}
