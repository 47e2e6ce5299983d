//! What `gluepot sweep --dry-run` shows.

use std::path::Path;

use serde_json::{Value, json};

use super::sweep_command;
use crate::experiment::Experiment;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{ReadFor, TrialInputs};
use crate::report::{lookup_text, sweep_plan_text};
use crate::sweep::{ExperimentTrials, Jobs, Lookup, Pace, PlannedTrial, Planner, Planning, SweepFacts, SweepRequest, TrialState};
use crate::terminal::Width;
use crate::train::Device;

/// What a sweep would train, as far as it is known before the first score.
pub struct SweepPreview {
    lookup: Lookup,
    trials: Vec<PlannedTrial>,
    states: Vec<TrialState>,
    pace: Pace,
    /// Whether more trials follow from the scores of these.
    grows: bool,
}

impl SweepPreview {
    /// Looks for the sweep, and estimates how fast it would train. With `fresh`, it would be a new one.
    ///
    /// # Errors
    /// The folder for runs cannot be read, or the device cannot train.
    pub fn of(
        (root, facts): (&Path, &SweepFacts),
        planner: &mut Planner<ExperimentTrials<'_>>,
        device: &Device,
        hub: &Hub,
        (fresh, retry_failed): (bool, bool),
    ) -> Outcome<Self> {
        let grows = planner.is_adaptive();
        let lookup = if fresh { Lookup::Absent(None) } else { SweepRequest { root, facts, planning: &mut *planner }.look()? };
        let trials = match &lookup {
            Lookup::Found(known) => known.extended.trials.clone(),
            Lookup::Absent(_) => planner.requested(&[])?.to_vec(),
        };
        let states = match &lookup {
            Lookup::Found(known) => known.directory.states(&trials, retry_failed).unwrap_or_default(),
            Lookup::Absent(_) => Vec::new(),
        };
        let first = trials.first().ok_or_else(|| Failure::Internal(anyhow::anyhow!("the sweep has no trial")))?;
        let experiment = Experiment::planned(&facts.file, first.document());
        let inputs = TrialInputs::of(experiment, ReadFor::Training, hub, planner.maker().cache())?;
        let pace = Pace::find(root, &inputs, device)?;
        Ok(Self { lookup, trials, states, pace, grows })
    }

    /// Formats the preview for a person, with `jobs` trials in parallel.
    #[must_use]
    pub fn text(&self, jobs: Jobs, width: Width) -> String {
        let plan = sweep_plan_text(&self.trials, &self.states, &self.pace, jobs, width);
        let grows = if self.grows { "\nfurther variants are proposed from the scores of these" } else { "" };
        format!("{plan}{grows}\n{}", lookup_text(&self.lookup, &|path: &Path| sweep_command("resume", path)))
    }

    /// Returns the preview as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let path = if let Lookup::Found(known) = &self.lookup { Some(known.directory.path()) } else { None };
        let planned = |(index, trial): (usize, &PlannedTrial)| {
            json!({
                "id": trial.id,
                "variant": trial.variant,
                "choices": trial.choices,
                "seed": trial.seed,
                "steps": trial.steps,
                "state": self.states.get(index).map(TrialState::name),
            })
        };
        let trials: Vec<Value> = self.trials.iter().enumerate().map(planned).collect();
        json!({ "path": path, "trials": trials, "seconds_per_example": self.pace.seconds_per_example })
    }
}
