//! The allocator: how it treats freed memory, and what happens when there is no more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

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

/// The system's allocator; when it has no more for a training, that one can still say so.
///
/// Without it, the process would end by an abort, with a message about bytes and a run that looks as if it had died.
pub struct Reporting;

/// What is done when memory is refused: told how many bytes were asked for, it ends the process.
type LastWords = Box<dyn FnMut(usize) + Send>;

static LAST_WORDS: Mutex<Option<LastWords>> = Mutex::new(None);
static LISTENS: AtomicBool = AtomicBool::new(false);

/// Somebody who will say that there is not enough memory, until this is dropped.
pub struct Listening(());

/// Has `last_words` called when memory is refused. They must end the process, and may need memory for themselves in
/// moderation: what was refused is mostly large.
#[must_use]
pub fn when_refused(last_words: impl FnMut(usize) + Send + 'static) -> Listening {
    *LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(last_words));
    LISTENS.store(true, Ordering::SeqCst);
    Listening(())
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENS.store(false, Ordering::SeqCst);
        *LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Only the first refusal is spoken of; one that comes while speaking is not.
fn refused(bytes: usize) {
    if LISTENS.swap(false, Ordering::SeqCst)
        && let Ok(mut last_words) = LAST_WORDS.try_lock()
        && let Some(last_words) = last_words.as_mut()
    {
        last_words(bytes);
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
