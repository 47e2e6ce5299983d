//! `gluepot submit`.

use std::path::Path;

use anyhow::anyhow;

use super::{pretty, print, warn};
use crate::cli::SubmitArgs;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inference::{LoadedModel, ModelName, test_predictions};
use crate::report::{filled_text, submission_json, submission_text};
use crate::settings::DeviceChoice;
use crate::submission::{self, Draft};
use crate::terminal::{Width, complain};

/// Writes a submission to GLUE from runs, or says everything that is wrong with a finished one.
pub fn submit(arguments: &SubmitArgs) -> Outcome<()> {
    match (&arguments.check, &arguments.output) {
        (Some(zip), _) => check(zip, arguments),
        (None, Some(output)) => {
            write(output, arguments)?;
            check(output, arguments)
        }
        (None, None) => Err(Failure::Usage(anyhow!("name the zip to write with -o, or the one to check with --check"))),
    }
}

fn write(output: &Path, arguments: &SubmitArgs) -> Outcome<()> {
    let hub = Hub::from_env(true);
    let mut draft = Draft::default();
    for run in &arguments.which {
        let device = arguments.device.device.unwrap_or(DeviceChoice::Auto);
        let model = LoadedModel::load(ModelName { name: run, runs: &arguments.runs.root, device }, &hub)?;
        let files = test_predictions(&model, &hub)?;
        for rows in &files {
            complain(&format!("{}: predicted by {run}", rows.file().name()));
        }
        draft.add(run, files).map_err(|error| Failure::Usage(error.into()))?;
    }
    let submission = if arguments.fill {
        let (submission, filled) = draft.filled();
        if !filled.is_empty() {
            warn(&filled_text(&filled, Width::of_stdout()));
        }
        submission
    } else {
        draft.complete().map_err(|error| Failure::Usage(anyhow!("{error}; --fill predicts the majority class there")))?
    };
    submission.write(output).map_err(Failure::RunDirectory)
}

fn check(zip: &Path, arguments: &SubmitArgs) -> Outcome<()> {
    let report = submission::check(zip).map_err(Failure::data)?;
    let is_json = arguments.format.is_json();
    print(&if is_json { pretty(&submission_json(&report)) } else { submission_text(&report, Width::of_stdout()) })?;
    report.problem().map_or(Ok(()), |problem| Err(Failure::Data(anyhow!(problem))))
}
