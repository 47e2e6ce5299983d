//! `gluepot run`.

use serde_json::{Value, json};

use super::{pretty, print};
use crate::cli::RunArgs;
use crate::execute::{Ended, run_experiments};
use crate::failure::{Failure, Outcome};

/// Trains each experiment.
pub fn run(arguments: &RunArgs) -> Outcome<()> {
    let mut finished: Vec<Value> = Vec::new();
    let is_json = arguments.format.is_json();
    let outcome = run_experiments(arguments, &mut |ended: &Ended| {
        if is_json {
            finished.extend(ended.json()?);
            return Ok(());
        }
        ended.result.as_ref().map_or(Ok(()), |result| print(result))
    });
    // With several experiments, print those that finished, whatever happened to the others.
    if is_json && matches!(outcome, Ok(()) | Err(Failure::Several { .. })) {
        print(&pretty(&json!(finished)))?;
    }
    outcome
}
