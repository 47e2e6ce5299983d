//! The data behind the plots, read from the runs' metrics files.

use std::collections::BTreeMap;
use std::path::Path;

use crate::compare::{ComparedRun, Comparison, Variant};
use crate::runs::{Evaluations, files};

/// Maximum number of points in a line; more are averaged, since no screen shows them.
const MOST_POINTS: usize = 200;

/// A comparison and the runs behind it.
pub struct Figures<'a> {
    pub comparison: &'a Comparison,
    /// The runs of each variant, ordered by seed.
    pub variants: Vec<Vec<RunFigures<'a>>>,
}

/// A run and its learning curves.
pub struct RunFigures<'a> {
    pub run: &'a ComparedRun,
    /// Epochs and values by curve name, such as `training loss`.
    pub curves: BTreeMap<String, Vec<(f64, f64)>>,
}

impl<'a> Figures<'a> {
    /// Reads the curves of every run that counts; a file that cannot be read has none.
    #[must_use]
    pub fn read(comparison: &'a Comparison, runs: &'a [ComparedRun]) -> Self {
        let of_variant = |variant: &Variant| {
            let found = variant.runs.iter().filter_map(|id| runs.iter().find(|run| run.run.facts.id == *id));
            found.map(|run| RunFigures { run, curves: curves(run, &comparison.metric) }).collect()
        };
        Self { comparison, variants: comparison.variants.iter().map(of_variant).collect() }
    }
}

/// Returns the names of the learning curves, in the order of the page.
#[must_use]
pub fn curve_names(metric: &str) -> Vec<String> {
    let names = ["training loss", "validation loss"].map(String::from).into_iter();
    let metric = (metric != "loss").then(|| format!("validation {metric}"));
    names.chain(metric).chain(["learning rate".to_string()]).collect()
}

fn curves(run: &ComparedRun, metric: &str) -> BTreeMap<String, Vec<(f64, f64)>> {
    let train = columns(&run.run.path.join(files::TRAIN));
    let evaluations = Evaluations::read(&run.run.path).unwrap_or_default();
    let validation = |name: &str| {
        let points = evaluations.validation().filter_map(|row| Some((row.epoch, *row.scores.get(name)?)));
        thinned(&points.collect::<Vec<_>>())
    };
    let curve = |columns: &BTreeMap<String, Vec<f64>>, name: &str| -> Vec<(f64, f64)> {
        let (Some(epochs), Some(values)) = (columns.get("epoch"), columns.get(name)) else { return Vec::new() };
        let points = epochs.iter().copied().zip(values.iter().copied());
        // An undefined metric is not a point.
        thinned(&points.filter(|(_, value)| !value.is_nan()).collect::<Vec<_>>())
    };
    BTreeMap::from([
        ("training loss".into(), curve(&train, "loss")),
        ("learning rate".into(), curve(&train, "learning_rate")),
        ("validation loss".into(), validation("loss")),
        (format!("validation {metric}"), validation(metric)),
    ])
}

/// Reads the columns of a CSV file; cells that are not numbers become NaN.
fn columns(path: &Path) -> BTreeMap<String, Vec<f64>> {
    let Ok(mut reader) = csv::Reader::from_path(path) else { return BTreeMap::new() };
    let names: Vec<String> = reader.headers().map(|row| row.iter().map(String::from).collect()).unwrap_or_default();
    let mut columns: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in reader.records().map_while(Result::ok) {
        for (name, cell) in names.iter().zip(&row) {
            columns.entry(name.clone()).or_default().push(cell.parse().unwrap_or(f64::NAN));
        }
    }
    columns
}

/// Averages neighboring points if there are more than can be seen.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let part = |index: usize| &points[index * points.len() / MOST_POINTS..(index + 1) * points.len() / MOST_POINTS];
    let mean = |part: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| part.iter().map(of).sum::<f64>() / part.len() as f64;
    (0..MOST_POINTS).map(|index| (mean(part(index), |point| point.0), mean(part(index), |point| point.1))).collect()
}

/// Returns the mean of several curves, as far as all of them have values.
#[must_use]
pub fn mean_curve(curves: &[&Vec<(f64, f64)>]) -> Vec<(f64, f64)> {
    let shortest = curves.iter().map(|curve| curve.len()).min().unwrap_or(0);
    let n = curves.len() as f64;
    let mean = |index: usize| {
        let sum = |of: fn(&(f64, f64)) -> f64| curves.iter().map(|curve| of(&curve[index])).sum::<f64>();
        (sum(|point| point.0) / n, sum(|point| point.1) / n)
    };
    (0..shortest).map(mean).collect()
}
