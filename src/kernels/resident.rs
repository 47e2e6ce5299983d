//! Values of the host that a device gets a copy of once.

use std::ops::Deref;
use std::sync::OnceLock;

/// A value of the host, and its copy on a device from when a kernel first asks for it. The value cannot change behind the
/// copy's back; two residents share nothing, even of equal values, so this is neither `Clone` nor comparable.
#[derive(Debug)]
pub struct Resident<H, D> {
    host: H,
    #[cfg_attr(not(feature = "gpu"), expect(dead_code, reason = "only GPUs have memory of their own"))]
    device: OnceLock<D>,
}

impl<H, D> Resident<H, D> {
    /// Not on a device yet.
    pub fn new(host: H) -> Self {
        Self { host, device: OnceLock::new() }
    }

    /// The value alone.
    pub fn into_host(self) -> H {
        self.host
    }
}

#[cfg(feature = "gpu")]
impl<H, D> Resident<H, D> {
    /// The copy on the device, uploaded now if this is the first time.
    pub fn on_device(&self, upload: impl FnOnce() -> D) -> &D {
        self.device.get_or_init(upload)
    }

    /// The copy on the device, if a kernel has read it.
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

/// What a GPU holds of a batch.
#[cfg(feature = "gpu")]
pub type DeviceBatch = super::gpu::BatchTables;
/// Numbers on a GPU.
#[cfg(feature = "gpu")]
pub type DeviceNumbers = burn_cubecl::tensor::CubeTensor;
/// Nothing: this build has no GPUs.
#[cfg(not(feature = "gpu"))]
pub type DeviceBatch = ();
/// Nothing: this build has no GPUs.
#[cfg(not(feature = "gpu"))]
pub type DeviceNumbers = ();

/// A batch without padding, and its index tables on a GPU.
pub type ResidentBatch = Resident<super::RaggedBatch, DeviceBatch>;
/// The distinct tokens of a batch, and their ids on a GPU.
pub type ResidentTokens = Resident<super::UniqueTokens, DeviceNumbers>;
/// The rules of an update, one for each parameter of a model, and their numbers on a GPU.
pub type ResidentRules = Resident<Vec<super::UpdateRule>, DeviceNumbers>;
