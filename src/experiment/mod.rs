//! An experiment as written: its file, the files that it is based on, and what overrides them.

mod check;
mod document;
mod elsewhere;
mod hint;
mod layers;
pub mod problem;
mod retired;
mod schema;
mod sources;
mod suggest;
mod sweepable;
mod words;

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::value::{Dict, Value};

use crate::experiment::problem::{Problem, Problems};
use crate::settings::{Axis, Complaint, Retired, Settings, Sweep};

pub use check::{can_be, check, must_be};
pub use document::{Document, Kind};
pub use elsewhere::{Meaning, elsewhere};
pub use hint::Hint;
pub use schema::schema;
pub use suggest::nearest;
pub use sweepable::{is_whole, paths as setting_paths};

use check::Part;
use layers::Layers;
use retired::Given;
use sources::{argument, base_outside_of_files, defaults, file_name, neutral, read_with_bases, variable};

/// A dotted path and its value, from outside of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// `data.batch_size`.
    pub path: String,
    /// As typed.
    pub value: String,
    /// The option that it came by: `--set`, `--device`, `--axis` or `--seeds`.
    pub option: &'static str,
}

/// A setting's value in one trial of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// `data.batch_size`.
    pub path: String,
    /// Its value.
    pub value: serde_json::Value,
    /// The path of the place that says so, such as `sweep.axes.data.batch_size[1]`.
    pub place: String,
}

impl Override {
    /// Reads `path=value`, split at the first `=`.
    ///
    /// # Errors
    /// There is no `=`, or no path in front of it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((path, value)) if !path.trim().is_empty() => {
                Ok(Self { path: path.trim().into(), value: value.trim().into(), option: "--set" })
            }
            _ => Err(format!("\"{text}\" is not of the form path=value, such as data.batch_size=16")),
        }
    }
}

/// An experiment, merged.
#[derive(Debug)]
pub struct Experiment {
    /// The settings, where they could be read in spite of all problems.
    pub settings: Option<Settings>,
    /// What varies, if the experiment is a sweep.
    pub sweep: Option<Sweep>,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
    path: PathBuf,
    runs: PathBuf,
    seed: u64,
    /// Paths whose values were refused, and about which nothing more is to be said.
    refused: Vec<String>,
    /// Settings of earlier versions that are given.
    retired: Vec<Given>,
    /// Whether this is the record of a run, in which a retired setting at its usual value is nothing special.
    is_record: bool,
    layers: Layers,
}

/// What is outside of the files and the command line; read by the caller, so that loading depends on nothing else.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Variables that start with `GLUEPOT_`.
    pub variables: Vec<(String, String)>,
    /// The folder with the runs that `checkpoint = "run:ID"` may name.
    pub runs: PathBuf,
}

/// Variables that start with `GLUEPOT_` and are no settings; the tests have more, below `GLUEPOT_TEST_`.
const NOT_SETTINGS: [&str; 2] = ["GLUEPOT_RUNS", "GLUEPOT_GLUE"];

impl Surroundings {
    /// The process's own variables, and the folder for runs.
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

impl Experiment {
    /// Reads a file and what it is based on, puts environment and overrides on top, and checks everything.
    #[must_use]
    pub fn load(path: &Path, overrides: &[Override], surroundings: &Surroundings) -> Self {
        let schema = schema();
        let mut problems = Vec::new();
        let mut files = Vec::new();
        read_with_bases(path, None, &mut files, &mut problems);
        let mut documents = vec![defaults(), file_name(path)];
        documents.extend(files.into_iter().rev());
        documents.extend(surroundings.variables.iter().map(|(name, value)| variable(name, value, schema)));
        documents.extend(overrides.iter().map(argument));
        problems.extend(documents.iter().filter_map(base_outside_of_files));
        Self::of(documents, path, &surroundings.runs, problems)
    }

    /// The trial of a sweep in which settings have these values, its seed among them.
    #[must_use]
    pub fn trial(&self, choices: &[Choice]) -> Self {
        let is_argument = |document: &Document| matches!(document.kind, Kind::Argument(_));
        let (arguments, others): (Vec<Document>, Vec<Document>) = self.layers.documents.iter().cloned().partition(is_argument);
        let chosen = choices.iter().map(|choice| self.layers.chosen(choice));
        let mut documents: Vec<Document> = others.into_iter().chain(chosen).chain(arguments).collect();
        for document in &mut documents {
            document.forget("sweep");
        }
        Self::of(documents, &self.path, &self.runs, Vec::new())
    }

