//! SentencePiece's model files (Kudo and Richardson 2018), which are protocol buffers.

use anyhow::{Context, Result, ensure};
use prost::Message;

/// `ModelProto` in SentencePiece's `sentencepiece_model.proto`, with the fields that tokenization needs.
#[derive(Clone, Message)]
pub(super) struct SentencePieceModel {
    #[prost(message, repeated, tag = "1")]
    pub pieces: Vec<SentencePiece>,
    #[prost(message, optional, tag = "2")]
    trainer: Option<TrainerSpec>,
    #[prost(message, optional, tag = "3")]
    normalizer: Option<NormalizerSpec>,
}

#[derive(Clone, Message)]
pub(super) struct SentencePiece {
    #[prost(string, tag = "1")]
    pub piece: String,
    /// Logarithm of its probability.
    #[prost(float, tag = "2")]
    pub score: f32,
    #[prost(enumeration = "PieceKind", optional, tag = "3")]
    kind: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum PieceKind {
    Normal = 1,
    Unknown = 2,
    /// Such as `<s>`; never the result of tokenizing a text.
    Control = 3,
    /// Always kept whole.
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

#[derive(Clone, Message)]
struct TrainerSpec {
    #[prost(int32, optional, tag = "3")]
    model_type: Option<i32>,
    #[prost(int32, optional, tag = "40")]
    unk_id: Option<i32>,
}

#[derive(Clone, Message)]
struct NormalizerSpec {
    #[prost(bytes = "vec", tag = "2")]
    precompiled_charsmap: Vec<u8>,
}

/// `TrainerSpec.ModelType.UNIGRAM`, the default.
const UNIGRAM: i32 = 1;

impl SentencePieceModel {
    /// Parses the bytes of a Unigram model.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let model = Self::decode(bytes).context("it is damaged or not a SentencePiece model")?;
        let kind = model.trainer.as_ref().and_then(|trainer| trainer.model_type).unwrap_or(UNIGRAM);
        ensure!(
            kind == UNIGRAM,
            "it is a SentencePiece model of type {kind}, and only Unigram models (type {UNIGRAM}) are supported"
        );
        ensure!(model.pieces.len() > 3, "it has only {} pieces", model.pieces.len());
        Ok(model)
    }

    /// The pieces of these kinds with their kinds, in id order.
    pub fn pieces_of(&self, kinds: &[PieceKind]) -> impl Iterator<Item = (&str, PieceKind)> {
        let of = |piece: &SentencePiece| piece.kind.map_or(PieceKind::Normal, |_| piece.kind());
        self.pieces.iter().map(move |piece| (piece.piece.as_str(), of(piece))).filter(|(_, kind)| kinds.contains(kind))
    }

    /// The id of the piece for unknown characters.
    ///
    /// # Errors
    /// The model has no such piece.
    pub fn unknown(&self) -> Result<usize> {
        let id = self.trainer.as_ref().and_then(|trainer| trainer.unk_id).unwrap_or(0);
        let known = usize::try_from(id).ok().filter(|id| *id < self.pieces.len());
        known.with_context(|| format!("its unk_id is {id}, and it has {} pieces", self.pieces.len()))
    }

    /// The table by which a text is normalized, if the model has one.
    pub fn charsmap(&self) -> Option<&[u8]> {
        let map = &self.normalizer.as_ref()?.precompiled_charsmap;
        (!map.is_empty()).then_some(map)
    }
}
