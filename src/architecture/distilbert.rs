//! DistilBERT (Sanh et al. 2019), as in transformers' `DistilBertForSequenceClassification`.

use anyhow::{Result, ensure};

use super::config::{ConfigFile, largest};
use super::family::Family;
use super::parameter::{Builder, ModelPart};
use super::post_norm::{ClassificationHead, Gelu, HeadActivation, PostNorm, PostNormEmbeddings, PostNormLayer};
use super::{DropoutProbabilities, Encoder, training_operations};

pub(super) const MODEL_TYPE: &str = "distilbert";

/// Fixed in transformers.
const EPSILON: f64 = 1e-12;

/// The shape of a DistilBERT encoder. Its `config.json` has key names of its own.
///
/// The defaults are those of transformers' `DistilBertConfig`.
#[derive(Clone, Debug, PartialEq)]
pub struct DistilBertConfig {
    vocab_size: usize,
    /// Width of the hidden states.
    dim: usize,
    n_layers: usize,
    /// Number of attention heads; divides `dim`.
    n_heads: usize,
    /// Width of the feed-forward layers.
    hidden_dim: usize,
    max_position_embeddings: usize,
    dropout: f64,
    attention_dropout: f64,
    /// Dropout probability before the output layer.
    seq_classif_dropout: f64,
    initializer_range: f64,
    pad_token_id: Option<u32>,
    file: ConfigFile,
}

impl DistilBertConfig {
    pub(super) fn parse(file: ConfigFile) -> Result<Self> {
        file.expect("activation", "gelu")?;
        file.expect_plain_encoder()?;
        file.expect_false("sinusoidal_pos_embds", "position embeddings that are not trained")?;
        let vocab_size = file.size("vocab_size", 30_522, largest::VOCABULARY)?;
        let config = Self {
            vocab_size,
            dim: file.size("dim", 768, largest::WIDTH)?,
            n_layers: file.size("n_layers", 6, largest::LAYERS)?,
            n_heads: file.size("n_heads", 12, largest::OTHER)?,
            hidden_dim: file.size("hidden_dim", 3072, largest::OTHER)?,
            max_position_embeddings: file.size("max_position_embeddings", 512, largest::POSITIONS)?,
            dropout: file.probability("dropout", 0.1)?,
            attention_dropout: file.probability("attention_dropout", 0.1)?,
            seq_classif_dropout: file.probability("seq_classif_dropout", 0.2)?,
            initializer_range: file.small("initializer_range", 0.02)?,
            pad_token_id: file.pad_token(0, vocab_size)?,
            file,
        };
        let (d, heads) = (config.dim, config.n_heads);
        ensure!(d.is_multiple_of(heads), "dim {d} is not divisible by n_heads {heads}");
        Ok(config)
    }
}

impl Family for DistilBertConfig {
    fn file(&self) -> &ConfigFile {
        &self.file
    }

    fn model_type(&self) -> &'static str {
        MODEL_TYPE
    }

    fn class(&self) -> &'static str {
        "DistilBertForSequenceClassification"
    }

    fn base_model_prefix(&self) -> &'static str {
        "distilbert."
    }

    fn encoder(&self, all: &mut Builder, outputs: usize) -> Encoder {
        let (d, wide) = (self.dim, self.hidden_dim);
        let embeddings = PostNormEmbeddings {
            words: all.word_embedding("distilbert.embeddings.word_embeddings", [self.vocab_size, d], self.pad_token_id),
            positions: Some(all.position_embedding(
                "distilbert.embeddings.position_embeddings",
                [self.max_position_embeddings, d],
                None,
            )),
            segments: None,
            norm: all.layer_norm("distilbert.embeddings.LayerNorm", d),
            projection: None,
        };
        let mut layer = |index| {
            let layer = format!("distilbert.transformer.layer.{index}");
            all.layer(index);
            PostNormLayer {
                query: all.linear(&format!("{layer}.attention.q_lin"), d, d),
                key: all.linear(&format!("{layer}.attention.k_lin"), d, d),
                value: all.linear(&format!("{layer}.attention.v_lin"), d, d),
                position_key: None,
                position_query: None,
                attention_output: all.linear(&format!("{layer}.attention.out_lin"), d, d),
                attention_norm: all.layer_norm(&format!("{layer}.sa_layer_norm"), d),
                intermediate: all.linear(&format!("{layer}.ffn.lin1"), d, wide),
                output: all.linear(&format!("{layer}.ffn.lin2"), wide, d),
                output_norm: all.layer_norm(&format!("{layer}.output_layer_norm"), d),
            }
        };
        let layers = (0..self.n_layers).map(&mut layer).collect();
        all.part(ModelPart::Pooler);
        let dense = all.linear("pre_classifier", d, d);
        all.part(ModelPart::Head);
        let output = all.linear("classifier", d, outputs);
        Encoder::PostNorm(PostNorm {
            embeddings,
            layers,
            relative_positions: None,
            head: ClassificationHead { has_input_dropout: false, dense, activation: HeadActivation::Relu, output },
            heads: self.n_heads,
            epsilon: EPSILON,
            has_attention_output_dropout: false,
            has_feed_forward_dropout: true,
            activation: Gelu::Exact,
            relative_bias: None,
        })
    }

    fn initializer_range(&self) -> f64 {
        self.initializer_range
    }

    fn description(&self) -> String {
        format!("{} layers, width {}, {} heads", self.n_layers, self.dim, self.n_heads)
    }

    fn vocabulary(&self) -> usize {
        self.vocab_size
    }

    fn segments(&self) -> usize {
        0
    }

    fn pad_token(&self) -> Option<u32> {
        self.pad_token_id
    }

    fn longest(&self) -> usize {
        self.max_position_embeddings
    }

    fn dropout(&self) -> DropoutProbabilities {
        DropoutProbabilities { hidden: self.dropout, attention: self.attention_dropout, classifier: self.seq_classif_dropout }
    }

    fn operations(&self, length: usize) -> f64 {
        training_operations(self.n_layers, self.dim, self.hidden_dim, length)
    }
}