    /// An experiment whose every setting is known, such as a trial of a frozen plan; `path` names it in messages.
    #[must_use]
    pub fn planned(path: &Path, document: Document) -> Self {
        Self { is_record: true, ..Self::of(vec![neutral(), document], path, Path::new(""), Vec::new()) }
    }

    /// The settings that a run has recorded, with overrides on top. A setting that did not exist yet has its neutral value,
    /// whatever its default is now.
    #[must_use]
    pub fn recorded(path: &Path, overrides: &[Override], runs: &Path) -> Self {
        let (mut problems, mut files) = (Vec::new(), Vec::new());
        read_with_bases(path, None, &mut files, &mut problems);
        let documents = [defaults(), neutral(), file_name(path)].into_iter().chain(files).chain(overrides.iter().map(argument));
        Self { is_record: true, ..Self::of(documents.collect(), path, runs, problems) }
    }

    /// Settings of earlier versions that are given, and their values.
    pub fn retired(&self) -> impl Iterator<Item = (&'static Retired, serde_json::Value)> {
        self.retired.iter().cloned()
    }

    /// What there is to say about an experiment with which nothing is wrong.
    #[must_use]
    pub fn remarks(&self) -> Problems {
        Problems(retired::remarks(&self.retired, &self.layers, self.is_record))
    }

    fn of(documents: Vec<Document>, path: &Path, runs: &Path, mut problems: Vec<Problem>) -> Self {
        let schema = schema();
        let layers = Layers::new(documents);
        let (path, runs) = (path.to_path_buf(), runs.to_path_buf());
        if !problems.is_empty() {
            return Self {
                settings: None,
                sweep: None,
                problems,
                path,
                runs,
                seed: 0,
                refused: Vec::new(),
                retired: Vec::new(),
                is_record: false,
                layers,
            };
        }
        let mut sound = layers.merged();
        let retired = retired::take(&mut sound);
        let mut refusals = check(&sound, schema);
        let sweep = sound.remove("sweep");
        let has_sound_sweep = !refusals.iter().any(|refusal| refusal.path.starts_with("sweep"));
        let sweep = sweep.filter(|_| has_sound_sweep).as_ref().map(sweep_from).transpose();
        // What varies needs no value outside of the sweep.
        if let Ok(Some(sweep)) = &sweep {
            refusals.retain(|refusal| refusal.part != Part::Missing || !sweep.paths().contains(&refusal.path.as_str()));
        }
        for refusal in refusals.iter().filter(|refusal| refusal.part != Part::Missing) {
            remove(&mut sound, refusal.path.split('[').next().unwrap_or_default());
        }
        let refused: Vec<String> = refusals.iter().map(|refusal| refusal.path.clone()).collect();
        problems.extend(refusals.into_iter().map(|refusal| layers.refused(refusal, &path)));
        // What is sound is checked on, so that all problems show at once; examples stand in for the rest.
        let stand_ins: Vec<_> = schema::examples(schema).into_iter().filter(|(key, _)| !sound.contains_key(key)).collect();
        // A value that was taken away is neither missing nor at odds with another.
        let said_already =
            |complaint: &Complaint| refused.contains(&complaint.path) || (complaint.path == "metric" && !stand_ins.is_empty());
        sound.extend(stand_ins.clone());
        let settings = settings_from(sound);
        let varies = |path: &str| matches!(&sweep, Ok(Some(sweep)) if sweep.paths().contains(&path));
        match &settings {
            Ok(settings) => {
                let complaints = settings.complaints().into_iter();
                let complaints = complaints.filter(|complaint| !said_already(complaint) && !varies(&complaint.path));
                problems.extend(complaints.map(|complaint| layers.complained(complaint)));
            }
            Err(complaint) if problems.is_empty() => problems.push(layers.complained(complaint.clone())),
            Err(_) => {}
        }
        let sweep = match sweep {
            Ok(sweep) => {
                let complaints = sweep.iter().flat_map(|sweep| sweep_complaints(sweep, &layers, schema));
                problems.extend(complaints.map(|complaint| layers.complained(complaint)).collect::<Vec<_>>());
                sweep
            }
            Err(complaint) => {
                problems.push(layers.complained(complaint));
                None
            }
        };
        let seed = settings.as_ref().map_or(0, |settings| settings.seed);
        let settings = settings.ok().filter(|_| stand_ins.is_empty());
        Self { settings, sweep, problems, path, runs, seed, refused, retired, is_record: false, layers }
    }

    /// The seed, which stands even where a sweep leaves other settings open.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The experiment's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder with the runs that `checkpoint = "run:ID"` may name.
    #[must_use]
    pub fn runs(&self) -> &Path {
        &self.runs
    }

