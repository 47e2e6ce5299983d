//! RoBERTa (Liu et al. 2019) and the models that transformers builds the same way: DistilRoBERTa, XLM-RoBERTa (Conneau et al.
//! 2020) and CamemBERT (Martin et al. 2020).

use anyhow::{Context, Result, ensure};

use super::bert::{BertConfig, Defaults};
use super::config::ConfigFile;
use super::family::Family;
use super::parameter::{Builder, ModelPart};
use super::post_norm::{Gelu, HeadActivation, PostNorm, PostNormEmbeddings, bert_layers, dense_head};
use super::{DropoutProbabilities, Encoder, Positions};

/// The names under which transformers knows these models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RobertaKind {
    Roberta,
    XlmRoberta,
    Camembert,
}

impl RobertaKind {
    pub fn of_model_type(name: &str) -> Option<Self> {
        [Self::Roberta, Self::XlmRoberta, Self::Camembert].into_iter().find(|kind| kind.model_type() == name)
    }

    fn model_type(self) -> &'static str {
        match self {
            Self::Roberta => "roberta",
            Self::XlmRoberta => "xlm-roberta",
            Self::Camembert => "camembert",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Roberta => "RobertaForSequenceClassification",
            Self::XlmRoberta => "XLMRobertaForSequenceClassification",
            Self::Camembert => "CamembertForSequenceClassification",
        }
    }

    fn defaults(self) -> Defaults {
        let vocab_size = if self == Self::Roberta { 50_265 } else { 30_522 };
        Defaults { vocab_size, hidden_size: 768, num_attention_heads: 12, intermediate_size: 3072, pad_token_id: 1 }
    }
}

/// A RoBERTa encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct RobertaConfig {
    shape: BertConfig,
    kind: RobertaKind,
    /// The padding token, from which positions are counted.
    padding: u32,
}

impl RobertaConfig {
    pub(super) fn parse(file: ConfigFile, kind: RobertaKind) -> Result<Self> {
        let shape = BertConfig::with_defaults(file, &kind.defaults())?;
        let padding = shape.pad_token_id.context("pad_token_id is null, but position ids are counted from it")?;
        let positions = shape.max_position_embeddings;
        ensure!(
            positions > padding as usize + 1,
            "max_position_embeddings is {positions}, and the first token has the position pad_token_id + 1 = {}",
            padding + 1
        );
        Ok(Self { shape, kind, padding })
    }
}

impl Family for RobertaConfig {
    fn file(&self) -> &ConfigFile {
        &self.shape.file
    }

    fn model_type(&self) -> &'static str {
        self.kind.model_type()
    }

    fn class(&self) -> &'static str {
        self.kind.class()
    }

    fn base_model_prefix(&self) -> &'static str {
        "roberta."
    }

    fn encoder(&self, all: &mut Builder, outputs: usize) -> Encoder {
        let (shape, d) = (&self.shape, self.shape.hidden_size);
        let head = |all: &mut Builder| dense_head(all, d, outputs, HeadActivation::Tanh);
        // transformers declares the head of the other two before their encoder.
        let first = (self.kind != RobertaKind::Roberta).then(|| head(all));
        all.part(ModelPart::Embeddings);
        let words = all.word_embedding("roberta.embeddings.word_embeddings", [shape.vocab_size, d], shape.pad_token_id);
        let segments = all.embedding("roberta.embeddings.token_type_embeddings", [shape.type_vocab_size, d]);
        let norm = all.layer_norm("roberta.embeddings.LayerNorm", d);
        let table = [shape.max_position_embeddings, d];
        let positions = all.position_embedding("roberta.embeddings.position_embeddings", table, Some(self.padding));
        Encoder::PostNorm(PostNorm {
            embeddings: PostNormEmbeddings {
                words,
                positions: Some(positions),
                segments: Some(segments),
                norm,
                projection: None,
            },
            layers: bert_layers(all, "roberta.encoder", shape.layer_sizes()),
            relative_positions: None,
            head: first.unwrap_or_else(|| head(all)),
            heads: shape.num_attention_heads,
            epsilon: shape.layer_norm_eps,
            has_attention_output_dropout: true,
            has_feed_forward_dropout: true,
            activation: Gelu::Exact,
            relative_bias: None,
        })
    }

    fn initializer_range(&self) -> f64 {
        self.shape.initializer_range
    }

    fn positions(&self) -> Positions {
        Positions::AfterPadding(self.padding)
    }

    fn description(&self) -> String {
        self.shape.description()
    }

    fn vocabulary(&self) -> usize {
        self.shape.vocabulary()
    }

    fn segments(&self) -> usize {
        self.shape.segments()
    }

    fn pad_token(&self) -> Option<u32> {
        self.shape.pad_token()
    }

    fn longest(&self) -> usize {
        self.shape.max_position_embeddings - self.padding as usize - 1
    }

    fn dropout(&self) -> DropoutProbabilities {
        self.shape.dropout()
    }

    fn operations(&self, length: usize) -> f64 {
        self.shape.operations(length)
    }
}
