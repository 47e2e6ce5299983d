//! The device copy of a batch: everything that differs between two batches of the same shape, in one allocation, so that a
//! replayed step reads the batch that was last written there.

use burn_cubecl::tensor::CubeTensor;

use super::attention::{FIELDS, TILE, TILE_FIELDS};
use super::segment_sum::SegmentLists;
use super::tensors::{upload, view};
use crate::kernels::ragged_batch::few_sizes;
use crate::kernels::{BatchIndices, BatchNumbers, Queries, RaggedBatch, ResidentBatch, ResidentTokens, Targets};

/// Alignment of sections, in numbers, at which every GPU can bind them.
const ALIGNMENT: usize = 64;

/// Everything besides the model that determines the sizes of a step's buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchShape {
    /// Number of tokens, rounded up to one of few sizes.
    pub rows: usize,
    /// Number of examples.
    pub examples: usize,
    /// Query-key pairs, summed over all examples and rounded up.
    pub pairs: usize,
    /// Rows per example in the padded layout; 0 if no operation needs it.
    pub padded_length: usize,
}

impl BatchShape {
    /// Returns the shape of a batch of examples with these numbers of tokens, with or without the padded layout.
    pub fn of(lengths: impl Iterator<Item = usize>, is_padded: bool) -> Self {
        let (mut tokens, mut examples, mut pairs, mut longest) = (0, 0, 0, 0_usize);
        for length in lengths {
            (tokens, examples, pairs, longest) = (tokens + length, examples + 1, pairs + length * length, longest.max(length));
        }
        let padded_length = if is_padded { few_sizes(longest) } else { 0 };
        Self { rows: few_sizes(tokens), examples, pairs: pairs.max(1).next_power_of_two(), padded_length }
    }
}

impl RaggedBatch {
    /// Returns the batch's shape on a GPU.
    #[must_use]
    pub fn shape(&self) -> BatchShape {
        BatchShape::of(self.lengths(), self.is_padded)
    }
}

/// A batch on a GPU.
#[derive(Clone, Debug)]
pub struct BatchTables {
    /// The shape of every batch that fits.
    pub shape: BatchShape,
    memory: CubeTensor,
    /// The batch's number, as the two words that it occupies in the dropout counter.
    pub number: CubeTensor,
    /// Token ids, positions and segment ids, each `[rows]`.
    pub ids: CubeTensor,
    /// Location of each query, `[rows * FIELDS]`: the example's first key row, number of keys and number of queries, the
    /// number of one head's probabilities before the example, the query's index in the example, and its token's row.
    pub queries: CubeTensor,
    /// The same for each key, with the example's first query row, and the key's index and row.
    pub keys: CubeTensor,
    /// Like `queries`, with queries only for each example's first token: `[examples * FIELDS]`.
    pub first_queries: CubeTensor,
    /// Like `keys`, with queries only for each example's first token: `[rows * FIELDS]`.
    pub first_keys: CubeTensor,
    /// Tiles of rows, each within one example: `[tiles * TILE_FIELDS]`. Unused tiles have no rows.
    pub tiles: CubeTensor,
    /// Tiles of the first tokens, one row each.
    pub first_tiles: CubeTensor,
    /// The row of each example's first token.
    pub first_rows: CubeTensor,
    /// Row where each example begins, followed by the end of the last one.
    pub offsets: CubeTensor,
    /// [`RaggedBatch::rows_by_position`], `[rows]`.
    pub rows_by_position: CubeTensor,
    /// The class of each example, or the bits of its float targets.
    pub targets: CubeTensor,
    /// The rows of each distinct token, see [`SegmentLists`].
    pub listed: CubeTensor,
    /// Index in `listed` where each list begins.
    pub bounds: CubeTensor,
    /// Index of the first list of each distinct token.
    pub of_place: CubeTensor,
    /// The distinct token ids, ascending, padded with ids that no token has: `[rows]`.
    pub unique_ids: CubeTensor,
    /// [`BatchIndices::ToPadded`].
    pub to_padded: CubeTensor,
    /// [`BatchIndices::FromPadded`].
    pub from_padded: CubeTensor,
    /// The bits of [`BatchNumbers::TokenMask`].
    pub token_mask: CubeTensor,
}

