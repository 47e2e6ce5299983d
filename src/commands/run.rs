//! `gluepot run`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::Result;
use chrono::Utc;

use super::{complain, print};
use crate::checkpoint::{self, HostTensor, Initial, Parameter, Template, table};
use crate::cli::{Run, overrides};
use crate::experiment::Surroundings;
use crate::failure::{Failure, Outcome};
use crate::hub::Hub;
use crate::inputs::{Inputs, Purpose};
use crate::panics;
use crate::problem::Problems;
use crate::progress::{Both, Loudness, Progress, Voice};
use crate::report::{count, duration, rate, score};
use crate::runs::{
    Exit, Hashes, Host, Recorder, RunDirectory, RunFacts, RunId, Summary, Versions, files, resolved_toml, setting_rows, sha256,
};
use crate::settings::{DeviceChoice, no_bf16};
use crate::tokens::{Encoded, Tokens};
use crate::train::{CudaSupport, Device, DeviceError, train};

/// Trains each experiment, after all of them have been checked.
pub fn run(arguments: &Run) -> Outcome<()> {
    let loudness = if arguments.quiet { Loudness::Quiet } else { Loudness::Normal };
    let (surroundings, hub) = (Surroundings::from_env(), Hub::from_env(loudness == Loudness::Normal));
    let overrides = overrides(&arguments.experiments.set, arguments.device);
    let mut checked = Vec::new();
    for file in &arguments.experiments.files {
        let inputs = Inputs::read(file, Purpose::Training, &overrides, &surroundings, &hub)?;
        checked.push(with_device(inputs)?);
    }
    if checked.len() > 1 {
        // What only shows when weights and texts are read must not show after hours of training.
        checked.iter().try_for_each(|(inputs, _)| Ready::make(inputs).map(drop))?;
    }
    if let [(inputs, device)] = checked.as_slice() {
        return run_one(inputs, device, &arguments.runs.root, loudness);
    }
    // One experiment that fails does not take the others with it.
    let mut failed = Vec::new();
    for ((inputs, device), file) in checked.iter().zip(&arguments.experiments.files) {
        if let Err(failure) = run_one(inputs, device, &arguments.runs.root, loudness) {
            complain(&format!("{}: {}", file.display(), failure.message(false)));
            failed.push((file.display().to_string(), failure.exit_code()));
        }
    }
    match failed.first() {
        None => Ok(()),
        Some((_, code)) => {
            let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
            let message = format!("{} of {} experiments failed: {}", failed.len(), checked.len(), names.join(", "));
            Err(Failure::Several { message, code: *code })
        }
    }
}

fn with_device(mut inputs: Inputs) -> Outcome<(Inputs, Device)> {
    let settings = &inputs.trial.settings;
    match Device::choose(settings.device, settings.training.precision) {
        Ok(device) => Ok((inputs, device)),
        Err(DeviceError::NoBf16 { device }) => {
            inputs.experiment.complain(vec![no_bf16(&device)]);
            Err(Failure::Experiment(Problems(inputs.experiment.problems)))
        }
        Err(error) => Err(Failure::Device(error)),
    }
}

/// What is read and made before a run directory exists, so that a run which cannot start leaves none.
struct Ready<'a> {
    inputs: &'a Inputs,
    table: Vec<Parameter>,
    initial: Initial,
    train: Vec<Encoded>,
    validation: Vec<Encoded>,
    hashes: Hashes,
}

impl<'a> Ready<'a> {
    fn make(inputs: &'a Inputs) -> Outcome<Self> {
        let trial = &inputs.trial;
        let encode = |examples| {
            let tokens = Tokens::read(&inputs.files)?;
            tokens.encode(examples, trial.max_length, &trial.config)
        };
        let train = encode(&inputs.train).map_err(Failure::Checkpoint)?;
        let validation = encode(&inputs.validation).map_err(Failure::Checkpoint)?;
        let table = table(&trial.config, trial.settings.task.task().labels.len());
        let initial = inputs.initial()?;
        let hashes = hashes(inputs).map_err(Failure::Checkpoint)?;
        Ok(Self { inputs, table, initial, train, validation, hashes })
    }
}

