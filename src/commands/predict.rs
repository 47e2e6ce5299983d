//! `gluepot predict`.

use std::path::Path;

use anyhow::anyhow;

use super::written;
use crate::cli::{PredictArgs, RowFormat};
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inference::{LoadedModel, PredictedRows, PredictionRow, text_columns};
use crate::table::{DataFormat, TableOptions, TableReader};
use crate::terminal;

/// Predicts labels for a table or for standard input, row by row.
pub fn predict(arguments: &PredictArgs) -> Outcome<()> {
    let options = options(arguments)?;
    let table = if arguments.file == "-" {
        TableReader::of_stream(std::io::stdin(), DataFormat::Lines, "standard input", &options).map_err(anyhow::Error::from)
    } else {
        TableReader::open(Path::new(&arguments.file), &options)
    };
    let table = table.map_err(Failure::Data)?;
    let model = LoadedModel::load(arguments.model.name(), &Hub::from_env(true))?;
    let columns = text_columns(&model, &arguments.text, &table)?;
    let wanted: Vec<&str> = columns.iter().map(String::as_str).collect();
    let rows = table.rows(&wanted).map_err(|error| Failure::Data(error.into()))?;
    let csv = arguments.format == RowFormat::Csv;
    let header = if csv { csv_line(&PredictionRow::header(&model.head))? } else { String::new() };
    let (mut text, mut index) = (header, 0);
    for predicted in PredictedRows::new(&model, rows) {
        for row in predicted? {
            text += &if csv { csv_line(&row.fields(index))? } else { format!("{}\n", row.json(index, &model.head)) };
            index += 1;
        }
        if !written(terminal::print_part(&text))? {
            return Ok(());
        }
        text.clear();
    }
    written(terminal::print_part(&text)).map(drop)
}

fn csv_line(fields: &[String]) -> Outcome<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let line =
        writer.write_record(fields).map_err(anyhow::Error::from).and_then(|()| Ok(String::from_utf8(writer.into_inner()?)?));
    line.map_err(Failure::Internal)
}

fn options(arguments: &PredictArgs) -> Outcome<TableOptions> {
    let usage = |message: String| Failure::Usage(anyhow!(message));
    Ok(TableOptions {
        format: None,
        encoding: arguments.encoding.as_deref().map(str::parse).transpose().map_err(usage)?,
        separator: arguments.separator.as_deref().map(str::parse).transpose().map_err(usage)?,
    })
}
