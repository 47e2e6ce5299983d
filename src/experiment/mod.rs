//! An experiment as written: its file, that file's bases, and overrides.

mod check;
mod document;
mod environment;
mod hint;
mod layers;
mod other_tools;
mod overrides;
pub mod problem;
mod retired;
mod schema;
mod sources;
mod sweep_problems;
mod sweepable;
mod validate;
mod validator;
mod words;

use std::path::{Path, PathBuf};

use crate::experiment::problem::{Problem, Problems};
use crate::settings::{Retired, SettingProblem, Settings, Sweep};

pub use check::check;
pub use document::{Document, DocumentKind};
pub use environment::Environment;
pub use hint::Hint;
pub use other_tools::{Equivalent, equivalent};
pub use overrides::{Choice, Override};
pub use schema::schema;
pub use sweepable::{is_whole, paths as setting_paths};
pub use validator::{can_be, must_be};

use layers::Layers;
use retired::Given;
use sources::{argument, base_outside_of_files, defaults, file_name, neutral, read_with_bases, variable};

/// An experiment, merged from all sources.
#[derive(Debug)]
pub struct Experiment {
    /// The settings, if they could be read despite any problems.
    pub settings: Option<Settings>,
    /// The sweep, if the experiment is one.
    pub sweep: Option<Sweep>,
    /// The problems found so far.
    pub problems: Vec<Problem>,
    path: PathBuf,
    runs: PathBuf,
    seed: u64,
    /// Paths whose values were rejected; no further problems are reported about them.
    refused: Vec<String>,
    /// The retired settings that are given.
    retired: Vec<Given>,
    /// Whether this is the record of a run, in which a retired setting at its usual value needs no remark.
    is_record: bool,
    layers: Layers,
}

impl Experiment {
    /// Reads a file and its bases, applies the environment and overrides, and checks everything.
    #[must_use]
    pub fn load(path: &Path, overrides: &[Override], environment: &Environment) -> Self {
        let schema = schema();
        let mut problems = Vec::new();
        let mut files = Vec::new();
        read_with_bases(path, None, &mut files, &mut problems);
        let mut documents = vec![defaults(), file_name(path)];
        documents.extend(files.into_iter().rev());
        documents.extend(environment.variables.iter().map(|(name, value)| variable(name, value, schema)));
        documents.extend(overrides.iter().map(argument));
        problems.extend(documents.iter().filter_map(base_outside_of_files));
        Self::of(documents, path, &environment.runs, problems)
    }

    /// Returns the trial of this sweep in which settings, including the seed, have the chosen values.
    #[must_use]
    pub fn trial(&self, choices: &[Choice]) -> Self {
        let is_argument = |document: &Document| matches!(document.kind, DocumentKind::Argument(_));
        let (arguments, others): (Vec<Document>, Vec<Document>) = self.layers.documents.iter().cloned().partition(is_argument);
        let chosen = choices.iter().map(|choice| self.layers.chosen(choice));
        let mut documents: Vec<Document> = others.into_iter().chain(chosen).chain(arguments).collect();
        for document in &mut documents {
            document.forget("sweep");
        }
        Self::of(documents, &self.path, &self.runs, Vec::new())
    }

    /// Creates an experiment from a complete set of settings, such as a trial of a frozen plan; `path` names it in messages.
    #[must_use]
    pub fn planned(path: &Path, document: Document) -> Self {
        Self { is_record: true, ..Self::of(vec![neutral(), document], path, Path::new(""), Vec::new()) }
    }

    /// Reads the settings recorded by a run and applies overrides. A setting that did not exist yet gets its neutral value,
    /// whatever its default is now.
    #[must_use]
    pub fn recorded(path: &Path, overrides: &[Override], runs: &Path) -> Self {
        let (mut problems, mut files) = (Vec::new(), Vec::new());
        read_with_bases(path, None, &mut files, &mut problems);
        let documents = [defaults(), neutral(), file_name(path)].into_iter().chain(files).chain(overrides.iter().map(argument));
        Self { is_record: true, ..Self::of(documents.collect(), path, runs, problems) }
    }

    /// Returns the retired settings that are given, and their values.
    pub fn retired(&self) -> impl Iterator<Item = (&'static Retired, serde_json::Value)> {
        self.retired.iter().cloned()
    }

    /// Returns remarks about a valid experiment.
    #[must_use]
    pub fn remarks(&self) -> Problems {
        Problems(retired::remarks(&self.retired, &self.layers, self.is_record))
    }

    fn of(documents: Vec<Document>, path: &Path, runs: &Path, problems: Vec<Problem>) -> Self {
        let mut experiment = Self {
            settings: None,
            sweep: None,
            problems,
            path: path.to_path_buf(),
            runs: runs.to_path_buf(),
            seed: 0,
            refused: Vec::new(),
            retired: Vec::new(),
            is_record: false,
            layers: Layers::new(documents),
        };
        if experiment.problems.is_empty() {
            experiment.validate();
        }
        experiment
    }

    /// Returns the seed, which is known even if a sweep leaves other settings open.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the path of the experiment's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder for the runs that `checkpoint = "run:ID"` may name.
    #[must_use]
    pub fn runs(&self) -> &Path {
        &self.runs
    }

    /// Whether a setting's value, or an entry of the table that it is, was rejected.
    fn is_refused(&self, path: &str) -> bool {
        let is_of = |refused: &String| refused.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.refused.iter().any(is_of)
    }

    /// Adds problems that were found later, such as in the plan.
    pub fn add_problems(&mut self, problems: Vec<SettingProblem>) {
        let new = problems.into_iter().filter(|problem| !self.is_refused(&problem.path));
        let new: Vec<Problem> = new.map(|problem| self.layers.located(problem)).collect();
        let known: Vec<String> = self.problems.iter().map(|problem| problem.message.clone()).collect();
        self.problems.extend(new.into_iter().filter(|problem| !known.contains(&problem.message)));
    }

    /// Returns the settings if there are no problems.
    pub fn sound(&self) -> Result<&Settings, Problems> {
        match &self.settings {
            Some(settings) if self.problems.is_empty() => Ok(settings),
            _ => Err(Problems(self.problems.clone())),
        }
    }

    /// Returns where the value at a path comes from.
    #[must_use]
    pub fn origin(&self, path: &str) -> String {
        self.layers.origin(path)
    }

    /// Returns the folder that a relative path in this setting is resolved against: that of the file that sets it.
    #[must_use]
    pub fn folder(&self, path: &str) -> PathBuf {
        match self.layers.document(path).map(|document| &document.kind) {
            Some(DocumentKind::File(file)) => file.parent().map(Path::to_path_buf).unwrap_or_default(),
            Some(DocumentKind::Chosen { folder, .. }) => folder.clone(),
            _ => PathBuf::new(),
        }
    }

    /// Returns the experiment's file and its bases, the experiment's own file first.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.layers.documents.iter().rev().filter_map(|document| match &document.kind {
            DocumentKind::File(path) => Some((path.as_path(), document.text.content.as_str())),
            _ => None,
        })
    }

    /// Returns names and contents for copies of these files: `experiment.toml`, and `base-1-…` for each base.
    #[must_use]
    pub fn copies(&self) -> Vec<(String, String)> {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let named = |(number, (path, text)): (usize, (&Path, &str))| match number {
            0 => ("experiment.toml".to_string(), text.to_string()),
            number => (format!("base-{number}-{}", name(path)), text.to_string()),
        };
        self.files().enumerate().map(named).collect()
    }
}
