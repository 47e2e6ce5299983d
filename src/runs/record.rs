//! Training's events, written into a run directory as they happen.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use csv::Writer;

use super::directory::{RunDirectory, files};
use super::summary::{Moment, Summary};
use crate::checkpoint::Template;
use crate::metrics::{Direction, Prediction};
use crate::settings::{Keep, Kept};
use crate::tasks::{Split, Task};
use crate::train::{EvaluationEvent, Event, LogRow, Observer};

/// Writes metrics, predictions and checkpoints of a run.
pub struct Recorder {
    directory: RunDirectory,
    task: &'static Task,
    metric: String,
    direction: Direction,
    keep: Keep,
    template: Template,
    train: Writer<File>,
    speed: Writer<File>,
    eval: Writer<File>,
    best: Option<Moment>,
    last: Option<Moment>,
    /// Steps whose checkpoint is on disk, in order.
    saved: Vec<u64>,
    started: Instant,
    totals: Totals,
}

#[derive(Default)]
struct Totals {
    steps: u64,
    examples: u64,
    tokens: u64,
    training: Duration,
}

impl Recorder {
    /// Opens the metrics files of a new run.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn new(directory: &RunDirectory, task: &'static Task, metric: &str, keep: &Keep, template: Template) -> Result<Self> {
        let open = |name: &str, header: &[&str]| -> Result<Writer<File>> {
            let path = directory.path(name);
            let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
            let mut writer = Writer::from_writer(file);
            write_row(&mut writer, header, name)?;
            Ok(writer)
        };
        let metrics = task.metrics.iter().map(|metric| metric.name);
        let eval: Vec<&str> = ["step", "epoch", "split", "loss"].into_iter().chain(metrics).collect();
        Ok(Self {
            train: open(files::TRAIN, &["step", "epoch", "examples", "loss", "learning_rate", "grad_norm"])?,
            speed: open(files::SPEED, &["step", "seconds", "examples_per_second", "tokens_per_second"])?,
            eval: open(files::EVAL, &eval)?,
            directory: directory.clone(),
            task,
            metric: metric.to_string(),
            direction: task.direction(metric).unwrap_or(Direction::Maximize),
            keep: keep.clone(),
            template,
            best: None,
            last: None,
            saved: Vec::new(),
            started: Instant::now(),
            totals: Totals::default(),
        })
    }

    /// The summary of a run that reached its end; none without an evaluation.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        let (best, last) = (self.best.clone()?, self.last.clone()?);
        let training_seconds = self.totals.training.as_secs_f64();
        let per_second = |count: u64| if training_seconds > 0.0 { count as f64 / training_seconds } else { 0.0 };
        Some(Summary {
            format_version: 1,
            task: self.task.name.into(),
            metric: self.metric.clone(),
            direction: self.direction,
            collapsed: best.collapsed,
            best,
            last,
            steps: self.totals.steps,
            examples: self.totals.examples,
            duration_seconds: self.started.elapsed().as_secs_f64(),
            training_seconds,
            examples_per_second: per_second(self.totals.examples),
            tokens_per_second: per_second(self.totals.tokens),
        })
    }

    fn log(&mut self, row: &LogRow) -> Result<()> {
        let numbers = [row.loss, row.learning_rate, row.grad_norm];
        let mut fields = vec![row.step.to_string(), row.epoch.to_string(), row.examples.to_string()];
        fields.extend(numbers.map(|number| number.to_string()));
        write_row(&mut self.train, &fields, files::TRAIN)?;
        self.totals.steps = row.step;
        self.totals.examples = row.examples;
        self.totals.tokens += row.interval_tokens;
        self.totals.training += row.elapsed;
        let interval = row.elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let rate = |count: u64| format!("{:.3}", count as f64 / interval);
        let seconds = format!("{:.3}", self.started.elapsed().as_secs_f64());
        write_row(
            &mut self.speed,
            &[row.step.to_string(), seconds, rate(row.interval_examples), rate(row.interval_tokens)],
            files::SPEED,
        )
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> Result<()> {
        let scores = event.scores;
        let mut fields =
            vec![event.step.to_string(), event.epoch.to_string(), Split::Validation.name().into(), scores.loss.to_string()];
        fields.extend(scores.metrics.iter().map(|score| score.value.to_string()));
        write_row(&mut self.eval, &fields, files::EVAL)?;
        let moment = Moment::new(event.step, event.epoch, scores);
        let of_metric = |moment: &Moment| moment.scores.get(&self.metric).copied().unwrap_or(f64::NAN);
        let improved = self.best.as_ref().is_none_or(|best| self.direction.improves(of_metric(&moment), of_metric(best)));
        if improved {
            self.write_predictions(event.predictions)?;
            self.best = Some(moment.clone());
        }
        self.last = Some(moment);
        self.save(event, improved)
    }

    fn write_predictions(&self, predictions: &[Prediction]) -> Result<()> {
        let mut writer = Writer::from_writer(Vec::new());
        let probabilities = (0..self.task.labels.len()).map(|class| format!("p{class}"));
        let header: Vec<String> = ["index", "label", "prediction"].map(String::from).into_iter().chain(probabilities).collect();
        write_row(&mut writer, &header, files::PREDICTIONS)?;
        for (index, prediction) in predictions.iter().enumerate() {
            let mut fields = vec![index.to_string(), prediction.label.to_string(), prediction.class.to_string()];
            fields.extend(prediction.probabilities().iter().map(ToString::to_string));
            write_row(&mut writer, &fields, files::PREDICTIONS)?;
        }
        self.directory.write(files::PREDICTIONS, &writer.into_inner().context("cannot format the predictions")?)
    }

    /// Saves the parameters if a kept checkpoint needs them, then removes what is kept no longer.
    fn save(&mut self, event: &EvaluationEvent<'_>, improved: bool) -> Result<()> {
        let wanted = (improved && self.keep.contains(Kept::Best)) || self.keep.contains(Kept::Last) || self.keep.more() > 0;
        if !wanted {
            return Ok(());
        }
        let name = folder(event.step);
        let path = self.directory.path(files::CHECKPOINTS).join(&name);
        let parameters = (event.parameters)()?;
        self.template.write(&path, &parameters)?;
        self.saved.push(event.step);
        let point =
            |pointer: &str| self.directory.write(&format!("{}/{pointer}", files::CHECKPOINTS), format!("{name}\n").as_bytes());
        if self.keep.contains(Kept::Last) {
            point("last")?;
        }
        if improved && self.keep.contains(Kept::Best) {
            point("best")?;
        }
        self.remove_superseded()
    }

    fn remove_superseded(&mut self) -> Result<()> {
        let best = self.best.as_ref().map(|best| best.step).filter(|_| self.keep.contains(Kept::Best));
        let last = self.saved.last().copied().filter(|_| self.keep.contains(Kept::Last));
        let named = |step: &u64| Some(*step) == best || Some(*step) == last;
        let more = usize::try_from(self.keep.more()).unwrap_or(usize::MAX);
        let others: Vec<u64> = self.saved.iter().rev().filter(|step| !named(step)).copied().collect();
        for step in others.into_iter().skip(more) {
            let path = self.directory.path(files::CHECKPOINTS).join(folder(step));
            fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            self.saved.retain(|saved| *saved != step);
        }
        Ok(())
    }
}

impl Observer for Recorder {
    fn observe(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            Event::Step(_) => Ok(()),
            Event::Log(row) => self.log(row),
            Event::Evaluation(evaluation) => self.evaluation(evaluation),
        }
    }
}

/// The folder of a step's checkpoint.
fn folder(step: u64) -> String {
    format!("step-{step:06}")
}

/// Writes a row and hands it to the operating system, so that no row waits in this process.
fn write_row<W: std::io::Write>(writer: &mut Writer<W>, fields: &[impl AsRef<[u8]>], name: &str) -> Result<()> {
    writer.write_record(fields).with_context(|| format!("cannot write {name}"))?;
    writer.flush().with_context(|| format!("cannot write {name}"))
}
