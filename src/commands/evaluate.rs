//! `gluepot evaluate`.

use super::{pretty, print, warn};
use crate::cli::EvaluateArgs;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inference::{EvaluationRequest, LoadedModel};
use crate::inputs::EvaluationData;
use crate::report::{evaluation_json, evaluation_text};
use crate::terminal::Width;

/// Scores a fine-tuned model on a split or on files.
pub fn evaluate(arguments: &EvaluateArgs) -> Outcome<()> {
    let hub = Hub::from_env(!arguments.format.is_json());
    let model = LoadedModel::load(arguments.model.name(), &hub)?;
    let data =
        if arguments.data.is_empty() { EvaluationData::Split(&arguments.split) } else { EvaluationData::Files(&arguments.data) };
    let request = EvaluationRequest {
        data,
        task: arguments.task.as_deref(),
        source: arguments.source.as_deref(),
        runs: &arguments.model.runs.root,
    };
    let evaluation = request.evaluate(&model, &hub)?;
    for remark in &evaluation.remarks {
        warn(remark);
    }
    if let Some(path) = &arguments.predictions {
        evaluation.write_predictions(path).map_err(Failure::RunDirectory)?;
    }
    print(&if arguments.format.is_json() {
        pretty(&evaluation_json(&evaluation))
    } else {
        evaluation_text(&evaluation, Width::of_stdout())
    })
}
