//! What plots have in common: the frame, its ticks, and lines of points.

use maud::{Markup, html};

use super::scale::{Scale, tick};

/// Colours that a reader can tell apart; further variants are grey.
pub const COLOURS: usize = 8;

/// The class that gives a variant its colour.
#[must_use]
pub fn colour(variant: usize) -> String {
    if variant < COLOURS { format!("c{variant}") } else { "rest".into() }
}

/// A coordinate with one digit after the point.
#[must_use]
pub fn place(value: f64) -> String {
    format!("{value:.1}")
}

/// The size of a small plot, and what is left of it for the data.
pub struct Frame {
    /// Width of the whole.
    pub width: f64,
    /// Height of the whole.
    pub height: f64,
    /// Left, right, top and bottom of the data.
    pub inner: (f64, f64, f64, f64),
}

/// A panel of a grid of plots.
pub const PANEL: Frame = Frame { width: 360.0, height: 220.0, inner: (48.0, 350.0, 28.0, 190.0) };

impl Frame {
    /// A plot with a title, ticks of both scales, and `content` over them.
    #[must_use]
    pub fn draw(&self, title: &str, x: (&Scale, &str), y: &Scale, content: &Markup) -> Markup {
        let (left, right, top, bottom) = self.inner;
        let ((x, x_name), y_ticks) = (x, y.ticks(4));
        html! {
            svg viewBox=(format!("0 0 {} {}", self.width, self.height)) role="img" aria-label=(title) {
                text.title x=(place(left)) y="15" { (title) }
                @for value in y_ticks {
                    line.grid x1=(place(left)) x2=(place(right)) y1=(place(y.at(value))) y2=(place(y.at(value))) {}
                    text.tick x=(place(left - 6.0)) y=(place(y.at(value) + 4.0)) text-anchor="end" { (tick(value)) }
                }
                @for value in x.ticks(5) {
                    text.tick x=(place(x.at(value))) y=(place(bottom + 15.0)) text-anchor="middle" { (tick(value)) }
                }
                line.base x1=(place(left)) x2=(place(right)) y1=(place(bottom)) y2=(place(bottom)) {}
                text.tick x=(place(right)) y=(place(bottom + 28.0)) text-anchor="end" { (x_name) }
                g data-top=(place(top)) { (content) }
            }
        }
    }
}

/// A line through points; a single point is a dot.
#[must_use]
pub fn line(points: &[(f64, f64)], x: &Scale, y: &Scale, class: &str, title: &str) -> Markup {
    let finite: Vec<&(f64, f64)> = points.iter().filter(|(a, b)| a.is_finite() && b.is_finite()).collect();
    let places: Vec<String> = finite.iter().map(|(a, b)| format!("{},{}", place(x.at(*a)), place(y.at(*b)))).collect();
    html! {
        @if let [only] = finite.as_slice() {
            circle class=(class) cx=(place(x.at(only.0))) cy=(place(y.at(only.1))) r="2.5" { title { (title) } }
        } @else if !finite.is_empty() {
            polyline class=(class) points=(places.join(" ")) { title { (title) } }
        }
    }
}
