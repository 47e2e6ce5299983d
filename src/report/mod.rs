//! What a person reads: numbers, times and tables in one style.

mod comparison;
mod curve;
mod listing;
pub mod page;
mod plan;
mod remarks;
mod sweep;
mod table;

pub use comparison::{ComparisonGrid, basis_text, comparison_csv, comparison_grid, comparison_markdown, comparison_text};
pub use curve::curve;
pub use listing::{ListedSweep, runs_table, sweeps_table};
pub use plan::plan_text;
pub use remarks::{constant_text, label_text, label_warnings, remarks};
pub use sweep::{lookup_text, opened_text, other_numerics, state_text, sweep_plan_text, sweep_size_text};
pub use table::{Column, Table};
