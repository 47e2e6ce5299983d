//! Runs grouped into variants and compared: which settings are better, by how much, and is that more than chance.
//!
//! ```text
//! arguments ─► select ─► runs, and what had to be left out
//! runs ─► group (variants by content, blocks) ─► evaluation basis (evaluations that all have) ─► variants
//! variants ─► differences ─► order ─► Comparison, with notes ─► conclusions
//! comparisons of several tasks ─► TaskMatrix: a row per variant, a column per task
//! ```

mod build;
mod columns;
mod conclusion;
mod differences;
mod evaluation_basis;
mod examples;
mod filter;
mod group;
mod guessing;
mod matching;
mod note;
mod notes;
mod options;
mod order;
mod select;
pub mod statistics;
mod task_conclusion;
mod task_identity;
mod task_matrix;
mod tested;
mod variant;

pub use build::compare;
pub use conclusion::conclusions;
pub use evaluation_basis::{Basis, evaluations};
pub use examples::{Disagreement, Examples, Picked};
pub use filter::Filter;
pub use matching::matching;
pub use note::Note;
pub use options::{Options, Sort};
pub use select::{ComparedRun, LeftOut, Reason, Selected, select, select_all};
pub use task_conclusion::task_conclusions;
pub use task_identity::TaskIdentity;
pub use task_matrix::{MatrixRow, NoMatrix, TaskColumn, TaskMatrix, task_matrix};
pub use variant::{Comparison, Pairing, Variant};

/// The sentence above several comparisons.
pub const APART: &str = "Runs on different tasks or data, or judged by different metrics, are compared separately.";
