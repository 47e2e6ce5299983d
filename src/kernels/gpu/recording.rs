//! Work that a GPU does again at one command: on CUDA as a graph, elsewhere as a list of launches made ready.
//!
//! Recorded work reads and writes the memory that it was recorded with. What differs from one step to the next is in a
//! batch's [`BatchTables`] and in an update's [`ResidentRules`], where others are written before the work is done again;
//! parameters, moments and sums of gradients are changed in place.

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

/// While CUDA records for one thread, it lets no other begin to.
static RECORDING: Mutex<()> = Mutex::new(());

/// The tensor on a GPU that this is.
pub(super) fn on_gpu(tensor: DispatchTensor) -> Result<CubeTensor> {
    match tensor.kind {
        DispatchTensorKind::Cube(BackendTensor::Float(tensor)) => Ok(tensor),
        _ => Err(anyhow!("a tensor is not on the GPU")),
    }
}

/// Where a tensor's numbers are: equal for two tensors in the same place of memory, and for no others.
///
/// # Errors
/// It is not on a GPU, or under differentiation.
pub fn memory_address(tensor: DispatchTensor) -> Result<impl PartialEq + Send + 'static> {
    Ok(on_gpu(tensor)?.handle.binding().claim_key())
}

/// Bytes that this program holds of the memory of a tensor's GPU, in use or not.
///
/// # Errors
/// It is not on a GPU.
pub fn bytes_reserved(beside: DispatchTensor) -> Result<u64> {
    Ok(on_gpu(beside)?.client.memory_report(MemoryScope::Device).usage().bytes_reserved)
}

/// A GPU between the work that is done before it is recorded and its recording, whose memory the recorded work uses. It
/// leaves that state when this is dropped.
pub struct PreparedDevice {
    client: Client,
    is_over: bool,
    _alone: MutexGuard<'static, ()>,
}

impl PreparedDevice {
    /// Prepares the GPU where a tensor lies.
    ///
    /// # Errors
    /// It cannot record.
    pub fn on(beside: DispatchTensor) -> Result<Self> {
        let alone = RECORDING.lock().unwrap_or_else(PoisonError::into_inner);
        let client = on_gpu(beside)?.client;
        client.graph_prepare().map_err(|error| anyhow!("{error}"))?;
        Ok(Self { client, is_over: false, _alone: alone })
    }

    /// Records work, which is not done, over what the same work has read since.
    ///
    /// # Errors
    /// The GPU refuses to. Then nothing that the work writes can be read any longer.
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
            // Whatever was recorded is of no use; an error would have nobody to go to.
            let _ = self.client.stop_capture();
        }
    }
}

/// What work reads that differs from one time to the next: it is written where the recorded work reads it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordingInputs<'a> {
    /// A batch.
    pub batch: Option<&'a ResidentBatch>,
    /// An update's rules.
    pub rules: Option<&'a ResidentRules>,
}

/// Work that can be done again.
pub struct Recording {
    client: Client,
    graph: Graph,
    /// Where it reads a batch.
    tables: Option<BatchTables>,
    /// Where it reads an update's rules.
    rules: Option<CubeTensor>,
    /// The numbers that it computes.
    output: Option<Tensor<1>>,
    /// What is sent to a GPU keeps its order within a thread, and a recording stays with the one that made it.
    _thread: PhantomData<*const ()>,
}

impl Recording {
    /// Does the work with another batch of the same shape, by other rules for as many parameters: its numbers.
    ///
    /// Everything that it changes in place must be where it was when it was recorded, and nobody else may use that meanwhile.
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
        // All memory that the work uses is alive: what it reads and gives is held here, what it computes in between is
        // kept for the graph by the runtime, and what it changes is where it was, as the caller sees to. It stays on the
        // thread that recorded it, so that all of this happens in order.
        #[allow(unsafe_code)]
        let replayed = unsafe { self.graph.replay() };
        replayed.map_err(|error| anyhow!("the device failed: {error}"))?;
        // The next replay writes in the same place.
        Ok(self.output.as_ref().map(|output| output.clone() * 1.0))
    }
}
