//! RoBERTa (Liu et al. 2019) and the models that transformers builds the same way: DistilRoBERTa, XLM-RoBERTa (Conneau et al.
//! 2020) and CamemBERT (Martin et al. 2020).

use anyhow::{Context, Result, ensure};

use super::bert;
use super::config::ConfigFile;
use super::encoder::Encoder;
use super::family::{Family, FamilyNames};
use super::parameter::{Builder, ModelPart};
use super::positions::Positions;
use super::post_norm::{HeadActivation, PostNorm, PostNormEmbeddings, dense_head};
use super::shape::{EncoderShape, ShapeKeys};

/// The models of this kind that have classes of their own in transformers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RobertaKind {
    Roberta,
    XlmRoberta,
    Camembert,
}

impl RobertaKind {
    pub fn of_model_type(name: &str) -> Option<Self> {
        [Self::Roberta, Self::XlmRoberta, Self::Camembert].into_iter().find(|model| model.names().model_type == name)
    }

    /// The keys and defaults of `RobertaConfig`, `XLMRobertaConfig` and `CamembertConfig`.
    fn keys(self) -> ShapeKeys {
        let vocab_size = if self == Self::Roberta { 50_265 } else { 30_522 };
        ShapeKeys { vocab_size, pad_token_id: 1, ..bert::KEYS }
    }

    pub fn parse(self, file: &ConfigFile) -> Result<(EncoderShape, Self)> {
        let shape = EncoderShape::parse(file, &self.keys())?;
        let padding = shape.pad_token_id.context("pad_token_id is null, but position ids are counted from it")?;
        let positions = shape.max_position_embeddings;
        ensure!(
            positions > padding as usize + 1,
            "max_position_embeddings is {positions}, and the first token has the position pad_token_id + 1 = {}",
            padding + 1
        );
        Ok((EncoderShape { positions: Positions::AfterPadding(padding), ..shape }, self))
    }
}

impl Family for RobertaKind {
    fn names(&self) -> FamilyNames {
        let (model_type, class) = match self {
            Self::Roberta => ("roberta", "RobertaForSequenceClassification"),
            Self::XlmRoberta => ("xlm-roberta", "XLMRobertaForSequenceClassification"),
            Self::Camembert => ("camembert", "CamembertForSequenceClassification"),
        };
        FamilyNames { model_type, class, base_model_prefix: "roberta." }
    }

    fn encoder(&self, shape: &EncoderShape, all: &mut Builder, outputs: usize) -> Encoder {
        let d = shape.hidden_size;
        let head = |all: &mut Builder| dense_head(all, d, outputs, HeadActivation::Tanh);
        // transformers declares the head of the other two before their encoder.
        let first = (*self != Self::Roberta).then(|| head(all));
        all.part(ModelPart::Embeddings);
        let words = all.word_embedding("roberta.embeddings.word_embeddings", [shape.vocab_size, d], shape.pad_token_id);
        let segments = all.embedding("roberta.embeddings.token_type_embeddings", [shape.type_vocab_size, d]);
        let norm = all.layer_norm("roberta.embeddings.LayerNorm", d);
        let (table, padding) = ([shape.max_position_embeddings, d], shape.positions.untrained());
        let positions = Some(all.position_embedding("roberta.embeddings.position_embeddings", table, padding));
        let embeddings = PostNormEmbeddings { words, positions, segments: Some(segments), norm, projection: None };
        let layers = bert::layers(all, "roberta.encoder", shape);
        let head = first.unwrap_or_else(|| head(all));
        Encoder::PostNorm(PostNorm::like_bert(shape, embeddings, layers, head))
    }
}
