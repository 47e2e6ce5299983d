//! The machine that all of it runs on: memory, threads, signals, GPUs' drivers, and files that are whole or absent.

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
