//! [`DisentangledAttention`] and [`BiasedAttention`] on a GPU: the terms of each token and relative position are matrix products, which
//! [`FlashAttention`] looks up for each pair.

use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, Shape};
use burn_cubecl::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::zspace::{Strides, metadata::Metadata};

use super::flash_attention::{FlashAttention, FlashOperands, FlashSaved, FlashTerms};
use super::matmul::{factor, multiply, transposed};
use super::reduce::column_sums;
use super::tensors::{dense, elements, empty_of, sizes, upload};
use crate::kernels::operation::Kernel;
use crate::kernels::{Attention, BiasedAttention, DisentangledAttention, MatmulPrecision, ResidentDistanceRows};

impl ResidentDistanceRows {
    fn tensor(&self, beside: &CubeTensor) -> &CubeTensor {
        self.on_device(|| upload(beside, self.all().to_vec()))
    }
}

/// Returns x + bias, in f32.
fn plus(x: CubeTensor, bias: CubeTensor) -> CubeTensor {
    let d = elements(&bias);
    dense(Cube::float_add(x, Cube::float_reshape(bias, Shape::from([1, d]))))
}

/// Returns the columns of each head as a matrix: `[heads, rows, width]` from `[rows, heads · width]`, in the same memory.
fn by_head(x: &CubeTensor, heads: usize) -> CubeTensor {
    let (rows, d) = sizes(x);
    let width = d / heads;
    let meta = Metadata::new(Shape::from([heads, rows, width]), Strides::new(&[width, d, 1]));
    CubeTensor { meta: Box::new(meta), ..x.clone() }
}

/// Returns a · b for each head, `[heads, rows, columns]`, in f32.
fn product(a: &CubeTensor, b: CubeTensor, precision: MatmulPrecision) -> CubeTensor {
    let (a, b) = (factor(a.clone(), precision), factor(b, precision));
    let (heads, rows, columns) = (a.meta.shape()[0], a.meta.shape()[1], b.meta.shape()[2]);
    let out = empty_of(&a, [heads, rows, columns], DType::F32);
    multiply(a, b, out.clone(), precision);
    out
}

/// Returns `[rows, heads · width]` from `[heads, rows, width]`.
fn joined(x: CubeTensor) -> CubeTensor {
    let (heads, rows, width) = (x.meta.shape()[0], x.meta.shape()[1], x.meta.shape()[2]);
    Cube::float_reshape(Cube::float_swap_dims(x, 0, 1), Shape::from([rows, heads * width]))
}

fn flash(attention: &Attention, scale: f32) -> FlashAttention {
    FlashAttention {
        batch: attention.batch.clone(),
        heads: attention.heads,
        queries: attention.queries,
        scale,
        window: None,
        dropout: attention.dropout,
        precision: attention.precision,
    }
}

/// What the backward pass of disentangled attention needs. The terms are computed again.
#[derive(Clone, Debug)]
pub struct SavedDisentangledAttention {
    options: DisentangledAttention,
    operands: FlashOperands,
    /// `[rows, d]` each.
    positions: [CubeTensor; 2],
    saved: FlashSaved,
}

impl DisentangledAttention {
    fn flash(&self, d: usize) -> FlashAttention {
        let width = d / self.attention.heads;
        flash(&self.attention, 1.0 / ((width * self.kinds()) as f32).sqrt())
    }

    fn terms(&self, FlashOperands { query, key, .. }: &FlashOperands, positions: &[CubeTensor; 2], scale: f32) -> FlashTerms {
        let (heads, precision) = (self.attention.heads, self.attention.precision);
        let of = |tokens: &CubeTensor, positions: &CubeTensor| {
            product(&by_head(tokens, heads), transposed(by_head(positions, heads)), precision)
        };
        FlashTerms {
            distances: self.rows.tensor(query).clone(),
            first_row: self.first_row,
            by_query: self.has_position_keys.then(|| of(query, &positions[0])),
            by_key: self.has_position_queries.then(|| of(key, &positions[1])),
            scale,
        }
    }
}

impl Kernel<Cube, 8> for DisentangledAttention {
    type Saved = SavedDisentangledAttention;

