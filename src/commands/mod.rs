//! One file per subcommand.

mod bench;
mod check;
mod compare;
mod devices;
mod diff;
mod list;
mod prune;
mod report;
mod resume;
mod run;
mod show;
mod sweep;
mod sweep_directory;
mod trial;
mod verify;

use anyhow::Context;

use serde_json::json;

use crate::cli::{Cli, Command};
use crate::compare::ComparedRun;
use crate::experiment::{Experiment, schema};
use crate::failure::{Failure, Outcome};
use crate::runs::{FindError, StoredRun};
use crate::terminal;

/// Does what the command line says.
///
/// # Errors
/// Whatever keeps the command from its work.
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
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::Diff(arguments) => diff::diff(&arguments),
        Command::Schema => print(&pretty(schema())),
        Command::Devices(arguments) => devices::devices(&arguments),
    }
}

/// Prints a text for people.
fn print(text: &str) -> Outcome<()> {
    written(terminal::print(text))
}

/// Prints what other programs read, byte by byte where that is not a terminal.
fn print_data(text: &str) -> Outcome<()> {
    written(terminal::print_data(text))
}

/// Nobody may take for complete what was cut.
fn written(outcome: std::io::Result<()>) -> Outcome<()> {
    outcome.context("cannot write to standard output").map_err(Failure::RunDirectory)
}

/// A run that is not there is wrong usage; one that cannot be read is not.
fn find_failure(error: FindError) -> Failure {
    match error {
        FindError::NotFound(_) => Failure::Usage(error.into()),
        FindError::Unreadable(error) => Failure::RunDirectory(error),
    }
}

fn warn(text: &str) {
    complain(&format!("warning: {text}"));
}

/// Prints what there is to say about an experiment with which nothing is wrong.
fn warn_of(experiment: &Experiment) {
    let remarks = experiment.remarks();
    if !remarks.0.is_empty() {
        terminal::complain_styled(&remarks.styled_warnings());
    }
}

/// Prints to standard error.
fn complain(text: &str) {
    terminal::complain(text);
}

/// A run for programs: what it is, how it stands, its scores and its settings.
fn run_json(run: &StoredRun) -> serde_json::Value {
    let settings = ComparedRun::new(run.clone()).map(|run| run.settings).unwrap_or_default();
    json!({ "path": run.path, "status": run.status(), "run": run.facts, "summary": run.summary, "settings": settings })
}

fn pretty(json: &serde_json::Value) -> String {
    let json = serde_json::to_string_pretty(json).unwrap_or_default();
    terminal::escaped_json(&json).into_owned()
}
