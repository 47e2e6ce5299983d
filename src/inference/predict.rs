//! Predictions for a table of any length, in bounded memory.

use anyhow::anyhow;

use super::model::LoadedModel;
use super::rows::PredictionRow;
use crate::failure::{Failure, Outcome};
use crate::table::{Cell, DataFormat, Row, Rows, TableReader};
use crate::task::{Example, Text, TextColumns};

/// Rows that are held and sorted by length at a time: the more, the less padding; each is small beside its logits' cost.
const CHUNK: usize = 4_096;

/// The bytes of text after which no more rows are added to a chunk, so that long texts do not fill the memory.
const CHUNK_BYTES: usize = 16 << 20;

/// Returns the columns of a table that hold its text: those asked for, the task's, or the only ones.
///
/// # Errors
/// Neither is known, or more than two are asked for.
pub fn text_columns(model: &LoadedModel, asked: &[String], table: &TableReader<'_>) -> Outcome<Vec<String>> {
    if asked.len() > 2 {
        return Err(Failure::Usage(anyhow!("--text is given {} times; an example has one text, or a pair of two", asked.len())));
    }
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    let columns = table.columns();
    let of_task: Vec<String> = model.origin.as_ref().map_or_else(Vec::new, |origin| match &origin.task.text {
        TextColumns::Single(one) => vec![one.name.clone()],
        TextColumns::Pair(first, second) => vec![first.name.clone(), second.name.clone()],
    });
    // Plain lines have no names of their own.
    if table.format() == DataFormat::Lines {
        return Ok(columns.to_vec());
    }
    if !of_task.is_empty() && of_task.iter().all(|column| columns.contains(column)) {
        return Ok(of_task);
    }
    match columns {
        [only] if of_task.len() < 2 => Ok(vec![only.clone()]),
        _ => {
            Err(Failure::Usage(anyhow!("which column holds the text? Name it with --text: the table has {}", columns.join(", "))))
        }
    }
}

/// Predictions of the rows of a table, in their order, a bounded number at a time.
pub struct PredictedRows<'a> {
    model: &'a LoadedModel,
    rows: Rows<'a>,
}

impl<'a> PredictedRows<'a> {
    #[must_use]
    pub fn new(model: &'a LoadedModel, rows: Rows<'a>) -> Self {
        Self { model, rows }
    }

    fn chunk(&mut self) -> Outcome<Vec<PredictionRow>> {
        let (mut examples, mut bytes) = (Vec::with_capacity(CHUNK), 0);
        while examples.len() < CHUNK && bytes < CHUNK_BYTES {
            let Some(row) = self.rows.next() else { break };
            let row = row.map_err(|error| Failure::Data(error.into()))?;
            let example = example(&row).map_err(|problem| Failure::Data(anyhow!("{}: {problem}", row.place)))?;
            bytes += match &example.text {
                Text::Single(text) => text.len(),
                Text::Pair(first, second) => first.len() + second.len(),
            };
            examples.push(example);
        }
        let outputs = self.model.predict(&examples)?;
        Ok(outputs.iter().map(|output| PredictionRow::of(&self.model.head, output)).collect())
    }
}

impl Iterator for PredictedRows<'_> {
    type Item = Outcome<Vec<PredictionRow>>;

    /// # Errors
    /// A row cannot be read, or the device fails.
    fn next(&mut self) -> Option<Self::Item> {
        self.chunk().map(|rows| (!rows.is_empty()).then_some(rows)).transpose()
    }
}

fn example(row: &Row) -> Result<Example, String> {
    let text = |cell: &Cell| match cell {
        Cell::Text(text) => Ok(text.clone()),
        // An empty line is a text, too, whose prediction keeps the others in their places.
        Cell::Missing => Ok(String::new()),
        Cell::List(_) => Err("the text is a list".to_string()),
    };
    let text = match row.cells.as_slice() {
        [first, second] => Text::Pair(text(first)?, text(second)?),
        [one] => Text::Single(text(one)?),
        _ => return Err("a row has the wrong number of columns".into()),
    };
    Ok(Example { text, target: None })
}
