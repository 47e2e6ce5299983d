//! The layout of the tables that attention reads.

/// Numbers that locate a query or a key.
pub const FIELDS: usize = 6;
/// Numbers per tile: its first row and its number of rows.
pub const TILE_FIELDS: usize = 2;
