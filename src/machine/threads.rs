//! The threads that compute.

/// Makes this thread one of the pool's, where parallel work then begins without waking another first.
///
/// A training step is a thousand short parallel operations, and from a thread outside of the pool each of them waits
/// for a worker to wake up and to answer.
pub fn join_pool() {
    // A pool that is there already serves as well.
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
}
