//! What plots share: the frame, its ticks, and lines through points.

use maud::{Markup, html};

use super::scale::{Scale, tick};

/// Number of colors that a reader can tell apart.
const COLORS: usize = 8;
/// Number of mark shapes. Its least common multiple with the number of colors is 24: that many variants look different.
const SHAPES: usize = 6;
const DIFFERENT: usize = 24;

/// Returns the CSS classes that give a variant its color and its lines their dashes.
#[must_use]
pub fn hue(variant: usize) -> String {
    if variant < DIFFERENT { format!("c{} d{}", variant % COLORS, variant / COLORS) } else { "rest".into() }
}

/// Returns the CSS classes of a variant's mark outside of plots.
#[must_use]
pub fn swatch(variant: usize) -> String {
    format!("swatch {} s{}", hue(variant), variant % SHAPES)
}

/// Draws a variant's mark at a position: a circle, a square, a triangle, a diamond, an upside-down triangle or a cross.
#[must_use]
pub fn mark(variant: usize, (x, y): (f64, f64), radius: f64, class: &str, title: &str) -> Markup {
    let polygon = |corners: &[(f64, f64)]| {
        let places: Vec<String> =
            corners.iter().map(|(dx, dy)| format!("{},{}", place(x + dx * radius), place(y + dy * radius))).collect();
        format!("M{}z", places.join("L"))
    };
    let shape = match variant % SHAPES {
        0 => {
            let (left, width) = (place(x - radius), place(2.0 * radius));
            let r = place(radius);
            format!("M{left},{}a{r},{r} 0 1 0 {width},0a{r},{r} 0 1 0 -{width},0z", place(y))
        }
        1 => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        2 => polygon(&[(0.0, -1.2), (1.15, 0.9), (-1.15, 0.9)]),
        3 => polygon(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
        4 => polygon(&[(0.0, 1.2), (1.15, -0.9), (-1.15, -0.9)]),
        _ => {
            let (long, short) = (1.25, 0.42);
            polygon(&[
                (-short, -long),
                (short, -long),
                (short, -short),
                (long, -short),
                (long, short),
                (short, short),
                (short, long),
                (-short, long),
                (-short, short),
                (-long, short),
                (-long, -short),
                (-short, -short),
            ])
        }
    };
    html! { path class=(format!("{class} {}", hue(variant))) d=(shape) { title { (title) } } }
}

/// Formats a coordinate with one decimal.
#[must_use]
pub fn place(value: f64) -> String {
    format!("{value:.1}")
}

/// The size of a small plot, and the area in it for the data.
pub struct Frame {
    /// Total width.
    pub width: f64,
    /// Total height.
    pub height: f64,
    /// Left, right, top and bottom of the data area.
    pub inner: (f64, f64, f64, f64),
}

/// A panel in a grid of plots.
pub const PANEL: Frame = Frame { width: 360.0, height: 220.0, inner: (48.0, 350.0, 28.0, 190.0) };

impl Frame {
    /// Draws a plot with a title, ticks on both axes, and `content` on top.
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

/// Draws a line through points; a single point becomes a dot.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn twenty_four_variants_have_marks_of_their_own() {
        let marks: BTreeSet<String> = (0..DIFFERENT).map(|variant| mark(variant, (0.0, 0.0), 4.0, "point", "").0).collect();
        assert_eq!(marks.len(), DIFFERENT);
        let swatches: BTreeSet<String> = (0..DIFFERENT).map(swatch).collect();
        assert_eq!(swatches.len(), DIFFERENT);
        // Neighbors in a table differ in color and in shape.
        for variant in 0..DIFFERENT - 1 {
            assert_ne!((variant % COLORS, variant % SHAPES), ((variant + 1) % COLORS, (variant + 1) % SHAPES));
            assert_ne!(variant % SHAPES, (variant + 1) % SHAPES);
        }
    }
}
