//! Problems of an experiment, shown where they are: file, line, column, the line itself, what to do.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::terminal::{Styled, masked, masked_line};

/// A text that problems can point into: a file, or an argument of the command line.
#[derive(Clone, Debug)]
pub struct Text {
    /// As shown: a path, `--set` or an environment variable.
    pub name: String,
    /// Everything in it.
    pub content: String,
}

/// Where a problem is.
#[derive(Clone, Debug)]
pub struct Place {
    /// The text.
    pub text: Arc<Text>,
    /// Bytes within it; none for the text as a whole.
    pub span: Option<Range<usize>>,
}

impl Place {
    /// `file:line:column`, counted from 1.
    #[must_use]
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        let start = self.span.as_ref()?.start.min(self.text.content.len());
        let before = self.text.content.get(..start)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }
}

/// Something that is wrong with an experiment.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What, in lowercase, with the value.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// A few words beside the caret.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Vec<String>,
}

/// Every problem of an experiment at once; never none.
#[derive(Clone, Debug)]
pub struct Problems(pub Vec<Problem>);

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl Problems {
    /// The problems as a person reads them on a terminal, with colors.
    #[must_use]
    pub fn styled(&self) -> Styled {
        let masked = Self(self.0.iter().map(Problem::masked).collect());
        Styled::of_masked_parts(masked.render(&Renderer::styled()))
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut problems: Vec<&Problem> = self.0.iter().collect();
        problems.sort_by_key(|problem| {
            problem.place.as_ref().map(|place| (place.text.name.clone(), place.span.as_ref().map(|span| span.start)))
        });
        let rendered: Vec<String> = problems.into_iter().map(|problem| renderer.render(&[problem.group()])).collect();
        rendered.join("\n\n")
    }
}

impl Problem {
    /// The same with control characters masked wherever text comes from elsewhere, so that what remains is the renderer's.
    fn masked(&self) -> Self {
        let line = |text: &String| masked_line(text).into_owned();
        let place = self.place.as_ref().map(|place| {
            let Text { name, content } = &*place.text;
            // Masks are longer or shorter than what they mask.
            let moved = |at: usize| content.get(..at).map_or(at, |before| masked_source(before).len());
            Place {
                text: Arc::new(Text { name: line(name), content: masked_source(content) }),
                span: place.span.as_ref().map(|span| moved(span.start)..moved(span.end)),
            }
        });
        Self {
            message: masked(&self.message).into_owned(),
            place,
            label: self.label.as_ref().map(line),
            help: self.help.iter().map(|help| masked(help).into_owned()).collect(),
        }
    }

    fn group(&self) -> Group<'_> {
        let title = Level::ERROR.primary_title(self.message.as_str());
        let group = match &self.place {
            Some(Place { text, span: Some(span) }) => {
                let annotation = AnnotationKind::Primary.span(shown(span, &text.content)).label(self.label.as_deref());
                title.element(Snippet::source(text.content.as_str()).path(text.name.as_str()).annotation(annotation))
            }
            Some(Place { text, span: None }) => title.element(Origin::path(text.name.as_str())),
            None => Group::with_title(title),
        };
        self.help.iter().fold(group, |group, help| group.element(Level::HELP.message(help.as_str())))
    }
}

/// Tabs stay: the renderer lays them out, and with them what is below.
fn masked_source(content: &str) -> String {
    content.split('\t').map(masked).collect::<Vec<_>>().join("\t")
}

/// The first line of a span, inside the text.
fn shown(span: &Range<usize>, content: &str) -> Range<usize> {
    let start = span.start.min(content.len());
    let end = span.end.clamp(start, content.len());
    let line_end = content[start..end].find('\n').map_or(end, |newline| start + newline);
    start..line_end.max(start)
}
