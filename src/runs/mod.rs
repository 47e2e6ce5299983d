//! Run directories: the names of all files in them, writing them, and finding them again.

mod best;
mod checkpoints;
mod directory;
mod facts;
mod finish;
mod identity;
mod lock;
mod metrics;
mod prune;
mod record;
mod recorded;
mod resolved;
pub mod states;
mod status;
mod stored;
mod summary;
mod verify;

pub use best::{RUN_PREFIX, best_checkpoint};
pub use directory::{RunDirectory, RunId, file_name, files};
pub use facts::{Exit, Hashes, Host, Resumption, RunFacts, Versions, device_text};
pub use finish::finish_record;
pub use identity::{extended, identity};
pub use lock::RunLock;
pub use prune::{Removable, removable, remove};
pub use record::{Interrupted, Record, Recorder};
pub use recorded::Recorded;
pub use resolved::{SettingRow, resolved_toml, setting_rows, shown};
pub use status::Status;
pub use stored::{FindError, StoredRun, find, list};
pub use summary::{Moment, Summary};
pub use verify::{Check, verify};