fn run_one(inputs: &Inputs, device: &Device, root: &Path, loudness: Loudness) -> Outcome<()> {
    let ready = Ready::make(inputs)?;
    let started = Utc::now();
    let id = RunId::new(started, std::process::id());
    let name = ready.inputs.trial.settings.name.clone();
    let directory = RunDirectory::create(root, started, &name, &id).map_err(Failure::RunDirectory)?;
    let mut facts = facts(&ready, device, started, &id);
    let begun = write_beginning(&directory, &ready, &facts).and_then(|()| Voice::new(loudness, &directory.path(files::LOG)));
    let mut voice = begun.map_err(Failure::RunDirectory)?;
    let outcome = train_in(&ready, device, &directory, &mut voice);
    facts.ended = Some(Utc::now());
    match outcome.and_then(|summary| finish(&directory, &facts, summary)) {
        Ok(summary) => {
            let closing = closing(&name, &summary, &directory, &next_command(root, &id));
            // The run is finished; that its last words do not fit on the disk changes nothing.
            let _ = voice.note(&closing);
            print(&closing);
            Ok(())
        }
        Err(failure) => {
            facts.status = failure.status().into();
            facts.exit = Some(Exit { code: failure.exit_code(), message: Some(failure.to_string()) });
            // The failure itself is what matters; that it cannot be recorded either shows in the status.
            let _ = write_facts(&directory, &facts);
            let _ = voice.note(&format!("error: {failure}"));
            let _ = voice.say(&format!("the run is kept in {}", directory.root().display()));
            Err(failure)
        }
    }
}

/// Writes the summary and marks the run as finished: both, or neither.
fn finish(directory: &RunDirectory, facts: &RunFacts, summary: Summary) -> Outcome<Summary> {
    let finished = RunFacts { status: "finished".into(), exit: Some(Exit { code: 0, message: None }), ..facts.clone() };
    let json = serde_json::to_vec_pretty(&summary).map_err(|error| Failure::Internal(error.into()))?;
    let written = directory.write(files::SUMMARY, &json).and_then(|()| write_facts(directory, &finished));
    written.inspect_err(|_| drop(std::fs::remove_file(directory.path(files::SUMMARY)))).map_err(Failure::RunDirectory)?;
    Ok(summary)
}

fn write_beginning(directory: &RunDirectory, ready: &Ready<'_>, facts: &RunFacts) -> Result<()> {
    let mut written = ready.inputs.experiment.files();
    if let Some((_, own)) = written.next() {
        directory.write(files::EXPERIMENT, own.as_bytes())?;
    }
    for (number, (path, base)) in written.enumerate() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        directory.write(&format!("base-{}-{name}", number + 1), base.as_bytes())?;
    }
    directory.write(files::RESOLVED, resolved_toml(&setting_rows(ready.inputs)).as_bytes())?;
    write_facts(directory, facts)
}

fn write_facts(directory: &RunDirectory, facts: &RunFacts) -> Result<()> {
    directory.write(files::RUN, &serde_json::to_vec_pretty(facts)?)
}

fn train_in(ready: &Ready<'_>, device: &Device, directory: &RunDirectory, voice: &mut Voice) -> Outcome<Summary> {
    let (trial, inputs) = (&ready.inputs.trial, ready.inputs);
    let settings = &trial.settings;
    introduce(ready, device, voice).map_err(Failure::RunDirectory)?;
    let task = settings.task.task();
    let labels = task.labels;
    let template = Template { config: trial.config.clone(), labels, table: ready.table.clone(), source: inputs.files.clone() };
    let recorder = Recorder::new(directory, task, settings.metric.name(), &settings.checkpoints.keep, template);
    let mut recorder = recorder.map_err(Failure::RunDirectory)?;
    let direction = task.direction(settings.metric.name()).unwrap_or(crate::metrics::Direction::Maximize);
    let mut progress = Progress::new(voice, settings.metric.name(), direction, trial.steps.total);
    let initial: &[HostTensor] = &ready.initial.parameters;
    // Burn reports a failing device by a panic.
    let trained = catch_unwind(AssertUnwindSafe(|| {
        train(trial, initial, &ready.train, &ready.validation, device, &mut Both(&mut recorder, &mut progress))
    }));
    drop(progress);
    match trained {
        Ok(result) => result.map_err(Failure::training)?,
        Err(_) => return Err(Failure::panic(&panics::last())),
    }
    recorder.summary().ok_or_else(|| Failure::Internal(anyhow::anyhow!("training ended without an evaluation")))
}

