//! Writing to standard output and standard error.

use std::io::{self, ErrorKind, IsTerminal, Write};

use super::masked;

/// Text with this program's own colors; all foreign parts are masked.
#[derive(Clone, Debug)]
pub struct Styled(String);

impl Styled {
    /// Wraps text whose escape sequences are this program's own; the caller has masked all other parts.
    #[must_use]
    pub fn of_masked_parts(text: String) -> Self {
        Self(text)
    }

    /// Masks text without colors.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self(masked(text).into_owned())
    }
}

/// Prints human-readable text and a line feed. A closed pipe (`| head`) is not an error.
///
/// # Errors
/// Standard output cannot be written, for example because the disk is full.
pub fn print(text: &str) -> io::Result<()> {
    write(&masked(text))
}

/// Prints machine-readable text, masked only if standard output is a terminal.
pub fn print_data(text: &str) -> io::Result<()> {
    if io::stdout().is_terminal() { print(text) } else { write(text) }
}

/// Prints a part of machine-readable output, without a line feed, masked only if standard output is a terminal. Returns whether
/// anybody reads it: behind a closed pipe (`| head`) nobody does.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_part(text: &str) -> io::Result<bool> {
    let mut stdout = io::stdout().lock();
    let text = if stdout.is_terminal() { masked(text) } else { text.into() };
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        outcome => outcome.map(|()| true),
    }
}

/// Prints styled text, with colors if standard output is a terminal that supports them.
pub fn print_styled(text: &Styled) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    heard(write!(stdout, "{}", text.0).and_then(|()| stdout.flush()))
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    heard(writeln!(stdout, "{text}").and_then(|()| stdout.flush()))
}

fn heard(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// Prints to standard error; write errors are ignored, since there is nowhere to report them.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{}", masked(text));
}

/// Prints to standard error, overwriting a progress bar that may be on the line.
pub fn complain_over_a_bar(text: &str) {
    let start = if io::stderr().is_terminal() { "\r\x1b[2K" } else { "" };
    let _ = writeln!(io::stderr(), "{start}{}", masked(text));
}

/// Prints styled text to standard error, with colors if it is a terminal that supports them.
pub fn complain_styled(text: &Styled) {
    let _ = writeln!(anstream::stderr(), "{}", text.0);
}
