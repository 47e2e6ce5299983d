//! Reading numbers from a device.

use anyhow::{Result, anyhow};
use burn::tensor::Tensor;

use crate::machine::panics;

/// The numbers of a tensor, row by row, once the device has computed them.
///
/// # Errors
/// The device failed, in this or in something before; the message says `what` was to be read.
pub fn read<const D: usize>(tensor: Tensor<D>, what: &str) -> Result<Vec<f32>> {
    let data = tensor.try_into_data();
    // A device whose thread has panicked has left out what it was asked for and gives whatever is in its memory.
    if let Some(message) = panics::elsewhere() {
        return Err(anyhow!("cannot read {what} from the device: {message}"));
    }
    let data = data.map_err(|error| anyhow!("cannot read {what} from the device: {error:?}"))?;
    data.try_to_vec().map_err(|error| anyhow!("{what} cannot be read as f32: {error:?}"))
}
