//! What the best run predicted on the validation split: a confusion matrix, counts of each label, or values against true ones.

use maud::{Markup, html};

use super::data::Figures;
use super::plot::{PANEL, line, place};
use super::scale::Scale;
use super::shared;
use crate::numbers::{count, score};
use crate::runs::{files, read_predictions};
use crate::task::metrics::{ConfusionMatrix, Counts, counts};
use crate::task::{Head, Prediction};

/// With more classes the headings are upright, to keep columns narrow.
const FEW_CLASSES: usize = 6;
/// With more classes, only the most frequent mistakes are listed.
const MOST_CLASSES: usize = 50;
const MOST_MISTAKES: usize = 30;
/// Maximum number of points in the plot of values; of more, every second, third, … is drawn.
const MOST_POINTS: usize = 600;

/// Renders the predictions of the run with the best score; nothing if they were not kept.
pub(super) fn predictions(figures: &Figures<'_>) -> Markup {
    let Some((_, run, _)) = shared::best(figures) else { return html! {} };
    let Ok(task) = run.run.facts.definition() else { return html! {} };
    let read = || -> Option<Vec<Prediction>> {
        let rows = read_predictions(&run.run.path.join(files::PREDICTIONS), &task.head).ok()?;
        Some(rows.into_iter().map(|row| row.prediction).collect())
    };
    let shown = match &task.head {
        Head::Classes(_) => {
            let recorded = run.run.summary.as_ref().and_then(|summary| summary.confusion.clone());
            // Runs of earlier versions have none.
            recorded.or_else(|| ConfusionMatrix::of(&task.head, &read()?)).map(|matrix| confusion(&matrix))
        }
        Head::Labels(labels) => read().and_then(|all| Some(label_counts(labels, &counts(&task.head, &all)?, all.len()))),
        Head::Value => read().and_then(|all| values(&all)),
    };
    shown.unwrap_or_else(|| html! {})
}

fn confusion(matrix: &ConfusionMatrix) -> Markup {
    let rows = || matrix.labels.iter().zip(&matrix.counts).enumerate();
    let share = |part: usize, row: &[usize]| part as f64 / row.iter().sum::<usize>().max(1) as f64;
    if matrix.labels.len() > MOST_CLASSES {
        return mistakes(matrix);
    }
    html! {
        h2 { "Confusion matrix of the best run" }
        p.note {
            "A row for each true label, a column for each predicted one. Right predictions are on the diagonal; the stronger the color, "
            "the larger the share of the row."
        }
        div.scroll tabindex="0" {
            table.confusion.many[matrix.labels.len() > FEW_CLASSES] {
                thead { tr {
                    th.pinned { "true \\ predicted" }
                    @for label in &matrix.labels { th.number title=(label) { (label) } }
                    th.number { "all" }
                } }
                tbody {
                    @for (class, (label, row)) in rows() {
                        tr {
                            th.pinned scope="row" title=(label) { (label) }
                            @for (predicted, cell) in row.iter().enumerate() {
                                @if *cell == 0 && predicted != class { td {} } @else {
                                    @let kind = if predicted == class { "right" } else { "wrong" };
                                    @let share = share(*cell, row);
                                    td class=(format!("number {kind}")) style=(format!("--share:{share:.3}"))
                                        title=(format!("true {label}, predicted {}: {:.1}% of the row", matrix.labels[predicted], share * 100.0)) {
                                        (count(*cell as u64))
                                    }
                                }
                            }
                            td.number { (count(row.iter().sum::<usize>() as u64)) }
                        }
                    }
                }
            }
        }
    }
}

