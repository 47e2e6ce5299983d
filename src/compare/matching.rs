//! The runs that a filter keeps.

use std::collections::BTreeSet;

use super::{ComparedRun, Filter};
use crate::experiment::{Equivalent, equivalent};
use crate::terminal::nearest;

/// Returns the runs that match, possibly none. A name that no run has is an error.
pub fn matching(runs: Vec<ComparedRun>, filter: &Filter) -> Result<Vec<ComparedRun>, String> {
    if let Some(unknown) = filter.names().into_iter().find(|name| runs.iter().all(|run| run.quantity(name).is_none())) {
        let known: BTreeSet<&str> = runs.iter().flat_map(ComparedRun::quantities).collect();
        let here = equivalent(unknown).and_then(|meaning| match meaning {
            Equivalent::Same(path) | Equivalent::Other(path, _) | Equivalent::Switch(path, _) => Some(path),
            Equivalent::Nothing(_) => None,
        });
        let meant = here.filter(|name| known.contains(name)).or_else(|| nearest(unknown, known.iter().copied()));
        let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
        return Err(format!("unknown name \"{unknown}\" in --filter{meant}"));
    }
    Ok(runs.into_iter().filter(|run| filter.holds(&|name| run.quantity(name))).collect())
}
