//! Which task a run learned: tasks of the same name can differ.

use crate::runs::RunFacts;
use crate::task::{Head, Task};

/// What the tasks of two runs have in common if their scores mean the same: name, labels or kind of value, and the column
/// that holds the truth.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskIdentity {
    name: String,
    /// The head as JSON; `None` if an earlier version recorded only the name of a task that no longer exists.
    head: Option<String>,
    target: Option<String>,
    positive: Option<String>,
}

impl TaskIdentity {
    /// Returns the identity of the task that a run learned.
    #[must_use]
    pub fn of(facts: &RunFacts) -> Self {
        let task = facts.task_definition.as_ref();
        let positive = |task: &Task| match &task.head {
            Head::Classes(labels) if labels.len() == 2 => labels.get(task.positive()).cloned(),
            _ => None,
        };
        Self {
            name: facts.task.clone(),
            head: task.and_then(|task| serde_json::to_string(&task.head).ok()),
            target: task.map(|task| task.target.name.clone()),
            positive: task.and_then(positive),
        }
    }

    /// Returns the task's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Describes in what two tasks differ, as the end of a sentence; `None` if they are the same.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        let named = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".into());
        if self.name != other.name {
            return Some(format!("different tasks ({} and {})", self.name, other.name));
        }
        let parts = [
            ("other labels", &self.head, &other.head, false),
            ("another column of labels", &self.target, &other.target, true),
            ("another positive label", &self.positive, &other.positive, true),
        ];
        let (what, one, two, is_shown) = parts.into_iter().find(|(_, one, two, _)| one != two)?;
        let shown = if is_shown { format!(" ({} and {})", named(one), named(two)) } else { String::new() };
        Some(format!("different tasks of the name {}, with {what}{shown}", self.name))
    }
}
