//! Runs each trial in its own process, so that a crash affects only that trial.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::directory::SweepDirectory;
use super::drive::{Crew, CrewEvent, TrialEnd, TrialProgress};
use super::facts::SweepFacts;
use super::plan::PlannedTrial;
use super::queue::TrialState;
use crate::failure::says_out_of_memory;
use crate::machine::memory_info::{self, MemoryInfo};
use crate::machine::signals::INTERRUPTED;
use crate::runs::{Exit, RunDirectory, Status, StoredRun, list, manifest};
use crate::settings::DeviceChoice;

/// A message from a trial's process to the sweep's, one JSON object per line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialMessage {
    /// It has made progress.
    Progress {
        /// Steps taken.
        step: u64,
        /// The latest loss.
        loss: f64,
        /// The latest score.
        score: Option<f64>,
    },
    /// Another process has the trial, or has finished it.
    Taken,
}

/// What the threads send that read the processes' output.
enum Heard {
    Message(TrialMessage),
    Silence,
}

struct Running {
    trial: PlannedTrial,
    child: Child,
    taken: bool,
}

/// Where trials train.
#[derive(Clone, Debug)]
pub struct Workers {
    /// Maximum number of trials in parallel.
    pub most: usize,
    /// GPUs to distribute, empty if trials choose for themselves; `None` on the CPU.
    pub gpus: Option<Vec<String>>,
    /// Device to train on in place of the planned one.
    pub device: Option<DeviceChoice>,
}

/// The processes of a sweep.
pub struct Processes<'a> {
    directory: &'a SweepDirectory,
    facts: &'a SweepFacts,
    trials: Vec<PlannedTrial>,
    retry_failed: bool,
    workers: Workers,
    slots: Vec<Option<Running>>,
    sender: Sender<(usize, Heard)>,
    receiver: Receiver<(usize, Heard)>,
    asked_to_stop: bool,
}

impl<'a> Processes<'a> {
    /// Creates the crew, without any process yet.
    #[must_use]
    pub fn new(
        (directory, facts): (&'a SweepDirectory, &'a SweepFacts),
        trials: Vec<PlannedTrial>,
        retry_failed: bool,
        workers: Workers,
    ) -> Self {
        let (sender, receiver) = channel();
        let slots = (0..workers.most).map(|_| None).collect();
        Self { directory, facts, trials, retry_failed, workers, slots, sender, receiver, asked_to_stop: false }
    }

    fn command(&self, trial: &PlannedTrial, slot: usize) -> Result<Command> {
        let log = self.directory.log(&trial.id);
        self.directory.keep(self.facts, &self.trials)?;
        self.directory.make_folder("logs")?;
        let log =
            File::options().create(true).append(true).open(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = this_program()?;
        command.arg("trial").arg(self.directory.path()).arg(&trial.id);
        if let Some(device) = self.workers.device {
            command.arg("--device").arg(device.to_string());
        }
        // A process group of its own: Ctrl-C in the terminal is for the sweep, which decides what to do with its trials.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).process_group(0);
        let most = self.workers.most.min(self.trials.len());
        if most > 1 && std::env::var_os("RAYON_NUM_THREADS").is_none() {
            let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) / most;
            command.env("RAYON_NUM_THREADS", threads.max(1).to_string());
        }
        if let Some(gpus) = self.workers.gpus.as_ref().filter(|gpus| !gpus.is_empty()) {
            command.env("CUDA_VISIBLE_DEVICES", &gpus[slot % gpus.len()]);
        }
        Ok(command)
    }

    fn state(&self, trial: &PlannedTrial) -> Option<TrialState> {
        self.directory.states(std::slice::from_ref(trial), false).ok()?.into_iter().next()
    }

    /// Determines how a trial ended from what its process left behind.
    fn ending(&self, running: &Running, status: ExitStatus) -> TrialEnd {
        if running.taken {
            return TrialEnd::Elsewhere;
        }
        let id = &running.trial.id;
        let log = fs::read_to_string(self.directory.log(id)).unwrap_or_default();
        let last = newest_run(self.directory, id);
        // A process that was not yet listening for the signal had nothing to save either.
        if self.asked_to_stop && status.signal() == Some(ASK) {
            return TrialEnd::State(TrialState::Pending);
        }
        match self.state(&running.trial) {
            // Another process has taken over the trial, or has already resumed it.
            Some(TrialState::Running) => return TrialEnd::Elsewhere,
            // However its process ended after that.
            Some(state @ (TrialState::Done(_) | TrialState::Pruned(_))) => return TrialEnd::State(state),
            _ => {}
        }
        // The process may not have found its trial in a plan that somebody damaged.
        if self.directory.keep(self.facts, &self.trials).unwrap_or(false) {
            return TrialEnd::State(TrialState::Pending);
        }
        if let Some(signal) = status.signal() {
            let (status, reason) = killed(signal, &log);
            if let Some(run) = last.filter(|run| run.facts.status == Status::Running) {
                // No other process can record how it ended; if that cannot be written, the result is the same.
                let _ = mark_died(&run, signal, status, &reason);
            }
            return TrialEnd::State(TrialState::Failed(reason));
        }
        if status.code() == Some(i32::from(INTERRUPTED)) {
            return TrialEnd::State(TrialState::Pending);
        }
        let recorded = last.and_then(|run| run.facts.exit).and_then(|exit| exit.message).filter(|_| !status.success());
        let said = log.lines().rev().find(|line| !line.trim().is_empty()).map(String::from);
        TrialEnd::State(TrialState::Failed(recorded.or(said).unwrap_or_else(|| format!("it ended with {status}"))))
    }
}

