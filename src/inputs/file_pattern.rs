//! A name of files in an experiment: on this machine, or on the hub.

use std::path::Path;

use anyhow::Result;

use super::hub_data::HubData;
use crate::hub::{expand_home, tidy};

/// A path or pattern on this machine, or a data set of the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePattern {
    Local(String),
    Hub(HubData),
}

impl FilePattern {
    /// Parses a name. A relative path is joined to `folder`.
    ///
    /// # Errors
    /// It begins as a data set of the hub does, and cannot be one.
    pub fn parse(text: &str, folder: &Path) -> Result<Self> {
        let local = || Self::Local(tidy(&folder.join(expand_home(text))).to_string_lossy().into_owned());
        HubData::parse(text).map_or_else(|| Ok(local()), |data| data.map(Self::Hub))
    }
}
