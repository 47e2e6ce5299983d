//! What a GPU is told of a batch: all that differs between two batches of one shape, in one piece of memory, so that a
//! recorded step reads another batch where the next one is written there.

use burn_cubecl::tensor::CubeTensor;

use super::lists::Lists;
use super::tensors::{upload, view};
use super::tiles::TILE;
use crate::kernels::{Rows, Words};

/// Numbers that tell a query or a key its place.
pub const FIELDS: usize = 6;
/// Numbers of a tile: its first row, and how many rows it has.
pub const TILE_FIELDS: usize = 2;
/// Sections begin at multiples of so many numbers, where every GPU can bind them.
const ALIGNMENT: usize = 64;
/// The rows that a batch is filled up to are multiples of at least so many.
const FINEST: usize = 8;

/// Everything that the sizes of a step's memory follow from, besides the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows: the tokens, and what fills them up to one of few numbers.
    pub rows: usize,
    /// Examples.
    pub examples: usize,
    /// Queries and keys of one example, over all examples, or somewhat more.
    pub pairs: usize,
}

impl Shape {
    /// Of a batch of examples with so many tokens each.
    pub fn of(lengths: impl Iterator<Item = usize>) -> Self {
        let (mut tokens, mut examples, mut pairs) = (0, 0, 0);
        for length in lengths {
            (tokens, examples, pairs) = (tokens + length, examples + 1, pairs + length * length);
        }
        Self { rows: filled_up(tokens), examples, pairs: pairs.max(1).next_power_of_two() }
    }
}

impl Rows {
    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> Shape {
        Shape::of((0..self.examples()).map(|example| self.length(example)))
    }
}

/// The next of few numbers, eight for each doubling: few shapes are met, and less than an eighth is added.
pub fn filled_up(tokens: usize) -> usize {
    let below = 1 << tokens.max(1).ilog2();
    tokens.max(1).next_multiple_of((below / 8).max(FINEST))
}

/// A batch on a GPU.
#[derive(Clone, Debug)]
pub struct Tables {
    /// What it fits.
    pub shape: Shape,
    memory: CubeTensor,
    /// The place of its dropout: the two counter words that name the batch.
    pub turn: CubeTensor,
    /// Tokens, positions and segments, each `[rows]`.
    pub ids: CubeTensor,
    /// Where each query's example stands, `[rows * FIELDS]`: its first key row, its keys, its queries, how many probabilities
    /// of one head are before it, the query's number in the example, the query's token.
    pub queries: CubeTensor,
    /// The same for each key: the example's first query row, and the key's number in place of the query's.
    pub keys: CubeTensor,
    /// The same where each example's first token asks alone, `[examples * FIELDS]`,
    pub first_queries: CubeTensor,
    /// and `[rows * FIELDS]`.
    pub first_keys: CubeTensor,
    /// Tiles of the rows, none of two examples: `[tiles * TILE_FIELDS]`. Those that are not needed have no rows.
    pub tiles: CubeTensor,
    /// The same of the first tokens, one each.
    pub first_tiles: CubeTensor,
    /// The first token of each example.
    pub firsts: CubeTensor,
    /// Where each example begins, and where the last one ends.
    pub offsets: CubeTensor,
    /// The label of each example.
    pub labels: CubeTensor,
    /// The rows of each word: [`Lists`].
    pub listed: CubeTensor,
    /// Where each list begins.
    pub bounds: CubeTensor,
    /// Where each word's lists begin.
    pub of_place: CubeTensor,
    /// The distinct words, ascending, and ids that no word has behind them: `[rows]`.
    pub words: CubeTensor,
}

impl Tables {
    /// Tells the GPU where another tensor lies.
    pub fn tell(rows: &Rows, beside: &CubeTensor) -> Self {
        let shape = rows.shape();
        let sections = sections(rows, shape);
        let memory = upload(beside, packed(&sections));
        let mut start = 0;
        let views = sections.map(|section| {
            let view = view(&memory, start, section.len());
            start += section.len().next_multiple_of(ALIGNMENT);
            view
        });
        let [
            turn,
            ids,
            queries,
            keys,
            first_queries,
            first_keys,
            tiles,
            first_tiles,
            firsts,
            offsets,
            labels,
            listed,
            bounds,
            of_place,
            words,
        ] = views;
        Self {
            shape,
            memory,
            turn,
            ids,
            queries,
            keys,
            first_queries,
            first_keys,
            tiles,
            first_tiles,
            firsts,
            offsets,
            labels,
            listed,
            bounds,
            of_place,
            words,
        }
    }

    /// Writes another batch of the same shape in this one's place.
    pub fn write(&self, rows: &Rows) {
        super::tensors::write(&self.memory, packed(&sections(rows, self.shape)));
    }

    /// Where it is.
    pub fn memory(&self) -> &CubeTensor {
        &self.memory
    }

    /// Probabilities there is room for, over all examples and heads.
    pub fn probabilities(&self, heads: usize, firsts: bool) -> usize {
        heads * if firsts { self.shape.rows } else { self.shape.pairs }
    }
}

impl Rows {
    /// What the GPU was told of it, where another tensor lies.
    pub(super) fn tables(&self, beside: &CubeTensor) -> &Tables {
        self.resident.get_or_tell(|| {
            let tables = Tables::tell(self, beside);
            self.words.resident.get_or_tell(|| tables.words.clone());
            tables
        })
    }
}

