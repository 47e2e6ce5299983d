//! [`Dropout`] on the CPU.

use burn::backend::Flex;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::reduce::ROWS;
use super::simd::vectorized;
use super::tensors::{dense, shape};
use crate::kernels::operation::Kernel;
use crate::kernels::{Dropout, DropoutMask, MaskRows};

/// Dropout of the rows of a matrix.
#[derive(Clone, Copy, Debug)]
pub struct RowDropout<'a> {
    /// The mask.
    pub mask: &'a DropoutMask,
    /// The mask row of each row; `None` if row i uses mask row i.
    pub rows: Option<&'a [u32]>,
}

impl RowDropout<'_> {
    /// Fills in the dropout factors of a row.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    pub fn fill(&self, row: usize, factors: &mut [f32]) {
        self.mask.hidden_row(self.rows.map_or(row, |rows| rows[row] as usize), factors);
    }
}

/// Multiplies rows of width `d` by their dropout factors.
pub fn drop_rows(x: &mut [f32], d: usize, dropout: Option<RowDropout<'_>>) {
    vectorized! {
        fn part(x: &mut [f32], d: usize, dropout: RowDropout<'_>, first: usize) {
            let mut factors = vec![1.0_f32; d];
            for (row, x) in x.chunks_exact_mut(d).enumerate() {
                dropout.fill(first + row, &mut factors);
                for (x, factor) in x.iter_mut().zip(&factors) {
                    *x *= factor;
                }
            }
        }
    }
    if let Some(dropout) = dropout {
        x.par_chunks_mut(ROWS * d).enumerate().for_each(|(index, x)| part(x, d, dropout, index * ROWS));
    }
}

fn drop(x: FlexTensor, Dropout { batch, mask, rows }: &Dropout) -> FlexTensor {
    let mut x = dense(x);
    let d = shape(&x)[1];
    match rows {
        MaskRows::Same => drop_rows(x.storage_mut(), d, Some(RowDropout { mask, rows: None })),
        MaskRows::FirstTokens => drop_rows(x.storage_mut(), d, Some(RowDropout { mask, rows: Some(&batch.first_rows) })),
        MaskRows::Attention { heads, queries } => {
            x.storage_mut::<f32>().par_chunks_mut(d).enumerate().for_each(|(row, x)| {
                let (example, head, query) = (row / queries / heads, row / queries % heads, row % queries);
                let mut factors = vec![1.0_f32; d];
                mask.attention_row(batch.offsets[example] + query, head, *heads, &mut factors);
                x.iter_mut().zip(&factors).for_each(|(x, factor)| *x *= factor);
            });
        }
    }
    x
}

impl Kernel<Flex, 1> for Dropout {
    type Saved = Self;

    fn forward(self, [x]: [FlexTensor; 1]) -> (FlexTensor, Self::Saved) {
        (drop(x, &self), self)
    }

    fn backward(options: Self::Saved, gradient: FlexTensor) -> [FlexTensor; 1] {
        [drop(gradient, &options)]
    }
}
