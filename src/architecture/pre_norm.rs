//! Encoders that normalize before each sublayer (Xiong et al. 2020), with rotary positions and gated feed-forward layers, as
//! ModernBERT does: the names of their parameters, and where they differ from each other.

/// An encoder of pre-norm layers with a classification head. Strings are names of parameters, without `.weight`; linear layers
/// have no bias and norms no shift, except for the output.
#[derive(Clone, Debug, PartialEq)]
pub struct PreNorm {
    pub words: String,
    pub embedding_norm: String,
    pub layers: Vec<PreNormLayer>,
    pub final_norm: String,
    pub head: PooledHead,
    /// Number of attention heads.
    pub heads: usize,
    /// Epsilon added to the variance in every layer norm.
    pub epsilon: f64,
}

/// The parameters of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct PreNormLayer {
    /// Absent in the first layer, whose input the embeddings have normalized.
    pub attention_norm: Option<String>,
    /// Queries, keys and values side by side: `[d, 3 d]` in memory.
    pub qkv: String,
    pub attention_output: String,
    pub mlp_norm: String,
    /// What GELU is applied to, and the factors of it, side by side: `[d, 2 m]` in memory.
    pub gated: String,
    pub output: String,
    pub span: AttentionSpan,
}

/// Which tokens a token attends to, and how distances are encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionSpan {
    /// Largest distance between two tokens that see each other; `None` if all do.
    pub window: Option<usize>,
    /// Base of the rotary frequencies (Su et al. 2021).
    pub theta: f64,
}

impl AttentionSpan {
    /// Number of pairs of tokens that see each other in an example of `length` tokens.
    pub(super) fn pairs(self, length: usize) -> usize {
        let beyond = length.saturating_sub(self.window.map_or(length, |window| window + 1));
        length * length - beyond * (beyond + 1)
    }
}

/// The layers from the hidden states to the outputs: pooling, a dense layer with GELU, a layer norm, dropout, and a linear layer,
/// which has a bias.
#[derive(Clone, Debug, PartialEq)]
pub struct PooledHead {
    pub pooling: Pooling,
    pub dense: String,
    pub norm: String,
    pub output: String,
}

/// How the hidden states of an example become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The first token's.
    First,
    /// Their mean.
    Mean,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_those_within_the_window() {
        for (length, window) in [(1, Some(0)), (9, Some(0)), (9, Some(4)), (20, Some(4)), (5, Some(4)), (5, Some(64)), (7, None)]
        {
            let all = (0..length).flat_map(|i| (0..length).map(move |j: usize| j.abs_diff(i)));
            let expected = all.filter(|distance| window.is_none_or(|window| *distance <= window)).count();
            assert_eq!(AttentionSpan { window, theta: 1e4 }.pairs(length), expected, "{length}, {window:?}");
        }
    }
}
