//! An evaluation as it is asked for: which model on which examples of which task.

use std::path::Path;

use anyhow::{Context, anyhow};

use super::align::Alignment;
use super::evaluate::{Evaluated, evaluate};
use super::model::LoadedModel;
use super::rows::PredictionRow;
use crate::checkpoint::CheckpointName;
use crate::experiment::{Environment, Experiment};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{EvaluationData, EvaluationExamples};
use crate::machine::durable::write_file;
use crate::settings::TaskSetting;
use crate::task::{Origin, Task, glue};

/// Which examples, and of which task if the model does not come from a run.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationRequest<'a> {
    pub data: EvaluationData<'a>,
    /// The name of a GLUE task, or an experiment file.
    pub task: Option<&'a str>,
    /// The folder of a GLUE task's files; by default the hub's.
    pub source: Option<&'a Path>,
    /// The folder of runs.
    pub runs: &'a Path,
}

/// A model's scores on some examples.
#[derive(Clone, Debug)]
pub struct ModelEvaluation {
    pub checkpoint: CheckpointName,
    pub task: Task,
    /// The split or the files.
    pub data: String,
    pub evaluated: Evaluated,
    /// Notes for the user.
    pub remarks: Vec<String>,
}

impl EvaluationRequest<'_> {
    /// Predicts the examples and scores the predictions.
    ///
    /// # Errors
    /// The task is not known, the examples cannot be read or have no labels, or the model predicts something else.
    pub fn evaluate(&self, model: &LoadedModel, hub: &Hub) -> Outcome<ModelEvaluation> {
        let (task, examples) = self.examples(model, hub)?;
        let alignment = Alignment::of(&model.head, &task.head);
        let alignment = alignment.with_context(|| format!("cannot score {}", model.checkpoint)).map_err(Failure::Usage)?;
        let outputs = alignment.apply(model.predict(&examples.examples)?);
        let evaluated = evaluate(&task, &examples.examples, outputs).map_err(Failure::Data)?;
        let remarks = examples.remarks.into_iter().chain(alignment.remark).collect();
        Ok(ModelEvaluation { checkpoint: model.checkpoint.clone(), task, data: examples.name, evaluated, remarks })
    }

    fn examples(&self, model: &LoadedModel, hub: &Hub) -> Outcome<(Task, EvaluationExamples)> {
        let read = |task: Task, experiment: &Experiment, settings: &crate::settings::Settings| {
            let examples = EvaluationExamples::read(self.data, &task, experiment, settings, hub).map_err(Failure::Data)?;
            Ok((task, examples))
        };
        match (self.task, &model.origin) {
            (None, Some(origin)) => read(origin.task.clone(), &origin.experiment, &origin.settings),
            (None, None) => Err(Failure::Usage(anyhow!(
                "which task? gluepot did not train {}: name a GLUE task or an experiment file with --task",
                model.checkpoint
            ))),
            (Some(name), _) => {
                if let Some(task) = glue::task(name) {
                    let origin = self.source.map_or(Origin::Hub, |folder| Origin::Folder(folder.to_path_buf()));
                    let examples = EvaluationExamples::of_glue(self.data, &task, &origin, hub).map_err(Failure::Data)?;
                    return Ok((task, examples));
                }
                let experiment = Experiment::load(Path::new(name), &[], &Environment::from_env(self.runs));
                let settings = experiment.sound().map_err(Failure::Experiment)?.clone();
                read(task_of(&settings.task, model), &experiment, &settings)
            }
        }
    }
}

/// A task whose labels are in its training files alone has those of the model.
fn task_of(setting: &TaskSetting, model: &LoadedModel) -> Task {
    match (setting.outline(), setting) {
        (Some(task), _) => task,
        (None, TaskSetting::Own(own)) => own.task(model.head.labels().to_vec()),
        (None, TaskSetting::Glue(task)) => (**task).clone(),
    }
}

impl ModelEvaluation {
    /// Writes a CSV file with a row for each example: `index`, `prediction` and the probability of each label.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_predictions(&self, path: &Path) -> anyhow::Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(PredictionRow::header(&self.task.head))?;
        for (index, prediction) in self.evaluated.predictions.iter().enumerate() {
            writer.write_record(PredictionRow::of(&self.task.head, &prediction.output).fields(index))?;
        }
        write_file(path, &writer.into_inner()?)
    }
}
