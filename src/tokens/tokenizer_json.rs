//! A `tokenizer.json` as it is.

use anyhow::{Result, bail};

use super::build::{Built, add, parse, strip, template};
use super::class::Class;
use super::settings::TokenizerSettings;
use super::sources::TokenizerSources;

/// Builds a `PreTrainedTokenizerFast`, or a class that transformers 4 reads in the same way.
pub(super) fn fast(sources: &TokenizerSources, class: Class) -> Result<Built> {
    if sources.json.is_none() {
        bail!("`tokenizer_class` needs a tokenizer.json, but there are only other files");
    }
    let mut tokenizer = parse(&sources.json_text)?;
    let settings = TokenizerSettings::read(sources, class, Some(&tokenizer))?;
    let processor = match tokenizer.get_post_processor() {
        Some(processor) => processor.clone(),
        None => template("$A:0", "$A:0 $B:1", Vec::new())?,
    };
    strip(&mut tokenizer)?;
    add(&mut tokenizer, &settings)?;
    Ok(Built { tokenizer, processor, settings })
}
