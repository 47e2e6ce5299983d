//! `gluepot check`.

use serde_json::json;

use super::{pretty, print};
use crate::cli::CheckArgs;
use crate::execute::warn_of;
use crate::experiment::Environment;
use crate::failure::Outcome;
use crate::hub::Hub;
use crate::inputs::{CheckedInputs, ReadFor, TrialInputs};
use crate::report::{check_json, check_text};
use crate::terminal::Width;
use crate::tokens::TokenCache;

/// Prints the plan of each experiment.
pub fn check(arguments: &CheckArgs) -> Outcome<()> {
    let root = arguments.runs.root.as_path();
    let (environment, hub) = (Environment::from_env(root), Hub::from_env(!arguments.format.is_json()));
    let overrides = arguments.experiments.overrides.all();
    let mut plans = Vec::new();
    for file in &arguments.experiments.files {
        let inputs = TrialInputs::read(file, ReadFor::Plan, &overrides, &environment, &hub)?;
        warn_of(&inputs.experiment);
        let checked = CheckedInputs::of(inputs, &TokenCache::of_user())?;
        if arguments.format.is_json() {
            plans.push(check_json(&checked, root));
        } else {
            print(&format!("{}\n\n{}\n", file.display(), check_text(&checked, root, Width::of_stdout())))?;
        }
    }
    if arguments.format.is_json() { print(&pretty(&json!(plans))) } else { Ok(()) }
}
