//! Completes what a process killed at the very end of a trial left undone.

use anyhow::Result;

use super::directory::SweepDirectory;
use crate::runs::finish_record;

impl SweepDirectory {
    /// Marks trials that have a summary as finished, if the process was killed before it could, and removes saved states.
    ///
    /// # Errors
    /// The directory cannot be read, or a record cannot be written.
    pub fn finish_records(&self) -> Result<()> {
        let own = self.runs()?.into_iter().filter(|run| run.path.parent() == Some(self.path()));
        own.filter(|run| run.summary.is_some()).try_for_each(|run| finish_record(&run).map(drop))
    }
}
