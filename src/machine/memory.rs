//! The allocator: how it treats freed memory, and what happens when memory runs out.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Keeps freed memory for the next step instead of returning it to the system.
///
/// Every training step allocates and frees the same large buffers. By default, glibc returns them each time, and the kernel
/// supplies new zeroed pages, one page fault at a time: a tenth of a step on two cores. Other allocators are left alone.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const TOP_PAD: libc::c_int = 64 << 20;
        // SAFETY: `mallopt` sets parameters of the allocator; it is called before any other thread exists.
        #[allow(unsafe_code)]
        unsafe {
            libc::mallopt(libc::M_MMAP_MAX, 0);
            // As a size, -1 is the largest value.
            libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
            libc::mallopt(libc::M_TOP_PAD, TOP_PAD);
            ADVISED.store(libc::sbrk(0) as usize, Ordering::Relaxed);
        }
    }
}

/// The end of the heap up to which large pages were requested; the maximum address if `keep_freed_memory` was not called.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
static ADVISED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(usize::MAX);

/// Requests large pages (2 MiB instead of 4 KiB) for newly grown heap: fewer page faults, and fewer TLB misses when
/// large matrices are read with a stride. Most systems provide large pages only on request.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn advise_large_pages(allocated: usize) {
    const LARGE: usize = 1 << 20;
    const PAGE: usize = 1 << 12;
    if allocated < LARGE {
        return;
    }
    // SAFETY: `sbrk(0)` returns the end of the heap; `madvise` changes no bytes, and if it fails, it
    // changes nothing.
    #[allow(unsafe_code)]
    unsafe {
        let end = libc::sbrk(0) as usize;
        let start = ADVISED.fetch_max(end, Ordering::Relaxed).next_multiple_of(PAGE);
        if start < end {
            libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE);
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn advise_large_pages(_: usize) {}

/// An input needs more memory than is available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not enough memory for {0}")]
pub struct NotEnoughMemory(
    /// What the memory is needed for.
    pub String,
);

/// The system allocator, with a handler for running out of memory.
///
/// Without a handler, the process would abort with a message about bytes, and its run would look as if it had crashed.
pub struct Reporting;

/// Called with the number of bytes that were refused; ends the process.
type Handler = Box<dyn FnMut(usize) + Send>;

static HANDLER: Mutex<Option<Handler>> = Mutex::new(None);
/// Whether a handler is ready for the first refusal.
static ARMED: AtomicBool = AtomicBool::new(false);
/// Whether the handler is running.
static RUNNING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether the handler runs in this thread. Needs no memory and no destructor.
    static RUNS_HERE: Cell<bool> = const { Cell::new(false) };
}

/// How long other threads that are refused memory wait for the handler to end the process. The wait is limited, because the
/// handler may need a lock that one of them holds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Removes the handler when dropped.
pub struct HandlerGuard(());

/// Installs a `handler` for refused allocations. It must end the process without unwinding: no destructor runs, and locks
/// held by other threads stay held. It may allocate moderately, because the refused allocation is usually a large one.
#[must_use]
pub fn when_refused(handler: impl FnMut(usize) + Send + 'static) -> HandlerGuard {
    *HANDLER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(handler));
    ARMED.store(true, Ordering::SeqCst);
    HandlerGuard(())
}

impl Drop for HandlerGuard {
    fn drop(&mut self) {
        ARMED.store(false, Ordering::SeqCst);
        *HANDLER.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Handles the first refusal. Another thread that is refused memory in the meantime waits, because returning would abort the
/// process while the handler writes. A refusal within the handler returns immediately.
fn refused(bytes: usize) {
    if ARMED.swap(false, Ordering::SeqCst) {
        RUNNING.store(true, Ordering::SeqCst);
        RUNS_HERE.set(true);
        if let Ok(mut handler) = HANDLER.try_lock()
            && let Some(handler) = handler.as_mut()
        {
            handler(bytes);
        }
        RUNNING.store(false, Ordering::SeqCst);
    } else if RUNNING.load(Ordering::SeqCst) && !RUNS_HERE.get() {
        std::thread::sleep(PATIENCE);
    }
}

// SAFETY: all calls go to the system allocator; a refusal is passed on to the caller unless the handler ends the process.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Reporting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds this function's contract, which is the same.
        let memory = unsafe { System.alloc(layout) };
        if memory.is_null() {
            refused(layout.size());
        }
        advise_large_pages(layout.size());
        memory
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if memory.is_null() {
            refused(layout.size());
        }
        advise_large_pages(layout.size());
        memory
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        let moved = unsafe { System.realloc(memory, layout, size) };
        if moved.is_null() {
            refused(size);
        }
        advise_large_pages(size);
        moved
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}
