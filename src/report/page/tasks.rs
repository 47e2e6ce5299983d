//! The table over tasks.

use maud::{Markup, html};

use crate::compare::{TaskMatrix, task_conclusions};
use crate::report::{TaskGrid, task_grid};

/// Renders the table with the best score of each task in bold, and what the means show.
pub(super) fn tasks(matrix: &TaskMatrix) -> Markup {
    let TaskGrid { header, numbers, rows, best } = task_grid(matrix);
    let class = |column: usize| if numbers[column] { "number" } else { "setting" };
    html! {
        section {
            h2 { "Tasks" }
            p.note { "Mean ± standard deviation over seeds." }
            div.findings { @for sentence in task_conclusions(matrix) { p { (sentence) } } }
            div.scroll tabindex="0" {
                table {
                    thead { tr { @for (column, name) in header.iter().enumerate() { th class=(class(column)) { (name) } } } }
                    tbody {
                        @for (index, row) in rows.iter().enumerate() {
                            tr {
                                @for (column, cell) in row.iter().enumerate() {
                                    td class=(class(column)) {
                                        @if best.contains(&(index, column)) { strong { (cell) } } @else { (cell) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
