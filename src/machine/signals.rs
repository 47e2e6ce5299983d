//! Signals that ask the process to stop.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::terminal::complain_over_a_bar;

/// The exit code of a process that was interrupted and can be resumed.
pub const INTERRUPTED: u8 = 12;

/// Sent when the process has used up its CPU time (`ulimit -t`), and again every second until the hard limit.
const SIGXCPU: i32 = libc::SIGXCPU;

/// Whether training was asked to stop after the current step, by Ctrl-C (SIGINT) or another signal.
#[derive(Clone, Debug, Default)]
pub struct StopSignal {
    by_person: Arc<AtomicBool>,
    /// Kept separately: schedulers send SIGUSR1 ahead of SIGTERM, which must not count as a second request, and a terminal
    /// that closes may send SIGHUP twice.
    by_system: Arc<AtomicBool>,
}

impl StopSignal {
    /// Installs the signal handlers. A second SIGINT or SIGTERM ends the process immediately. SIGHUP is handled unless the
    /// process was started with it ignored, as by `nohup`.
    pub fn on_signals() -> Result<Self> {
        let stop = Self::default();
        let listen = || -> std::io::Result<()> {
            for signal in [SIGINT, SIGTERM] {
                // In this order, the first signal finds the flag unset.
                flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), Arc::clone(&stop.by_person))?;
                flag::register(signal, Arc::clone(&stop.by_person))?;
            }
            for signal in gentle() {
                flag::register(signal, Arc::clone(&stop.by_system))?;
            }
            Ok(())
        };
        listen().context("cannot listen to signals")?;
        Ok(stop)
    }

    /// Like `on_signals`, and also acknowledges the first signal on standard error immediately, because a step may take long.
    pub fn on_signals_answered() -> Result<Self> {
        static ANSWERED: Once = Once::new();
        let stop = Self::on_signals()?;
        let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(gentle())).context("cannot listen to signals")?;
        ANSWERED.call_once(|| {
            std::thread::spawn(move || signals.forever().take(1).for_each(answer));
        });
        Ok(stop)
    }

    /// Whether a stop was requested.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.by_person.load(Ordering::Relaxed) || self.by_system.load(Ordering::Relaxed)
    }
}

/// Counts stop requests, for a process that must stop its child processes.
#[derive(Debug)]
pub struct StopRequests {
    by_person: Arc<AtomicUsize>,
    /// Counts at most once, as in [`StopSignal`]: such a signal never kills child processes without letting them save.
    by_system: Arc<AtomicBool>,
}

impl StopRequests {
    /// Starts counting the signals of this process.
    pub fn listen() -> Result<Self> {
        let requests = Self { by_person: Arc::default(), by_system: Arc::default() };
        let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen to signals")?;
        for signal in gentle() {
            flag::register(signal, Arc::clone(&requests.by_system)).context("cannot listen to signals")?;
        }
        let counter = Arc::clone(&requests.by_person);
        std::thread::spawn(move || {
            for _ in signals.forever() {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(requests)
    }

    /// Returns the number of stop requests.
    #[must_use]
    pub fn count(&self) -> usize {
        let by_system = usize::from(self.by_system.load(Ordering::Relaxed));
        self.by_person.load(Ordering::Relaxed).max(by_system)
    }
}

/// Returns the signals that never force an immediate exit when they are repeated.
fn gentle() -> Vec<i32> {
    if is_ignored(SIGHUP) { vec![SIGUSR1, SIGXCPU] } else { vec![SIGUSR1, SIGXCPU, SIGHUP] }
}

/// Whether a signal is ignored; a handled signal is not.
fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the call only writes to `action`, for which all zeros is a valid value.
    #[allow(unsafe_code)]
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0 && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

fn answer(signal: i32) {
    let name = match signal {
        SIGINT => "interrupted",
        SIGTERM => "SIGTERM received",
        SIGHUP => "SIGHUP received",
        SIGXCPU => "CPU time limit reached",
        _ => "SIGUSR1 received",
    };
    let again = if signal == SIGINT { "; press Ctrl-C again to quit without saving" } else { "" };
    complain_over_a_bar(&format!("{name}: finishing this step, then saving{again}"));
}

/// Turns a write beyond the file size limit (`ulimit -f`) into an ordinary error that names the file; otherwise
/// SIGXFSZ would kill the process.
pub fn survive_file_size_limit() {
    // SAFETY: the call passes no pointers, and ignoring a signal runs no code of ours.
    #[allow(unsafe_code)]
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
