//! Runs grouped into variants and compared: which setting is better, by how much, and is that real.

mod conclusion;
mod examples;
mod filter;
mod select;
mod variant;

pub use conclusion::conclusions;
pub use examples::{Disagreement, Examples};
pub use filter::Filter;
pub use select::{ComparedRun, select};
pub use variant::{Comparison, Options, Sort, Variant, compare};
