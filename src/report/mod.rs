//! Output for people: numbers, times and tables in one style.

mod bench;
mod best_trial;
mod check;
mod comparison;
mod curve;
mod devices;
mod diff;
mod disagreements;
mod evaluation;
mod input_contract;
mod json;
mod latex;
mod listing;
pub mod page;
mod percent;
mod plan;
mod remarks;
mod run;
mod run_list;
mod selection;
mod submission;
mod sweep;
mod sweep_view;
mod table;

pub use bench::SpeedFigures;
pub use best_trial::{best, best_lines};
pub use check::{check_json, check_text};
pub use comparison::{
    ComparisonGrid, basis_text, comparison_csv, comparison_grid, comparison_latex, comparison_markdown, comparison_text,
};
pub use curve::curve;
pub use devices::DeviceList;
pub use diff::{diff_json, diff_text};
pub use disagreements::disagreements_text;
pub use evaluation::{confusion_text, evaluation_json, evaluation_text};
pub use json::{pretty_json, run_json};
pub use listing::{ListedSweep, runs_table, sweeps_table};
pub use plan::plan_text;
pub use remarks::{constant_text, label_text, label_warnings, remarks, weight_text};
pub use run::run_text;
pub use run_list::RunList;
pub use selection::{Compared, in_order};
pub use submission::{filled_text, submission_json, submission_text};
pub use sweep::{lookup_text, opened_text, other_numerics, state_text, sweep_plan_text, sweep_size_text};
pub use sweep_view::{SweepView, plan_damages};
pub use table::{Column, Table};