    fn forward(self, operands: [CubeTensor; 8]) -> (CubeTensor, Self::Saved) {
        let [query, query_bias, key, key_bias, value, value_bias, position_key, position_query] = operands.map(dense);
        let (query, key, value) = (plus(query, query_bias), plus(key, key_bias), plus(value, value_bias));
        let positions = [position_key, position_query];
        let flash = self.flash(sizes(&query).1);
        let mut operands = FlashOperands { query, key, value, terms: None };
        operands.terms = Some(self.terms(&operands, &positions, flash.scale));
        let (out, saved) = flash.forward(&operands);
        operands.terms = None;
        (out, SavedDisentangledAttention { options: self, operands, positions, saved })
    }

    fn backward(saved: Self::Saved, gradient: CubeTensor) -> [CubeTensor; 8] {
        let SavedDisentangledAttention { options, mut operands, positions, saved } = saved;
        let gradient = dense(gradient);
        let flash = options.flash(sizes(&operands.query).1);
        let (heads, precision) = (options.attention.heads, options.attention.precision);
        operands.terms = Some(options.terms(&operands, &positions, flash.scale));
        let gradients = flash.backward(&operands, &saved, &gradient);
        // The gradients of tokens and of positions from those of their products.
        let through = |of_terms: &CubeTensor, tokens: &CubeTensor, positions: &CubeTensor| {
            let of_terms = by_head(of_terms, heads);
            let of_tokens = product(&of_terms, by_head(positions, heads), precision);
            (joined(of_tokens), joined(product(&transposed(of_terms), by_head(tokens, heads), precision)))
        };
        let and_more = |own: CubeTensor, of_terms: Option<CubeTensor>, tokens: &CubeTensor, positions: &CubeTensor| match of_terms
        {
            Some(of_terms) => {
                let (more, of_positions) = through(&of_terms, tokens, positions);
                let dtype = own.dtype;
                let sum = Cube::float_add(burn_cubecl::kernel::cast(own, DType::F32), more);
                (burn_cubecl::kernel::cast(sum, dtype), of_positions)
            }
            None => (own, Cube::float_mul_scalar(positions.clone(), 0.0.into())),
        };
        let (query, position_key) = and_more(gradients.query, gradients.by_query, &operands.query, &positions[0]);
        let (key, position_query) = and_more(gradients.key, gradients.by_key, &operands.key, &positions[1]);
        let (query, key, value) = (dense(query), dense(key), gradients.value);
        let [query_bias, key_bias, value_bias] = column_sums(&[], &[&query, &key, &value]);
        [query, query_bias, key, key_bias, value, value_bias, position_key, position_query]
    }
}

/// What the backward pass of biased attention needs.
#[derive(Clone, Debug)]
pub struct SavedBiasedAttention {
    flash: FlashAttention,
    operands: FlashOperands,
    saved: FlashSaved,
}

impl Kernel<Cube, 7> for BiasedAttention {
    type Saved = SavedBiasedAttention;

    fn forward(self, operands: [CubeTensor; 7]) -> (CubeTensor, Self::Saved) {
        let [query, query_bias, key, key_bias, value, value_bias, bias] = operands.map(dense);
        let (query, key, value) = (plus(query, query_bias), plus(key, key_bias), plus(value, value_bias));
        let ((_, d), (rows, heads)) = (sizes(&query), sizes(&bias));
        let by_query = dense(Cube::float_reshape(dense(transposed(bias)), Shape::from([heads, 1, rows])));
        let distances = self.rows.tensor(&query).clone();
        let terms = FlashTerms { distances, first_row: 0, by_query: Some(by_query), by_key: None, scale: 1.0 };
        let flash = flash(&self.attention, 1.0 / ((d / heads) as f32).sqrt());
        let operands = FlashOperands { query, key, value, terms: Some(terms) };
        let (out, saved) = flash.forward(&operands);
        (out, SavedBiasedAttention { flash, operands, saved })
    }

    fn backward(SavedBiasedAttention { flash, operands, saved }: Self::Saved, gradient: CubeTensor) -> [CubeTensor; 7] {
        let gradient = dense(gradient);
        let gradients = flash.backward(&operands, &saved, &gradient);
        let (query, key, value) = (gradients.query, gradients.key, gradients.value);
        let [query_bias, key_bias, value_bias] = column_sums(&[], &[&query, &key, &value]);
        let of_scores = gradients.by_query.unwrap_or_else(|| unreachable!("the scores have a bias"));
        let [sums] = column_sums(&[&of_scores], &[]);
        let (heads, count) = (flash.heads, elements(&sums));
        let bias = dense(transposed(Cube::float_reshape(sums, Shape::from([heads, count / heads]))));
        [query, query_bias, key, key_bias, value, value_bias, bias]
    }
}
