//! Host values with a lazily uploaded device copy.

use std::ops::Deref;
use std::sync::OnceLock;

/// A host value, and its copy on a device once a kernel has asked for it. The value is immutable, so the copy cannot become
/// outdated. Two residents never share a copy, even if their values are equal, so this is neither `Clone` nor comparable.
#[derive(Debug)]
pub struct Resident<H, D> {
    host: H,
    #[cfg_attr(not(feature = "gpu"), expect(dead_code, reason = "only GPUs have memory of their own"))]
    device: OnceLock<D>,
}

impl<H, D> Resident<H, D> {
    /// Wraps a value that is not on a device yet.
    pub fn new(host: H) -> Self {
        Self { host, device: OnceLock::new() }
    }

    /// Returns the host value.
    pub fn into_host(self) -> H {
        self.host
    }
}

#[cfg(feature = "gpu")]
impl<H, D> Resident<H, D> {
    /// Returns the copy on the device, uploading it on first use.
    pub fn on_device(&self, upload: impl FnOnce() -> D) -> &D {
        self.device.get_or_init(upload)
    }

    /// Returns the copy on the device, if a kernel has already used it.
    pub fn uploaded(&self) -> Option<&D> {
        self.device.get()
    }
}

impl<H, D> Deref for Resident<H, D> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.host
    }
}

impl<H: Default, D> Default for Resident<H, D> {
    fn default() -> Self {
        Self::new(H::default())
    }
}

impl<H, D> From<H> for Resident<H, D> {
    fn from(host: H) -> Self {
        Self::new(host)
    }
}

/// The device copy of a batch.
#[cfg(feature = "gpu")]
pub type DeviceBatch = super::gpu::BatchTables;
/// Numbers on a GPU.
#[cfg(feature = "gpu")]
pub type DeviceNumbers = burn_cubecl::tensor::CubeTensor;
/// Empty: this build has no GPU support.
#[cfg(not(feature = "gpu"))]
pub type DeviceBatch = ();
/// Empty: this build has no GPU support.
#[cfg(not(feature = "gpu"))]
pub type DeviceNumbers = ();

/// A batch without padding, with its index tables on a GPU.
pub type ResidentBatch = Resident<super::RaggedBatch, DeviceBatch>;
/// The distinct tokens of a batch, with their ids on a GPU.
pub type ResidentTokens = Resident<super::UniqueTokens, DeviceNumbers>;
/// The update rules of all parameters of a model, with their coefficients on a GPU.
pub type ResidentRules = Resident<Vec<super::UpdateRule>, DeviceNumbers>;
/// The angles of rotary positions, on a GPU.
pub type ResidentRotaryTable = Resident<super::RotaryTable, DeviceNumbers>;
/// The rows of relative positions, on a GPU.
pub type ResidentDistanceRows = Resident<super::DistanceRows, DeviceNumbers>;
