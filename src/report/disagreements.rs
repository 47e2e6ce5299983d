//! The examples on which two runs disagree.

use super::{Column, Table};
use crate::compare::{Examples, Picked};
use crate::numbers::{count, counted, p_value};
use crate::terminal::Width;

/// Maximum number of examples that are shown.
const SHOWN: usize = 20;

/// Formats how often two runs are right, a test of that, and the first examples on which they disagree.
#[must_use]
pub fn disagreements_text(examples: &Examples, width: Width) -> String {
    let (a, b) = (&examples.first_run, &examples.second_run);
    let picked = |id: &str, picked: Picked| {
        let best_of =
            picked.evaluations.map_or(String::new(), |n| format!(", the best of {}", counted(n, "evaluation", "evaluations")));
        format!("{id}: checkpoint of step {}{best_of}", count(picked.step))
    };
    let mut lines = vec![
        picked(a, examples.first_checkpoint),
        picked(b, examples.second_checkpoint),
        String::new(),
        format!("both right            {}", examples.both_right),
        format!("only {a} right    {}", examples.only_first),
        format!("only {b} right    {}", examples.only_second),
        format!("both wrong            {}", examples.both_wrong),
        format!("McNemar's exact test  p {}{}", if examples.p < 0.001 { "" } else { "= " }, p_value(examples.p)),
    ];
    let (one, other) = (examples.first_checkpoint.evaluations, examples.second_checkpoint.evaluations);
    if one.is_some() && other.is_some() && one != other {
        lines.push(
            "The runs were not evaluated equally often, and the best of more evaluations is higher by chance alone.".into(),
        );
    }
    let mut table = Table::new(vec![
        Column::number("example"),
        Column::words("label"),
        Column::words(a),
        Column::words(b),
        Column::text("text"),
    ]);
    for one in examples.disagreements.iter().take(SHOWN) {
        table.row(vec![one.index.to_string(), one.label.clone(), one.first.clone(), one.second.clone(), one.text.join("  |  ")]);
    }
    if !examples.disagreements.is_empty() {
        let count = examples.disagreements.len();
        let more = if count > SHOWN { format!(", the first {SHOWN} of them (--format json has all)") } else { String::new() };
        let examples = counted(count, "example", "examples");
        lines.push(format!("\nthey disagree on {examples}{more}\n{}", table.text(width)));
    }
    lines.join("\n")
}
