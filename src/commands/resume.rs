//! `gluepot resume`.

use super::sweep::print_end;
use super::{pretty, print};
use crate::cli::ResumeArgs;
use crate::execute::{resume_run, resume_sweep};
use crate::failure::Outcome;
use crate::sweep::{RunOrSweep, resolve};

/// Resumes a run or a sweep where it stopped.
pub fn resume(arguments: &ResumeArgs) -> Outcome<()> {
    match resolve(&arguments.runs.root, &arguments.run)? {
        RunOrSweep::Sweep(sweep) => print_end(resume_sweep(&sweep, arguments)?, &arguments.format),
        RunOrSweep::Run(run) => {
            let ended = resume_run(&run, arguments)?;
            if arguments.format.is_json() {
                return ended.json()?.map_or(Ok(()), |run| print(&pretty(&run)));
            }
            ended.result.map_or(Ok(()), |result| print(&result))
        }
    }
}
