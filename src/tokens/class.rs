//! Which of transformers' tokenizer classes a checkpoint's files ask for.

use anyhow::{Result, bail};
use serde_json::Value;

use super::sources::{TokenizerSources, VocabularyFiles};

/// The transformers class that the files specify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// `BertTokenizer`: BERT's own normalizer, pre-tokenizer and special tokens, around a vocabulary.
    Bert,
    /// `DistilBertTokenizer`: the same, without segment ids.
    DistilBert,
    /// `MPNetTokenizer`: the same, with RoBERTa's special tokens.
    Mpnet,
    /// `RobertaTokenizer`: byte-level BPE.
    Roberta,
    /// `XLMRobertaTokenizer`: SentencePiece's Unigram model.
    XlmRoberta,
    /// `CamembertTokenizer`: SentencePiece's Unigram model with other ids.
    Camembert,
    /// `AlbertTokenizer` of transformers 4: SentencePiece's Unigram model, lower-cased and without accents.
    Albert,
    /// `DebertaV2Tokenizer`: SentencePiece's Unigram model between BERT's special tokens.
    DebertaV2,
    /// `PreTrainedTokenizerFast`: `tokenizer.json` as it is.
    Fast,
}

impl Class {
    /// Determines the class from the name in `tokenizer_config.json`, or else in `config.json`, or else from the model type.
    pub fn of(sources: &TokenizerSources) -> Result<Self> {
        // Whatever the files name: transformers lists the model types whose files name a class that they were not made with.
        if sources.model_type == "modernbert" {
            return Ok(Self::Fast);
        }
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
            "MPNetTokenizer" => Self::Mpnet,
            "RobertaTokenizer" => Self::Roberta,
            "XLMRobertaTokenizer" => Self::XlmRoberta,
            "CamembertTokenizer" => Self::Camembert,
            "AlbertTokenizer" => Self::Albert,
            "DebertaV2Tokenizer" => Self::DebertaV2,
            "PreTrainedTokenizer" | "PythonBackend" | "TokenizersBackend" => Self::Fast,
            _ => bail!(
                "`tokenizer_class` is \"{name}\"; supported are BertTokenizer, DistilBertTokenizer, ElectraTokenizer, \
                 MPNetTokenizer, RobertaTokenizer, XLMRobertaTokenizer, CamembertTokenizer, AlbertTokenizer, DebertaV2Tokenizer \
                 and PreTrainedTokenizerFast. Save its tokenizer.json as a PreTrainedTokenizerFast"
            ),
        })
    }

    /// The class that transformers uses for a model if no file names one.
    fn of_model_type(model_type: &str) -> Self {
        match model_type {
            "roberta" => Self::Roberta,
            "xlm-roberta" => Self::XlmRoberta,
            "camembert" => Self::Camembert,
            "mpnet" => Self::Mpnet,
            "albert" => Self::Albert,
            "deberta-v2" => Self::DebertaV2,
            _ => Self::Bert,
        }
    }

    /// The files that hold its vocabulary, beside `tokenizer.json`.
    pub fn vocabulary_files(self) -> VocabularyFiles {
        match self {
            Self::Bert | Self::DistilBert | Self::Mpnet => VocabularyFiles::Words,
            Self::Roberta => VocabularyFiles::Merges,
            Self::XlmRoberta | Self::Camembert | Self::Albert | Self::DebertaV2 => VocabularyFiles::SentencePiece,
            Self::Fast => VocabularyFiles::None,
        }
    }

    /// Whether it is built like BERT's.
    pub fn is_bert(self) -> bool {
        matches!(self, Self::Bert | Self::DistilBert | Self::Mpnet)
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
            Self::Mpnet => &[
                ("bos_token", "<s>"),
                ("eos_token", "</s>"),
                ("sep_token", "</s>"),
                ("cls_token", "<s>"),
                ("unk_token", "[UNK]"),
                ("pad_token", "<pad>"),
                ("mask_token", "<mask>"),
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
            Self::Albert => &[
                ("bos_token", "[CLS]"),
                ("eos_token", "[SEP]"),
                ("unk_token", "<unk>"),
                ("sep_token", "[SEP]"),
                ("pad_token", "<pad>"),
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

    /// How it differs from transformers 5, if it does with these files.
    pub fn remark(self, sources: &TokenizerSources) -> Option<&'static str> {
        match self {
            Self::Albert => Some(
                "as in transformers 4 and in pretraining: the second sentence of a pair is segment 1 (transformers 5 gives it 0)",
            ),
            Self::DebertaV2 if sources.json.is_none() => Some(
                "as in transformers 4 and in pretraining: spm.model normalizes characters and spaces (transformers 5 gives other ids \
                 for full-width letters, ligatures, fractions and leading spaces)",
            ),
            _ => None,
        }
    }

    /// The additional special tokens that the class has if the files do not specify any.
    pub fn additional_special_tokens(self) -> &'static [&'static str] {
        if self == Self::Camembert { &["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"] } else { &[] }
    }
}
