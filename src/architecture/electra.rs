//! ELECTRA discriminators (Clark et al. 2020), as in transformers' `ElectraForSequenceClassification`.

use anyhow::Result;

use super::bert;
use super::config::{ConfigFile, largest};
use super::encoder::Encoder;
use super::family::{Family, FamilyNames};
use super::parameter::Builder;
use super::post_norm::{EmbeddingProjection, HeadActivation, PostNorm, dense_head};
use super::shape::{EncoderShape, ShapeKeys};

pub(super) const MODEL_TYPE: &str = "electra";

/// The keys and defaults of `ElectraConfig`, the small model.
const KEYS: ShapeKeys = ShapeKeys {
    hidden_size: ("hidden_size", 256),
    num_attention_heads: ("num_attention_heads", 4),
    intermediate_size: ("intermediate_size", 1024),
    ..bert::KEYS
};

/// An ELECTRA encoder.
#[derive(Debug)]
pub(super) struct Electra;

impl Electra {
    pub fn parse(file: &ConfigFile) -> Result<(EncoderShape, Self)> {
        let embedding_size = file.size("embedding_size", 128, largest::WIDTH)?;
        Ok((EncoderShape { embedding_size, ..EncoderShape::parse(file, &KEYS)? }, Self))
    }
}

impl Family for Electra {
    fn names(&self) -> FamilyNames {
        FamilyNames { model_type: MODEL_TYPE, class: "ElectraForSequenceClassification", base_model_prefix: "electra." }
    }

    fn encoder(&self, shape: &EncoderShape, all: &mut Builder, outputs: usize) -> Encoder {
        let (d, narrow) = (shape.hidden_size, shape.embedding_size);
        let mut embeddings = bert::embeddings(all, "electra.embeddings", shape);
        embeddings.projection =
            (narrow != d).then(|| EmbeddingProjection::AfterNorm(all.linear("electra.embeddings_project", narrow, d)));
        let layers = bert::layers(all, "electra.encoder", shape);
        let head = dense_head(all, d, outputs, HeadActivation::Gelu);
        Encoder::PostNorm(PostNorm::like_bert(shape, embeddings, layers, head))
    }

    fn description(&self, shape: &EncoderShape) -> String {
        shape.description("", &format!(", embeddings of width {}", shape.embedding_size))
    }
}
