//! gluepot: declarative fine-tuning of BERT on GLUE.
//!
//! The data flow, and the modules in reading order:
//!
//! ```text
//! experiments/x.toml ─► experiment ─► settings ─► plan      pure: what is to be done
//! checkpoint, tasks, tokens (through hub) ─► inputs         read: what it is done with
//! pipeline ─► execute: models, train ─► events               the only part that knows Burn
//! runs ◄─ events ─► progress                                kept: what was done
//! sweep: axes ─► trials ─► one process each                 many of the above
//! runs ─► compare (statistics) ─► report                    pure again: what it means
//! cli ─► commands ─► report                                 said: to a person
//! ```

pub mod experiment;
pub mod problem;
pub mod settings;

pub mod places;
pub mod plan;

pub mod caches;
pub mod checkpoint;
pub mod hub;
pub mod input_file;
pub mod inputs;
pub mod tasks;
pub mod tokens;

pub mod kernels;
pub mod metrics;
pub mod models;
pub mod random;
pub mod train;

pub mod execute;
pub mod pipeline;
pub mod progress;
mod room;
pub mod runs;
pub mod stop;

pub mod sweep;

pub mod compare;
pub mod statistics;

pub mod cli;
pub mod commands;
#[cfg(feature = "cuda")]
mod cuda_driver;
pub mod digest;
pub mod durable;
pub mod failure;
pub mod gpu_fault;
pub mod measures;
pub mod memory;
pub mod page;
pub mod panics;
pub mod report;
pub mod shorten;
pub mod terminal;
pub mod threads;
