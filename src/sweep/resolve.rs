//! Resolves names that may refer to runs and to sweeps.

use std::path::Path;

use super::directory::{SweepDirectory, is_sweep};
use super::facts::FACTS;
use crate::runs::{self, FindError, StoredRun};

#[derive(Debug)]
pub enum RunOrSweep {
    Run(Box<StoredRun>),
    Sweep(SweepDirectory),
}

/// Returns the run or the sweep that `name` refers to: a path, `latest` (a run), the beginning of exactly one directory name
/// or of a run's id, or the name of an experiment.
pub fn resolve(root: &Path, name: &str) -> Result<RunOrSweep, FindError> {
    let path = Path::new(name);
    if is_sweep(path) {
        return Ok(RunOrSweep::Sweep(SweepDirectory::at(path.to_path_buf())));
    }
    if [runs::files::PLAN, FACTS].iter().any(|file| path.join(file).is_file())
        && let Err(error) = SweepDirectory::open(path)
    {
        return Err(FindError::Unreadable(error));
    }
    let is_meant = |sweep: &SweepDirectory| {
        !name.is_empty() && (sweep.directory_name().starts_with(name) || sweep.facts().is_ok_and(|facts| facts.name == name))
    };
    let mut sweeps: Vec<SweepDirectory> = SweepDirectory::all(root).into_iter().filter(is_meant).collect();
    match runs::find(root, name) {
        // The whole name of a sweep's experiment means the sweep, even if some run's id begins like that.
        Ok(run) if is_named(&sweeps, name) && !run.is_called(name) => {}
        // The sweep's trials have the experiment's name too, and their directory names begin alike.
        Ok(run) if sweeps.iter().any(|sweep| run.path.parent() == Some(sweep.path())) && !run.facts.id.starts_with(name) => {}
        Ok(run) => return Ok(RunOrSweep::Run(Box::new(run))),
        Err(FindError::Unreadable(error)) => return Err(FindError::Unreadable(error)),
        Err(none) if sweeps.is_empty() => return Err(none),
        Err(_) => {}
    }
    if is_named(&sweeps, name) {
        sweeps.retain(|sweep| sweep.facts().is_ok_and(|facts| facts.name == name));
    }
    if sweeps.len() == 1 {
        return Ok(RunOrSweep::Sweep(sweeps.remove(0)));
    }
    let names: Vec<String> = sweeps.iter().map(SweepDirectory::directory_name).collect();
    Err(FindError::NotFound(format!("\"{name}\" means {} sweeps: {}; write more of the name", names.len(), names.join(", "))))
}

/// Returns whether the experiment of one of these sweeps has exactly this name.
fn is_named(sweeps: &[SweepDirectory], name: &str) -> bool {
    sweeps.iter().any(|sweep| sweep.facts().is_ok_and(|facts| facts.name == name))
}
