//! `gluepot check`.

use serde_json::json;

use super::{pretty, print};
use crate::cli::CheckArgs;
use crate::execute::warn_of;
use crate::experiment::Environment;
use crate::failure::Outcome;
use crate::hub::Hub;
use crate::inputs::{ReadFor, TrialInputs};
use crate::report::{check_json, check_text};
use crate::terminal::Width;

/// Prints the plan of each experiment.
pub fn check(arguments: &CheckArgs) -> Outcome<()> {
    let root = arguments.runs.root.as_path();
    let (environment, hub) = (Environment::from_env(root), Hub::from_env(!arguments.format.is_json()));
    let overrides = arguments.experiments.overrides.all();
    let mut plans = Vec::new();
    for file in &arguments.experiments.files {
        let inputs = TrialInputs::read(file, ReadFor::Plan, &overrides, &environment, &hub)?;
        warn_of(&inputs.experiment);
        if !inputs.loaded.files.weights.is_empty() {
            // Also check that the weights can be used.
            inputs.initial()?;
        }
        if arguments.format.is_json() {
            plans.push(check_json(&inputs, root));
        } else {
            print(&format!("{}\n\n{}\n", file.display(), check_text(&inputs, root, Width::of_stdout())))?;
        }
    }
    if arguments.format.is_json() { print(&pretty(&json!(plans))) } else { Ok(()) }
}
