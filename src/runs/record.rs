//! Writes training events to a run directory as they occur.

use std::fs;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::checkpoints::SavedCheckpoints;
use super::directory::{RunDirectory, files};
use super::manifest;
use super::metrics::MetricsFiles;
use super::predictions;
use super::recorded::Recorded;
use super::states;
use super::step_folder;
use super::summary::{Moment, Summary};
use crate::checkpoint::Template;
use crate::machine::claim::{ClaimWatch, HEARTBEAT};
use crate::machine::durable::write_file;
use crate::machine::signals::StopSignal;
use crate::settings::{Checkpoints, Kept, SaveEvery};
use crate::task::metrics::{ClassScores, ConfusionMatrix, Direction};
use crate::task::{Prediction, SplitLabels, Task, VALIDATION, ValueStatistics};
use crate::train::{Boundary, EvaluationEvent, Event, LogRow, Observer, Stop, TrainingState};

/// What to record, and how.
#[derive(Clone)]
pub struct Record {
    pub task: Task,
    /// Class counts of both splits, for classification tasks.
    pub labels: Option<SplitLabels>,
    /// The metric that picks the best checkpoint.
    pub metric: String,
    /// Whether higher or lower scores are better.
    pub direction: Direction,
    /// When to save states, and which checkpoints to keep.
    pub checkpoints: Checkpoints,
    /// The template for writing checkpoints.
    pub template: Template,
    /// The user's request to stop.
    pub stop: StopSignal,
    /// Watches that this process still holds the run.
    pub claim: ClaimWatch,
}

/// Writes the metrics, predictions, checkpoints and states of a run.
pub struct Recorder {
    directory: RunDirectory,
    record: Record,
    tables: MetricsFiles,
    recorded: Recorded,
    checkpoints: SavedCheckpoints,
    started: Instant,
    saved: Instant,
    /// Whether to save the state at the current boundary.
    saves: bool,
    last_heartbeat: Option<Instant>,
}

impl Recorder {
    /// Opens the metrics files of a new run.
    pub fn new(directory: &RunDirectory, record: Record) -> Result<Self> {
        let tables = MetricsFiles::create(directory, record.task.metrics.iter().map(|metric| metric.name))?;
        Ok(Self::with(directory, record, tables, Recorded::default()))
    }

    /// Resumes a run from a state: truncates and removes what was written after it.
    ///
    /// # Errors
    /// A file cannot be written, or was changed by someone else.
    pub fn resumed(directory: &RunDirectory, record: Record, recorded: Recorded, predictions: Option<&[u8]>) -> Result<Self> {
        let tables = MetricsFiles::reopen(directory, recorded.lengths)?;
        let path = directory.path(files::PREDICTIONS);
        match predictions {
            Some(predictions) => write_file(&path, predictions)?,
            None if path.exists() => fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?,
            None => {}
        }
        let mut recorder = Self::with(directory, record, tables, recorded);
        let (best, last) = (recorder.best_step(), recorder.last().map(|last| last.step));
        recorder.checkpoints.restore(best, last)?;
        Ok(recorder)
    }

    fn with(directory: &RunDirectory, record: Record, tables: MetricsFiles, recorded: Recorded) -> Self {
        let now = Instant::now();
        let checkpoints = SavedCheckpoints::new(directory, &record.checkpoints.keep, recorded.checkpoints.clone());
        let directory = directory.clone();
        Self { directory, record, tables, recorded, checkpoints, started: now, saved: now, saves: false, last_heartbeat: None }
    }

    /// The best evaluation so far.
    #[must_use]
    pub fn best(&self) -> Option<&Moment> {
        self.recorded.best.as_ref()
    }

    /// The step of the best evaluation, and its score, if the metric was defined.
    #[must_use]
    pub fn best_score(&self) -> Option<(u64, Option<f64>)> {
        self.best().map(|best| (best.step, best.scores.get(&self.record.metric).copied()))
    }

    /// The last evaluation.
    #[must_use]
    pub fn last(&self) -> Option<&Moment> {
        self.recorded.last.as_ref()
    }

    fn best_step(&self) -> Option<u64> {
        self.recorded.best.as_ref().map(|best| best.step)
    }

