//! Which operations ran, for tests.

use std::any::type_name;
use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    static APPLIED: RefCell<BTreeMap<&'static str, usize>> = const { RefCell::new(BTreeMap::new()) };
}

/// Counts an operation.
pub fn count<O>() {
    let name = type_name::<O>().rsplit("::").next().unwrap_or_default();
    APPLIED.with_borrow_mut(|applied| *applied.entry(name).or_default() += 1);
}

/// Returns how often each operation was applied in `work`, by name.
pub fn applied_in(work: impl FnOnce()) -> BTreeMap<&'static str, usize> {
    APPLIED.take();
    work();
    APPLIED.take()
}
