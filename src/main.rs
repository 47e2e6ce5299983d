//! The command `gluepot`.

use std::ffi::OsString;
use std::io;
use std::panic::catch_unwind;
use std::process::ExitCode;

use anyhow::Context;
use gluepot::failure::Failure;
use gluepot::machine::{memory, panics, signals, threads};
use gluepot::terminal::{Styled, complain_styled, masked_line, print_styled};
use gluepot::{cli, commands};

#[global_allocator]
static ALLOCATOR: memory::Reporting = memory::Reporting;

fn main() -> ExitCode {
    memory::keep_freed_memory();
    threads::join_pool();
    signals::survive_file_size_limit();
    let words: Vec<OsString> = std::env::args_os().collect();
    let cli = match cli::parse(&words) {
        Ok(cli) => cli,
        Err(error) => return answer(&error),
    };
    panics::keep();
    let outcome = catch_unwind(|| commands::execute(cli)).unwrap_or_else(|_| Err(Failure::panic(&panics::reason())));
    outcome.map_or_else(|failure| fail(&failure), |()| ExitCode::SUCCESS)
}

fn fail(failure: &Failure) -> ExitCode {
    complain_styled(&failure.styled());
    ExitCode::from(failure.exit_code())
}

/// Prints help, the version, or what is wrong with the command line.
fn answer(error: &clap::Error) -> ExitCode {
    let text = |error: &clap::Error| Styled::of_masked_parts(error.render().ansi().to_string());
    if !error.use_stderr() {
        let printed: io::Result<()> = print_styled(&text(error));
        let printed = printed.context("cannot write to standard output").map_err(Failure::RunDirectory);
        return printed.map_or_else(|failure| fail(&failure), |()| ExitCode::SUCCESS);
    }
    // clap's colored message repeats words of the command line, such as file names, so these are masked first.
    let words: Vec<OsString> = std::env::args_os().map(|word| masked_line(&word.to_string_lossy()).into_owned().into()).collect();
    let masked = cli::parse(&words).map_or_else(|error| text(&error), |_| Styled::plain(&error.to_string()));
    complain_styled(&masked);
    ExitCode::from(2)
}
