//! Panics, kept from the terminal: a library's panic becomes a message like any other failure.

use std::panic;
use std::sync::Mutex;
use std::thread::{self, ThreadId};

/// What was said by the panics of a process.
struct Said {
    /// The thread that the program is.
    main: Option<ThreadId>,
    last: Option<String>,
    /// By another thread, which may be nobody's concern but the reason for all that follows.
    first_elsewhere: Option<String>,
}

static SAID: Mutex<Said> = Mutex::new(Said { main: None, last: None, first_elsewhere: None });

/// Keeps the messages of panics instead of printing them. The thread that calls this is the program.
pub fn keep() {
    if let Ok(mut said) = SAID.lock() {
        said.main = Some(thread::current().id());
    }
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or(String::new(), |location| format!(" ({}:{})", location.file(), location.line()));
        let message = format!("{}{place}", info.payload_as_str().unwrap_or("a panic without a message"));
        if let Ok(mut said) = SAID.lock() {
            if said.main != Some(thread::current().id()) {
                said.first_elsewhere.get_or_insert_with(|| message.clone());
            }
            said.last = Some(message);
        }
    }));
}

/// The message of the last panic.
#[must_use]
pub fn last() -> String {
    SAID.lock().ok().and_then(|said| said.last.clone()).unwrap_or_default()
}

/// The message of the first panic of another thread since [`forget`], such as one that a device works in. Nobody else may
/// notice that it has not done its work.
#[must_use]
pub fn elsewhere() -> Option<String> {
    SAID.lock().ok().and_then(|said| said.first_elsewhere.clone())
}

/// Why the program panicked: because another thread did, or else its own last panic.
#[must_use]
pub fn reason() -> String {
    elsewhere().unwrap_or_else(last)
}

/// Forgets what is over: panics so far have nothing to do with what comes.
pub fn forget() {
    if let Ok(mut said) = SAID.lock() {
        said.first_elsewhere = None;
    }
}
