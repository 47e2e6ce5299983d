//! Being asked to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

use crate::failure::INTERRUPTED;

/// Whether somebody asked training to stop after its step, by Ctrl-C (SIGINT), SIGTERM or SIGUSR1.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    by_person: Arc<AtomicBool>,
    /// Schedulers send SIGUSR1 ahead of SIGTERM, which then is no second request.
    by_scheduler: Arc<AtomicBool>,
}

impl Stop {
    /// Listens to the process's signals from now on. A second SIGINT or SIGTERM ends the process at once.
    ///
    /// # Errors
    /// The system does not let this process listen.
    pub fn on_signals() -> Result<Self> {
        let stop = Self::default();
        let listen = || -> std::io::Result<()> {
            for signal in [SIGINT, SIGTERM] {
                // In this order, the first signal finds the flag down.
                flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), Arc::clone(&stop.by_person))?;
                flag::register(signal, Arc::clone(&stop.by_person))?;
            }
            flag::register(SIGUSR1, Arc::clone(&stop.by_scheduler)).map(drop)
        };
        listen().context("cannot listen to signals")?;
        Ok(stop)
    }

    /// Whether somebody did.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.by_person.load(Ordering::Relaxed) || self.by_scheduler.load(Ordering::Relaxed)
    }
}
