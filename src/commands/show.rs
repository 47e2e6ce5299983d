//! `gluepot show`.

use super::{pretty, print};
use crate::cli::ShowArgs;
use crate::execute::{command, sweep_command};
use crate::failure::{Failure, Outcome};
use crate::report::{SweepView, run_json, run_text};
use crate::sweep::{RunOrSweep, resolve};
use crate::terminal::Width;

/// Shows a run or a sweep.
pub fn show(arguments: &ShowArgs) -> Outcome<()> {
    let root = &arguments.runs.root;
    let is_json = arguments.format.is_json();
    print(&match resolve(root, &arguments.run)? {
        RunOrSweep::Run(run) if is_json => pretty(&run_json(&run)),
        RunOrSweep::Run(run) => run_text(&run, &command("resume", root, &run.facts.id), Width::of_stdout()),
        RunOrSweep::Sweep(sweep) => {
            let view = SweepView::of(&sweep).map_err(Failure::RunDirectory)?;
            if is_json { pretty(&view.json()) } else { view.text(&sweep_command, Width::of_stdout()) }
        }
    })
}
