//! The angles of rotary position embeddings.

/// The cosine and sine of t · θ^(-2i/width) for each position t and each i below width/2 (Su et al. 2021).
///
/// Frequencies and angles are rounded to f32 as in transformers, where angles at position 8,000 are off by some 5e-4.
#[derive(Clone, Debug)]
pub struct RotaryTable {
    /// Half the width of a head.
    half: usize,
    /// `[positions, width/2]`.
    cosines: Vec<f32>,
    /// `[positions, width/2]`.
    sines: Vec<f32>,
}

impl RotaryTable {
    /// Returns the angles of the first `positions` positions, for heads of an even width.
    #[must_use]
    pub fn new(positions: usize, width: usize, theta: f64) -> Self {
        let half = width / 2;
        let frequencies: Vec<f32> = (0..half).map(|i| theta.powf(-2.0 * i as f64 / width as f64) as f32).collect();
        let angles = (0..positions).flat_map(|position| frequencies.iter().map(move |frequency| position as f32 * frequency));
        let (cosines, sines) = angles.map(|angle| (f64::from(angle).cos() as f32, f64::from(angle).sin() as f32)).unzip();
        Self { half, cosines, sines }
    }

    /// Returns the width of a head.
    #[must_use]
    pub fn width(&self) -> usize {
        2 * self.half
    }

    /// Returns the number of positions.
    #[cfg(feature = "gpu")]
    #[must_use]
    pub fn positions(&self) -> usize {
        self.cosines.len() / self.half
    }

    /// Returns the cosines of all positions, followed by the sines: `[2, positions, width/2]`.
    #[cfg(feature = "gpu")]
    #[must_use]
    pub fn all(&self) -> Vec<f32> {
        [&*self.cosines, &*self.sines].concat()
    }

    /// Returns the cosines and sines of a position, each `[width/2]`.
    #[inline]
    #[must_use]
    pub fn at(&self, position: usize) -> (&[f32], &[f32]) {
        let at = position * self.half..(position + 1) * self.half;
        (&self.cosines[at.clone()], &self.sines[at])
    }
}
