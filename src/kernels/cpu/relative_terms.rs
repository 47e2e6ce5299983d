//! The terms of attention scores that depend on relative positions.

use super::example_attention::{Biased, ScoreTerms, gather, scatter};
use super::relative::{Distances, add_bias, add_by_key, add_by_query, sum_bias, sum_by_key, sum_by_query};
use super::small_product::{Factor, LANES, SmallProduct};
use super::softmax::HeadScores;

/// The rows of relative positions that one example uses; `None` if scores do not have that term.
#[derive(Clone, Copy)]
pub struct RelativeOperands<'a> {
    /// What queries are multiplied by: `[rows, d]`.
    pub key: Option<&'a [f32]>,
    /// What keys are multiplied by: `[rows, d]`.
    pub query: Option<&'a [f32]>,
    /// `[rows, heads]`.
    pub bias: Option<&'a [f32]>,
    pub distances: &'a Distances,
}

/// The terms of one example, and the gradients of its rows.
pub struct RelativeTerms<'a> {
    operands: RelativeOperands<'a>,
    heads: usize,
    d: usize,
    /// 1 / √(width · terms).
    scale: f32,
    nothing: Vec<f32>,
    /// A head's rows, `[rows, wide]`.
    rows: Vec<f32>,
    /// Scores by query or key and row, `[queries or keys, far]`.
    scores: Vec<f32>,
    /// `[queries or keys, wide]`.
    products: Vec<f32>,
    of_key: Vec<f32>,
    of_query: Vec<f32>,
    of_bias: Vec<f32>,
}

impl<'a> RelativeTerms<'a> {
    /// The terms of an example with these rows.
    pub fn new(operands: RelativeOperands<'a>, d: usize, heads: usize) -> Self {
        let mut terms = Self {
            operands,
            heads,
            d,
            scale: 0.0,
            nothing: vec![0.0; d],
            rows: Vec::new(),
            scores: Vec::new(),
            products: Vec::new(),
            of_key: Vec::new(),
            of_query: Vec::new(),
            of_bias: Vec::new(),
        };
        terms.scale = 1.0 / ((d / heads * terms.terms()) as f32).sqrt();
        terms
    }

    /// The gradients of `key`, `query` and `bias`; empty without that term.
    pub fn into_gradients(self) -> [Vec<f32>; 3] {
        [self.of_key, self.of_query, self.of_bias]
    }

    /// The width of a head, and the padded widths of heads and of rows of scores.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn widths(&self) -> (usize, usize, usize) {
        let width = self.d / self.heads;
        (width, width.next_multiple_of(LANES), self.operands.distances.rows().next_multiple_of(LANES))
    }

    /// Multiplies tokens, `[count, wide]`, by the head's rows of `of`, scaled.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn multiply(&mut self, arithmetic: &mut impl SmallProduct, of: &[f32], head: usize, scale: f32, tokens: &[f32]) {
        let (width, wide, far) = self.widths();
        let (rows, count) = (self.operands.distances.rows(), tokens.len() / wide);
        self.rows.resize(rows * wide, 0.0);
        self.scores.resize(count * far, 0.0);
        gather(Biased { rows: of, bias: &self.nothing }, head, width, scale, &mut self.rows, wide);
        arithmetic.multiply(
            Factor::new(tokens, wide),
            Factor::transposed(&self.rows[..rows * wide], wide),
            &mut self.scores,
            [count, far, width],
        );
    }

    /// Adds the gradients of such a product, given that of its scores, to `gradients`, and returns that of the rows.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn multiply_backward(
        &mut self,
        arithmetic: &mut impl SmallProduct,
        (of, head, scale): (&[f32], usize, f32),
        tokens: &[f32],
        gradients: &mut [f32],
    ) {
        let (width, wide, far) = self.widths();
        let (rows, count) = (self.operands.distances.rows(), tokens.len() / wide);
        self.rows.resize(rows * wide, 0.0);
        self.products.resize(count * wide, 0.0);
        gather(Biased { rows: of, bias: &self.nothing }, head, width, scale, &mut self.rows, wide);
        arithmetic.multiply(
            Factor::new(&self.scores, far),
            Factor::new(&self.rows, wide),
            &mut self.products,
            [count, wide, rows],
        );
        gradients.iter_mut().zip(&self.products).for_each(|(sum, more)| *sum += more);
        let of_rows = Factor::transposed(&self.scores, far);
        arithmetic.multiply(of_rows, Factor::new(tokens, wide), &mut self.rows, [rows, wide, count]);
    }
}

impl ScoreTerms for RelativeTerms<'_> {
    fn terms(&self) -> usize {
        1 + usize::from(self.operands.key.is_some()) + usize::from(self.operands.query.is_some())
    }

    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn add(
        &mut self,
        arithmetic: &mut impl SmallProduct,
        head: usize,
        scaled_queries: &[f32],
        keys: &[f32],
        HeadScores { values, long }: HeadScores<&mut [f32]>,
    ) {
        let (_, _, far) = self.widths();
        let RelativeOperands { key, query, bias, distances } = self.operands;
        if let Some(rows) = key {
            self.multiply(arithmetic, rows, head, 1.0, scaled_queries);
            add_by_query(distances, (&self.scores, far), (values, long));
        }
        if let Some(rows) = query {
            self.multiply(arithmetic, rows, head, self.scale, keys);
            add_by_key(distances, (&self.scores, far), (values, long));
        }
        if let Some(rows) = bias {
            self.scores.clear();
            self.scores.extend(rows.iter().skip(head).step_by(self.heads));
            add_bias(distances, &self.scores, (values, long));
        }
    }

    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn backward(
        &mut self,
        arithmetic: &mut impl SmallProduct,
        head: usize,
        scaled_queries: &[f32],
        keys: &[f32],
        HeadScores { values, long }: HeadScores<&[f32]>,
        [of_queries, of_keys]: [&mut [f32]; 2],
    ) {
        let (width, wide, far) = self.widths();
        let RelativeOperands { key, query, bias, distances } = self.operands;
        if let Some(rows) = key {
            self.scores.resize(scaled_queries.len() / wide * far, 0.0);
            sum_by_query(distances, (values, long), (&mut self.scores, far));
            self.multiply_backward(arithmetic, (rows, head, 1.0), scaled_queries, of_queries);
            self.of_key.resize(rows.len(), 0.0);
            scatter(&self.rows, wide, &mut self.of_key, self.d, head, width, 1.0);
        }
        if let Some(rows) = query {
            self.scores.resize(keys.len() / wide * far, 0.0);
            sum_by_key(distances, (values, long), (&mut self.scores, far));
            self.multiply_backward(arithmetic, (rows, head, self.scale), keys, of_keys);
            self.of_query.resize(rows.len(), 0.0);
            scatter(&self.rows, wide, &mut self.of_query, self.d, head, width, self.scale);
        }
        if let Some(rows) = bias {
            self.scores.clear();
            self.scores.resize(distances.rows(), 0.0);
            sum_bias(distances, (values, long), &mut self.scores);
            self.of_bias.resize(rows.len(), 0.0);
            self.of_bias.iter_mut().skip(head).step_by(self.heads).zip(&self.scores).for_each(|(of, sum)| *of = *sum);
        }
    }
}
