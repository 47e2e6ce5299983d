//! Checks that the files a run is resumed from are the ones it wrote.

use super::directory::{RunDirectory, files};
use super::facts::{FORMAT, RunFacts};
use super::manifest::RunManifest;

/// The files that affect how a run continues and were changed after it wrote them, with the reason. States are not included: each
/// is checked when it is read, and an older one may be used instead.
#[must_use]
pub fn changed_files(directory: &RunDirectory) -> Vec<(String, String)> {
    // Without an intact manifest, only the run's identity could be checked.
    let Ok(Some(manifest)) = RunManifest::read(directory) else { return Vec::new() };
    let decides = |name: &str| {
        matches!(name, files::EXPERIMENT | files::RESOLVED | files::RUN | files::TRAIN | files::EVAL | files::SPEED)
            || name.starts_with("base-")
    };
    let wrong = |name: &str| manifest.check(directory, name).err().map(|error| (name.to_string(), format!("{error:#}")));
    manifest.names().filter(|name| decides(name)).filter_map(wrong).collect()
}

/// What is wrong with a run's manifest, if it should have one.
#[must_use]
pub fn manifest_fault(directory: &RunDirectory, facts: &RunFacts) -> Option<String> {
    match RunManifest::read(directory) {
        Ok(Some(_)) => None,
        Ok(None) => (facts.format_version >= FORMAT).then(|| "is missing".into()),
        Err(error) => Some(format!("{error:#}")),
    }
}
