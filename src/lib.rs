//! gluepot: declarative fine-tuning of BERT on GLUE.
//!
//! The data flow, and the rooms in reading order; each uses only those below it:
//!
//! ```text
//! experiments/x.toml ─► experiment ─► settings ─┐
//! checkpoint, tokens, task (through hub) ─ inputs ┴► plan ─► Trial     pure; complete
//! Trial + Inputs ─► execute: train ─► events ─► runs                   the only part that knows Burn
//! runs ─► compare ─► report                                            pure again
//! sweep: space ─► trials ─► one process each                           many of the above
//! cli ─► commands                                                      the shell around it
//! ```

pub mod cli;
pub mod commands;

pub mod experiment;
pub mod settings;

pub mod plan;

pub mod architecture;
pub mod checkpoint;
pub mod hub;
pub mod inputs;
pub mod task;
pub mod tokens;

pub mod kernels;
pub mod models;
pub mod train;

pub mod execute;
pub mod progress;
pub mod runs;

pub mod sweep;

pub mod compare;
pub mod report;

pub mod failure;
pub mod machine;
pub mod numbers;
pub mod random;
pub mod terminal;
