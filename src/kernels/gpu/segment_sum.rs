//! Segment sums: the sum of the rows that belong to each place, in row order.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::reduce::{AT_ONCE, plus};
use super::tensors::{UNITS, elements, empty, sizes};
use crate::kernels::UniqueTokens;

/// Maximum length of a list, whose rows are added one after the other.
const ROWS: usize = 64;

/// The rows of each place, in lists of at most [`ROWS`]. All lengths depend only on the numbers of rows and places.
#[derive(Debug)]
pub struct SegmentLists {
    /// The rows, list after list.
    pub listed: Vec<u32>,
    /// Where each list begins in `listed`, followed by the end of the last one. Unused lists are empty.
    pub bounds: Vec<u32>,
    /// Index of each place's first list, followed by the number of lists in use.
    pub of_place: Vec<u32>,
}

impl SegmentLists {
    /// The place of a row that belongs to none.
    pub const NONE: u32 = UniqueTokens::NONE;

    /// Builds the lists from the place of each row and the number of places.
    pub fn of(places: &[u32], size: usize) -> Self {
        let mut rows_of = vec![Vec::new(); size];
        for (row, place) in (0_u32..).zip(places) {
            if *place != Self::NONE {
                rows_of[*place as usize].push(row);
            }
        }
        let (mut listed, mut bounds, mut of_place) = (Vec::with_capacity(places.len()), vec![0], vec![0]);
        for rows in &rows_of {
            for list in rows.chunks(ROWS) {
                listed.extend(list);
                bounds.push(listed.len() as u32);
            }
            of_place.push(bounds.len() as u32 - 1);
        }
        bounds.resize(size + places.len() / ROWS + 1, listed.len() as u32);
        listed.resize(places.len(), 0);
        Self { listed, bounds, of_place }
    }
}

/// Sums the rows of each list: those that `listed` names, or the rows between its bounds themselves.
#[cube(launch)]
fn sum_each(
    rows: &Tensor<f32>,
    listed: &Tensor<u32>,
    bounds: &Tensor<u32>,
    sums: &mut Tensor<f32>,
    d: usize,
    #[comptime] is_listed: bool,
) {
    let out = CUBE_POS_X as usize;
    let column = (CUBE_POS_Y * CUBE_DIM_X + UNIT_POS_X) as usize;
    if column < d {
        let mut sum = 0.0f32;
        let mut at = bounds[out];
        let end = bounds[out + 1];
        while at < end {
            let mut read = Array::<f32>::new(AT_ONCE);
            #[unroll]
            for index in 0..AT_ONCE {
                read[index] = 0.0f32;
                if at + (index as u32) < end {
                    let mut row = at + index as u32;
                    if is_listed {
                        row = listed[row as usize];
                    }
                    read[index] = rows[row as usize * d + column];
                }
            }
            sum = plus(sum, &read);
            at += AT_ONCE as u32;
        }
        sums[out * d + column] = sum;
    }
}

/// Returns the sum of each place's rows, `[places, d]` from `[rows, d]`. The lists are on the GPU: listed rows, the lists'
/// bounds, and the places' lists.
pub fn segment_sum(rows: &CubeTensor, [listed, bounds, of_place]: [&CubeTensor; 3]) -> CubeTensor {
    let d = sizes(rows).1;
    let sum = |rows: &CubeTensor, bounds: &CubeTensor, is_listed: bool| {
        let count = elements(bounds) - 1;
        let sums = empty(rows, [count, d]);
        sum_each::launch(
            &rows.client,
            CubeCount::Static(count as u32, d.div_ceil(UNITS as usize) as u32, 1),
            CubeDim::new_1d(UNITS),
            rows.clone().into_tensor_arg(),
            listed.clone().into_tensor_arg(),
            bounds.clone().into_tensor_arg(),
            sums.clone().into_tensor_arg(),
            d,
            is_listed,
        );
        sums
    };
    sum(&sum(rows, bounds, true), of_place, false)
}