    /// Adds problems that showed later, such as in the plan.
    pub fn complain(&mut self, complaints: Vec<Complaint>) {
        let new = complaints.into_iter().filter(|complaint| !self.refused.contains(&complaint.path));
        let new = new.map(|complaint| self.layers.complained(complaint));
        let known: Vec<String> = self.problems.iter().map(|problem| problem.message.clone()).collect();
        self.problems.extend(new.filter(|problem| !known.contains(&problem.message)));
    }

    /// The settings, if nothing is wrong.
    ///
    /// # Errors
    /// Every problem.
    pub fn sound(&self) -> Result<&Settings, Problems> {
        match &self.settings {
            Some(settings) if self.problems.is_empty() => Ok(settings),
            _ => Err(Problems(self.problems.clone())),
        }
    }

    /// Where the value at a path comes from.
    #[must_use]
    pub fn origin(&self, path: &str) -> String {
        self.layers.origin(path)
    }

    /// The folder that a relative path at this place means: that of the file that says it.
    #[must_use]
    pub fn folder(&self, path: &str) -> PathBuf {
        match self.layers.document(path).map(|document| &document.kind) {
            Some(Kind::File(file)) => file.parent().map(Path::to_path_buf).unwrap_or_default(),
            Some(Kind::Chosen { folder, .. }) => folder.clone(),
            _ => PathBuf::new(),
        }
    }

    /// The experiment's file and the ones it is based on, itself first.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.layers.documents.iter().rev().filter_map(|document| match &document.kind {
            Kind::File(path) => Some((path.as_path(), document.text.content.as_str())),
            _ => None,
        })
    }

    /// The same as names and contents of copies: `experiment.toml`, and `base-1-…` for each file it is based on.
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

fn settings_from(values: Dict) -> Result<Settings, Complaint> {
    let figment = Figment::from(Document::unwritten(Kind::Default, values).layer(0));
    figment.extract::<Settings>().map_err(|error| Complaint::new(&error.path.join("."), error.kind.to_string()))
}

fn sweep_from(value: &Value) -> Result<Sweep, Complaint> {
    value.deserialize().map_err(|error| Complaint::new("sweep", error.kind.to_string()))
}

/// What is wrong with a sweep, beyond what the schema says: within itself, and with what else is set.
fn sweep_complaints(sweep: &Sweep, layers: &Layers, schema: &serde_json::Value) -> Vec<Complaint> {
    let mut complaints = sweep.complaints();
    complaints.extend(latest_of_itself(sweep, layers));
    for (path, axis) in &sweep.axes {
        let Axis::Range(range) = axis else { continue };
        for (name, bound) in [("min", range.min), ("max", range.max)] {
            let bound =
                if is_whole(schema, path) && bound.fract() == 0.0 { Value::from(bound as i64) } else { Value::from(bound) };
            if !can_be(schema, path, &bound) {
                let message = format!("some values in this range are not valid for `{path}`");
                complaints.push(
                    Complaint::new(&format!("sweep.axes.{path}.{name}"), message)
                        .help(format!("expected {}", must_be(schema, path))),
                );
            }
        }
    }
    let seed = sweep.seeds.as_ref().map(|_| "seed");
    for path in sweep.paths().into_iter().chain(seed) {
        if let Some(Kind::Argument(option)) = layers.document(path).map(|document| &document.kind) {
            let place = if path == "seed" { "sweep.seeds".to_string() } else { format!("sweep.axes.{path}") };
            let message = format!("{path} varies in this sweep, and {option} sets it");
            complaints.push(Complaint::new(path, message).help(format!("change {place} instead")));
        }
    }
    complaints
}

/// `run:latest` would be a trial of the sweep itself as soon as that has begun.
fn latest_of_itself(sweep: &Sweep, layers: &Layers) -> Option<Complaint> {
    const LATEST: &str = "run:latest";
    let varies = matches!(sweep.axes.get("checkpoint"), Some(Axis::Values(values)) if values.iter().any(|value| value == LATEST));
    let path = if varies { "sweep.axes.checkpoint" } else { "checkpoint" };
    let is_latest = varies || layers.merged().get("checkpoint").and_then(Value::as_str) == Some(LATEST);
    let message = "`run:latest` means another run as soon as the sweep has begun";
    is_latest.then(|| Complaint::new(path, message).help("name the run by its id, as in run:8c1f3a"))
}

/// Removes the value at a dotted path.
fn remove(values: &mut Dict, path: &str) {
    // A key may itself hold dots, in quotes.
    if values.remove(path).is_some() {
        return;
    }
    if let Some((table, rest)) = path.split_once('.')
        && let Some(Value::Dict(_, inner)) = values.get_mut(table)
    {
        remove(inner, rest);
    }
}
