//! An experiment as written: its file, the files that it is based on, and what overrides them.

mod document;
mod schema;
mod suggest;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use figment::Figment;
use figment::value::{Dict, Value};

use crate::problem::{Place, Problem, Problems, Text};
use crate::settings::{Complaint, Defaults, Settings};

pub use document::{Document, Kind};
pub use schema::{check, schema};

use schema::{Part, Refusal};

/// A dotted path and its value, from outside of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// `data.batch_size`.
    pub path: String,
    /// As typed.
    pub value: String,
    /// The option that it came by: `--set` or `--device`.
    pub option: &'static str,
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
    /// What is wrong so far.
    pub problems: Vec<Problem>,
    /// Paths whose values were refused, and about which nothing more is to be said.
    refused: Vec<String>,
    layers: Layers,
}

/// What the environment says about settings; read by the caller, so that loading depends on nothing else.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Variables that start with `GLUEPOT_`.
    pub variables: Vec<(String, String)>,
}

/// Variables that start with `GLUEPOT_` and are no settings; the tests have more, below `GLUEPOT_TEST_`.
const NOT_SETTINGS: [&str; 2] = ["GLUEPOT_RUNS", "GLUEPOT_GLUE"];

impl Surroundings {
    /// The process's own.
    #[must_use]
    pub fn from_env() -> Self {
        let ours = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            let name = name.into_string().ok()?;
            let is_setting =
                name.starts_with("GLUEPOT_") && !name.starts_with("GLUEPOT_TEST_") && !NOT_SETTINGS.contains(&name.as_str());
            is_setting.then_some(())?;
            Some((name, value.into_string().ok()?))
        };
        Self { variables: std::env::vars_os().filter_map(ours).collect() }
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
        documents.extend(surroundings.variables.iter().map(|(name, value)| variable(name, value, &schema)));
        documents.extend(overrides.iter().map(argument));
        problems.extend(documents.iter().filter_map(base_outside_of_files));
        let layers = Layers::new(documents);
        if !problems.is_empty() {
            return Self { settings: None, problems, refused: Vec::new(), layers };
        }
        let merged = layers.merged();
        let refusals = schema::check(&merged, &schema);
        let mut sound = merged;
        for refusal in refusals.iter().filter(|refusal| refusal.part != Part::Missing) {
            remove(&mut sound, &refusal.path);
        }
        let refused: Vec<String> = refusals.iter().map(|refusal| refusal.path.clone()).collect();
        problems.extend(refusals.into_iter().map(|refusal| layers.refused(refusal, path)));
        // What is sound is checked on, so that all problems show at once; examples stand in for the rest.
        let stand_ins: Vec<_> = schema::examples(&schema).into_iter().filter(|(key, _)| !sound.contains_key(key)).collect();
        // A value that was taken away is neither missing nor at odds with another.
        let said_already =
            |complaint: &Complaint| refused.contains(&complaint.path) || (complaint.path == "metric" && !stand_ins.is_empty());
        sound.extend(stand_ins.clone());
        let settings = settings_from(sound);
        match &settings {
            Ok(settings) => {
                let complaints = settings.complaints().into_iter().filter(|complaint| !said_already(complaint));
                problems.extend(complaints.map(|complaint| layers.complained(complaint)));
            }
            Err(complaint) if problems.is_empty() => problems.push(layers.complained(complaint.clone())),
            Err(_) => {}
        }
        Self { settings: settings.ok().filter(|_| stand_ins.is_empty()), problems, refused, layers }
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
}

/// Every source of settings, the weakest first.
#[derive(Debug)]
struct Layers {
    documents: Vec<Document>,
    figment: Figment,
}

impl Layers {
    fn new(documents: Vec<Document>) -> Self {
        let merge = |figment: Figment, (number, document): (usize, &Document)| figment.merge(document.layer(number));
        let figment = documents.iter().enumerate().fold(Figment::new(), merge);
        Self { documents, figment }
    }

    fn merged(&self) -> Dict {
        // Every layer is a table, so the merge is one too.
        self.figment.extract::<Dict>().unwrap_or_default()
    }

    /// The strongest document that says something at this path.
    fn document(&self, path: &str) -> Option<&Document> {
        let metadata = self.figment.find_metadata(path).cloned()?;
        let number: usize = metadata.source?.custom()?.parse().ok()?;
        self.documents.get(number)
    }

    fn origin(&self, path: &str) -> String {
        let Some(document) = self.document(path) else { return "default".into() };
        match &document.kind {
            Kind::Default => "default".into(),
            Kind::FileName => "the file's name".into(),
            Kind::File(file) => {
                let line = document.value(path).and_then(|place| place.line_and_column()).map(|(line, _)| format!(":{line}"));
                format!("{}{}", file.display(), line.unwrap_or_default())
            }
            Kind::Environment(name) => format!("environment {name}"),
            Kind::Argument(option) => (*option).clone(),
        }
    }

