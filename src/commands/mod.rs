//! One file per subcommand.

mod check;
mod devices;
mod list;
mod run;
mod show;

use std::io::Write;

use crate::cli::{Cli, Command};
use crate::experiment::schema;
use crate::failure::Outcome;

/// Does what the command line says.
///
/// # Errors
/// Whatever keeps the command from its work.
pub fn execute(cli: Cli) -> Outcome<()> {
    match cli.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Show(arguments) => show::show(&arguments),
        Command::Schema => {
            print(&pretty(&schema()));
            Ok(())
        }
        Command::Devices => {
            devices::devices();
            Ok(())
        }
    }
}

/// Prints a text; a reader that went away (`| head`) is no error.
fn print(text: &str) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

fn warn(text: &str) {
    let _ = writeln!(anstream::stderr(), "warning: {text}");
}

fn pretty(json: &serde_json::Value) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}
