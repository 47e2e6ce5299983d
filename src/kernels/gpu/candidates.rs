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
use cubek::matmul::multi_level::routines::batch::simple::SimpleArgs;
use cubek::matmul::multi_level::routines::batch::simple_unit::SimpleUnitSelectionArgs;
use cubek::matmul::routine::BlueprintStrategy::Inferred;

use crate::kernels::operations::Products;

/// Rows and columns of a product that large tiles are measured for.
const LARGE: usize = 64;

/// A kernel to measure.
pub struct Candidate {
    /// The kernel.
    pub strategy: Strategy,
    /// The fewest rows and columns of a product that it is measured for: of fewer, most of a tile would be empty.
    pub least: usize,
}

/// Those that are fast where they do.
pub fn fast(how: Products) -> Vec<Candidate> {
    match how {
        Products::Exact => on_units(),
        Products::Tf32 | Products::Bf16 => on_tensor_cores(),
    }
}

/// The one that does everywhere.
pub fn last() -> Candidate {
    Candidate { strategy: Strategy::Naive, least: 0 }
}

/// Tiles that units multiply and add in f32.
fn on_units() -> Vec<Candidate> {
    let of_tiles = |tile_size: TileSizeSelection| {
        [
            Strategy::SimpleUnit(Inferred(SimpleUnitSelectionArgs { tile_size })),
            Strategy::DoubleUnit(Inferred(DoubleUnitSelectionArgs { tile_size })),
        ]
    };
    let all = [of_tiles(TileSizeSelection::MaxTileSize), of_tiles(TileSizeSelection::MinTileSize)].into_iter().flatten();
    all.map(|strategy| Candidate { strategy, least: 0 }).collect()
}

/// Tiles that planes multiply on tensor cores, from small to large.
fn on_tensor_cores() -> Vec<Candidate> {
    let ordered = |rows: u32, tile_matmul: TileMatmulKind| {
        Inferred(OrderedSelectionArgs { partition_k: Some(2), row_count: Some(rows), rows_per_plane: Some(2), tile_matmul })
    };
    let by_copy_engine = Inferred(SimpleArgs { multi_rows: false, tile_matmul: TileMatmulKind::Mma });
    [
        (Strategy::OrderedDoubleMma(ordered(4, TileMatmulKind::Mma)), 0),
        (Strategy::OrderedDoubleCmma(ordered(4, TileMatmulKind::Cmma)), 0),
        (Strategy::OrderedDoubleMma(ordered(8, TileMatmulKind::Mma)), LARGE),
        (Strategy::OrderedDoubleCmma(ordered(8, TileMatmulKind::Cmma)), LARGE),
        (Strategy::SimpleTmaMma(by_copy_engine), LARGE),
        (Strategy::SpecializedTmaMma(Inferred(().into())), LARGE),
    ]
    .map(|(strategy, least)| Candidate { strategy, least })
    .into()
}
