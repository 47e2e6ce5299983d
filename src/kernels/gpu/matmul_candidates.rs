//! The cubek kernels that a matrix product is autotuned over.
//!
//! Burn tunes its own products over some forty kernels. Each must be compiled before it can be measured, which takes half a
//! second for one on tensor cores: more than three minutes before the first step. These are a few for the shapes of
//! fine-tuning: hundreds or thousands of rows, and weights of several hundred or thousand columns. Small tiles keep a large
//! GPU busy with the smaller shapes; large tiles are faster for the larger ones.

use cubek::matmul::multi_level::Strategy;
use cubek::matmul::multi_level::components::tile::TileMatmulKind;
use cubek::matmul::multi_level::routines::TileSizeSelection;
use cubek::matmul::multi_level::routines::batch::double_unit::DoubleUnitSelectionArgs;
use cubek::matmul::multi_level::routines::batch::ordered_double_buffering::OrderedSelectionArgs;
use cubek::matmul::multi_level::routines::batch::simple_unit::SimpleUnitSelectionArgs;
use cubek::matmul::routine::BlueprintStrategy::Inferred;
use cubek::matmul::tune_key::MatmulAutotuneKey;

use crate::kernels::MatmulPrecision;

/// Smallest dimension of a product that suits large tiles: below that, most of a tile would be empty.
const LARGE: usize = 64;
/// Output size, in numbers, at which large tiles keep a large GPU busy.
const MANY: usize = 1 << 22;

/// A kernel to measure.
pub struct MatmulCandidate {
    /// The kernel.
    pub strategy: Strategy,
    /// Smallest dimension that a product must have for this kernel.
    least: usize,
    /// The kernel's index among all, from small tiles to large ones, and their count.
    place: (i8, i8),
}

impl MatmulCandidate {
    /// Returns the kernel's priority for a product: higher ones are measured first, negative ones never. Measuring stops soon
    /// after the fastest kernel, so most are not even compiled.
    pub fn priority(&self, key: &MatmulAutotuneKey) -> i8 {
        let product = &key.definition;
        let (place, count) = self.place;
        if product.m.min(product.n).min(product.k) < self.least {
            -1
        } else if product.m * product.n < MANY {
            count - place
        } else {
            place
        }
    }
}

/// Returns the fast kernels, which may not support every device and shape.
pub fn fast(precision: MatmulPrecision) -> Vec<MatmulCandidate> {
    let all = match precision {
        MatmulPrecision::F32 => on_units(),
        MatmulPrecision::Tf32 | MatmulPrecision::Bf16 => on_tensor_cores(),
    };
    let count = all.len() as i8;
    (0..).zip(all).map(|(place, (strategy, least))| MatmulCandidate { strategy, least, place: (place, count) }).collect()
}

/// Returns the kernel that works everywhere.
pub fn last() -> MatmulCandidate {
    MatmulCandidate { strategy: Strategy::Naive, least: 0, place: (0, 0) }
}

/// Kernels whose units multiply and add tiles in f32.
fn on_units() -> Vec<(Strategy, usize)> {
    let of_tiles = |tile_size: TileSizeSelection| {
        [
            Strategy::SimpleUnit(Inferred(SimpleUnitSelectionArgs { tile_size })),
            Strategy::DoubleUnit(Inferred(DoubleUnitSelectionArgs { tile_size })),
        ]
    };
    let all = [of_tiles(TileSizeSelection::MinTileSize), of_tiles(TileSizeSelection::MaxTileSize)];
    all.into_iter().flatten().map(|strategy| (strategy, 0)).collect()
}

/// Kernels whose planes multiply tiles on tensor cores.
fn on_tensor_cores() -> Vec<(Strategy, usize)> {
    let ordered = |rows: u32, tile_matmul: TileMatmulKind| {
        Inferred(OrderedSelectionArgs { partition_k: Some(2), row_count: Some(rows), rows_per_plane: Some(2), tile_matmul })
    };
    // Output tiles in bf16: 64 x 32, 128 x 64, 128 x 128 and 256 x 128.
    vec![
        (Strategy::OrderedDoubleMma(ordered(4, TileMatmulKind::Mma)), 0),
        (Strategy::OrderedDoubleMma(ordered(8, TileMatmulKind::Mma)), LARGE),
        (Strategy::OrderedDoubleCmma(ordered(8, TileMatmulKind::Cmma)), 0),
        (Strategy::SpecializedTmaMma(Inferred(().into())), LARGE),
    ]
}
