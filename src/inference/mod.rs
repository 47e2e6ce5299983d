//! What training was for: a fine-tuned model predicts, and is evaluated.
//!
//! ```text
//! run or checkpoint ─► LoadedModel ┐
//! table or split ──► examples ─────┴► predictions ─► scores with intervals, or rows
//! ```

mod align;
mod bootstrap;
mod evaluate;
mod head;
mod model;
mod predict;
mod request;
mod rows;
mod test_predictions;

pub use align::Alignment;
pub use bootstrap::{Interval95, bootstrap};
pub use evaluate::{Evaluated, EvaluatedScore, evaluate};
pub use model::{LoadedModel, ModelName, ModelOrigin};
pub use predict::{PredictedRows, text_columns};
pub use request::{EvaluationRequest, ModelEvaluation};
pub use rows::PredictionRow;
pub use test_predictions::test_predictions;
