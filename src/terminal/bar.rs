//! Lines on a terminal that are drawn again and again. What they say is masked as everything else.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{complain, masked_line};

/// Whether bars can be drawn and questions asked: standard error is a terminal.
#[must_use]
pub fn draws_bars() -> bool {
    std::io::stderr().is_terminal()
}

/// A line that shows how far something is.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar of this many columns before a message, for `total` steps; without columns, the message alone.
    #[must_use]
    pub fn new(total: u64, columns: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let template = if columns == 0 { "{msg}".to_string() } else { format!("{{bar:{columns}.cyan/dim}} {{msg}}") };
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self(bar)
    }

    /// A bar for so many bytes, with its name before it; drawn nowhere unless `visible`.
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

    /// Moves the bar.
    pub fn set_position(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Says something beside the bar.
    pub fn set_message(&self, message: &str) {
        self.0.set_message(masked_line(message).into_owned());
    }

    /// The time left, as far as the pace tells.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.0.eta()
    }

    /// Draws it now.
    pub fn tick(&self) {
        self.0.tick();
    }

    /// Draws it from time to time.
    pub fn keep_ticking(&self) {
        self.0.enable_steady_tick(Duration::from_millis(250));
    }

    pub fn print_above(&self, line: &str) {
        self.0.suspend(|| complain(line));
    }

    /// Removes it.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// Several bars, one below the other.
pub struct Bars(MultiProgress);

impl Default for Bars {
    fn default() -> Self {
        Self(MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
    }
}

impl Bars {
    /// Puts a bar below the others.
    #[must_use]
    pub fn add(&self, bar: Bar) -> Bar {
        Bar(self.0.add(bar.0))
    }

    /// Prints a line above them.
    pub fn print_above(&self, line: &str) {
        self.0.suspend(|| complain(line));
    }
}
