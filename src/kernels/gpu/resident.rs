//! What a GPU has been told already of something that lies in the host's memory.

use std::sync::OnceLock;

/// Told once. It is no part of what the thing is: a clone of it is told anew, and it makes no two of them differ.
#[derive(Debug)]
pub struct Resident<T>(OnceLock<T>);

impl<T> Resident<T> {
    /// What the GPU was told, which it is now where it was not.
    pub fn get_or_tell(&self, tell: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(tell)
    }

    /// What the GPU was told.
    pub fn get(&self) -> Option<&T> {
        self.0.get()
    }
}

impl<T> Default for Resident<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T> Clone for Resident<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> PartialEq for Resident<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Resident<T> {}

/// Told numbers alone.
pub type ResidentNumbers = Resident<burn_cubecl::tensor::CubeTensor>;
