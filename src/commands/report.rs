//! `gluepot report`.

use std::fs;
use std::path::Path;

use anyhow::Context;
use chrono::Utc;

use super::{complain, print, print_data};
use crate::cli::ReportArgs;
use crate::compare::ComparedRun;
use crate::failure::{Failure, Outcome};
use crate::report::Compared;
use crate::report::page::{Heading, page, plots};
use crate::runs::Versions;

/// Writes a page about the selected runs.
pub fn report(arguments: &ReportArgs) -> Outcome<()> {
    let Compared { selected, comparisons, tasks } = Compared::of(&arguments.selection)?;
    let (left_out, runs) = (selected.sentences(), selected.runs);
    let to_stdout = arguments.output == Path::new("-");
    let folder = arguments.output.parent().unwrap_or(Path::new(""));
    let made = format!("Made by gluepot {} on {}.", Versions::this().gluepot, Utc::now().format("%Y-%m-%d %H:%M UTC"));
    let text = page(&Heading { title: title(&runs), made, tasks: tasks.ok(), left_out }, &comparisons, &runs, folder);
    // With the page on standard output, nothing else may be printed there.
    let say = |path: &Path| {
        let line = format!("wrote {}", path.display());
        if to_stdout {
            complain(&line);
            return Ok(());
        }
        print(&line)
    };
    if to_stdout {
        print_data(&text)?;
    } else {
        write(&arguments.output, &text)?;
        say(&arguments.output)?;
    }
    if let Some(folder) = &arguments.plots {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display())).map_err(Failure::RunDirectory)?;
        for (name, plot) in plots(&comparisons, &runs) {
            write(&folder.join(&name), &plot)?;
            say(&folder.join(&name))?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Outcome<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display())).map_err(Failure::RunDirectory)
}

/// Joins the names of the experiments.
fn title(runs: &[ComparedRun]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for run in runs {
        if !names.contains(&run.run.facts.name.as_str()) {
            names.push(&run.run.facts.name);
        }
    }
    match names.as_slice() {
        [] => "Runs".into(),
        few if few.len() <= 3 => few.join(", "),
        [first, rest @ ..] => format!("{first} and {} other experiments", rest.len()),
    }
}
