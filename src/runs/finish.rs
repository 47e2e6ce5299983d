//! Completes runs whose process was killed after writing the summary but before marking the run as finished.

use std::fs;

use anyhow::Result;
use chrono::{DateTime, Utc};

use super::directory::{RunDirectory, files};
use super::facts::{Exit, RunFacts};
use super::manifest;
use super::states;
use super::status::Status;
use super::step_folder;
use super::stored::StoredRun;

/// Marks a run that has a summary as finished and removes its states, if its own process did not get that far. Returns whether
/// there was anything to do.
pub fn finish_record(run: &StoredRun) -> Result<bool> {
    if run.facts.status == Status::Finished {
        return Ok(false);
    }
    let directory = RunDirectory::at(run.path.clone());
    let Some(_lock) = directory.claim()? else { return Ok(false) };
    // Read again under the lock: its process may just have finished.
    let run = StoredRun::read(&run.path)?;
    if run.facts.status == Status::Finished || run.summary.is_none() {
        return Ok(false);
    }
    // The summary is written when training ends.
    let ended = fs::metadata(directory.path(files::SUMMARY)).and_then(|summary| summary.modified());
    let ended = ended.map_or_else(|_| Utc::now(), DateTime::<Utc>::from);
    let exit = Some(Exit { code: 0, message: None });
    let facts = RunFacts { status: Status::Finished, ended: Some(ended), exit, ..run.facts };
    if manifest::RunManifest::read(&directory)?.is_some() {
        manifest::end(&directory, &facts)?;
    } else {
        manifest::replace_facts(&directory, &facts)?;
    }
    let states = states::all(&directory).into_iter().map(|(step, _)| format!("{}/{}", files::STATES, step_folder::folder(step)));
    manifest::forget(&directory, &states.collect::<Vec<_>>())?;
    states::keep(&directory, 0)?;
    Ok(true)
}
