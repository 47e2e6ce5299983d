//! The integration tests of gluepot, as one program, so that it is linked only once.

#![expect(clippy::format_collect, reason = "tables of a few rows, where speed does not matter")]

mod architecture;
mod bf16;
mod checkpoints;
mod commands;
mod compare;
mod contract;
mod directories;
mod encoders;
mod environment;
mod experiments;
mod failures;
mod fair_comparisons;
mod families;
mod faults;
mod formats;
mod glue;
mod golden;
#[cfg(feature = "cuda")]
mod gpus;
mod hub;
mod hub_data;
mod hub_faults;
mod hub_server;
mod identity;
mod large_inputs;
mod left_out;
mod list;
mod losses;
mod made;
mod metrics;
mod modules;
mod names;
mod numerics;
mod own_data;
mod own_tasks;
mod page;
mod readers;
mod real;
#[cfg(feature = "gpu")]
mod recordings;
mod redactor;
mod reproducible;
mod resume;
mod schema;
mod shell;
mod statistics;
mod strategies;
mod submission;
mod support;
mod sweep;
mod sweep_changes;
mod sweeps;
mod tables;
mod task_matrix;
mod terminal;
mod tiers;
mod tokenizers;
mod training;
mod type_names;
mod variants;
mod vendored;
