//! The kernels of cubek that a matrix product is tuned over.
//!
//! Burn tunes its own products over some forty. Each has to be compiled before it can be measured, half a second for one on
//! tensor cores: more than three minutes before the first step. Here are few, for the shapes that fine-tuning has: hundreds
//! or thousands of rows, and weights of some hundred or thousand columns. Small tiles keep a large GPU busy with the first
//! and large ones are faster for the last.

use cubek::matmul::multi_level::Strategy;
use cubek::matmul::multi_level::components::tile::TileMatmulKind;
use cubek::matmul::multi_level::routines::TileSizeSelection;
use cubek::matmul::multi_level::routines::batch::double_unit::DoubleUnitSelectionArgs;
use cubek::matmul::multi_level::routines::batch::ordered_double_buffering::OrderedSelectionArgs;
use cubek::matmul::multi_level::routines::batch::simple_unit::SimpleUnitSelectionArgs;
use cubek::matmul::routine::BlueprintStrategy::Inferred;
use cubek::matmul::tune_key::MatmulAutotuneKey;

use crate::kernels::MatmulPrecision;

/// The smallest side of a product that large tiles are for: of a smaller one, most of a tile would be empty.
const LARGE: usize = 64;
/// Numbers of a product whose large tiles are enough to keep a large GPU busy.
const MANY: usize = 1 << 22;

/// A kernel to measure.
pub struct MatmulCandidate {
    /// The kernel.
    pub strategy: Strategy,
    /// The smallest side of the products that it is for.
    least: usize,
    /// Its number among all, from small tiles to large ones, and how many there are.
    place: (i8, i8),
}

impl MatmulCandidate {
    /// When it is measured for a product: those of the highest priority first, those below zero never. Few are measured behind
    /// one that is the fastest, so that most are not even compiled.
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

/// Those that are fast where they do.
pub fn fast(precision: MatmulPrecision) -> Vec<MatmulCandidate> {
    let all = match precision {
        MatmulPrecision::F32 => on_units(),
        MatmulPrecision::Tf32 | MatmulPrecision::Bf16 => on_tensor_cores(),
    };
    let count = all.len() as i8;
    (0..).zip(all).map(|(place, (strategy, least))| MatmulCandidate { strategy, least, place: (place, count) }).collect()
}

/// The one that does everywhere.
pub fn last() -> MatmulCandidate {
    MatmulCandidate { strategy: Strategy::Naive, least: 0, place: (0, 0) }
}

/// Tiles that units multiply and add in f32.
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

/// Tiles that planes multiply on tensor cores.
fn on_tensor_cores() -> Vec<(Strategy, usize)> {
    let ordered = |rows: u32, tile_matmul: TileMatmulKind| {
        Inferred(OrderedSelectionArgs { partition_k: Some(2), row_count: Some(rows), rows_per_plane: Some(2), tile_matmul })
    };
    // In bf16 64 x 32, 128 x 64, 128 x 128 and 256 x 128 numbers of the product.
    vec![
        (Strategy::OrderedDoubleMma(ordered(4, TileMatmulKind::Mma)), 0),
        (Strategy::OrderedDoubleMma(ordered(8, TileMatmulKind::Mma)), LARGE),
        (Strategy::OrderedDoubleCmma(ordered(8, TileMatmulKind::Cmma)), 0),
        (Strategy::SpecializedTmaMma(Inferred(().into())), LARGE),
    ]
}
