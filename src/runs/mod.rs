//! Run directories: the names of all files in them, writing them, and finding them again.

mod directory;
mod facts;
mod identity;
mod record;
mod resolved;
mod stored;
mod summary;

pub use directory::{RunDirectory, RunId, file_name, files};
pub use facts::{Exit, Hashes, Host, RunFacts, Versions, hex, sha256};
pub use identity::identity;
pub use record::Recorder;
pub use resolved::{SettingRow, resolved_toml, setting_rows, shown};
pub use stored::{FindError, StoredRun, find, list};
pub use summary::{Moment, Summary};
