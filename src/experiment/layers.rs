//! Every source of settings, merged, and where each value came from.

use std::path::Path;
use std::sync::Arc;

use figment::Figment;
use figment::value::Dict;

use super::Choice;
use super::document::{Document, Kind};
use super::schema::{Part, Refusal};
use crate::problem::{Place, Problem, Text};
use crate::settings::Complaint;

/// Every source of settings, the weakest first.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) documents: Vec<Document>,
    figment: Figment,
}

impl Layers {
    pub(super) fn new(documents: Vec<Document>) -> Self {
        let merge = |figment: Figment, (number, document): (usize, &Document)| figment.merge(document.layer(number));
        let figment = documents.iter().enumerate().fold(Figment::new(), merge);
        Self { documents, figment }
    }

    pub(super) fn merged(&self) -> Dict {
        // Every layer is a table, so the merge is one too.
        self.figment.extract::<Dict>().unwrap_or_default()
    }

    /// The strongest document that says something at this path.
    pub(super) fn document(&self, path: &str) -> Option<&Document> {
        let metadata = self.figment.find_metadata(path).cloned()?;
        let number: usize = metadata.source?.custom()?.parse().ok()?;
        self.documents.get(number)
    }

    pub(super) fn origin(&self, path: &str) -> String {
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
            Kind::Chosen { origin, .. } => origin.clone(),
            Kind::Planned(origins) => origins.get(path).cloned().unwrap_or_else(|| "the plan".into()),
        }
    }

    pub(super) fn refused(&self, refusal: Refusal, file: &Path) -> Problem {
        let document = self.document(&refusal.path);
        let place = match refusal.part {
            Part::Missing => Some(self.parent(&refusal.path).unwrap_or_else(|| whole(file))),
            Part::Key => self.last_with(&refusal.path).and_then(|document| document.key(&refusal.path)),
            Part::Value => document.or_else(|| self.last_with(&refusal.path)).and_then(|document| document.value(&refusal.path)),
        };
        Problem { message: refusal.message, place, label: refusal.label, help: refusal.help }
    }

    /// Where the table of a path stands, if it has one.
    fn parent(&self, path: &str) -> Option<Place> {
        let (table, _) = path.rsplit_once('.')?;
        self.last_with(table)?.value(table)
    }

    /// A trial's value, with the place in the sweep that says so.
    pub(super) fn chosen(&self, choice: &Choice) -> Document {
        let document = self.last_with(&choice.place);
        let place = document.and_then(|document| document.value(&choice.place));
        let (origin, folder) = match document.map(|document| &document.kind) {
            Some(Kind::File(file)) => {
                let line = place.as_ref().and_then(Place::line_and_column).map(|(line, _)| format!(":{line}"));
                let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
                (format!("{}{}", file.display(), line.unwrap_or_default()), folder)
            }
            Some(Kind::Argument(option)) => (option.clone(), std::path::PathBuf::new()),
            _ => ("the sweep".into(), std::path::PathBuf::new()),
        };
        let axis = choice.place.split('[').next().unwrap_or_default();
        let said = if axis.starts_with("sweep.axes") { "axis" } else { axis };
        Document::chosen(Kind::Chosen { origin: format!("{said}, {origin}"), folder }, &choice.path, &choice.value, place)
    }

    /// The strongest document in whose text the path stands: tables have no metadata of their own.
    fn last_with(&self, path: &str) -> Option<&Document> {
        self.documents.iter().rev().find(|document| document.key(path).is_some())
    }

    pub(super) fn complained(&self, complaint: Complaint) -> Problem {
        let document = self.document(&complaint.path).or_else(|| self.last_with(&complaint.path));
        let place = document.and_then(|document| document.value(&complaint.path));
        let file = || self.documents.iter().rev().find(|document| matches!(document.kind, Kind::File(_)));
        let place = place.or_else(|| file().map(|document| Place { text: Arc::clone(&document.text), span: None }));
        Problem { message: complaint.message, place, label: None, help: complaint.help.into_iter().collect() }
    }
}

fn whole(file: &Path) -> Place {
    Place { text: Arc::new(Text { name: file.display().to_string(), content: String::new() }), span: None }
}
