//! The allocator: how it treats freed memory, and what happens when there is no more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Keeps freed memory for the next step instead of giving it back to the system.
///
/// Every step of a training allocates and frees the same large buffers. glibc returns them each time, and the system
/// hands out new pages, zeroed, one fault at a time: a tenth of a step on two cores. Other allocators are left alone.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const TOP_PAD: libc::c_int = 64 << 20;
        // SAFETY: `mallopt` sets numbers of the allocator; it is called before any other thread is there.
        #[allow(unsafe_code)]
        unsafe {
            libc::mallopt(libc::M_MMAP_MAX, 0);
            // As a size, -1 is the largest.
            libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
            libc::mallopt(libc::M_TOP_PAD, TOP_PAD);
            ADVISED.store(libc::sbrk(0) as usize, Ordering::Relaxed);
        }
    }
}

/// Up to where the heap has been asked to be made of large pages; never, where it is left alone.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
static ADVISED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(usize::MAX);

/// Asks for large pages (2 MiB instead of 4 KiB) where the heap has grown: fewer faults, and fewer misses of the processor's
/// table of pages when large matrices are read across. Most systems give them to those who ask alone.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn advise_large_pages(allocated: usize) {
    const LARGE: usize = 1 << 20;
    const PAGE: usize = 1 << 12;
    if allocated < LARGE {
        return;
    }
    // SAFETY: `sbrk(0)` tells where the heap ends; the advice changes no byte, and what cannot be followed is an error that
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

/// An input needs more memory than there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not enough memory for {0}")]
pub struct NotEnoughMemory(
    /// What the memory is needed for.
    pub String,
);

/// The system's allocator, with a handler for the case that it has no more memory.
///
/// Without one, the process would end by an abort, with a message about bytes and a run that looks as if it had died.
pub struct Reporting;

/// Called with the number of bytes that were refused; ends the process.
type Handler = Box<dyn FnMut(usize) + Send>;

static HANDLER: Mutex<Option<Handler>> = Mutex::new(None);
/// Whether a handler waits for the first refusal.
static ARMED: AtomicBool = AtomicBool::new(false);
/// Whether the handler is running.
static RUNNING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether it runs in this thread. Needs no memory and no destructor.
    static RUNS_HERE: Cell<bool> = const { Cell::new(false) };
}

/// How long other threads that are refused memory wait for the handler to end the process. It may need a lock that one of
/// them holds, so that they do not wait forever.
const PATIENCE: Duration = Duration::from_secs(10);

/// The handler is removed when this is dropped.
pub struct HandlerGuard(());

/// Has `handler` called when memory is refused. It must end the process, which nobody unwinds: no destructor runs, and a
/// lock that a thread holds stays held. It may need memory for itself in moderation: what was refused is mostly large.
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

/// The first refusal is handled. Another thread that is refused meanwhile waits: returning would abort the process while the
/// handler writes. A refusal in the handler itself returns.
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

// SAFETY: everything is the system allocator's; a refusal is looked at, and handed on if nobody ends the process.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Reporting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps this function's contract, which is the same.
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
