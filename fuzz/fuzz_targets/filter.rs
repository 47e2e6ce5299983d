//! A condition of any text: read, and asked about runs that have everything and nothing.
#![no_main]

use gluepot::compare::Filter;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(filter) = Filter::parse(text) {
        let _ = filter.names();
        filter.holds(&|_| None);
        filter.holds(&|name| Some(name.len().into()));
        filter.holds(&|name| Some(name.into()));
    }
});
