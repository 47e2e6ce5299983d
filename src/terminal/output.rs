//! Standard output and standard error.

use std::io::{self, ErrorKind, IsTerminal, Write};

use super::masked;

/// A text with this program's own colors, in which everything from elsewhere is masked.
#[derive(Clone, Debug)]
pub struct Styled(String);

impl Styled {
    /// A text whose escape sequences are this program's: whoever calls this has masked what it put in.
    #[must_use]
    pub fn of_masked_parts(text: String) -> Self {
        Self(text)
    }

    /// A text without colors.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self(masked(text).into_owned())
    }
}

/// Prints a text for people and a line feed. A reader that went away (`| head`) is no error.
///
/// # Errors
/// Standard output cannot be written, such as to a full disk.
pub fn print(text: &str) -> io::Result<()> {
    write(&masked(text))
}

/// Prints what other programs read: masked only where it goes to a terminal after all.
pub fn print_data(text: &str) -> io::Result<()> {
    if io::stdout().is_terminal() { print(text) } else { write(text) }
}

/// Likewise, with colors where standard output is a terminal that shows them.
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

/// Prints to standard error; with nobody left to read it, there is nobody to tell.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{}", masked(text));
}

/// Likewise, in place of a progress bar that may stand on the line.
pub fn complain_over_a_bar(text: &str) {
    let start = if io::stderr().is_terminal() { "\r\x1b[2K" } else { "" };
    let _ = writeln!(io::stderr(), "{start}{}", masked(text));
}

/// Likewise, with colors where standard error is a terminal that shows them.
pub fn complain_styled(text: &Styled) {
    let _ = writeln!(anstream::stderr(), "{}", text.0);
}
