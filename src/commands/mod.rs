//! One file per subcommand.

mod bench;
mod check;
mod compare;
mod devices;
mod diff;
mod evaluate;
mod list;
mod predict;
mod prune;
mod report;
mod resume;
mod run;
mod show;
mod submit;
mod sweep;
mod trial;
mod verify;

use anyhow::Context;

use crate::cli::{Cli, Command};
use crate::experiment::schema;
use crate::failure::{Failure, Outcome};
use crate::report::pretty_json as pretty;
use crate::terminal;

/// Executes the command line.
pub fn execute(cli: Cli) -> Outcome<()> {
    match cli.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Resume(arguments) => resume::resume(&arguments),
        Command::Verify(arguments) => verify::verify(&arguments),
        Command::Prune(arguments) => prune::prune(&arguments),
        Command::Sweep(arguments) => sweep::sweep(&arguments),
        Command::Trial(arguments) => trial::trial(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Show(arguments) => show::show(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Evaluate(arguments) => evaluate::evaluate(&arguments),
        Command::Predict(arguments) => predict::predict(&arguments),
        Command::Submit(arguments) => submit::submit(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::Diff(arguments) => diff::diff(&arguments),
        Command::Schema => print(&pretty(schema())),
        Command::Devices(arguments) => devices::devices(&arguments),
    }
}

/// Prints text for people.
fn print(text: &str) -> Outcome<()> {
    written(terminal::print(text))
}

/// Prints data for other programs, byte for byte unless it goes to a terminal.
fn print_data(text: &str) -> Outcome<()> {
    written(terminal::print_data(text))
}

/// Turns a failed write into a failure, so that truncated output is not taken for complete.
fn written<T>(outcome: std::io::Result<T>) -> Outcome<T> {
    outcome.context("cannot write to standard output").map_err(Failure::RunDirectory)
}

fn warn(text: &str) {
    complain(&format!("warning: {text}"));
}

/// Prints to standard error.
fn complain(text: &str) {
    terminal::complain(text);
}
