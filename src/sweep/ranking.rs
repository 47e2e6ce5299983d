//! What ranks the trials of a sweep.

use serde::{Deserialize, Serialize};

use super::plan::PlannedTrial;
use crate::settings::MetricName;
use crate::task::metrics::{Direction, LOSS};

/// A metric that ranks trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankingMetric {
    /// Its name.
    pub metric: String,
    /// Whether higher or lower scores are better.
    pub direction: Direction,
}

impl RankingMetric {
    /// Returns the metric that ranks a trial: that of the sweep or, if each task has its own, that of the trial.
    #[must_use]
    pub fn of(of_sweep: Option<&Self>, trial: &PlannedTrial) -> Self {
        let own = || {
            let named = trial.setting("metric").and_then(|value| MetricName::deserialize(value).ok())?;
            Some(Self { metric: named.name().into(), direction: named.direction() })
        };
        // Every task has a loss.
        let loss = || Self { metric: LOSS.into(), direction: Direction::Minimize };
        of_sweep.cloned().or_else(own).unwrap_or_else(loss)
    }
}

/// The trials of one task. Only these can be ranked with each other.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskTrials<'a> {
    /// The task's name.
    pub task: &'a str,
    /// The metric that ranks them.
    pub metric: RankingMetric,
    /// Their indices in the plan.
    pub trials: Vec<usize>,
}

/// Returns the trials by task, in the order of the plan.
#[must_use]
pub fn by_task<'a>(trials: &'a [PlannedTrial], of_sweep: Option<&RankingMetric>) -> Vec<TaskTrials<'a>> {
    let mut tasks: Vec<TaskTrials<'_>> = Vec::new();
    for (index, trial) in trials.iter().enumerate() {
        match tasks.iter_mut().find(|known| known.task == trial.task()) {
            Some(known) => known.trials.push(index),
            None => {
                tasks.push(TaskTrials { task: trial.task(), metric: RankingMetric::of(of_sweep, trial), trials: vec![index] });
            }
        }
    }
    tasks
}
