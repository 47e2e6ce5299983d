//! gluepot: declarative fine-tuning of BERT on GLUE.
//!
//! This library is the program's own; only the command line is stable. This page is a tour in the order in which data flows.
//!
//! ```text
//! experiments/x.toml ─► Experiment ─► Settings ─┐
//! checkpoint, data, tokenizer ─► inputs ────────┴► plan ─► Trial      pure: complete, nothing is looked up again
//! Trial + inputs ─► train ─► Event, Event, …                           the only part that knows Burn
//! Event ─► Recorder ─► runs/<stamp>_x/                                 kept
//! runs/* ─► Comparison ─► conclusions, tables, page                    pure again
//! ```
//!
//! **From a file to a trial.** [`experiment`] reads a TOML file in layers, each value with its origin, and reports every problem
//! in its place; [`settings`] are the typed tables. [`inputs`] finds and reads what they name: a [`task`]'s data, a
//! [`checkpoint`], whose `config.json` is an [`architecture`], and the tokenizer ([`tokens`]), from folders or through the
//! [`hub`]. [`plan`] makes a complete [`plan::Trial`] of both, and its identity once everything has been read ([`plan::Provenance`]).
//!
//! **Training.** [`train`] is the loop, with optimizer, schedule and evaluation; [`models`] are the forward passes, over fused
//! or reference operations; [`kernels`] are the fused ones, for CPU and GPU. Randomness ([`random`]) is a function of seed and place.
//! Training knows nothing of files or terminals: it emits events.
//!
//! **Runs.** [`execute`] trains a trial and records it. [`runs`] is the run directory, written and read; [`progress`] turns events
//! into lines.
//!
//! **Many runs.** [`sweep`] plans variants and seeds, and trains each in a process of its own. [`compare`] makes variants of runs and
//! says what may be concluded; [`report`] shows it as tables and as a page.
//!
//! **Around it.** [`cli`] is what can be typed and [`commands`] what it does; [`failure`] gives exit codes. [`machine`] is memory,
//! signals and durable files, [`numbers`] are figures as people read them, and [`terminal`] is the only way to a terminal.
//!
//! docs/design.md says which module may use which, and why things are as they are.

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
