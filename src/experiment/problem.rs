//! Problems in an experiment, shown with file, line, column, the line itself and advice. At most about a screenful
//! is shown.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::terminal::{Styled, masked, masked_line};

/// A text that problems can point into: a file or a command-line option.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// The displayed name: a path, `--set` or an environment variable.
    pub name: String,
    /// The whole text.
    pub content: String,
}

/// The location of a problem.
#[derive(Clone, Debug)]
pub struct Place {
    pub text: Arc<SourceText>,
    /// The byte range within the text; `None` for the text as a whole.
    pub span: Option<Range<usize>>,
}

impl Place {
    /// Returns the line and the column, both counted from 1.
    #[must_use]
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        let start = self.span.as_ref()?.start.min(self.text.content.len());
        let before = self.text.content.get(..start)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }
}

impl Place {
    #[must_use]
    pub fn written(&self) -> Option<&str> {
        self.text.content.get(self.span.clone()?)
    }
}

/// A problem in an experiment.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What is wrong, in lowercase, including the value.
    pub message: String,
    pub place: Option<Place>,
    /// A short label next to the caret.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Vec<String>,
}

/// All problems of an experiment; never empty.
#[derive(Clone, Debug)]
pub struct Problems(pub Vec<Problem>);

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain(), &Level::ERROR))
    }
}

impl Problems {
    /// Renders the problems for a terminal, with colors.
    #[must_use]
    pub fn styled(&self) -> Styled {
        Styled::of_masked_parts(self.render(&Renderer::styled(), &Level::ERROR))
    }

    /// Renders the problems as warnings, with colors.
    #[must_use]
    pub fn styled_warnings(&self) -> Styled {
        Styled::of_masked_parts(self.render(&Renderer::styled(), &Level::WARNING))
    }

    fn render(&self, renderer: &Renderer, level: &Level<'static>) -> String {
        let mut problems: Vec<&Problem> = self.0.iter().collect();
        problems.sort_by_key(|problem| {
            problem.place.as_ref().map(|place| (&place.text.name, place.span.as_ref().map(|span| span.start)))
        });
        let (whole, rest) = problems.split_at(problems.len().min(SHOWN_WHOLE));
        let (brief, more) = rest.split_at(rest.len().min(SHOWN_BRIEFLY));
        let mut parts: Vec<String> = whole.iter().map(|problem| problem.rendered(renderer, level)).collect();
        let mut lines: Vec<String> = brief.iter().map(|problem| problem.brief()).collect();
        if !more.is_empty() {
            lines.push(format!("... and {} more", more.len()));
        }
        if !lines.is_empty() {
            parts.push(lines.join("\n"));
        }
        parts.join("\n\n")
    }
}

/// The number of problems shown with their source line, then the number shown in one line each: together about a screenful.
const SHOWN_WHOLE: usize = 6;
const SHOWN_BRIEFLY: usize = 10;

/// The longest hint, in bytes, that is appended to a one-line problem.
const BRIEF: usize = 120;

/// The bytes of a source line shown before and after the start of the problem.
const AROUND: usize = 400;

impl Problem {
    /// Renders the problem; control characters in foreign text are masked, so that any left are the renderer's own.
    fn rendered(&self, renderer: &Renderer, level: &Level<'static>) -> String {
        let message = masked(&self.message);
        let title = level.clone().primary_title(&*message);
        let excerpt = self.place.as_ref().and_then(Excerpt::of);
        let name = self.place.as_ref().map(|place| masked_line(&place.text.name).into_owned());
        let label = self.label.as_ref().map(|label| masked_line(label).into_owned());
        let help: Vec<String> = self.help.iter().map(|help| masked(help).into_owned()).collect();
        let group = match (&excerpt, &name) {
            (Some(excerpt), Some(name)) => {
                let annotation = AnnotationKind::Primary.span(excerpt.span.clone()).label(label.as_deref());
                let source = Snippet::source(excerpt.text.as_str()).line_start(excerpt.line).path(name.as_str());
                title.element(source.annotation(annotation))
            }
            (None, Some(name)) => title.element(Origin::path(name.as_str())),
            (_, None) => Group::with_title(title),
        };
        let group = help.iter().fold(group, |group, help| group.element(Level::HELP.message(help.as_str())));
        renderer.render(&[group])
    }

    /// Renders the problem as one line: place, message and advice.
    fn brief(&self) -> String {
        let place = self.place.as_ref().map(|place| {
            let position = place.line_and_column().map(|(line, column)| format!(":{line}:{column}"));
            format!("{}{}: ", place.text.name, position.unwrap_or_default())
        });
        let label = self.label.iter().filter(|label| label.starts_with("expected"));
        let words: Vec<&str> = label.chain(self.help.first()).map(String::as_str).filter(|words| words.len() <= BRIEF).collect();
        let more = if words.is_empty() { String::new() } else { format!("; {}", words.join("; ")) };
        masked_line(&format!("error: {}{}{more}", place.unwrap_or_default(), self.message)).into_owned()
    }
}

/// Masks a source line except tabs, which the renderer expands so that the annotation lines up.
fn masked_source(content: &str) -> String {
    content.split('\t').map(masked).collect::<Vec<_>>().join("\t")
}

/// The line on which a problem begins, or as much of it as can be shown.
struct Excerpt {
    text: String,
    line: usize,
    span: Range<usize>,
}

impl Excerpt {
    fn of(place: &Place) -> Option<Self> {
        let content = &place.text.content;
        let span = place.span.as_ref()?;
        let start = floor(content, span.start);
        let end = floor(content, span.end.max(start));
        let line_start = content[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = content[start..].find('\n').map_or(content.len(), |newline| start + newline);
        let end = end.min(line_end);
        let from = floor(content, line_start.max(start.saturating_sub(AROUND)));
        let to = floor(content, line_end.min(start + AROUND));
        let line = content[..start].matches('\n').count() + 1;
        // A mask may be longer or shorter than what it masks.
        let [before, wrong, after] = [from..start, start..end.min(to), end.min(to)..to].map(|part| masked_source(&content[part]));
        Some(Self { text: format!("{before}{wrong}{after}"), line, span: before.len()..before.len() + wrong.len() })
    }
}

/// Rounds a byte offset down to a character boundary within the text.
fn floor(content: &str, byte: usize) -> usize {
    let byte = byte.min(content.len());
    (0..=byte).rev().find(|at| content.is_char_boundary(*at)).unwrap_or(0)
}
