//! Explains why an encoder is not supported, and what to use instead.

use anyhow::{Error, anyhow};
use serde_json::Value;

use super::config::ConfigFile;

/// Model types that can be trained, for messages.
const SUPPORTED: &str = "bert, roberta, xlm-roberta, camembert, distilbert, electra, modernbert, deberta-v2, mpnet and albert";

/// Model types that users may expect to work: why they do not, and what to use instead.
const KNOWN: [(&[&str], &str); 4] = [
    (&["deberta"], "DeBERTa v1 is another model than v2 and v3, which are deberta-v2"),
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
        "it is a decoder, whose tokens see only those before them",
    ),
    (&["t5", "mt5", "bart", "mbart", "pegasus"], "it is an encoder with a decoder"),
    (&["xlnet", "funnel", "longformer", "big_bird", "reformer"], "its attention is of another kind"),
];

/// The error for a `config.json` whose model type is not supported.
pub(super) fn explain(file: &ConfigFile) -> Error {
    let name = file.get("model_type").unwrap_or(&Value::Null);
    let known = KNOWN.iter().find(|(names, _)| names.iter().any(|known| name == known)).map(|(_, why)| *why);
    let why = match (known, file.get("auto_map")) {
        (Some(why), _) => format!("; {why}"),
        (None, Some(_)) => "; its code comes with the checkpoint (trust_remote_code), and is never run".into(),
        (None, None) => String::new(),
    };
    anyhow!("model_type is {name}, and {SUPPORTED} are supported{why}. Choose a checkpoint of one of these types")
}
