//! gluepot: declarative fine-tuning of BERT on GLUE.
//!
//! This library belongs to the program; only the command line is stable. This page is a tour in the order of the data flow.
//!
//! ```text
//! experiments/x.toml ─► Experiment ─► Settings ─┐
//! checkpoint, data, tokenizer ─► inputs ────────┴► plan ─► Trial      pure: complete, nothing is looked up again
//! Trial + inputs ─► train ─► Event, Event, …                           the only part that knows Burn
//! Event ─► Recorder ─► runs/<stamp>_x/                                 kept
//! runs/* ─► Comparison ─► conclusions, tables, page                    pure again
//! ```
//!
//! **From a file to a trial.** [`experiment`] reads a TOML file in layers, keeps each value's origin, and reports every
//! problem with its position; [`settings`] holds the typed tables. [`inputs`] finds and reads what they name, from folders
//! or through the [`hub`]: a [`task`]'s data, from users' own tables too ([`table`]), a [`checkpoint`], whose `config.json`
//! describes an [`architecture`], and the tokenizer ([`tokens`]). [`plan`] combines both into a complete [`plan::Trial`], and
//! computes its identity once everything has been read ([`plan::Provenance`]).
//!
//! **Training.** [`train`] is the loop, with optimizer, schedule and evaluation; [`models`] holds the forward passes, over
//! fused or reference operations; [`kernels`] holds the fused ones, for CPU and GPU. Randomness ([`random`]) is a function
//! of seed and position. Training does not know about files or terminals: it emits events.
//!
//! **Runs.** [`execute`] trains a trial and records it. [`runs`] writes and reads run directories; [`progress`] turns events
//! into lines.
//!
//! **After training.** [`inference`] loads the best checkpoint of a run, or any fine-tuned checkpoint, predicts and evaluates.
//! **Submissions.** [`submission`] turns a model's outputs into GLUE's files, and checks finished submissions.
//!
//! **Many runs.** [`sweep`] plans variants and seeds, and trains each in its own process. [`compare`] groups runs into
//! variants and draws conclusions; [`report`] shows them as tables and as a page.
//!
//! **Everything else.** [`cli`] defines the command line and [`commands`] executes it; [`failure`] gives the exit codes.
//! [`machine`] covers memory, signals and durable files, [`numbers`] formats figures for people, and [`terminal`] is the
//! only way to a terminal.
//!
//! docs/design.md says which module may use which, and why things are the way they are.

pub mod cli;
pub mod commands;

pub mod experiment;
pub mod settings;

pub mod plan;

pub mod architecture;
pub mod checkpoint;
pub mod hub;
pub mod inference;
pub mod inputs;
pub mod submission;
pub mod table;
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
