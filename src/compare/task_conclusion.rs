//! What a table over tasks shows, in sentences.

use super::conclusion::MANY;
use super::evaluation_basis::Basis;
use super::note::few;
use super::task_matrix::{MatrixRow, TaskColumn, TaskMatrix};
use super::tested::{LEVEL, Tested};
use crate::compare::statistics::{Method, holm, smallest_exact_p};
use crate::numbers::{counted, p_value};

/// Returns what is missing in the table, and what the means over tasks show.
#[must_use]
pub fn task_conclusions(matrix: &TaskMatrix) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(bases(matrix));
    sentences.extend(collapsed(matrix));
    sentences.extend(missing(matrix));
    sentences.extend(no_mean(matrix));
    sentences.extend(best_against_reference(matrix));
    sentences.extend(power(matrix));
    sentences.extend(optimism(matrix));
    sentences
}

/// Describes which evaluations count on tasks whose runs were not evaluated alike.
fn bases(matrix: &TaskMatrix) -> Vec<String> {
    let of_task = |task: &TaskColumn| match task.basis {
        Basis::Best => None,
        Basis::Last => {
            Some(format!("Scores of {} are from the last evaluation, the only one that all its runs have.", task.task))
        }
        Basis::Common => Some(format!("Scores of {} are from the best of the evaluations that all its runs have.", task.task)),
    };
    matrix.tasks.iter().filter_map(of_task).collect()
}

fn collapsed(matrix: &TaskMatrix) -> Option<String> {
    let of = |task: &str| matrix.rows.iter().filter_map(|row| row.collapsed.get(task)).sum::<usize>();
    let counts: Vec<String> = matrix
        .tasks
        .iter()
        .map(|task| (of(&task.task), &task.task))
        .filter(|(count, _)| *count > 0)
        .map(|(count, task)| format!("{count} on {task}"))
        .collect();
    (!counts.is_empty()).then(|| format!("Runs that predict the same class for every example: {}.", few(&counts)))
}

fn missing(matrix: &TaskMatrix) -> Option<String> {
    let lacks = |row: &MatrixRow| format!("{} on {}", row.label(&matrix.columns), few(&row.missing));
    let lacking: Vec<String> = matrix.rows.iter().filter(|row| !row.missing.is_empty()).map(lacks).collect();
    (!lacking.is_empty()).then(|| format!("No finished run, and so no mean over tasks: {}.", lacking.join("; ")))
}

fn no_mean(matrix: &TaskMatrix) -> Option<String> {
    let metrics: Vec<String> = matrix.tasks.iter().map(|task| format!("{} ({})", task.metric, task.task)).collect();
    matrix
        .direction
        .is_none()
        .then(|| format!("There is no mean over tasks, because these metrics have no common scale: {}.", few(&metrics)))
}

/// Returns the number of comparisons that have a p-value.
fn comparisons(matrix: &TaskMatrix) -> usize {
    matrix.rows.iter().filter(|row| row.adjusted_p.is_some()).count()
}

/// Returns the row with the best mean.
fn best(matrix: &TaskMatrix, but: Option<usize>) -> Option<&MatrixRow> {
    let direction = matrix.direction?;
    let rows = matrix.rows.iter().enumerate().filter(|(index, _)| Some(*index) != but);
    let scored = rows.filter_map(|(_, row)| Some((row, row.mean?)));
    scored.reduce(|best, next| if direction.improves(next.1, best.1) { next } else { best }).map(|(row, _)| row)
}

fn best_against_reference(matrix: &TaskMatrix) -> Option<String> {
    let reference = matrix.rows.get(matrix.reference)?;
    let rival = best(matrix, Some(matrix.reference))?;
    let difference = rival.difference.as_ref()?;
    let (rival_name, reference_name) = (rival.label(&matrix.columns), reference.label(&matrix.columns));
    let mean = format!("mean of {} tasks", matrix.tasks.len());
    let tested = Tested {
        rival: &rival_name,
        reference: &reference_name,
        metric: &mean,
        direction: matrix.direction?,
        difference,
        adjusted_p: rival.adjusted_p,
        comparisons: comparisons(matrix),
    };
    let of_means = rival.mean? - reference.mean?;
    let seeds = counted(difference.n, "seed", "seeds");
    let rest = if (of_means - difference.mean).abs() >= 5e-5 {
        format!(" That is over the {seeds} that both have on every task; the means of all their seeds are {of_means:+.4} apart.")
    } else {
        String::new()
    };
    Some(format!("{}{rest}{}", tested.sentence(), tested.caveat()))
}

/// Describes what the number of seeds that variants share on every task can show at all.
fn power(matrix: &TaskMatrix) -> Option<String> {
    let tested: Vec<usize> = matrix
        .rows
        .iter()
        .filter_map(|row| row.difference.as_ref())
        .filter(|difference| difference.p.is_some() && difference.method == Method::SignFlip)
        .map(|difference| difference.n)
        .collect();
    let pairs = *tested.iter().max()?;
    // Holm multiplies the smallest of all p-values by their number, and no other becomes smaller than that.
    let adjusted = |pairs: usize| {
        let mut p = vec![Some(1.0); comparisons(matrix)];
        *p.first_mut()? = smallest_exact_p(pairs);
        holm(&p)[0]
    };
    let bound = adjusted(pairs).filter(|bound| *bound > LEVEL)?;
    let needed = (1..=12).find(|pairs| adjusted(*pairs).is_some_and(|p| p <= LEVEL));
    let needed = needed.map_or("more seeds are".into(), |needed| format!("at least {needed} shared seeds are"));
    let p = if comparisons(matrix) > 1 { "adjusted p-value" } else { "p-value" };
    Some(format!(
        "With {} on every task the {p} of a difference of means cannot fall below {}, whatever the scores: {needed} needed to reach {LEVEL}.",
        counted(pairs, "shared seed", "shared seeds"),
        p_value(bound)
    ))
}

fn optimism(matrix: &TaskMatrix) -> Option<String> {
    let scored = matrix.rows.iter().filter(|row| row.mean.is_some()).count();
    let best = best(matrix, None)?.label(&matrix.columns);
    (scored >= MANY).then(|| {
        format!(
            "{best} has the best mean of {scored} variants, picked on the same validation examples: it is optimistic. Confirm it with new seeds, or on other data."
        )
    })
}
