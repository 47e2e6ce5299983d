//! Reading numbers from a device.

use anyhow::{Result, anyhow};
use burn::tensor::Tensor;

use crate::machine::panics;

/// Waits for a tensor's numbers and returns them in row-major order.
///
/// # Errors
/// The device failed, in this computation or an earlier one; the message names `what` was being read.
pub fn read<const D: usize>(tensor: Tensor<D>, what: &str) -> Result<Vec<f32>> {
    let data = tensor.try_into_data();
    // A device whose thread has panicked skips its work and returns whatever is in its memory.
    if let Some(message) = panics::elsewhere() {
        return Err(anyhow!("cannot read {what} from the device: {message}"));
    }
    let data = data.map_err(|error| anyhow!("cannot read {what} from the device: {error:?}"))?;
    data.try_to_vec().map_err(|error| anyhow!("{what} cannot be read as f32: {error:?}"))
}
