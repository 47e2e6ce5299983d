//! BERT (Devlin et al. 2019), as in transformers' `BertForSequenceClassification`.

use anyhow::{Result, ensure};

use super::config::{ConfigFile, largest};
use super::family::Family;
use super::parameter::{Builder, ModelPart};
use super::post_norm::{ClassificationHead, Gelu, HeadActivation, LayerSizes, PostNorm, PostNormEmbeddings, bert_layers};
use super::{DropoutProbabilities, Encoder, training_operations};

pub(super) const MODEL_TYPE: &str = "bert";

/// The shape of a BERT encoder, and the other settings in its `config.json`. RoBERTa and ELECTRA have the same keys.
#[derive(Clone, Debug, PartialEq)]
pub struct BertConfig {
    /// Vocabulary size.
    pub vocab_size: usize,
    /// Width of the hidden states, `d`.
    pub hidden_size: usize,
    /// Number of encoder layers.
    pub num_hidden_layers: usize,
    /// Number of attention heads; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layers.
    pub intermediate_size: usize,
    /// Number of position embeddings, and so the maximum sequence length.
    pub max_position_embeddings: usize,
    /// Number of segment embeddings.
    pub type_vocab_size: usize,
    /// Epsilon added to the variance in every layer norm.
    pub layer_norm_eps: f64,
    /// Dropout probability for embeddings and hidden states.
    pub hidden_dropout_prob: f64,
    /// Dropout probability for attention probabilities.
    pub attention_probs_dropout_prob: f64,
    /// Dropout probability for the pooled output; if absent, that of the hidden states.
    pub classifier_dropout: Option<f64>,
    /// Standard deviation of randomly initialized weights.
    pub initializer_range: f64,
    /// The padding token, which is not trained; `None` if the file says null.
    pub pad_token_id: Option<u32>,
    pub(super) file: ConfigFile,
}

/// What transformers assumes if `config.json` lacks a key that differs between the families.
pub(super) struct Defaults {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub pad_token_id: u32,
}

/// The defaults of `BertConfig`.
const BERT: Defaults =
    Defaults { vocab_size: 30_522, hidden_size: 768, num_attention_heads: 12, intermediate_size: 3072, pad_token_id: 0 };

impl BertConfig {
    pub(super) fn parse(file: ConfigFile) -> Result<Self> {
        Self::with_defaults(file, &BERT)
    }

    /// Reads the keys that the families of this kind share.
    pub(super) fn with_defaults(file: ConfigFile, defaults: &Defaults) -> Result<Self> {
        file.expect("hidden_act", "gelu")?;
        file.expect("position_embedding_type", "absolute")?;
        file.expect_plain_encoder()?;
        let vocab_size = file.size("vocab_size", defaults.vocab_size, largest::VOCABULARY)?;
        let classifier_dropout = match file.get("classifier_dropout") {
            Some(_) => Some(file.probability("classifier_dropout", 0.0)?),
            None => None,
        };
        let config = Self {
            vocab_size,
            hidden_size: file.size("hidden_size", defaults.hidden_size, largest::WIDTH)?,
            num_hidden_layers: file.size("num_hidden_layers", 12, largest::LAYERS)?,
            num_attention_heads: file.size("num_attention_heads", defaults.num_attention_heads, largest::OTHER)?,
            intermediate_size: file.size("intermediate_size", defaults.intermediate_size, largest::OTHER)?,
            max_position_embeddings: file.size("max_position_embeddings", 512, largest::POSITIONS)?,
            type_vocab_size: file.size("type_vocab_size", 2, largest::OTHER)?,
            layer_norm_eps: file.small("layer_norm_eps", 1e-12)?,
            hidden_dropout_prob: file.probability("hidden_dropout_prob", 0.1)?,
            attention_probs_dropout_prob: file.probability("attention_probs_dropout_prob", 0.1)?,
            classifier_dropout,
            initializer_range: file.small("initializer_range", 0.02)?,
            pad_token_id: file.pad_token(defaults.pad_token_id, vocab_size)?,
            file,
        };
        let (d, heads) = (config.hidden_size, config.num_attention_heads);
        ensure!(d.is_multiple_of(heads), "hidden_size {d} is not divisible by num_attention_heads {heads}");
        Ok(config)
    }

    pub(super) fn layer_sizes(&self) -> LayerSizes {
        LayerSizes { layers: self.num_hidden_layers, hidden: self.hidden_size, intermediate: self.intermediate_size }
    }
}

impl Family for BertConfig {
    fn file(&self) -> &ConfigFile {
        &self.file
    }

    fn model_type(&self) -> &'static str {
        MODEL_TYPE
    }

    fn class(&self) -> &'static str {
        "BertForSequenceClassification"
    }

    fn base_model_prefix(&self) -> &'static str {
        "bert."
    }

    fn encoder(&self, all: &mut Builder, outputs: usize) -> Encoder {
        let d = self.hidden_size;
        let embeddings = PostNormEmbeddings {
            words: all.word_embedding("bert.embeddings.word_embeddings", [self.vocab_size, d], self.pad_token_id),
            positions: Some(all.position_embedding(
                "bert.embeddings.position_embeddings",
                [self.max_position_embeddings, d],
                None,
            )),
            segments: Some(all.embedding("bert.embeddings.token_type_embeddings", [self.type_vocab_size, d])),
            norm: all.layer_norm("bert.embeddings.LayerNorm", d),
            projection: None,
        };
        let layers = bert_layers(all, "bert.encoder", self.layer_sizes());
        all.part(ModelPart::Pooler);
        let dense = all.linear("bert.pooler.dense", d, d);
        all.part(ModelPart::Head);
        let output = all.linear("classifier", d, outputs);
        Encoder::PostNorm(PostNorm {
            embeddings,
            layers,
            relative_positions: None,
            head: ClassificationHead { has_input_dropout: false, dense, activation: HeadActivation::Tanh, output },
            heads: self.num_attention_heads,
            epsilon: self.layer_norm_eps,
            has_attention_output_dropout: true,
            has_feed_forward_dropout: true,
            activation: Gelu::Exact,
            relative_bias: None,
        })
    }

    fn initializer_range(&self) -> f64 {
        self.initializer_range
    }

    fn description(&self) -> String {
        format!("{} layers, width {}, {} heads", self.num_hidden_layers, self.hidden_size, self.num_attention_heads)
    }

    fn vocabulary(&self) -> usize {
        self.vocab_size
    }

    fn segments(&self) -> usize {
        self.type_vocab_size
    }

    fn pad_token(&self) -> Option<u32> {
        self.pad_token_id
    }

    fn longest(&self) -> usize {
        self.max_position_embeddings
    }

    fn dropout(&self) -> DropoutProbabilities {
        let hidden = self.hidden_dropout_prob;
        let classifier = self.classifier_dropout.unwrap_or(hidden);
        DropoutProbabilities { hidden, attention: self.attention_probs_dropout_prob, classifier }
    }

    fn operations(&self, length: usize) -> f64 {
        training_operations(self.num_hidden_layers, self.hidden_size, self.intermediate_size, length)
    }
}
