//! The environment variables that set settings, and the folder for runs.

use std::path::{Path, PathBuf};

/// The inputs besides files and the command line; read by the caller, so that loading depends on nothing else.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The variables that start with `GLUEPOT_`.
    pub variables: Vec<(String, String)>,
    /// The folder for the runs that `checkpoint = "run:ID"` may name.
    pub runs: PathBuf,
}

/// Variables that start with `GLUEPOT_` but are not settings; the tests' own start with `GLUEPOT_TEST_`.
const NOT_SETTINGS: [&str; 2] = ["GLUEPOT_RUNS", "GLUEPOT_GLUE"];

impl Environment {
    /// Reads the variables of this process.
    #[must_use]
    pub fn from_env(runs: &Path) -> Self {
        let ours = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            let name = name.into_string().ok()?;
            let is_setting =
                name.starts_with("GLUEPOT_") && !name.starts_with("GLUEPOT_TEST_") && !NOT_SETTINGS.contains(&name.as_str());
            is_setting.then_some(())?;
            Some((name, value.into_string().ok()?))
        };
        Self { variables: std::env::vars_os().filter_map(ours).collect(), runs: runs.to_path_buf() }
    }
}
