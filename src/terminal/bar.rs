//! Progress bars, redrawn in place. Their text is masked like all other output.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{complain, masked_line};

/// Whether bars can be drawn and questions asked: whether standard error is a terminal.
#[must_use]
pub fn draws_bars() -> bool {
    std::io::stderr().is_terminal()
}

/// A progress bar.
pub struct Bar(ProgressBar);

impl Bar {
    /// Creates a bar of `columns` columns for `total` steps, followed by a message; with 0 columns, only the message is shown.
    #[must_use]
    pub fn new(total: u64, columns: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let template = if columns == 0 { "{msg}".to_string() } else { format!("{{bar:{columns}.cyan/dim}} {{msg}}") };
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self(bar)
    }

    /// Creates a bar for `total` bytes, preceded by a name; hidden unless `visible`.
    #[must_use]
    pub fn of_bytes(name: &str, total: u64, visible: bool) -> Self {
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:20.cyan/dim} {bytes}/{total_bytes} {eta}") {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_message(masked_line(name).into_owned());
        Self(bar)
    }

    /// Sets the bar's position.
    pub fn set_position(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Sets the text shown next to the bar.
    pub fn set_message(&self, message: &str) {
        self.0.set_message(masked_line(message).into_owned());
    }

    /// Returns the estimated time left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.0.eta()
    }

    /// Redraws the bar now.
    pub fn tick(&self) {
        self.0.tick();
    }

    /// Redraws the bar periodically.
    pub fn keep_ticking(&self) {
        self.0.enable_steady_tick(Duration::from_millis(250));
    }

    pub fn print_above(&self, line: &str) {
        self.0.suspend(|| complain(line));
    }

    /// Removes the bar.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// Several bars, one below another.
pub struct Bars(MultiProgress);

impl Default for Bars {
    fn default() -> Self {
        Self(MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
    }
}

impl Bars {
    /// Adds a bar below the others.
    #[must_use]
    pub fn add(&self, bar: Bar) -> Bar {
        Bar(self.0.add(bar.0))
    }

    /// Prints a line above the bars.
    pub fn print_above(&self, line: &str) {
        self.0.suspend(|| complain(line));
    }
}
