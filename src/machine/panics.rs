//! Messages of panics, kept from the terminal: a library's panic becomes an error like any other.

use std::panic;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

/// The messages of a process's panics.
struct Messages {
    main_thread: Option<ThreadId>,
    last: Option<String>,
    /// Of another thread, such as one that a device works in: nobody else may notice, and it is the reason for all that
    /// follows.
    first_of_other_threads: Option<String>,
}

static MESSAGES: Mutex<Messages> = Mutex::new(Messages { main_thread: None, last: None, first_of_other_threads: None });

fn with_messages<T>(with: impl FnOnce(&mut Messages) -> T) -> T {
    with(&mut MESSAGES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Keeps the messages of panics instead of printing them. To be called in the main thread.
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

/// What stands for a message that was not kept.
const UNKNOWN: &str = "a panic whose message was not kept";

/// The message of the last panic.
#[must_use]
pub fn last() -> String {
    with_messages(|messages| messages.last.clone()).unwrap_or_else(|| UNKNOWN.into())
}

/// The message of the first panic of another thread since [`forget`].
#[must_use]
pub fn elsewhere() -> Option<String> {
    with_messages(|messages| messages.first_of_other_threads.clone())
}

/// Why the program panicked: because another thread did, or else its own last panic.
#[must_use]
pub fn reason() -> String {
    elsewhere().unwrap_or_else(last)
}

/// Forgets the panics of other threads so far, which have nothing to do with what follows.
pub fn forget() {
    with_messages(|messages| messages.first_of_other_threads = None);
}