impl BatchTables {
    /// Uploads a batch to the GPU of another tensor.
    pub fn upload(batch: &RaggedBatch, beside: &CubeTensor) -> Self {
        let shape = batch.shape();
        let sections = sections(batch, shape);
        let memory = upload(beside, packed(&sections));
        let (mut start, mut lengths) = (0, sections.iter().map(Vec::len));
        let mut next = || {
            let length = lengths.next().unwrap_or_else(|| unreachable!("there are as many sections as fields"));
            let section = view(&memory, start, length);
            start += length.next_multiple_of(ALIGNMENT);
            section
        };
        // In the order of the sections.
        Self {
            shape,
            number: next(),
            ids: next(),
            queries: next(),
            keys: next(),
            first_queries: next(),
            first_keys: next(),
            tiles: next(),
            first_tiles: next(),
            first_rows: next(),
            offsets: next(),
            rows_by_position: next(),
            targets: next(),
            listed: next(),
            bounds: next(),
            of_place: next(),
            unique_ids: next(),
            to_padded: next(),
            from_padded: next(),
            token_mask: next(),
            memory,
        }
    }

    /// Overwrites this batch with another of the same shape.
    pub fn write(&self, batch: &RaggedBatch) {
        super::tensors::write(&self.memory, packed(&sections(batch, self.shape)));
    }

    /// Returns the allocation that holds all tables.
    pub fn memory(&self) -> &CubeTensor {
        &self.memory
    }

    /// Returns the number of probabilities to allocate, over all examples and heads.
    pub fn probabilities(&self, heads: usize, queries: Queries) -> usize {
        heads * if queries == Queries::First { self.shape.rows } else { self.shape.pairs }
    }
}

impl ResidentBatch {
    /// Returns the tables on the GPU of another tensor, uploading them on first use.
    pub(super) fn tables(&self, beside: &CubeTensor) -> &BatchTables {
        self.on_device(|| {
            let tables = BatchTables::upload(self, beside);
            self.unique.on_device(|| tables.unique_ids.clone());
            tables
        })
    }
}

impl ResidentTokens {
    /// Returns the ids on the GPU of another tensor, padded to `rows` with ids that no token has.
    pub(super) fn ids_on(&self, beside: &CubeTensor, rows: usize) -> &CubeTensor {
        self.on_device(|| upload(beside, filled(&self.ids, rows, u32::MAX)))
    }
}

