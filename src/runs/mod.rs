//! Run directories: the names of all files in them, writing them, and finding them again.

mod directory;
mod facts;
mod record;
mod resolved;
mod stored;
mod summary;

pub use directory::{RunDirectory, RunId, files};
pub use facts::{Exit, Hashes, Host, RunFacts, Versions, sha256};
pub use record::Recorder;
pub use resolved::{SettingRow, resolved_toml, setting_rows};
pub use stored::{FindError, StoredRun, find, list};
pub use summary::{Moment, Summary};
