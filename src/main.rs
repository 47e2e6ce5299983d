//! The command `gluepot`.

use std::io::{IsTerminal, Write};
use std::panic::catch_unwind;
use std::process::ExitCode;

use clap::Parser;
use gluepot::cli::Cli;
use gluepot::failure::Failure;
use gluepot::{commands, memory, panics, threads};

#[global_allocator]
static ALLOCATOR: memory::Reporting = memory::Reporting;

fn main() -> ExitCode {
    memory::keep_freed_memory();
    threads::join_pool();
    let cli = Cli::parse();
    panics::keep();
    let outcome = catch_unwind(|| commands::execute(cli)).unwrap_or_else(|_| Err(Failure::panic(&panics::reason())));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let styled = std::io::stderr().is_terminal();
            // With nobody left to read it, the exit code still tells.
            let _ = writeln!(anstream::stderr(), "{}", failure.message(styled));
            ExitCode::from(failure.exit_code())
        }
    }
}