fn filled(values: &[u32], length: usize, with: u32) -> Vec<u32> {
    let mut values = values.to_vec();
    values.resize(length, with);
    values
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn packed(sections: &[Vec<u32>]) -> Vec<u32> {
    let mut all = Vec::with_capacity(sections.iter().map(|section| section.len() + ALIGNMENT).sum());
    for section in sections {
        all.extend(section);
        all.resize(all.len().next_multiple_of(ALIGNMENT), 0);
    }
    all
}

/// Returns the sections in the order of [`BatchTables`]' fields. Their lengths depend only on the shape and the width of the
/// targets.
fn sections(batch: &RaggedBatch, shape: BatchShape) -> [Vec<u32>; 19] {
    let row = |values: &[u32]| filled(values, shape.rows, 0);
    let [queries, keys] = places(batch, false).map(|places| filled(&places, shape.rows * FIELDS, 0));
    let [first_queries, first_keys] = places(batch, true);
    let lists = SegmentLists::of(&filled(&batch.unique.inverse, shape.rows, SegmentLists::NONE), shape.rows);
    let targets = match &batch.targets {
        Targets::None => vec![0; shape.examples],
        Targets::Classes(classes) => classes.clone(),
        Targets::Labels { values, .. } | Targets::Values(values) => bits(values),
    };
    // An unused section still has one number, so that there is something to bind.
    let slots = (shape.examples * shape.padded_length).max(1);
    let [to_padded, from_padded] = [BatchIndices::ToPadded, BatchIndices::FromPadded].map(|which| batch.indices(which));
    [
        vec![(batch.number << 16) as u32, (batch.number >> 16) as u32],
        [row(&batch.tokens), row(&batch.positions), row(&batch.segments)].concat(),
        queries,
        keys,
        first_queries,
        filled(&first_keys, shape.rows * FIELDS, 0),
        tiles(batch, shape),
        (0..shape.examples as u32).flat_map(|example| [example, 1]).collect(),
        batch.first_rows.clone(),
        batch.offsets.iter().map(|offset| *offset as u32).collect(),
        filled(&batch.rows_by_position(), shape.rows, u32::MAX),
        targets,
        lists.listed,
        lists.bounds,
        lists.of_place,
        filled(&batch.unique.ids, shape.rows, u32::MAX),
        filled(&to_padded, slots, 0),
        filled(&from_padded, if shape.padded_length > 0 { shape.rows } else { 1 }, 0),
        filled(&bits(&batch.numbers(BatchNumbers::TokenMask)), slots, 0),
    ]
}

/// Returns the locations of queries and keys.
fn places(batch: &RaggedBatch, first_only: bool) -> [Vec<u32>; 2] {
    let (mut of_queries, mut of_keys, mut start) = (Vec::new(), Vec::new(), 0);
    for example in 0..batch.examples() {
        let (first, keys) = (batch.offsets[example], batch.length(example));
        let (first_query, queries) = if first_only { (example, 1) } else { (first, keys) };
        for query in 0..queries {
            of_queries.extend([first, keys, queries, start, query, first + query].map(|number| number as u32));
        }
        for key in 0..keys {
            of_keys.extend([first_query, keys, queries, start, key, first + key].map(|number| number as u32));
        }
        start += queries * keys;
    }
    [of_queries, of_keys]
}

/// Splits the rows of each example, and the padding rows, into tiles.
fn tiles(batch: &RaggedBatch, shape: BatchShape) -> Vec<u32> {
    let ends = batch.offsets.iter().copied().chain([shape.rows]);
    let spans = batch.offsets.iter().zip(ends.skip(1));
    let within = |(start, end): (&usize, usize)| (*start..end).step_by(TILE).map(move |first| [first, TILE.min(end - first)]);
    let tiles = spans.flat_map(within).flatten().map(|number| number as u32).collect::<Vec<_>>();
    // Each example leaves at most one tile partly filled, and so does the padding.
    let most = (shape.rows + (TILE - 1) * (shape.examples + 1)) / TILE;
    filled(&tiles, most * TILE_FIELDS, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_of_one_shape_are_uploaded_in_as_many_numbers() {
        let batch = |lengths: &[usize]| {
            let examples: Vec<Vec<u32>> = lengths.iter().map(|length| (0..*length as u32).collect()).collect();
            RaggedBatch::new(examples.iter().map(|tokens| (&**tokens, &**tokens)))
        };
        let (a, b) = (batch(&[9, 29, 8, 1]), batch(&[11, 28, 7, 1]));
        assert_eq!(a.shape(), b.shape());
        let lengths = |batch: &RaggedBatch| sections(batch, batch.shape()).map(|section| section.len());
        assert_eq!(lengths(&a), lengths(&b));
        assert_ne!(a.shape(), batch(&[9, 29, 8]).shape());
        let (a, b) = (a.with_padded_layout(), batch(&[10, 28, 8, 1]).with_padded_layout());
        assert_eq!(a.shape(), b.shape());
        assert_eq!(lengths(&a), lengths(&b));
        assert_ne!(a.shape(), batch(&[9, 33, 8, 1]).with_padded_layout().shape());
    }

    #[test]
    fn every_row_is_in_one_tile_and_no_tile_in_two_examples() {
        for lengths in [vec![9, 29, 8, 1], vec![16], vec![1; 7], vec![33, 17, 128, 16], vec![15, 15, 15]] {
            let examples: Vec<Vec<u32>> = lengths.iter().map(|length| (0..*length as u32).collect()).collect();
            let batch = RaggedBatch::new(examples.iter().map(|tokens| (&**tokens, &**tokens)));
            let tiles = tiles(&batch, batch.shape());
            let mut next = 0;
            for tile in tiles.chunks_exact(TILE_FIELDS).filter(|tile| tile[1] > 0) {
                assert!(tile[0] == next && tile[1] as usize <= TILE, "{lengths:?}: {tile:?}");
                next += tile[1];
                assert!(batch.offsets.iter().all(|offset| *offset as u32 <= tile[0] || *offset as u32 >= next), "{lengths:?}");
            }
            assert_eq!(next as usize, batch.shape().rows, "{lengths:?}");
        }
    }
}
