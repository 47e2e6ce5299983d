//! The plan on disk, which this process's strategy and other processes extend.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Result;

use super::directory::SweepDirectory;
use super::drive::PlanSource;
use super::lock::lock_sweeps;
use super::plan::PlannedTrial;
use super::planner::{Further, Planning};
use super::queue::TrialState;
use crate::failure::{Failure, Outcome};
use crate::runs::files;
use crate::task::metrics::Direction;

/// A sweep's plan, which several processes may extend.
pub struct GrowingPlan<'a> {
    directory: &'a SweepDirectory,
    /// `None` if the strategy is unknown: a resumed sweep trains what is already planned.
    planning: Option<&'a mut dyn Planning>,
    /// Whether higher or lower scores are better; `None` if trials cannot be ranked with each other.
    direction: Option<Direction>,
    retry_failed: bool,
    /// The version of the file that was read last.
    version: Option<Version>,
    /// The strategy's answer when it had nothing to propose, and the number of trials that had ended by then.
    answer: Option<(usize, Further)>,
}

/// Length and modification time, which identify the content of a file that is always replaced as a whole.
type Version = (u64, SystemTime);

impl<'a> GrowingPlan<'a> {
    /// Creates the plan of a sweep whose metric has this direction; with `retry_failed`, failed trials count as open.
    pub fn new(
        directory: &'a SweepDirectory,
        planning: Option<&'a mut dyn Planning>,
        direction: Option<Direction>,
        retry_failed: bool,
    ) -> Self {
        Self { directory, planning, direction, retry_failed, version: None, answer: None }
    }

    fn current_version(&self) -> Option<Version> {
        let metadata = fs::metadata(self.directory.path().join(files::PLAN)).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    }

    /// Returns the trials on disk after those that are known. A plan that somebody damaged meanwhile adds nothing.
    fn added(&self, known: &[PlannedTrial]) -> Vec<PlannedTrial> {
        let ids: HashSet<&str> = known.iter().map(|trial| trial.id.as_str()).collect();
        let mut planned = self.directory.trials().unwrap_or_default();
        planned.retain(|trial| !ids.contains(trial.id.as_str()));
        planned
    }

    /// Updates the states with what other processes have done meanwhile.
    fn fresh(&self, plan: &[PlannedTrial], states: &[TrialState]) -> Result<Vec<TrialState>> {
        let on_disk = self.directory.states(plan, self.retry_failed)?;
        Ok(states.iter().zip(on_disk).map(|(known, found)| if known.is_final() { known.clone() } else { found }).collect())
    }

    /// Asks the strategy under the lock: nobody else extends the plan meanwhile, so the strategy sees all of it.
    fn propose(&mut self, plan: &[PlannedTrial], states: &[TrialState]) -> Outcome<Further> {
        let root = self.directory.path().parent().unwrap_or(Path::new("."));
        let _lock = lock_sweeps(root, &mut |_| {}).map_err(Failure::RunDirectory)?;
        let added = self.added(plan);
        if !added.is_empty() {
            return Ok(Further::Trials(added));
        }
        let states = self.fresh(plan, states).map_err(Failure::RunDirectory)?;
        let (Some(planning), Some(direction)) = (self.planning.as_deref_mut(), self.direction) else {
            return Ok(Further::Nothing);
        };
        let further = planning.propose(plan, &states, direction)?;
        if let Further::Trials(new) = &further {
            let write = || self.directory.write_plan(&self.directory.plan()?, &[plan, new].concat());
            write().map_err(Failure::RunDirectory)?;
            self.version = self.current_version();
        }
        Ok(further)
    }
}

impl PlanSource for GrowingPlan<'_> {
    fn further(&mut self, plan: &[PlannedTrial], states: &[TrialState]) -> Outcome<Further> {
        let version = self.current_version();
        if version != self.version {
            self.version = version;
            let added = self.added(plan);
            if !added.is_empty() {
                return Ok(Further::Trials(added));
            }
        }
        if self.planning.is_none() {
            return Ok(Further::Nothing);
        }
        let ended = states.iter().filter(|state| state.is_final()).count();
        match &self.answer {
            // Nothing has happened since then that could change the answer.
            Some((before, answer)) if *before == ended => Ok(answer.clone()),
            _ => {
                let further = self.propose(plan, states)?;
                let is_trials = matches!(further, Further::Trials(_));
                self.answer = (!is_trials).then(|| (ended, further.clone()));
                Ok(further)
            }
        }
    }
}
