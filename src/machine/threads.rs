//! The thread pool for computation.

/// Makes this thread a member of Rayon's global pool, so that parallel work starts without waking another thread first.
///
/// A training step consists of about a thousand short parallel operations, and from a thread outside the pool each of them
/// would wait for a worker to wake up and reply.
pub fn join_pool() {
    // If the pool already exists, it is used as it is.
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
}