    fn duration(&self) -> Duration {
        self.recorded.duration + self.started.elapsed()
    }

    /// The summary of a finished run; `None` without an evaluation.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        let (best, last) = (self.recorded.best.clone()?, self.recorded.last.clone()?);
        // The predictions of the best evaluation, which may have been made before the run was resumed.
        let head = &self.record.task.head;
        let read = predictions::read(&self.directory.path(files::PREDICTIONS), head).unwrap_or_default();
        let predicted: Vec<Prediction> = read.into_iter().map(|row| row.prediction).collect();
        let totals = &self.recorded.totals;
        let training_seconds = totals.training.as_secs_f64();
        let per_second = |count: u64| if training_seconds > 0.0 { count as f64 / training_seconds } else { 0.0 };
        Some(Summary {
            format_version: 1,
            task: self.record.task.name.clone(),
            metric: self.record.metric.clone(),
            direction: self.record.direction,
            collapsed: best.collapsed,
            labels: self.record.labels.clone(),
            values: ValueStatistics::of(predicted.iter().map(|prediction| &prediction.target)),
            confusion: ConfusionMatrix::of(head, &predicted),
            by_label: ClassScores::of(head, &predicted),
            best,
            last,
            steps: totals.steps,
            examples: totals.examples,
            duration_seconds: self.duration().as_secs_f64(),
            training_seconds,
            examples_per_second: per_second(totals.examples),
            tokens_per_second: per_second(totals.tokens),
        })
    }

    /// Removes states that are needed only for resuming: all of them, or all but the newest.
    pub fn tidy(&mut self, keeps_state: bool) -> Result<()> {
        self.record.claim.check_now()?;
        let keep = usize::from(keeps_state);
        let spent = states::all(&self.directory).into_iter().skip(keep).map(|(step, _)| step);
        let spent = spent.map(|step| format!("{}/{}", files::STATES, step_folder::folder(step)));
        manifest::forget(&self.directory, &spent.collect::<Vec<_>>())?;
        states::keep(&self.directory, keep)
    }

    /// Removes the checkpoints that only earlier states refer to, while the run can still be resumed from its last state. If the
    /// process is killed meanwhile, nothing is left over that a finished run would keep.
    pub fn release(&mut self) -> Result<()> {
        self.record.claim.check_now()?;
        let retired =
            self.checkpoints.retired().iter().map(|step| format!("{}/{}", files::CHECKPOINTS, step_folder::folder(*step)));
        manifest::forget(&self.directory, &retired.collect::<Vec<_>>())?;
        self.checkpoints.release()
    }

    fn log(&mut self, row: &LogRow) -> Result<()> {
        let numbers = [row.loss, row.learning_rate, row.grad_norm];
        let mut fields = vec![row.step.to_string(), row.epoch.to_string(), row.examples.to_string()];
        fields.extend(numbers.map(|number| number.to_string()));
        self.tables.train(&fields)?;
        let totals = &mut self.recorded.totals;
        totals.steps = row.step;
        totals.examples = row.examples;
        totals.tokens += row.interval_tokens;
        totals.training += row.elapsed;
        let interval = row.elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let rate = |count: u64| format!("{:.3}", count as f64 / interval);
        let seconds = format!("{:.3}", self.duration().as_secs_f64());
        self.tables.speed(&[row.step.to_string(), seconds, rate(row.interval_examples), rate(row.interval_tokens)])
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> Result<()> {
        let of_splits =
            [(VALIDATION, event.scores)].into_iter().chain(event.further.iter().map(|(split, scores)| (*split, scores)));
        for (split, scores) in of_splits {
            let mut fields = vec![event.step.to_string(), event.epoch.to_string(), split.into(), scores.loss.to_string()];
            fields.extend(scores.metrics.iter().map(|score| score.value.map_or_else(String::new, |value| value.to_string())));
            self.tables.eval(&fields)?;
        }
        let moment = Moment::new(event.step, event.epoch, event.scores, event.further);
        if event.improved {
            self.directory.write(files::PREDICTIONS, &predictions::to_csv(&self.record.task.head, event.predictions)?)?;
            self.recorded.best = Some(moment.clone());
        }
        self.recorded.last = Some(moment);
        if let Some(parameters) = event.parameters.filter(|_| self.keeps(event)) {
            self.record.claim.check_now()?;
            self.checkpoints.save(event.step, event.improved, &self.record.template, parameters)?;
        }
        Ok(())
    }

    /// Whether this evaluation saves a checkpoint.
    fn keeps(&self, event: &EvaluationEvent<'_>) -> bool {
        let keep = &self.record.checkpoints.keep;
        (event.improved && keep.contains(Kept::Best)) || keep.contains(Kept::Last) || keep.more() > 0
    }

    fn boundary(&mut self, boundary: &Boundary<'_>) -> Result<ControlFlow<Stop>> {
        self.show_life(boundary.step);
        // A stop requested after `wants_state` was called takes effect at the next boundary.
        let Some(state) = boundary.state.filter(|_| self.saves) else { return Ok(ControlFlow::Continue(())) };
        self.save(state)?;
        let interrupted = self.is_asked_to_stop(boundary);
        Ok(if interrupted { ControlFlow::Break(Stop::Interrupted { step: boundary.step }) } else { ControlFlow::Continue(()) })
    }

    fn is_asked_to_stop(&self, boundary: &Boundary<'_>) -> bool {
        self.record.stop.is_asked() && !boundary.is_last
    }

    fn save(&mut self, training: &TrainingState) -> Result<()> {
        self.recorded.lengths = self.tables.sync()?;
        let recorded =
            Recorded { duration: self.duration(), checkpoints: self.checkpoints.kept().to_vec(), ..self.recorded.clone() };
        let predictions = self.recorded.best.is_some().then(|| fs::read(self.directory.path(files::PREDICTIONS)));
        let predictions = predictions.transpose().with_context(|| format!("cannot read {}", files::PREDICTIONS))?;
        self.record.claim.check_now()?;
        states::save(&self.directory, &self.record.template.parameters, training, &recorded, predictions.as_deref())?;
        self.saved = Instant::now();
        let kept = states::steps(&self.directory, states::KEPT);
        manifest::renew(&self.directory, &recorded.stays(&kept))?;
        states::keep(&self.directory, states::KEPT)?;
        self.checkpoints.hold()
    }

    /// Updates the heartbeat, for observers on other machines.
    fn show_life(&mut self, step: u64) {
        if self.last_heartbeat.is_none_or(|last| last.elapsed() >= HEARTBEAT) {
            self.last_heartbeat = Some(Instant::now());
            // A failed heartbeat does not end the run.
            let _ =
                fs::write(self.directory.path(files::HEARTBEAT), format!("{} step {step}\n", chrono::Utc::now().to_rfc3339()));
        }
    }
}

