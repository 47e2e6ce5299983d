//! A run's predictions for GLUE's test splits.

use anyhow::{Context, Result, bail, ensure};

use super::model::LoadedModel;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::glue_origin;
use crate::submission::{GlueFile, GlueRows};
use crate::task::{FoundSplits, Origin, Reads, SplitNames, Task, glue};

/// Predicts the test splits of a run's task, as the files that GLUE's server wants: three of a model of MNLI, one of any other.
///
/// # Errors
/// The model does not come from a run on a GLUE task, a test split cannot be found or read, or the device fails.
pub fn test_predictions(model: &LoadedModel, hub: &Hub) -> Outcome<Vec<GlueRows>> {
    let (run, origin) = (|| -> Result<_> {
        let run =
            model.origin.as_ref().with_context(|| format!("{} is not a run; only runs know their task", model.checkpoint))?;
        let files = GlueFile::of_task(&run.task.name).count();
        ensure!(files > 0, "{} is not a task of GLUE", run.task.name);
        Ok((run, glue_origin(&run.experiment, &run.settings)))
    })()
    .map_err(Failure::Usage)?;
    GlueFile::of_task(&run.task.name)
        .map(|file| {
            let (task, split) = split_of(file, &run.task).map_err(Failure::Usage)?;
            let examples = texts(&task, &split, &origin, hub).map_err(Failure::Data)?;
            let outputs = model.predict(&examples)?;
            let rows = GlueRows::predicted(file, &run.task, &outputs);
            rows.with_context(|| format!("cannot write {}", file.name())).map_err(Failure::Data)
        })
        .collect()
}

/// The task and the test split that a file has the predictions of.
fn split_of(file: GlueFile, task: &Task) -> Result<(Task, SplitNames)> {
    let task = match file {
        GlueFile::Ax => glue::diagnostics(),
        // As a run recorded it, a task may have no test splits yet.
        _ => glue::task(&task.name).with_context(|| format!("{} is not a task of GLUE", task.name))?,
    };
    let wanted = |split: &&SplitNames| match file {
        GlueFile::MnliMatched => split.name == "test_matched",
        GlueFile::MnliMismatched => split.name == "test_mismatched",
        _ => true,
    };
    match task.splits.test.iter().find(wanted).cloned() {
        Some(split) => Ok((task, split)),
        None => bail!("{} has no test split for {}", task.name, file.name()),
    }
}

fn texts(task: &Task, split: &SplitNames, origin: &Origin, hub: &Hub) -> Result<Vec<crate::task::Example>> {
    let mut found = FoundSplits::find(origin, task, &[split], hub).or_else(|error| match origin {
        // A run records the folder of its own task; the diagnostics are in one beside it.
        Origin::Folder(folder) => FoundSplits::find(&Origin::Folder(folder.join("..")), task, &[split], hub).map_err(|_| error),
        Origin::Hub => Err(error),
    })?;
    let file = found.files.pop().context("a split is missing")?;
    Ok(file.read(task, Reads::Texts)?.examples)
}
