//! The machine: memory, threads, signals, GPU drivers, lock files, and files that are complete or absent.

pub mod caches;
pub mod claim;
#[cfg(feature = "cuda")]
pub mod cuda_driver;
pub mod digest;
pub mod durable;
pub mod gpu_fault;
pub mod input_file;
pub mod memory;
pub mod memory_info;
pub mod panics;
pub mod relative_path;
pub mod signals;
pub mod threads;
