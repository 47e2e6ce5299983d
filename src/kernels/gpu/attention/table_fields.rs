//! The layout of the tables that attention reads.

/// Numbers that say where a query or a key is.
pub const FIELDS: usize = 6;
/// Numbers of a tile: its first row, and how many rows it has.
pub const TILE_FIELDS: usize = 2;
