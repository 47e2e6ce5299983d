//! Faults that tests inject; there are none without the feature `fault-injection`.

/// The faults to inject.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Each recording includes an operation that cannot be captured, so that the GPU refuses it.
    pub refuse_recordings: bool,
    /// Weights are copied instead of rounded, to test when they are rounded on a device that cannot round.
    pub copy_weights: bool,
}

#[cfg(feature = "fault-injection")]
impl super::Device {
    /// The same device with these faults.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }
}