/// What is about to happen, and what became of the checkpoint's weights.
fn introduce(ready: &Ready<'_>, device: &Device, voice: &mut Voice) -> Result<()> {
    let trial = &ready.inputs.trial;
    let parameters: usize = ready.table.iter().map(Parameter::elements).sum();
    voice.say(&format!(
        "{}: {} on {} training and {} validation examples, {} steps, {} parameters, {}",
        trial.settings.name,
        trial.settings.task.task().name,
        count(trial.train_examples as u64),
        count(trial.validation_examples as u64),
        count(trial.steps.total),
        count(parameters as u64),
        device.name(),
    ))?;
    if ready.inputs.files.weights.is_none() {
        voice.say("every weight is drawn anew: the checkpoint gives its shape alone")?;
    } else if ready.initial.head_of_another_size {
        voice.say(&format!("newly drawn, because the checkpoint's are for other labels: {}", ready.initial.drawn.join(", ")))?;
    } else if !ready.initial.drawn.is_empty() {
        voice.say(&format!("newly drawn, because the checkpoint lacks them: {}", ready.initial.drawn.join(", ")))?;
    }
    let (theirs, ours) = (trial.config.labels(), trial.settings.task.task().labels);
    let keeps_head = ready.inputs.files.weights.is_some() && ready.initial.drawn.is_empty();
    if keeps_head && !theirs.is_empty() && theirs != ours {
        voice.say(&format!(
            "the checkpoint's classifier is kept, class by class: {} become {}",
            theirs.join(", "),
            ours.join(", ")
        ))?;
    }
    for row in setting_rows(ready.inputs).iter().filter(|row| row.origin.starts_with("environment ")) {
        voice.say(&format!("{}: {} = {}", row.origin, row.path(), row.toml().unwrap_or_default()))?;
    }
    if !ready.initial.unused.is_empty() {
        voice.say(&format!("not used of the checkpoint: {}", ready.initial.unused.join(", ")))?;
    }
    let forgotten_gpu = CudaSupport::find() == CudaSupport::NotBuilt { machine_has_gpu: true };
    if forgotten_gpu && trial.settings.device == DeviceChoice::Auto {
        voice.say("this machine has an NVIDIA GPU, which this build cannot use: cargo build --release --features cuda")?;
    }
    Ok(())
}

fn facts(ready: &Ready<'_>, device: &Device, started: chrono::DateTime<Utc>, id: &RunId) -> RunFacts {
    let trial = &ready.inputs.trial;
    RunFacts {
        format_version: 1,
        id: id.to_string(),
        name: trial.settings.name.clone(),
        task: trial.settings.task.task().name.into(),
        status: "running".into(),
        started,
        ended: None,
        exit: None,
        command_line: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        working_folder: std::env::current_dir().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
        host: Host::this(),
        device: device.name().into(),
        versions: Versions::this(),
        checkpoint: ready.inputs.checkpoint.to_string(),
        hashes: ready.hashes.clone(),
        seed: trial.settings.seed,
        parameters: ready.table.iter().map(checkpoint::Parameter::elements).sum(),
        drawn: ready.initial.drawn.clone(),
        unused: ready.initial.unused.clone(),
        train_examples: trial.train_examples,
        validation_examples: trial.validation_examples,
        steps: trial.steps.total,
    }
}

fn hashes(inputs: &Inputs) -> Result<Hashes> {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let one = |path: &PathBuf| sha256(std::slice::from_ref(path));
    let mut data = BTreeMap::new();
    data.insert("train".to_string(), sha256(&inputs.source.train.paths)?);
    data.insert("validation".to_string(), sha256(&inputs.source.validation.paths)?);
    let mut tokenizer = BTreeMap::new();
    for path in inputs.files.tokenizer_files() {
        tokenizer.insert(name(&path), one(&path)?);
    }
    let weights = inputs.files.weights.as_ref().map(one).transpose()?;
    Ok(Hashes { data, tokenizer, config: one(&inputs.files.config)?, weights })
}

/// How to look at the run, by the program's name as it was typed.
fn next_command(root: &Path, id: &RunId) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "gluepot".into());
    let elsewhere = if root == Path::new("runs") { String::new() } else { format!(" --runs {}", root.display()) };
    format!("{program} show {id}{elsewhere}")
}

/// The last words: scores, where the run is, what to type next.
fn closing(name: &str, summary: &Summary, directory: &RunDirectory, next: &str) -> String {
    let scores = |moment: &crate::runs::Moment| {
        let mut named: Vec<(&String, &f64)> = moment.scores.iter().collect();
        named.sort_by_key(|(name, _)| (**name != summary.metric, name.as_str() == crate::metrics::LOSS));
        named.into_iter().map(|(name, value)| format!("{name} {}", score(*value))).collect::<Vec<_>>().join("  ")
    };
    let moment =
        |moment: &crate::runs::Moment| format!("{}  (step {}, epoch {:.2})", scores(moment), count(moment.step), moment.epoch);
    let mut lines = vec![
        format!("{name} finished in {} ({} examples/s)", duration(summary.duration_seconds), rate(summary.examples_per_second)),
        format!("  best   {}", moment(&summary.best)),
    ];
    if summary.last.step != summary.best.step {
        lines.push(format!("  last   {}", moment(&summary.last)));
    }
    if summary.collapsed {
        lines.push("  the best checkpoint gives every example the same class: training collapsed".into());
    }
    lines.push(format!("  run    {}", directory.root().display()));
    lines.push(format!("  next   {next}"));
    lines.join("\n")
}
