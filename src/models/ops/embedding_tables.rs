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
    /// Returns the three tables, with a row of zeros for one that is absent: the kernel adds a row of each. All ids of an absent
    /// table are 0.
    pub fn all_or_zeros(&self) -> [Tensor<2>; 3] {
        let or_zeros = |table: &Option<Tensor<2>>| {
            let [_, width] = self.words.dims();
            table.clone().unwrap_or_else(|| Tensor::zeros([1, width], &self.words.device().without_autodiff()))
        };
        [self.words.clone(), or_zeros(&self.positions), or_zeros(&self.segments)]
    }
}
