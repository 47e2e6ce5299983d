//! Signals that ask the process to stop.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::terminal::complain_over_a_bar;

/// The exit code of what was interrupted and can be resumed.
pub const INTERRUPTED: u8 = 12;

/// Sent where a process has used up its share of the CPU (`ulimit -t`), and again every second until the hard limit.
const SIGXCPU: i32 = libc::SIGXCPU;

/// Whether somebody asked training to stop after its step, by Ctrl-C (SIGINT) or another signal.
#[derive(Clone, Debug, Default)]
pub struct StopSignal {
    by_person: Arc<AtomicBool>,
    /// Schedulers send SIGUSR1 ahead of SIGTERM, which then is no second request; a terminal that goes away may send
    /// SIGHUP twice.
    by_system: Arc<AtomicBool>,
}

impl StopSignal {
    /// Listens to the process's signals from now on. A second SIGINT or SIGTERM ends the process immediately. SIGHUP counts
    /// unless the process was started to ignore it, as by `nohup`.
    pub fn on_signals() -> Result<Self> {
        let stop = Self::default();
        let listen = || -> std::io::Result<()> {
            for signal in [SIGINT, SIGTERM] {
                // In this order, the first signal finds the flag down.
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

    /// The same, and the first signal is answered on standard error immediately: a step may take long.
    pub fn on_signals_answered() -> Result<Self> {
        static ANSWERED: Once = Once::new();
        let stop = Self::on_signals()?;
        let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(gentle())).context("cannot listen to signals")?;
        ANSWERED.call_once(|| {
            std::thread::spawn(move || signals.forever().take(1).for_each(answer));
        });
        Ok(stop)
    }

    /// Whether somebody did.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.by_person.load(Ordering::Relaxed) || self.by_system.load(Ordering::Relaxed)
    }
}

/// Counts how often somebody asked to stop, for a process that has others to stop.
#[derive(Debug)]
pub struct StopRequests {
    by_person: Arc<AtomicUsize>,
    /// At most once, as in [`StopSignal`]: no reason to end others without saving.
    by_system: Arc<AtomicBool>,
}

impl StopRequests {
    /// Counts the process's signals from now on.
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

    /// How often somebody did.
    #[must_use]
    pub fn count(&self) -> usize {
        let by_system = usize::from(self.by_system.load(Ordering::Relaxed));
        self.by_person.load(Ordering::Relaxed).max(by_system)
    }
}

/// Signals of which a second one ends nothing.
fn gentle() -> Vec<i32> {
    if is_ignored(SIGHUP) { vec![SIGUSR1, SIGXCPU] } else { vec![SIGUSR1, SIGXCPU, SIGHUP] }
}

/// Whether a signal is ignored. A signal that is handled already is not ignored.
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

/// Makes a write beyond the file size limit (`ulimit -f`) an error like any other, which says what could not be written;
/// otherwise SIGXFSZ would kill the process.
pub fn survive_file_size_limit() {
    // SAFETY: the call takes no memory, and ignoring a signal runs no code of ours.
    #[allow(unsafe_code)]
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
