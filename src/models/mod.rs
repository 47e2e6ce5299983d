//! Models on Burn: what is computed from parameters and tokens.

mod bert;
mod dropout;
mod layers;
mod padded;
mod read;
mod rows;

pub use bert::{Bert, Input};
pub use dropout::Masks;
pub use layers::{Value, product, products};
pub use padded::Padded;
pub use read::read;
