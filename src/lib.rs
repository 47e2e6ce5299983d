//! wip
pub mod checkpoint;
pub mod hub;
pub mod metrics;
pub mod models;
pub mod plan;
pub mod random;
pub mod tasks;
pub mod settings;
pub mod tokens;
pub mod train;