impl Observer for Recorder {
    fn wants_parameters(&mut self, evaluation: &EvaluationEvent<'_>) -> bool {
        self.keeps(evaluation)
    }

    fn wants_state(&mut self, boundary: &Boundary<'_>) -> bool {
        let is_due = match self.record.checkpoints.every {
            SaveEvery::Never => false,
            SaveEvery::Epoch => boundary.ends_epoch || boundary.is_last,
            SaveEvery::Steps(steps) => boundary.step.is_multiple_of(steps.get()) || boundary.is_last,
            SaveEvery::Minutes(minutes) => self.saved.elapsed().as_secs() >= minutes.get() * 60 || boundary.is_last,
        };
        self.saves = is_due || self.is_asked_to_stop(boundary);
        self.saves
    }

    fn observe(&mut self, event: &Event<'_>) -> Result<ControlFlow<Stop>> {
        // First of all, before other observers see the step: a process that has lost its run must not write to its log either.
        self.record.claim.check()?;
        match event {
            Event::Started | Event::WarmupStarted | Event::WarmupFinished(_) | Event::Finished(_) | Event::Step(_) => {}
            Event::Log(row) => self.log(row)?,
            Event::Evaluation(evaluation) => self.evaluation(evaluation)?,
            Event::Boundary(boundary) => return self.boundary(boundary),
        }
        Ok(ControlFlow::Continue(()))
    }
}
