//! Faults that tests inject. Without the feature `fault-injection` there are none.

/// What goes wrong on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Each recording contains what none can hold, so that the GPU refuses it.
    pub refuse_recordings: bool,
    /// Weights are copied where others would be rounded: for tests of when they are rounded, on a device that cannot round.
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
