//! Tables without lines, for terminals and pipes alike.

use comfy_table::{CellAlignment, Table as Grid, presets::NOTHING};

/// Rows under a header, columns as wide as they need to be.
pub struct Table {
    grid: Grid,
}

impl Table {
    /// A table with this header; columns named in `right` are aligned to the right.
    #[must_use]
    pub fn new(header: &[&str], right: &[&str]) -> Self {
        let mut grid = Grid::new();
        grid.load_preset(NOTHING).set_header(header.iter().copied());
        for (index, name) in header.iter().enumerate() {
            if let Some(column) = grid.column_mut(index) {
                column.set_padding((0, 2));
                if right.contains(name) {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        Self { grid }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.grid.add_row(cells);
    }

    /// The table's lines, without blanks at their ends.
    #[must_use]
    pub fn text(&self) -> String {
        self.grid.lines().map(|line| line.trim_end().to_string()).collect::<Vec<_>>().join("\n")
    }
}
