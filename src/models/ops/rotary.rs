//! Attention with rotary positions by Burn's own functions.

use std::sync::Arc;

use burn::tensor::activation::softmax;
use burn::tensor::{Int, Tensor};

use super::layout::PaddedLayout;
use super::matmul::matmul;
use super::reference::attention_dropout;
use crate::kernels::{DropoutMask, ResidentRotaryTable};
use crate::models::input::Input;
use crate::settings::Precision;

/// The rotation of queries and keys by their positions (Su et al. 2021).
// Only a few exist at a time.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub enum Rotation {
    /// For the kernel.
    Fused(Arc<ResidentRotaryTable>),
    /// The cosines and the sines of each position in the padded layout, each `[length, width/2]`.
    Reference([Tensor<2>; 2]),
}

impl Rotation {
    /// Returns the rotation for Burn's own functions, on the device of `beside`. It is computed there: a table from the host would
    /// be lost to replays of a recorded step.
    pub fn reference(input: &Input, width: usize, theta: f64, beside: &Tensor<2>) -> Self {
        let length = PaddedLayout::new(input, beside).length;
        let device = beside.device().without_autodiff();
        let count = |n: usize| Tensor::<1, Int>::arange(0..n.cast_signed() as i64, &device).float();
        let frequencies = (count(width / 2) * (-2.0 * theta.ln() / width as f64)).exp();
        let angles = count(length).reshape([length, 1]) * frequencies.reshape([1, width / 2]);
        Self::Reference([angles.clone().cos(), angles.sin()])
    }
}

/// Rotates `[examples, heads, length, width]`, half against half.
fn rotate(x: &Tensor<4>, [cosines, sines]: &[Tensor<2>; 2]) -> Tensor<4> {
    let [examples, heads, length, width] = x.dims();
    let half = |from: usize| x.clone().slice([0..examples, 0..heads, 0..length, from..from + width / 2]);
    let (a, b) = (half(0), half(width / 2));
    let [cosines, sines] = [cosines, sines].map(|table| table.clone().reshape([1, 1, length, width / 2]));
    Tensor::cat(vec![a.clone() * cosines.clone() - b.clone() * sines.clone(), b * cosines + a * sines], 3)
}

/// 1 where a query sees a key, and 0 elsewhere: `[examples, 1, length, length]`.
fn visible(layout: &PaddedLayout, window: Option<usize>) -> Tensor<4> {
    let (examples, length) = (layout.examples, layout.length);
    let keys = layout.token_mask.clone().reshape([examples, 1, 1, length]).expand([examples, 1, length, length]);
    let Some(window) = window.filter(|window| *window < length) else { return keys };
    let at = Tensor::<1, Int>::arange(0..length.cast_signed() as i64, &layout.token_mask.device()).float();
    let distance = (at.clone().reshape([1, length]) - at.reshape([length, 1])).abs();
    keys * distance.lower_equal_elem(window as f64).float().reshape([1, 1, length, length])
}

/// Computes the attention of [`Ops::rotary_attention`](super::Ops::rotary_attention) from `[rows, 3 d]`.
pub fn attention(
    input: &Input,
    qkv: Tensor<2>,
    heads: usize,
    (rotation, window): (&Rotation, Option<usize>),
    precision: Precision,
    dropout: Option<DropoutMask>,
) -> Tensor<2> {
    let Rotation::Reference(tables) = rotation else { unreachable!("the rotation is made for the same input") };
    let layout = PaddedLayout::new(input, &qkv);
    let (examples, length) = (layout.examples, layout.length);
    let qkv = layout.pad(qkv);
    let [rows, width] = [qkv.dims()[0], qkv.dims()[1] / 3];
    let part = |which: usize| {
        let x = qkv.clone().slice([0..rows, which * width..(which + 1) * width]);
        x.reshape([examples, length, heads, width / heads]).swap_dims(1, 2)
    };
    let (query, key) = (rotate(&part(0), tables) / ((width / heads) as f64).sqrt(), rotate(&part(1), tables));
    // 0 for what is seen and the most negative f32 for the rest.
    let mask = (visible(&layout, window).neg() + 1.0) * f32::MIN;
    let scores = matmul(precision, query, key.swap_dims(2, 3)) + mask;
    let probabilities = attention_dropout(input, softmax(scores, 3), dropout);
    let out = matmul(precision, probabilities, part(2)).swap_dims(1, 2).reshape([rows, width]);
    layout.unpad(out)
}
