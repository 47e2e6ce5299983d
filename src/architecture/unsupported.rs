//! Explains why an encoder is not supported, and what to use instead.

use anyhow::{Error, anyhow};
use serde_json::Value;

use super::config::ConfigFile;

/// Model types that can be trained, for messages.
const SUPPORTED: &str = "bert, roberta, xlm-roberta, camembert, distilbert, electra, modernbert, deberta-v2, mpnet, albert";

/// Model types that users may expect to work: why they do not, and what to use instead.
const KNOWN: [(&[&str], &str); 4] = [
    (&["deberta"], "DeBERTa v1, another model than v2 and v3, whose type is deberta-v2"),
    (
        &[
            "gpt2",
            "modernbert-decoder",
            "gpt_neo",
            "gpt_neox",
            "llama",
            "mistral",
            "qwen2",
            "qwen3",
            "gemma",
            "gemma2",
            "gemma3_text",
            "phi",
            "phi3",
            "opt",
            "bloom",
        ],
        "a decoder, whose tokens see only those before them",
    ),
    (&["t5", "mt5", "bart", "mbart", "pegasus"], "an encoder with a decoder"),
    (&["xlnet", "funnel", "longformer", "big_bird", "reformer"], "whose attention is of another kind"),
];

/// The error for a `config.json` whose model type is not supported.
pub(super) fn explain(file: &ConfigFile) -> Error {
    let name = file.get("model_type").unwrap_or(&Value::Null);
    let known = KNOWN.iter().find(|(names, _)| names.iter().any(|known| name == known)).map(|(_, why)| *why);
    let why = match (known, file.get("auto_map")) {
        (Some(why), _) => why,
        (None, Some(_)) => "whose code comes with the checkpoint (trust_remote_code) and is never run",
        (None, None) => "which is not supported",
    };
    anyhow!("model_type is {name}, {why}. Choose a checkpoint of one of these types: {SUPPORTED}")
}