    fn refused(&self, refusal: Refusal, file: &Path) -> Problem {
        let document = self.document(&refusal.path);
        let place = match refusal.part {
            Part::Missing => Some(whole(file)),
            Part::Key => self.last_with(&refusal.path).and_then(|document| document.key(&refusal.path)),
            Part::Value => document.or_else(|| self.last_with(&refusal.path)).and_then(|document| document.value(&refusal.path)),
        };
        Problem { message: refusal.message, place, label: refusal.label, help: refusal.help }
    }

    /// The strongest document in whose text the path stands: tables have no metadata of their own.
    fn last_with(&self, path: &str) -> Option<&Document> {
        self.documents.iter().rev().find(|document| document.key(path).is_some())
    }

    fn complained(&self, complaint: Complaint) -> Problem {
        let place = self.document(&complaint.path).and_then(|document| document.value(&complaint.path));
        let file = || self.documents.iter().rev().find(|document| matches!(document.kind, Kind::File(_)));
        let place = place.or_else(|| file().map(|document| Place { text: Arc::clone(&document.text), span: None }));
        Problem { message: complaint.message, place, label: None, help: complaint.help.into_iter().collect() }
    }
}

/// A base takes part in reading files, which is over when other sources speak.
fn base_outside_of_files(document: &Document) -> Option<Problem> {
    let is_file = matches!(document.kind, Kind::File(_));
    let place = document.key("base").filter(|_| !is_file)?;
    let help = vec!["write it into an experiment file of its own: base = \"…\"".to_string()];
    Some(Problem { message: "`base` can only be set in a file".into(), place: Some(place), label: None, help })
}

fn settings_from(values: Dict) -> Result<Settings, Complaint> {
    let figment = Figment::from(Document::unwritten(Kind::Default, values).layer(0));
    figment.extract::<Settings>().map_err(|error| Complaint::new(&error.path.join("."), error.kind.to_string()))
}

fn defaults() -> Document {
    let values = Value::serialize(Defaults::default()).ok().and_then(figment::value::Value::into_dict).unwrap_or_default();
    Document::unwritten(Kind::Default, values)
}

fn file_name(path: &Path) -> Document {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Document::unwritten(Kind::FileName, Dict::from([("name".to_string(), Value::from(stem))]))
}

fn argument(override_: &Override) -> Document {
    let shown = match override_.option {
        "--set" => format!("--set {}={}", override_.path, override_.value),
        option => format!("{option}={}", override_.value),
    };
    Document::single(Kind::Argument(override_.option.to_string()), &override_.path, &override_.value, shown)
}

/// `GLUEPOT_DATA_BATCH_SIZE` is `data.batch_size`: a table's name in front becomes the table.
fn variable(name: &str, value: &str, schema: &serde_json::Value) -> Document {
    let rest = name.trim_start_matches("GLUEPOT_").to_lowercase();
    let is_table = |table: &str| {
        schema.pointer(&format!("/properties/{table}/$ref")).is_some() || schema.pointer(&format!("/$defs/{table}")).is_some()
    };
    let path = match rest.split_once('_') {
        Some((table, key)) if is_table(table) && schema.pointer(&format!("/properties/{rest}")).is_none() => {
            format!("{table}.{key}")
        }
        _ => rest,
    };
    Document::single(Kind::Environment(name.to_string()), &path, value, format!("{name}={value}"))
}

/// Reads a file, then its base, and so on; the experiment's own file comes first.
fn read_with_bases(path: &Path, named_by: Option<&Place>, files: &mut Vec<Document>, problems: &mut Vec<Problem>) {
    let problem = |message: String, help: Option<String>| Problem {
        message,
        place: named_by.cloned(),
        label: None,
        help: help.into_iter().collect(),
    };
    let same = |document: &&Document| matches!(&document.kind, Kind::File(known) if is_same(known, path));
    if let Some(earlier) = files.iter().find(same) {
        problems.push(problem(
            format!("{} is based on itself", earlier.text.name),
            Some("a base may not lead back to its own file".into()),
        ));
        return;
    }
    let content = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes),
        Err(error) => {
            problems.push(problem(format!("cannot read {}: {}", path.display(), reason(&error)), None));
            return;
        }
    };
    let Ok(content) = content else {
        problems.push(problem(format!("{} is not UTF-8 text", path.display()), None));
        return;
    };
    match Document::parse(path, content) {
        Ok(document) => {
            let base = document.top_level("base").filter(|base| !base.is_empty()).map(|base| path.with_file_name("").join(base));
            let named_by = document.value("base");
            files.push(document);
            if let Some(base) = base {
                read_with_bases(&base, named_by.as_ref(), files, problems);
            }
        }
        Err(found) => problems.extend(found),
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// The operating system's reason without its number.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::IsADirectory => "it is a folder".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

fn whole(file: &Path) -> Place {
    Place { text: Arc::new(Text { name: file.display().to_string(), content: String::new() }), span: None }
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
