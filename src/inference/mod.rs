//! What training was for: a fine-tuned model predicts, and is evaluated.
//!
//! ```text
//! run or checkpoint ─► LoadedModel ┐
//! table or split ──► examples ─────┴► predictions ─► scores with intervals, or rows
//! ```

mod bootstrap;
mod evaluate;
mod head;
mod model;

pub use bootstrap::{Interval95, bootstrap};
pub use evaluate::{Evaluated, EvaluatedScore, evaluate};
pub use model::{LoadedModel, ModelName, Origin as ModelOrigin};
