//! What the `config.json` of every family says: sizes, positions, dropout and initialization.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::config::{ConfigFile, largest};
use super::positions::Positions;

/// The shape of an encoder and the other settings that all families share, by their names in transformers' `BertConfig`.
#[derive(Clone, Debug)]
pub(super) struct EncoderShape {
    /// Vocabulary size.
    pub vocab_size: usize,
    /// Width of the embeddings.
    pub embedding_size: usize,
    /// Width of the hidden states, `d`.
    pub hidden_size: usize,
    /// Number of encoder layers that a token passes through.
    pub num_hidden_layers: usize,
    /// Number of attention heads; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layers.
    pub intermediate_size: usize,
    /// Number of absolute positions, whether they have a table or not.
    pub max_position_embeddings: usize,
    /// The position ids of an input's tokens.
    pub positions: Positions,
    /// Number of segment embeddings; 0 if the family has none.
    pub type_vocab_size: usize,
    /// Epsilon added to the variance in every layer norm.
    pub layer_norm_eps: f64,
    pub dropout: DropoutProbabilities,
    /// Standard deviation of randomly initialized weights.
    pub initializer_range: f64,
    /// The padding token, which is not trained; `None` if the file says null.
    pub pad_token_id: Option<u32>,
}

/// Dropout probabilities for training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropoutProbabilities {
    /// Embeddings and hidden states.
    pub hidden: f64,
    /// Attention probabilities.
    pub attention: f64,
    /// The input of the classifier.
    pub classifier: f64,
}

impl DropoutProbabilities {
    /// The same probability everywhere.
    #[must_use]
    pub fn uniform(probability: f64) -> Self {
        Self { hidden: probability, attention: probability, classifier: probability }
    }
}

/// The keys of a family for what all families share, with transformers' defaults; defaults alone where all use the same key.
pub(super) struct ShapeKeys {
    /// Keys for which only one value is supported.
    pub expected: &'static [(&'static str, &'static str)],
    pub vocab_size: usize,
    pub hidden_size: (&'static str, usize),
    pub num_hidden_layers: (&'static str, usize),
    pub num_attention_heads: (&'static str, usize),
    pub intermediate_size: (&'static str, usize),
    pub max_position_embeddings: usize,
    /// `None` if the family has no segments.
    pub type_vocab_size: Option<usize>,
    pub layer_norm_eps: LayerNormEps,
    pub hidden_dropout: (&'static str, f64),
    pub attention_dropout: (&'static str, f64),
    /// With `None`, the probability of the hidden states is used if the key is absent or null.
    pub classifier_dropout: (&'static str, Option<f64>),
    pub pad_token_id: u32,
}

/// Where the epsilon of layer norms comes from.
pub(super) enum LayerNormEps {
    Key(&'static str, f64),
    /// transformers has it in its code.
    Fixed(f64),
}

impl EncoderShape {
    /// Reads what all families share. Embeddings are as wide as hidden states, and positions count from 0; a family overrides that.
    pub fn parse(file: &ConfigFile, keys: &ShapeKeys) -> Result<Self> {
        for (key, known) in keys.expected {
            file.expect(key, known)?;
        }
        file.expect_plain_encoder()?;
        let size = |(key, default): (&str, usize), largest: usize| file.size(key, default, largest);
        let probability = |(key, default): (&str, f64)| file.probability(key, default);
        let vocab_size = file.size("vocab_size", keys.vocab_size, largest::VOCABULARY)?;
        let hidden_size = size(keys.hidden_size, largest::WIDTH)?;
        let hidden = probability(keys.hidden_dropout)?;
        let classifier = match keys.classifier_dropout {
            (key, None) if file.get(key).is_none() => hidden,
            (key, default) => file.probability(key, default.unwrap_or(hidden))?,
        };
        let shape = Self {
            vocab_size,
            embedding_size: hidden_size,
            hidden_size,
            num_hidden_layers: size(keys.num_hidden_layers, largest::LAYERS)?,
            num_attention_heads: size(keys.num_attention_heads, largest::OTHER)?,
            intermediate_size: size(keys.intermediate_size, largest::OTHER)?,
            max_position_embeddings: file.size("max_position_embeddings", keys.max_position_embeddings, largest::POSITIONS)?,
            positions: Positions::FromZero,
            type_vocab_size: match keys.type_vocab_size {
                Some(default) => file.size("type_vocab_size", default, largest::OTHER)?,
                None => 0,
            },
            layer_norm_eps: match keys.layer_norm_eps {
                LayerNormEps::Key(key, default) => file.small(key, default)?,
                LayerNormEps::Fixed(epsilon) => epsilon,
            },
            dropout: DropoutProbabilities { hidden, attention: probability(keys.attention_dropout)?, classifier },
            initializer_range: file.small("initializer_range", 0.02)?,
            pad_token_id: file.pad_token(keys.pad_token_id, vocab_size)?,
        };
        let ((width, _), (number, _)) = (keys.hidden_size, keys.num_attention_heads);
        let (d, heads) = (shape.hidden_size, shape.num_attention_heads);
        ensure!(d.is_multiple_of(heads), "{width} {d} is not divisible by {number} {heads}");
        Ok(shape)
    }

    /// The sizes in words, with what is special about the layers, and about the rest.
    pub fn description(&self, of_layers: &str, more: &str) -> String {
        let (layers, d, heads) = (self.num_hidden_layers, self.hidden_size, self.num_attention_heads);
        format!("{layers} layers{of_layers}, width {d}, {heads} heads{more}")
    }

    /// Floating-point operations per training step for one example: two for each multiply-add in the matrix products of full
    /// attention and a feed-forward block of two matrices, counted once for the forward pass and twice for the backward pass (Kaplan
    /// et al. 2020, appendix B). The head is not counted, because it sees only one token.
    pub fn operations(&self, length: usize) -> f64 {
        let (d, wide, tokens) = (self.hidden_size as f64, self.intermediate_size as f64, length as f64);
        let projections = 2.0 * tokens * (4.0 * d * d + 2.0 * d * wide);
        let attention = 4.0 * tokens * tokens * d;
        3.0 * self.num_hidden_layers as f64 * (projections + attention)
    }
}