/// Returns a command for the running program, even if its file was replaced or deleted since: the kernel still has it.
fn this_program() -> Result<Command> {
    const RUNNING: &str = "/proc/self/exe";
    // The path of a deleted program leads nowhere, but the link itself works.
    if fs::metadata(RUNNING).is_ok() {
        let mut command = Command::new(RUNNING);
        command.arg0(std::env::args_os().next().unwrap_or_else(|| "gluepot".into()));
        return Ok(command);
    }
    Ok(Command::new(std::env::current_exe().context("cannot find the gluepot executable")?))
}

/// The signal that asks a trial to save and stop. Where the system sends SIGTERM to all processes of a job, a signal of its
/// own does not count as the second request, which would kill the trial.
const ASK: i32 = libc::SIGUSR1;

/// Asks a process to stop; one that is already gone is ignored.
fn ask_to_end(child: &Child) {
    if let Ok(process) = libc::pid_t::try_from(child.id()) {
        // SAFETY: the call does not access memory. The child has not been waited for yet, so its process id is still valid.
        #[allow(unsafe_code)]
        unsafe {
            libc::kill(process, ASK);
        }
    }
}

fn newest_run(directory: &SweepDirectory, trial: &str) -> Option<StoredRun> {
    let (runs, _) = list(directory.path()).ok()?;
    runs.into_iter().rev().find(|run| run.facts.trial == trial)
}

/// Returns the status of a run whose process was killed by a signal, and the reason as far as its log shows it.
fn killed(signal: i32, log: &str) -> (Status, String) {
    let last = log.lines().rev().find(|line| says_out_of_memory(line));
    match (last, signal) {
        (Some(line), _) => (Status::OutOfMemory, format!("out of memory: {}", line.trim())),
        (None, 9) => (Status::Died, "killed by signal 9: by a user, or by the system because memory ran out".into()),
        (None, signal) => (Status::Died, format!("killed by signal {signal}")),
    }
}

fn mark_died(run: &StoredRun, signal: i32, status: Status, reason: &str) -> Result<()> {
    let directory = RunDirectory::at(run.path.clone());
    let Some(_lock) = directory.claim()? else { return Ok(()) };
    let mut facts = run.facts.clone();
    facts.status = status;
    facts.ended = Some(chrono::Utc::now());
    // As shells report death by a signal.
    facts.exit = Some(Exit { code: u8::try_from(128 + signal).unwrap_or(u8::MAX), message: Some(reason.into()) });
    manifest::replace_facts(&directory, &facts)
}

impl Crew for Processes<'_> {
    fn extend(&mut self, added: &[PlannedTrial]) {
        self.trials.extend_from_slice(added);
    }

    fn states(&mut self) -> Vec<TrialState> {
        // What cannot be read now may be readable in a moment; no trial runs twice, because its process checks again.
        self.directory.states(&self.trials, self.retry_failed).unwrap_or_else(|_| vec![TrialState::Running; self.trials.len()])
    }

    fn start(&mut self, trial: &PlannedTrial, slot: usize) -> Result<()> {
        let mut child = self.command(trial, slot)?.spawn().context("cannot start a process for a trial")?;
        let sender = self.sender.clone();
        let stdout = child.stdout.take();
        std::thread::spawn(move || {
            for line in stdout.into_iter().flat_map(|out| BufReader::new(out).lines().map_while(Result::ok)) {
                if let Ok(told) = serde_json::from_str(&line) {
                    let _ = sender.send((slot, Heard::Message(told)));
                }
            }
            let _ = sender.send((slot, Heard::Silence));
        });
        self.slots[slot] = Some(Running { trial: trial.clone(), child, taken: false });
        Ok(())
    }

    fn next_event(&mut self, patience: Duration) -> Option<CrewEvent> {
        let (slot, heard) = match self.receiver.recv_timeout(patience) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        };
        match heard {
            Heard::Message(TrialMessage::Progress { step, loss, score }) => {
                Some(CrewEvent::Progress(slot, TrialProgress { step, loss, score }))
            }
            Heard::Message(TrialMessage::Taken) => {
                if let Some(running) = &mut self.slots[slot] {
                    running.taken = true;
                }
                None
            }
            Heard::Silence => {
                let mut running = self.slots[slot].take()?;
                let ending = match running.child.wait() {
                    Ok(status) => self.ending(&running, status),
                    Err(error) => TrialEnd::State(TrialState::Failed(format!("cannot wait for its process: {error}"))),
                };
                Some(CrewEvent::Ended(slot, ending))
            }
        }
    }

    fn memory(&mut self) -> Option<MemoryInfo> {
        let processes: Vec<u32> = self.slots.iter().flatten().map(|running| running.child.id()).collect();
        match &self.workers.gpus {
            None => memory_info::of_machine(&processes),
            Some(gpus) => memory_info::of_gpus(gpus, &processes),
        }
    }

    fn ask_to_stop(&mut self) {
        self.asked_to_stop = true;
        for running in self.slots.iter().flatten() {
            ask_to_end(&running.child);
        }
    }

    fn kill(&mut self) {
        for slot in 0..self.slots.len() {
            if let Some(mut running) = self.slots[slot].take() {
                let _ = running.child.kill();
                if let Ok(status) = running.child.wait() {
                    self.ending(&running, status);
                }
            }
        }
    }
}
