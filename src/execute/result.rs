//! What is printed at the end of a run.

use crate::numbers::{count, duration, rate, score};
use crate::report::remarks;
use crate::runs::{Moment, RunDirectory, Summary};
use crate::task::Task;
use crate::task::metrics::LOSS;

/// Formats the scores, where the run is, and the command that shows it.
pub fn result_text(name: &str, summary: &Summary, task: &Task, directory: &RunDirectory, next: &str) -> String {
    let scores = |moment: &Moment| {
        let mut named: Vec<(&String, &f64)> = moment.scores.iter().collect();
        named.sort_by_key(|(name, _)| (**name != summary.metric, name.as_str() == LOSS));
        named.into_iter().map(|(name, value)| format!("{name} {}", score(*value))).collect::<Vec<_>>().join("  ")
    };
    let moment = |moment: &Moment| format!("{}  (step {}, epoch {:.2})", scores(moment), count(moment.step), moment.epoch);
    let mut lines = vec![
        format!("{name} finished in {} ({} examples/s)", duration(summary.duration_seconds), rate(summary.examples_per_second)),
        format!("  best   {}", moment(&summary.best)),
    ];
    if summary.last.step != summary.best.step {
        lines.push(format!("  last   {}", moment(&summary.last)));
    }
    lines.extend(remarks(summary, task).into_iter().map(|remark| format!("  {remark}")));
    lines.push(format!("  run    {}", directory.root().display()));
    lines.push(format!("  next   {next}"));
    lines.join("\n")
}
