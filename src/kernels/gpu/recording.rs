//! GPU work that is recorded once and replayed with a single command: a CUDA graph on CUDA, elsewhere a prepared list of
//! launches.
//!
//! Recorded work reads and writes the memory that it was recorded with. What differs between steps is in a batch's
//! [`BatchTables`] and an update's [`ResidentRules`], which are overwritten before each replay. Parameters, moments and
//! gradient sums are updated in place.

use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Result, anyhow};
use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind};
use burn::tensor::Tensor;
use burn_cubecl::tensor::CubeTensor;
use cubecl::MemoryScope;
use cubecl::client::{Client, Graph};

use super::batch_tables::BatchTables;
use crate::kernels::{ResidentBatch, ResidentRules};

/// CUDA does not let another thread start a capture while one is in progress.
static RECORDING: Mutex<()> = Mutex::new(());

/// Returns the underlying GPU tensor.
pub(super) fn on_gpu(tensor: DispatchTensor) -> Result<CubeTensor> {
    match tensor.kind {
        DispatchTensorKind::Cube(BackendTensor::Float(tensor)) => Ok(tensor),
        _ => Err(anyhow!("a tensor is not on the GPU")),
    }
}

/// Returns a tensor's location in memory, which is equal only for tensors at the same place.
///
/// # Errors
/// The tensor is not on a GPU, or is tracked by autodiff.
pub fn memory_address(tensor: DispatchTensor) -> Result<impl PartialEq + Send + 'static> {
    Ok(on_gpu(tensor)?.handle.binding().claim_key())
}

/// Returns the bytes that this process has reserved on a tensor's GPU, in use or not.
///
/// # Errors
/// The tensor is not on a GPU.
pub fn bytes_reserved(beside: DispatchTensor) -> Result<u64> {
    Ok(on_gpu(beside)?.client.memory_report(MemoryScope::Device).usage().bytes_reserved)
}

/// A GPU prepared for recording: the work runs once, and is then recorded with the memory that it used. Dropping this ends
/// the preparation.
pub struct PreparedDevice {
    client: Client,
    is_over: bool,
    _alone: MutexGuard<'static, ()>,
}

impl PreparedDevice {
    /// Prepares the GPU of a tensor.
    ///
    /// # Errors
    /// The GPU cannot record.
    pub fn on(beside: DispatchTensor) -> Result<Self> {
        let alone = RECORDING.lock().unwrap_or_else(PoisonError::into_inner);
        let client = on_gpu(beside)?.client;
        client.graph_prepare().map_err(|error| anyhow!("{error}"))?;
        Ok(Self { client, is_over: false, _alone: alone })
    }

    /// Records `work` without running it. The same work must have run, and read the inputs, since the GPU was prepared.
    ///
    /// # Errors
    /// The GPU refuses to record. Whatever the work writes can then no longer be read.
    pub fn record(mut self, inputs: RecordingInputs<'_>, work: impl FnOnce() -> Result<Option<Tensor<1>>>) -> Result<Recording> {
        self.client.start_capture().map_err(|error| anyhow!("{error}"))?;
        let output = work();
        self.is_over = true;
        let graph = self.client.stop_capture().map_err(|error| anyhow!("{error}"))?;
        let unread = || anyhow!("the work did not read its batch or its rules from the GPU");
        let tables = inputs.batch.map(|batch| batch.uploaded().cloned().ok_or_else(unread)).transpose()?;
        let rules = inputs.rules.map(|rules| rules.uploaded().cloned().ok_or_else(unread)).transpose()?;
        Ok(Recording { client: self.client.clone(), graph, tables, rules, output: output?, _thread: PhantomData })
    }
}

impl Drop for PreparedDevice {
    fn drop(&mut self) {
        if !self.is_over {
            // Discard whatever was recorded; there is no one to report an error to.
            let _ = self.client.stop_capture();
        }
    }
}

/// Inputs that change between replays. They are written to where the recorded work reads them.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordingInputs<'a> {
    /// The batch.
    pub batch: Option<&'a ResidentBatch>,
    /// The update's rules.
    pub rules: Option<&'a ResidentRules>,
}

/// Recorded work that can be replayed.
pub struct Recording {
    client: Client,
    graph: Graph,
    /// Where the work reads a batch.
    tables: Option<BatchTables>,
    /// Where the work reads an update's rules.
    rules: Option<CubeTensor>,
    /// The result of the work.
    output: Option<Tensor<1>>,
    /// Makes this `!Send`: commands to a GPU are ordered only within a thread, so a recording stays on its own.
    _thread: PhantomData<*const ()>,
}

impl Recording {
    /// Replays the work on another batch of the same shape and rules for as many parameters, and returns its result.
    ///
    /// Everything that the work updates in place must still be where it was during recording, and must not be used by
    /// anything else in the meantime.
    ///
    /// # Errors
    /// The GPU failed.
    pub fn replay(&self, inputs: RecordingInputs<'_>) -> Result<Option<Tensor<1>>> {
        if let (Some(tables), Some(batch)) = (&self.tables, inputs.batch) {
            tables.write(batch);
        }
        if let (Some(there), Some(rules)) = (&self.rules, inputs.rules) {
            rules.write(there);
        }
        let written = self.tables.iter().map(BatchTables::memory).chain(&self.rules).map(|tensor| &tensor.handle);
        self.client.check(written).map_err(|error| anyhow!("the device failed: {error}"))?;
        // SAFETY: all memory that the work uses is alive. Its inputs and outputs are held here, the runtime keeps its
        // intermediate results for the graph, and the caller ensures that what it updates has not moved. It stays on the
        // thread that recorded it, so all of this happens in order.
        #[allow(unsafe_code)]
        let replayed = unsafe { self.graph.replay() };
        replayed.map_err(|error| anyhow!("the device failed: {error}"))?;
        // Copy the result: the next replay overwrites it.
        Ok(self.output.as_ref().map(|output| output.clone() * 1.0))
    }
}
