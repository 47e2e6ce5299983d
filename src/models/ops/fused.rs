//! The operations by fused kernels.

use std::sync::Arc;

use burn::backend::DispatchTensor;
use burn::tensor::Tensor;

use super::Hidden;
use super::embedding_tables::EmbeddingTables;
use super::layers::{AttentionLayer, LayerNorm, Linear};
use super::relative::{LayerPositions, RelativeBias};
use crate::architecture::Gelu;
use crate::kernels::{
    Attention, BiasGelu, BiasedAttention, DisentangledAttention, DropoutAddNorm, DropoutMask, Embedding, MatmulPrecision,
    NormDropout, Operation, Queries, ResidentBatch, SelectFirst, SelfAttention,
};
use crate::models::product;

pub fn embedding(batch: &Arc<ResidentBatch>, tables: &EmbeddingTables) -> Tensor<2> {
    let tables = [tables.words.clone(), tables.positions_or_zeros(), tables.segments_or_zeros()].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Embedding { batch: Arc::clone(batch) }.apply(tables))
}

pub fn norm_dropout(batch: &Arc<ResidentBatch>, x: Tensor<2>, norm: &LayerNorm, dropout: Option<DropoutMask>) -> Tensor<2> {
    let [scale, shift] = [norm.scale.clone(), norm.shift_or_zeros()].map(Tensor::into_dispatch);
    let operation = NormDropout { batch: Arc::clone(batch), epsilon: norm.epsilon, dropout };
    Tensor::from_dispatch(operation.apply([x.into_dispatch(), scale, shift]))
}

pub fn attention(
    batch: &Arc<ResidentBatch>,
    heads: usize,
    queries: Queries,
    precision: MatmulPrecision,
    dropout: Option<DropoutMask>,
) -> Attention {
    Attention { batch: Arc::clone(batch), heads, queries, precision, dropout }
}

fn biases(parts: [&Linear; 3]) -> [DispatchTensor; 3] {
    parts.map(|part| part.bias_or_zeros().into_dispatch())
}

/// Computes attention from every token to all tokens of its example.
pub fn self_attention(attention: Attention, x: Tensor<2>, layer: &AttentionLayer) -> Tensor<2> {
    let parts = layer.parts();
    let [query, key, value] = parts.map(|part| part.weight.clone().into_dispatch());
    let [query_bias, key_bias, value_bias] = biases(parts);
    let operands = [x.into_dispatch(), query, query_bias, key, key_bias, value, value_bias];
    Tensor::from_dispatch(SelfAttention(attention).apply(operands))
}

/// Computes attention from other rows to all tokens of their example.
pub fn attend(attention: Attention, queries: Tensor<2>, x: &Tensor<2>, layer: &AttentionLayer) -> Tensor<2> {
    let operands = projected(&attention, queries, x, layer);
    Tensor::from_dispatch(attention.apply(operands))
}

/// Computes attention from these rows to all tokens of their example, with scores that depend on relative positions, too.
pub fn attend_relatively(
    attention: Attention,
    queries: Tensor<2>,
    x: &Tensor<2>,
    layer: &AttentionLayer,
    positions: &LayerPositions<'_>,
) -> Tensor<2> {
    let [query, query_bias, key, key_bias, value, value_bias] = projected(&attention, queries, x, layer);
    let [_, width] = x.dims();
    let or_none = |rows: &Option<Tensor<2>>| {
        let none = || Tensor::zeros([1, width], &x.device().without_autodiff());
        rows.clone().unwrap_or_else(none).into_dispatch()
    };
    let [position_key, position_query] = [&positions.key, &positions.query].map(or_none);
    let operation = DisentangledAttention {
        attention,
        rows: Arc::clone(&positions.table.index.rows),
        first_row: positions.rows.start,
        has_position_keys: positions.key.is_some(),
        has_position_queries: positions.query.is_some(),
    };
    let operands = [query, query_bias, key, key_bias, value, value_bias, position_key, position_query];
    Tensor::from_dispatch(operation.apply(operands))
}

/// Computes attention from these rows to all tokens of their example, with a bias by relative position on each score.
pub fn attend_with_bias(
    attention: Attention,
    queries: Tensor<2>,
    x: &Tensor<2>,
    layer: &AttentionLayer,
    bias: &RelativeBias,
) -> Tensor<2> {
    let [query, query_bias, key, key_bias, value, value_bias] = projected(&attention, queries, x, layer);
    let operation = BiasedAttention { attention, rows: Arc::clone(&bias.index.rows) };
    let operands = [query, query_bias, key, key_bias, value, value_bias, bias.table.clone().into_dispatch()];
    Tensor::from_dispatch(operation.apply(operands))
}

/// The operands of attention: queries, keys and values, each with its bias, which is not added yet.
fn projected(attention: &Attention, queries: Tensor<2>, x: &Tensor<2>, layer: &AttentionLayer) -> [DispatchTensor; 6] {
    let project = |x: Tensor<2>, part: &Linear| product(x, part.weight.clone(), attention.precision).into_dispatch();
    let [query_bias, key_bias, value_bias] = biases(layer.parts());
    let (query, key) = (project(queries, &layer.query), project(x.clone(), &layer.key));
    [query, query_bias, key, key_bias, project(x.clone(), &layer.value), value_bias]
}

/// Takes x without the bias of `linear`, which the kernel adds.
pub fn dropout_add_norm(
    batch: &Arc<ResidentBatch>,
    x: Tensor<2>,
    linear: &Linear,
    residual: Hidden,
    norm: &LayerNorm,
    (precision, dropout): (MatmulPrecision, Option<DropoutMask>),
) -> Tensor<2> {
    let operation =
        DropoutAddNorm { batch: Arc::clone(batch), epsilon: norm.epsilon, precision, dropout, queries: residual.tokens };
    let [bias, scale, shift] = [linear.bias_or_zeros(), norm.scale.clone(), norm.shift_or_zeros()].map(Tensor::into_dispatch);
    Tensor::from_dispatch(operation.apply([x.into_dispatch(), bias, residual.x.into_dispatch(), scale, shift]))
}

/// Takes x without the bias of `linear`, which the kernel adds.
pub fn bias_gelu(gelu: Gelu, x: Tensor<2>, linear: &Linear, precision: MatmulPrecision) -> Tensor<2> {
    Tensor::from_dispatch(BiasGelu { gelu, precision }.apply([x.into_dispatch(), linear.bias_or_zeros().into_dispatch()]))
}

pub fn select_first(batch: &Arc<ResidentBatch>, x: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(SelectFirst { batch: Arc::clone(batch) }.apply([x.into_dispatch()]))
}
