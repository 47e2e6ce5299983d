//! Models on Burn: the computation from parameters and tokens to outputs.
//!
//! An encoder's forward pass is written once, over [`ops`], which run on fused kernels or on Burn's own functions.

mod constants;
mod dropout_sites;
mod input;
mod model;
mod named_parameters;
mod op;
mod ops;
mod post_norm;
mod pre_norm;
mod precision;
mod read;
mod value;

pub use constants::Constants;
pub use dropout_sites::DropoutSites;
pub use input::{Input, PaddedBatch};
pub use model::Model;
pub use named_parameters::{NamedParameters, ParameterError};
pub use op::{Op, ReferenceOps};
pub use precision::{matmul_precision, product};
pub use read::read;
pub use value::Value;
