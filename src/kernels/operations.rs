//! The operations as extensions of Burn's backends.

use std::sync::{Arc, Mutex};

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};

use super::mask::Drop;
use super::rows::{Rows, Words};
use super::several::Several;

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
    /// The products that x comes from: on a GPU its gradient is rounded for these at once.
    pub products: Products,
    /// Dropout on x + bias.
    pub drop: Option<Drop>,
    /// The batch.
    pub rows: Arc<Rows>,
    /// Whether x has the first token of each example alone.
    pub firsts: bool,
}

/// How the first token of each example is dropped from.
#[derive(Clone, Debug)]
pub struct Dropping {
    /// The batch.
    pub rows: Arc<Rows>,
    /// The dropout, whose rows are examples.
    pub drop: Drop,
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
    /// The products that its result, and its gradients, go into: on a GPU they are rounded for these at once.
    pub products: Products,
    /// Dropout on the probabilities.
    pub drop: Option<Drop>,
}

/// How matrix products are computed. The sums and the result are f32 always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Products {
    /// Of factors in f32.
    Exact,
    /// Of factors rounded to TF32's 10 bits, where the device has it.
    Tf32,
    /// Of factors rounded to bf16.
    Bf16,
}

/// How logits are judged.
#[derive(Clone, Debug)]
pub struct Judging {
    /// The batch, with its labels.
    pub rows: Arc<Rows>,
    /// What the mean is multiplied with.
    pub share: f64,
}

/// Operations with gradients. Matrices are rows of width d, as in the pure functions of this module.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex, Autodiff)]
pub trait Fused: Backend {
    /// words + positions + segments of each token: `[tokens, d]`.
    ///
    /// The gradient of `words` is that of the batch's distinct words alone, `[ids, d]`; all other rows' are zero. On a GPU
    /// either may have rows behind these, which fill it up to one of few sizes and have no part in any gradient.
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
    /// [`Fused::attend`] of each token to all of its example's: queries, keys and values are the products of x `[rows, d]` with
    /// these weights, `[d, d]`.
    #[allow(clippy::too_many_arguments)]
    fn self_attend(
        x: FloatTensor<Self>,
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
    /// The matrix product a · b, of each pair of matrices where there are more than two dimensions.
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>, how: Products) -> FloatTensor<Self>;
    /// GELU(x + bias). On a GPU it is rounded at once for the products that it goes into, and its gradient too.
    fn bias_gelu(x: FloatTensor<Self>, bias: FloatTensor<Self>, products: Products) -> FloatTensor<Self>;
    /// LayerNorm(dropout(x + bias) + residual).
    fn close(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        how: Closing,
    ) -> FloatTensor<Self>;
    /// The rows of each example's first token: `[examples, d]`.
    fn firsts(x: FloatTensor<Self>, how: Embedding) -> FloatTensor<Self>;
    /// dropout(x) of `[examples, d]`.
    fn dropped(x: FloatTensor<Self>, how: Dropping) -> FloatTensor<Self>;
    /// Minus the mean logarithm of the labels' probabilities, times a share: `[1]` from logits `[examples, labels]`.
    fn cross_entropy(logits: FloatTensor<Self>, how: Judging) -> FloatTensor<Self>;
}

/// Operations of the optimizer.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait Update: Backend {
    /// Parameters and both their moments after a step of AdamW, in place where nobody else holds them. Gradients are
    /// multiplied with `clip`, `[1]`, first.
    fn adamw(
        #[extension_type] parameters: Several<Self>,
        #[extension_type] gradients: Several<Self>,
        #[extension_type] first: Several<Self>,
        #[extension_type] second: Several<Self>,
        clip: FloatTensor<Self>,
        by: Ruled,
    ) -> (Several<Self>, Several<Self>, Several<Self>);
    /// [`Update::adamw`] of a table whose gradient is zero but for the rows of some words: `[ids, d]`.
    fn adamw_words(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        clip: FloatTensor<Self>,
        how: Touched,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Matrices, each rounded to bf16.
    fn rounded(#[extension_type] parameters: Several<Self>) -> Several<Self>;
    /// The norm of all of them as one vector: `[1]`.
    fn norm(#[extension_type] gradients: Several<Self>) -> FloatTensor<Self>;
}

/// Which rows of a table ever had a gradient; empty before the first step.
pub type Moved = Arc<Mutex<Vec<bool>>>;

/// How a table is updated of whose rows few have a gradient.
#[derive(Clone, Debug)]
pub struct Touched {
    /// Those that have one.
    pub words: Arc<Words>,
    /// Those that ever had one.
    pub moved: Moved,
    /// The rules of all parameters,
    pub rules: Arc<Rules>,
    /// and which of them is the table's.
    pub which: usize,
}

/// The rules of one step.
#[derive(Debug, Default)]
pub struct Rules {
    /// One for each parameter of a model.
    pub each: Vec<Rule>,
    /// They on a GPU.
    #[cfg(feature = "gpu")]
    pub(super) resident: super::gpu::ResidentNumbers,
}

impl Rules {
    /// One for each parameter of a model.
    #[must_use]
    pub fn new(each: Vec<Rule>) -> Self {
        Self {
            each,
            #[cfg(feature = "gpu")]
            resident: super::gpu::ResidentNumbers::default(),
        }
    }
}

/// Which rules some parameters follow.
#[derive(Clone, Debug)]
pub struct Ruled {
    /// The rules of all.
    pub rules: Arc<Rules>,
    /// Which of them, for each of these parameters.
    pub which: Vec<usize>,
}

impl Ruled {
    /// The rule of each of these parameters.
    pub fn each(&self) -> impl Iterator<Item = Rule> {
        self.which.iter().map(|which| self.rules.each[*which])
    }
}

/// The numbers of one step for one parameter, in f32 as torch applies them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
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