impl Words {
    /// Their ids on a GPU, where another tensor lies: as many as there are rows, those of no word behind them.
    pub(super) fn on_gpu(&self, beside: &CubeTensor, rows: usize) -> &CubeTensor {
        self.resident.get_or_tell(|| upload(beside, filled(&self.ids, rows, u32::MAX)))
    }
}

fn filled(values: &[u32], length: usize, with: u32) -> Vec<u32> {
    let mut values = values.to_vec();
    values.resize(length, with);
    values
}

fn packed(sections: &[Vec<u32>]) -> Vec<u32> {
    let mut all = Vec::with_capacity(sections.iter().map(|section| section.len() + ALIGNMENT).sum());
    for section in sections {
        all.extend(section);
        all.resize(all.len().next_multiple_of(ALIGNMENT), 0);
    }
    all
}

/// In the order of [`Tables`]' fields. Their lengths follow from the shape alone.
fn sections(rows: &Rows, shape: Shape) -> [Vec<u32>; 15] {
    let row = |values: &[u32]| filled(values, shape.rows, 0);
    let [queries, keys] = places(rows, false).map(|places| filled(&places, shape.rows * FIELDS, 0));
    let [first_queries, first_keys] = places(rows, true);
    let lists = Lists::of(&filled(&rows.words.places, shape.rows, Lists::NOWHERE), shape.rows);
    [
        vec![(rows.turn << 16) as u32, (rows.turn >> 16) as u32],
        [row(&rows.tokens), row(&rows.positions), row(&rows.segments)].concat(),
        queries,
        keys,
        first_queries,
        filled(&first_keys, shape.rows * FIELDS, 0),
        tiles(rows, shape),
        (0..shape.examples as u32).flat_map(|example| [example, 1]).collect(),
        rows.firsts.clone(),
        rows.offsets.iter().map(|offset| *offset as u32).collect(),
        filled(&rows.labels, shape.examples, 0),
        lists.listed,
        lists.bounds,
        lists.of_place,
        filled(&rows.words.ids, shape.rows, u32::MAX),
    ]
}

/// The places of queries and keys.
fn places(rows: &Rows, firsts: bool) -> [Vec<u32>; 2] {
    let (mut of_queries, mut of_keys, mut start) = (Vec::new(), Vec::new(), 0);
    for example in 0..rows.examples() {
        let (first, keys) = (rows.offsets[example], rows.length(example));
        let (first_query, queries) = if firsts { (example, 1) } else { (first, keys) };
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

/// The rows by tiles: of each example, and of what fills them up.
fn tiles(rows: &Rows, shape: Shape) -> Vec<u32> {
    let ends = rows.offsets.iter().copied().chain([shape.rows]);
    let spans = rows.offsets.iter().zip(ends.skip(1));
    let within = |(start, end): (&usize, usize)| (*start..end).step_by(TILE).map(move |first| [first, TILE.min(end - first)]);
    let tiles = spans.flat_map(within).flatten().map(|number| number as u32).collect::<Vec<_>>();
    // An example leaves at most one tile that is not full, and so does what fills up.
    let most = (shape.rows + (TILE - 1) * (shape.examples + 1)) / TILE;
    filled(&tiles, most * TILE_FIELDS, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_filled_up_to_few_sizes_and_by_little() {
        let sizes: std::collections::BTreeSet<usize> = (1..=4096).map(filled_up).collect();
        assert!(sizes.len() <= 8 * 6 + 8, "{}", sizes.len());
        for tokens in 1..=4096 {
            let filled = filled_up(tokens);
            assert!(filled >= tokens && filled < tokens + (tokens / 8).max(FINEST), "{tokens} and {filled}");
        }
        assert_eq!([1, 8, 9, 65, 424, 1700].map(filled_up), [8, 8, 16, 72, 448, 1792]);
    }

    #[test]
    fn batches_of_one_shape_are_told_in_as_many_numbers() {
        let rows = |lengths: &[usize]| {
            let examples: Vec<Vec<u32>> = lengths.iter().map(|length| (0..*length as u32).collect()).collect();
            Rows::new(examples.iter().map(|tokens| (&**tokens, &**tokens)))
        };
        let (a, b) = (rows(&[9, 29, 8, 1]), rows(&[11, 28, 7, 1]));
        assert_eq!(a.shape(), b.shape());
        let lengths = |rows: &Rows| sections(rows, rows.shape()).map(|section| section.len());
        assert_eq!(lengths(&a), lengths(&b));
        assert_ne!(a.shape(), rows(&[9, 29, 8]).shape());
    }

    #[test]
    fn every_row_is_in_one_tile_and_no_tile_in_two_examples() {
        for lengths in [vec![9, 29, 8, 1], vec![16], vec![1; 7], vec![33, 17, 128, 16], vec![15, 15, 15]] {
            let examples: Vec<Vec<u32>> = lengths.iter().map(|length| (0..*length as u32).collect()).collect();
            let rows = Rows::new(examples.iter().map(|tokens| (&**tokens, &**tokens)));
            let tiles = tiles(&rows, rows.shape());
            let mut next = 0;
            for tile in tiles.chunks_exact(TILE_FIELDS).filter(|tile| tile[1] > 0) {
                assert!(tile[0] == next && tile[1] as usize <= TILE, "{lengths:?}: {tile:?}");
                next += tile[1];
                assert!(rows.offsets.iter().all(|offset| *offset as u32 <= tile[0] || *offset as u32 >= next), "{lengths:?}");
            }
            assert_eq!(next as usize, rows.shape().rows, "{lengths:?}");
        }
    }
}
