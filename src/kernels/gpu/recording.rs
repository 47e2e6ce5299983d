//! Steps that a GPU takes again at one command: on CUDA as a graph, elsewhere as a list of launches made ready.
//!
//! A recorded step reads and writes the memory that it was recorded with. What differs from one step to the next is in its
//! batch's [`Tables`] and in its update's [`Rules`], where another step's are written before it is taken again; parameters
//! and moments are changed in place.

use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Result, anyhow};
use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind};
use burn::tensor::Tensor;
use burn_cubecl::tensor::CubeTensor;
use cubecl::client::{Client, Graph};

use super::tables::Tables;
use crate::kernels::{Rows, Rules};

/// While CUDA records for one thread, it lets no other begin to.
static RECORDING: Mutex<()> = Mutex::new(());

fn on_gpu(tensor: DispatchTensor) -> Result<CubeTensor> {
    match tensor.kind {
        DispatchTensorKind::Cube(BackendTensor::Float(tensor)) => Ok(tensor),
        _ => Err(anyhow!("a tensor is not on the GPU")),
    }
}

/// Where a tensor's numbers are: the same for two tensors in one piece of memory, and for no others.
///
/// # Errors
/// It is not on a GPU, or under differentiation.
pub fn whereabouts(tensor: DispatchTensor) -> Result<impl PartialEq + Send + 'static> {
    Ok(on_gpu(tensor)?.handle.binding().claim_key())
}

/// A GPU that waits for the step that is taken before it is recorded, and whose memory the recorded one uses. It is let go
/// when this is dropped.
pub struct Prepared {
    client: Client,
    is_over: bool,
    _alone: MutexGuard<'static, ()>,
}

impl Prepared {
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

    /// Records a step, which is not taken, of the batch and by the rules that a step was taken with since.
    ///
    /// # Errors
    /// The GPU refuses to. Then nothing that the step writes can be read any longer.
    pub fn record(mut self, rows: &Rows, rules: &Rules, step: impl FnOnce() -> Result<Tensor<1>>) -> Result<Recording> {
        self.client.start_capture().map_err(|error| anyhow!("{error}"))?;
        let told = step();
        self.is_over = true;
        let graph = self.client.stop_capture().map_err(|error| anyhow!("{error}"))?;
        let (Some(tables), Some(rules)) = (rows.resident.get().cloned(), rules.resident.get().cloned()) else {
            return Err(anyhow!("the step did not read its batch and its rules from the GPU"));
        };
        Ok(Recording { graph, tables, rules, told: told?, _thread: PhantomData })
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.is_over {
            // Whatever is recorded is let go; there is nobody left to tell of it.
            let _ = self.client.stop_capture();
        }
    }
}

/// A step that can be taken again.
pub struct Recording {
    graph: Graph,
    tables: Tables,
    rules: CubeTensor,
    told: Tensor<1>,
    /// What is sent to a GPU keeps its order within a thread, and a recording stays with the one that made it.
    _thread: PhantomData<*const ()>,
}

impl Recording {
    /// Takes the step with another batch of the same shape, by other rules for as many parameters: its numbers.
    ///
    /// The parameters and moments that it was recorded with must be where they were, and nobody else may use them
    /// meanwhile.
    ///
    /// # Errors
    /// The GPU failed.
    pub fn replay(&self, rows: &Rows, rules: &Rules) -> Result<Tensor<1>> {
        self.tables.write(rows);
        rules.write(&self.rules);
        let read = [&self.tables.memory().handle, &self.rules.handle];
        self.rules.client.check(read).map_err(|error| anyhow!("the device failed: {error}"))?;
        // All memory that the step uses is alive: what it reads and tells is held here, what it computes in between is
        // kept for the graph by the runtime, and parameters and moments are where they were, as the caller sees to. It
        // stays on the thread that recorded it, so that all of this happens in order.
        #[allow(unsafe_code)]
        let taken = unsafe { self.graph.replay() };
        taken.map_err(|error| anyhow!("the device failed: {error}"))?;
        // The next replay writes in the same place.
        Ok(self.told.clone() * 1.0)
    }
}
