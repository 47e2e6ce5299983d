//! Which of transformers' tokenizer classes a checkpoint's files ask for.

use anyhow::{Result, bail};
use serde_json::Value;

use super::sources::TokenizerSources;

/// The transformers class that the files specify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// `BertTokenizer`: BERT's own normalizer, pre-tokenizer and special tokens, around a vocabulary.
    Bert,
    /// `DistilBertTokenizer`: the same, without segment ids.
    DistilBert,
    /// `RobertaTokenizer`: byte-level BPE.
    Roberta,
    /// `XLMRobertaTokenizer`: SentencePiece's Unigram model.
    XlmRoberta,
    /// `CamembertTokenizer`: SentencePiece's Unigram model with other ids.
    Camembert,
    /// `DebertaV2Tokenizer`: SentencePiece's Unigram model between BERT's special tokens.
    DebertaV2,
    /// `PreTrainedTokenizerFast`: `tokenizer.json` as it is.
    Fast,
}

impl Class {
    /// Determines the class from the name in `tokenizer_config.json`, or else in `config.json`, or else from the model type.
    pub fn of(sources: &TokenizerSources) -> Result<Self> {
        let of_tokenizer = match sources.config.get("tokenizer_class") {
            None | Some(Value::Null) => "",
            Some(Value::String(name)) => name,
            Some(other) => bail!("`tokenizer_class` is {other}, expected a string"),
        };
        let of_model = sources.model_class.as_deref().unwrap_or_default();
        let name = if of_tokenizer.is_empty() { of_model } else { of_tokenizer };
        Ok(match name.strip_suffix("Fast").unwrap_or(name) {
            "" => Self::of_model_type(sources.model_type),
            // The other classes are equivalent to it.
            "BertTokenizer"
            | "ElectraTokenizer"
            | "LayoutLMTokenizer"
            | "LxmertTokenizer"
            | "MobileBertTokenizer"
            | "SqueezeBertTokenizer" => Self::Bert,
            "DistilBertTokenizer" => Self::DistilBert,
            "RobertaTokenizer" => Self::Roberta,
            "XLMRobertaTokenizer" => Self::XlmRoberta,
            "CamembertTokenizer" => Self::Camembert,
            "DebertaV2Tokenizer" => Self::DebertaV2,
            "PreTrainedTokenizer" | "PythonBackend" | "TokenizersBackend" => Self::Fast,
            _ => bail!(
                "`tokenizer_class` is \"{name}\"; supported are BertTokenizer, DistilBertTokenizer, ElectraTokenizer, \
                 RobertaTokenizer, XLMRobertaTokenizer, CamembertTokenizer, DebertaV2Tokenizer and PreTrainedTokenizerFast. Save its \
                 tokenizer.json as a PreTrainedTokenizerFast"
            ),
        })
    }

    /// The class that transformers uses for a model if no file names one.
    fn of_model_type(model_type: &str) -> Self {
        match model_type {
            "roberta" => Self::Roberta,
            "xlm-roberta" => Self::XlmRoberta,
            "camembert" => Self::Camembert,
            "deberta-v2" => Self::DebertaV2,
            _ => Self::Bert,
        }
    }

    /// Whether it is built like BERT's.
    pub fn is_bert(self) -> bool {
        matches!(self, Self::Bert | Self::DistilBert)
    }

    /// The special tokens that the class has if the files do not specify others.
    pub fn special_tokens(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Bert | Self::DistilBert => &[
                ("unk_token", "[UNK]"),
                ("sep_token", "[SEP]"),
                ("pad_token", "[PAD]"),
                ("cls_token", "[CLS]"),
                ("mask_token", "[MASK]"),
            ],
            Self::DebertaV2 => &[
                ("bos_token", "[CLS]"),
                ("eos_token", "[SEP]"),
                ("unk_token", "[UNK]"),
                ("sep_token", "[SEP]"),
                ("pad_token", "[PAD]"),
                ("cls_token", "[CLS]"),
                ("mask_token", "[MASK]"),
            ],
            Self::Roberta | Self::XlmRoberta | Self::Camembert => &[
                ("bos_token", "<s>"),
                ("eos_token", "</s>"),
                ("unk_token", "<unk>"),
                ("sep_token", "</s>"),
                ("pad_token", "<pad>"),
                ("cls_token", "<s>"),
                ("mask_token", "<mask>"),
            ],
            Self::Fast => &[],
        }
    }

    /// The additional special tokens that the class has if the files do not specify any.
    pub fn additional_special_tokens(self) -> &'static [&'static str] {
        if self == Self::Camembert { &["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"] } else { &[] }
    }
}
