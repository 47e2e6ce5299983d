//! Runs the command as a user would.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A temporary working folder, deleted at the end.
pub struct Shell {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// The result of a command.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Shell {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Copies the files of a folder of the project.
    pub fn copy(&self, from: &Path, to: &str) {
        std::fs::create_dir_all(self.path(to)).unwrap();
        for entry in std::fs::read_dir(from).unwrap().flatten().filter(|entry| entry.path().is_file()) {
            std::fs::copy(entry.path(), self.path(to).join(entry.file_name())).unwrap();
        }
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.into(), value.into()));
    }

    /// Runs `gluepot` in this folder, without the caller's settings for it or for the hub.
    pub fn gluepot(&self, arguments: &[&str]) -> Done {
        self.finish(self.command(arguments))
    }

    /// Returns the command, for the caller to start.
    pub fn command(&self, arguments: &[&str]) -> Command {
        // A program for another processor needs a runner (tests/arm.sh).
        let runner = std::env::var("GLUEPOT_TEST_RUNNER").unwrap_or_default();
        let mut words = runner.split_whitespace().chain([env!("CARGO_BIN_EXE_gluepot")]).chain(arguments.iter().copied());
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        self.surround(&mut command);
        command
    }

    /// Runs a shell command with `$GLUEPOT` set.
    pub fn sh(&self, script: &str) -> Done {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("GLUEPOT", env!("CARGO_BIN_EXE_gluepot"));
        self.finish(command)
    }

    fn finish(&self, mut command: Command) -> Done {
        self.surround(&mut command);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Sets the working folder and removes the caller's settings.
    pub fn surround(&self, command: &mut Command) {
        let of_hub = ["HF_", "HUGGING", "TRANSFORMERS_", "SSL_CERT_"];
        let is_ours = |name: &str| name.starts_with("GLUEPOT_") || of_hub.iter().any(|beginning| name.starts_with(beginning));
        let is_proxy = |name: &str| name.to_ascii_lowercase().ends_with("_proxy");
        for (name, _) in std::env::vars().filter(|(name, _)| is_ours(name) || is_proxy(name)) {
            command.env_remove(name);
        }
        command
            .current_dir(self.folder.path())
            .env("HF_HOME", self.path("hf"))
            .env("HF_HUB_OFFLINE", "1")
            .env("NO_COLOR", "1")
            .env_remove("COLUMNS");
        command.env("XDG_CACHE_HOME", self.path("cache"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    /// Returns paths that vary, and their placeholders in snapshots.
    pub fn places(&self) -> Vec<(String, String)> {
        let folder = self.folder.path();
        let place = |path: &Path, name: &str| (path.display().to_string(), name.to_string());
        vec![
            place(&folder.canonicalize().unwrap(), "[here]"),
            place(folder, "[here]"),
            place(Path::new(env!("CARGO_BIN_EXE_gluepot")), "gluepot"),
            place(Path::new(env!("CARGO_MANIFEST_DIR")), "[project]"),
        ]
    }

    /// Returns the only run directory below `runs`.
    pub fn run(&self) -> PathBuf {
        let mut runs: Vec<PathBuf> = std::fs::read_dir(self.path("runs")).unwrap().flatten().map(|entry| entry.path()).collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs.remove(0)
    }
}

/// Waits for the next second: of two runs in one second, the later one's name has an additional number.
pub fn next_second() {
    std::thread::sleep(std::time::Duration::from_millis(1001));
}
