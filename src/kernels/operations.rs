//! The operations as extensions of Burn's backends.

use std::sync::{Arc, Mutex};

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};

use super::mask::Drop;
use super::rows::{Rows, Words};

/// How embeddings are looked up.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// The batch.
    pub rows: Arc<Rows>,
}

/// How a block is closed.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Added to the variance.
    pub epsilon: f64,
    /// Dropout on x + bias.
    pub drop: Option<Drop>,
    /// Rows of the batch that are meant, where they are not all of them.
    pub rows: Option<Arc<Vec<u32>>>,
}

/// How tokens attend to each other.
#[derive(Clone, Debug)]
pub struct Attending {
    /// The batch.
    pub rows: Arc<Rows>,
    /// Number of heads.
    pub heads: usize,
    /// Whether only the first token of each example asks.
    pub firsts: bool,
    /// Dropout on the probabilities.
    pub drop: Option<Drop>,
}

/// Operations with gradients. Matrices are rows of width d, as in the pure functions of this module.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex, Autodiff)]
pub trait Fused: Backend {
    /// words + positions + segments of each token: `[tokens, d]`.
    ///
    /// The gradient of `words` is that of the batch's distinct words alone, `[ids, d]`; all other rows' are zero.
    fn embed(
        words: FloatTensor<Self>,
        positions: FloatTensor<Self>,
        segments: FloatTensor<Self>,
        how: Embedding,
    ) -> FloatTensor<Self>;
    /// Attention over each example; queries, keys and values come without their biases.
    fn attend(
        query: FloatTensor<Self>,
        query_bias: FloatTensor<Self>,
        key: FloatTensor<Self>,
        key_bias: FloatTensor<Self>,
        value: FloatTensor<Self>,
        value_bias: FloatTensor<Self>,
        how: Attending,
    ) -> FloatTensor<Self>;
    /// dropout(LayerNorm(x)).
    fn open(x: FloatTensor<Self>, scale: FloatTensor<Self>, shift: FloatTensor<Self>, how: Closing) -> FloatTensor<Self>;
    /// x · weight: `[rows, out]` from `[rows, in]` and `[in, out]`.
    fn project(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
    /// GELU(x + bias).
    fn bias_gelu(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
    /// LayerNorm(dropout(x + bias) + residual).
    fn close(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        how: Closing,
    ) -> FloatTensor<Self>;
}

/// Operations of the optimizer.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait Update: Backend {
    /// The parameter and both its moments after a step of AdamW, in place where nobody else holds them.
    fn adamw(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        rule: Rule,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// [`Update::adamw`] of a table whose gradient is zero but for the rows of some words: `[ids, d]`.
    fn adamw_words(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        words: Arc<Words>,
        moved: Moved,
        rule: Rule,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// The sum of two gradients of some words, for the words of `both`.
    fn add_words(
        a: FloatTensor<Self>,
        of_a: Arc<Words>,
        b: FloatTensor<Self>,
        of_b: Arc<Words>,
        both: Arc<Words>,
    ) -> FloatTensor<Self>;
    /// The sum of squares: `[1]`.
    fn square_sum(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Which rows of a table ever had a gradient; empty before the first step.
pub type Moved = Arc<Mutex<Vec<bool>>>;

/// The numbers of one step, in f32 as torch applies them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// What gradients are multiplied with first, to clip their norm.
    pub clip: f32,
    /// 1 - learning rate · weight decay.
    pub keep: f32,
    /// β₁
    pub beta1: f32,
    /// β₂
    pub beta2: f32,
    /// learning rate / (1 - β₁ᵗ).
    pub step_size: f32,
    /// √(1 - β₂ᵗ).
    pub root_correction: f32,
    /// ε
    pub epsilon: f32,
}
