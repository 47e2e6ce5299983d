//! Captures panic messages instead of printing them, so that a library's panic becomes an ordinary error.

use std::panic;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

/// The panic messages of this process.
struct Messages {
    main_thread: Option<ThreadId>,
    last: Option<String>,
    /// From a thread other than the main thread, such as a device's worker: the main thread may not notice that panic, yet it
    /// causes all errors that follow.
    first_of_other_threads: Option<String>,
}

static MESSAGES: Mutex<Messages> = Mutex::new(Messages { main_thread: None, last: None, first_of_other_threads: None });

fn with_messages<T>(with: impl FnOnce(&mut Messages) -> T) -> T {
    with(&mut MESSAGES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Captures panic messages instead of printing them. Must be called on the main thread.
pub fn keep() {
    with_messages(|messages| messages.main_thread = Some(thread::current().id()));
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or(String::new(), |location| format!(" ({}:{})", location.file(), location.line()));
        let message = format!("{}{place}", info.payload_as_str().unwrap_or("a panic without a message"));
        with_messages(|messages| {
            if messages.main_thread != Some(thread::current().id()) {
                messages.first_of_other_threads.get_or_insert_with(|| message.clone());
            }
            messages.last = Some(message);
        });
    }));
}

/// Stands in for a message that was not captured.
const UNKNOWN: &str = "a panic whose message was not kept";

/// Returns the message of the last panic.
#[must_use]
pub fn last() -> String {
    with_messages(|messages| messages.last.clone()).unwrap_or_else(|| UNKNOWN.into())
}

/// Returns the message of the first panic on another thread since [`forget`].
#[must_use]
pub fn elsewhere() -> Option<String> {
    with_messages(|messages| messages.first_of_other_threads.clone())
}

/// Returns why the program panicked: the first panic of another thread, else the last panic.
#[must_use]
pub fn reason() -> String {
    elsewhere().unwrap_or_else(last)
}

/// Forgets earlier panics of other threads, which are unrelated to what follows.
pub fn forget() {
    with_messages(|messages| messages.first_of_other_threads = None);
}