/// A table of the most frequent mistakes, for more classes than a matrix can show.
fn mistakes(matrix: &ConfusionMatrix) -> Markup {
    let mut wrong: Vec<(usize, usize, usize)> = Vec::new();
    for (class, row) in matrix.counts.iter().enumerate() {
        wrong.extend(row.iter().enumerate().filter(|(other, n)| *other != class && **n > 0).map(|(other, n)| (*n, class, other)));
    }
    wrong.sort_by_key(|(n, class, other)| (std::cmp::Reverse(*n), *class, *other));
    let all = wrong.len();
    wrong.truncate(MOST_MISTAKES);
    html! {
        h2 { "Most frequent mistakes of the best run" }
        p.note {
            "A confusion matrix of " (matrix.labels.len()) " labels is too large for a page. These are the first " (wrong.len())
            " of " (all) " kinds of mistakes; summary.json has the whole matrix."
        }
        div.scroll tabindex="0" {
            table {
                thead { tr { th.pinned { "true" } th { "predicted" } th.number { "examples" } th.number { "of the true label's" } } }
                tbody {
                    @for (n, class, other) in &wrong {
                        tr {
                            td.pinned { (matrix.labels[*class]) }
                            td { (matrix.labels[*other]) }
                            td.number { (count(*n as u64)) }
                            td.number { (count(matrix.counts[*class].iter().sum::<usize>() as u64)) }
                        }
                    }
                }
            }
        }
    }
}

fn label_counts(labels: &[String], counts: &[Counts], examples: usize) -> Markup {
    html! {
        h2 { "Each label in the best run" }
        p.note {
            "An example can have several labels, so there is no confusion of one with another: each label is counted for itself, over "
            (count(examples as u64)) " examples."
        }
        div.scroll tabindex="0" {
            table {
                thead { tr {
                    th.pinned { "label" }
                    th.number { "rightly predicted" } th.number { "wrongly predicted" } th.number { "missed" } th.number { "rightly not predicted" }
                    th.number { "precision" } th.number { "recall" } th.number { "F1" }
                } }
                tbody {
                    @for (label, found) in labels.iter().zip(counts) {
                        @let of_label = [found.true_positives, found.false_positives, found.false_negatives];
                        tr {
                            td.pinned { (label) }
                            @for n in of_label { td.number { (count(n as u64)) } }
                            td.number { (count((examples - of_label.iter().sum::<usize>()) as u64)) }
                            @for rate in [found.precision(), found.recall(), found.f1()] { td.number { (score(rate)) } }
                        }
                    }
                }
            }
        }
    }
}

/// A point for each example, its true value across and the predicted one upward.
fn values(predictions: &[Prediction]) -> Option<Markup> {
    let pair = |prediction: &Prediction| Some((f64::from(prediction.target.value()?), f64::from(*prediction.output.0.first()?)));
    let pairs: Vec<(f64, f64)> = predictions.iter().filter_map(pair).collect();
    let drawn: Vec<(f64, f64)> = pairs.iter().copied().step_by(pairs.len().div_ceil(MOST_POINTS).max(1)).collect();
    let (left, right, top, bottom) = PANEL.inner;
    let both = || pairs.iter().flat_map(|(target, output)| [*target, *output]).filter(|value| value.is_finite());
    let x = Scale::around(both(), false, (left, right))?;
    let y = Scale::around(both(), false, (bottom, top))?;
    let (low, high) = (both().fold(f64::INFINITY, f64::min), both().fold(f64::NEG_INFINITY, f64::max));
    let content = html! {
        (line(&[(low, low), (high, high)], &x, &y, "seed rest", "as it should be"))
        @for (target, output) in &drawn {
            circle.point.c0 cx=(place(x.at(*target))) cy=(place(y.at(*output))) r="2.5" {
                title { "true " (score(*target)) ", predicted " (score(*output)) }
            }
        }
    };
    Some(html! {
        h2 { "Predicted and true values of the best run" }
        p.note {
            "A number is predicted, so there are no classes to confuse: each point is an example, and on the line both values are the same."
            @if drawn.len() < pairs.len() { " " (count(drawn.len() as u64)) " of " (count(pairs.len() as u64)) " examples are drawn." }
        }
        div.panels { figure { (PANEL.draw("predicted value", (&x, "true value"), &y, &content)) } }
    })
}
