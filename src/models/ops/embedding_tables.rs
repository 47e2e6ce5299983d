//! The embedding tables of an encoder.

use burn::tensor::Tensor;

/// The tables whose rows are summed for each token, each `[ids, d]`.
#[derive(Clone, Debug)]
pub struct EmbeddingTables {
    pub words: Tensor<2>,
    pub positions: Option<Tensor<2>>,
    pub segments: Option<Tensor<2>>,
}

impl EmbeddingTables {
    /// Returns the position table, or a row of zeros for the kernel, which always adds a position. All position ids are 0 then.
    pub fn positions_or_zeros(&self) -> Tensor<2> {
        self.positions.clone().unwrap_or_else(|| self.zeros())
    }

    /// Returns the segment table, or a row of zeros for the kernel, which always adds a segment. All segment ids are 0 then.
    pub fn segments_or_zeros(&self) -> Tensor<2> {
        self.segments.clone().unwrap_or_else(|| self.zeros())
    }

    fn zeros(&self) -> Tensor<2> {
        let [_, width] = self.words.dims();
        Tensor::zeros([1, width], &self.words.device().without_autodiff())
    }
}
