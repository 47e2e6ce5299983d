//! What a family of encoders has to say about itself.

use super::DropoutProbabilities;
use super::config::ConfigFile;
use super::parameter::Parameter;

/// A family's `config.json`, understood. See [`super::Architecture`], whose methods these are, for what they mean.
pub(super) trait Family {
    fn file(&self) -> &ConfigFile;
    /// `model_type` in `config.json`.
    fn model_type(&self) -> &'static str;
    /// The class of transformers with a head for whole sequences.
    fn class(&self) -> &'static str;
    /// The beginning of an encoder's names, which a checkpoint without a head leaves off.
    fn base_model_prefix(&self) -> &'static str;
    fn parameters(&self, outputs: usize) -> Vec<Parameter>;
    fn description(&self) -> String;
    fn vocabulary(&self) -> usize;
    fn segments(&self) -> usize;
    fn pad_token(&self) -> Option<u32>;
    fn longest(&self) -> usize;
    fn dropout(&self) -> DropoutProbabilities;
    fn operations(&self, length: usize) -> f64;

    /// Checkpoints converted from TensorFlow name the parameters of a layer norm gamma and beta, whatever the family.
    fn rename(&self, name: &str) -> String {
        match name.rsplit_once('.') {
            Some((layer, "gamma")) => format!("{layer}.weight"),
            Some((layer, "beta")) => format!("{layer}.bias"),
            _ => name.to_string(),
        }
    }
}
