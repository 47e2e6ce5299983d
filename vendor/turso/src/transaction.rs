//! Transactions.

use super::{Connection, Result};

/// When a transaction takes the lock for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionBehavior {
    /// With its first statement that writes.
    Deferred,
    /// At its begin.
    Immediate,
}

impl TransactionBehavior {
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Deferred => "BEGIN DEFERRED",
            Self::Immediate => "BEGIN IMMEDIATE",
        }
    }
}

/// A transaction, rolled back when it is dropped.
#[derive(Debug)]
pub struct Transaction<'a> {
    connection: &'a Connection,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Self {
        Self { connection }
    }

    pub(crate) fn connection(&self) -> &Connection {
        self.connection
    }

    /// Keeps what it did.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn commit(self) -> Result<()> {
        self.connection.execute("COMMIT", ()).await.map(drop)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.connection.has_transaction() {
            // A transaction that cannot even be given up ends with its connection.
            let _ = self.connection.inner.execute_batch("ROLLBACK");
        }
    }
}
