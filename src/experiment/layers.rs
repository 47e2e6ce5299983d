//! All sources of settings, merged, and the origin of each value.

use std::path::Path;
use std::sync::Arc;

use figment::value::{Dict, Value};
use figment::{Figment, Profile, Provider};

use super::Choice;
use super::check::{Part, Refusal};
use super::document::{Document, DocumentKind};
use crate::experiment::problem::{Place, Problem, SourceText};
use crate::settings::SettingProblem;

/// All sources of settings, lowest precedence first.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) documents: Vec<Document>,
    figment: Figment,
    /// Merged once, because every query to figment merges everything again.
    merged: Value,
}

impl Layers {
    pub(super) fn new(documents: Vec<Document>) -> Self {
        let merge = |figment: Figment, (number, document): (usize, &Document)| figment.merge(document.layer(number));
        let figment = documents.iter().enumerate().fold(Figment::new(), merge);
        // Every layer is a table, so the merge is one too.
        let merged = figment.data().ok().and_then(|mut profiles| profiles.remove(&Profile::Default)).unwrap_or_default();
        Self { documents, figment, merged: Value::from(merged) }
    }

    pub(super) fn merged(&self) -> Dict {
        self.merged.as_dict().cloned().unwrap_or_default()
    }

    /// Returns the document with the highest precedence that sets this path.
    pub(super) fn document(&self, path: &str) -> Option<&Document> {
        let metadata = self.figment.get_metadata(self.merged.find_ref(path)?.tag())?;
        let number: usize = metadata.source.as_ref()?.custom()?.parse().ok()?;
        self.documents.get(number)
    }

    pub(super) fn origin(&self, path: &str) -> String {
        let Some(document) = self.document(path) else { return "default".into() };
        match &document.kind {
            DocumentKind::Default => "default".into(),
            DocumentKind::FileName => "the file's name".into(),
            DocumentKind::File(file) => {
                let line = document.value(path).and_then(|place| place.line_and_column()).map(|(line, _)| format!(":{line}"));
                format!("{}{}", file.display(), line.unwrap_or_default())
            }
            DocumentKind::Environment(name) => format!("environment {name}"),
            DocumentKind::Argument(option) => (*option).clone(),
            DocumentKind::Chosen { origin, .. } => origin.clone(),
            DocumentKind::Planned(origins) => origins.get(path).cloned().unwrap_or_else(|| "the plan".into()),
        }
    }

    pub(super) fn refused(&self, refusal: Refusal, file: &Path) -> Problem {
        let path = refusal.path.as_str();
        let document = match refusal.part {
            Part::Missing => None,
            Part::Key => self.last_with(path),
            Part::Value => self.document(path).or_else(|| self.last_with(path)),
        };
        let place = match refusal.part {
            Part::Missing => Some(self.parent(path).unwrap_or_else(|| whole(file))),
            Part::Key => document.and_then(|document| document.key(path)),
            Part::Value => document.and_then(|document| document.value(path)),
        };
        let written = place.as_ref().and_then(Place::written).unwrap_or_default().to_string();
        let help = refusal.hints.iter().map(|hint| hint.text(path, document.map(|document| &document.kind), &written)).collect();
        Problem { message: refusal.message, place, label: refusal.label, help }
    }

    /// Returns where the table of a path is written, if it has one.
    fn parent(&self, path: &str) -> Option<Place> {
        let (table, _) = path.rsplit_once('.')?;
        self.last_with(table)?.value(table)
    }

    /// Creates the document for a trial's value, with its place in the sweep.
    pub(super) fn chosen(&self, choice: &Choice) -> Document {
        let document = self.last_with(&choice.place);
        let place = document.and_then(|document| document.value(&choice.place));
        let (origin, folder) = match document.map(|document| &document.kind) {
            Some(DocumentKind::File(file)) => {
                let line = place.as_ref().and_then(Place::line_and_column).map(|(line, _)| format!(":{line}"));
                let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
                (format!("{}{}", file.display(), line.unwrap_or_default()), folder)
            }
            Some(DocumentKind::Argument(option)) => (option.clone(), std::path::PathBuf::new()),
            _ => ("the sweep".into(), std::path::PathBuf::new()),
        };
        let axis = choice.place.split('[').next().unwrap_or_default();
        let said = if axis.starts_with("sweep.axes") { "axis" } else { axis };
        Document::chosen(DocumentKind::Chosen { origin: format!("{said}, {origin}"), folder }, &choice.path, &choice.value, place)
    }

    /// Returns the document of highest precedence whose text contains the path. Needed because tables have no metadata.
    fn last_with(&self, path: &str) -> Option<&Document> {
        self.documents.iter().rev().find(|document| document.key(path).is_some())
    }

    pub(super) fn located(&self, problem: SettingProblem) -> Problem {
        let document = self.document(&problem.path).or_else(|| self.last_with(&problem.path));
        let place = document.and_then(|document| document.value(&problem.path));
        let file = || self.documents.iter().rev().find(|document| matches!(document.kind, DocumentKind::File(_)));
        let place = place.or_else(|| file().map(|document| Place { text: Arc::clone(&document.text), span: None }));
        Problem { message: problem.message, place, label: None, help: problem.help.into_iter().collect() }
    }
}

fn whole(file: &Path) -> Place {
    Place { text: Arc::new(SourceText { name: file.display().to_string(), content: String::new() }), span: None }
}
