//! The splits that are scored during training.

use crate::tokens::Encoded;

/// The splits that are scored.
#[derive(Clone, Debug)]
pub struct ValidationSplits<'a> {
    /// The split that picks the best checkpoint.
    pub main: &'a [Encoded],
    /// Further splits by name.
    pub further: Vec<(&'a str, &'a [Encoded])>,
}

impl<'a> From<&'a Vec<Encoded>> for ValidationSplits<'a> {
    fn from(main: &'a Vec<Encoded>) -> Self {
        Self { main, further: Vec::new() }
    }
}
