//! Panics, kept from the terminal: a library's panic becomes a message like any other failure.

use std::panic;
use std::sync::Mutex;

static LAST: Mutex<String> = Mutex::new(String::new());

/// Keeps the message of every panic instead of printing it.
pub fn keep() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or(String::new(), |location| format!(" ({}:{})", location.file(), location.line()));
        if let Ok(mut last) = LAST.lock() {
            *last = format!("{}{place}", info.payload_as_str().unwrap_or("a panic without a message"));
        }
    }));
}

/// The message of the last panic.
#[must_use]
pub fn last() -> String {
    LAST.lock().map(|last| last.clone()).unwrap_or_default()
}
