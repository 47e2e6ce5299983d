//! Parameters of linear layers and layer norms.

use burn::tensor::{Tensor, module::layer_norm};

/// `x · weight + bias`.
#[derive(Clone, Debug)]
pub struct Linear {
    /// `[in, out]`.
    pub weight: Tensor<2>,
    /// `[out]`.
    pub bias: Option<Tensor<1>>,
}

impl Linear {
    /// Returns the bias, or zeros for kernels that always add one.
    pub fn bias_or_zeros(&self) -> Tensor<1> {
        self.bias.clone().unwrap_or_else(|| {
            let [_, width] = self.weight.dims();
            Tensor::zeros([width], &self.weight.device().without_autodiff())
        })
    }
}

/// The linear layers of attention.
#[derive(Clone, Debug)]
pub struct AttentionLayer {
    pub heads: usize,
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    /// Projects relative positions for scores with queries.
    pub position_key: Option<Linear>,
    /// Projects relative positions for scores with keys.
    pub position_query: Option<Linear>,
}

impl AttentionLayer {
    /// Query, key and value.
    pub fn parts(&self) -> [&Linear; 3] {
        [&self.query, &self.key, &self.value]
    }
}

/// `(x - mean) / sqrt(variance + epsilon) · scale + shift` over each row, with the population variance.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    /// `[d]`.
    pub scale: Tensor<1>,
    /// `[d]`.
    pub shift: Option<Tensor<1>>,
    /// Added to the variance.
    pub epsilon: f64,
}

impl LayerNorm {
    /// Applies the layer norm by Burn's own function.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        layer_norm(x, self.scale.clone(), self.shift.clone(), self.epsilon)
    }

    /// Returns the shift, or zeros for kernels that always add one.
    pub fn shift_or_zeros(&self) -> Tensor<1> {
        self.shift.clone().unwrap_or_else(|| Tensor::zeros(self.scale.dims(), &self.scale.device().without_autodiff()))
    }
}
