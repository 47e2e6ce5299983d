//! Stands in for turso 0.8, a database engine in Rust that takes some 120 crates and libclang to build.
//!
//! CubeCL keeps compiled kernels and what it has measured of them in one file, in the format of `SQLite`, by the calls that
//! are here. They go to `SQLite` itself. Its work is done within each call, so that the futures are ready when they are
//! made. [`Builder`], [`Connection`] and [`Rows`] are turso's as far as CubeCL's `persistence` names them.

use std::fmt;
use std::io::ErrorKind;
use std::ops::Deref;
use std::time::Duration;

use rusqlite::types::{FromSql, Value};
use rusqlite::{ErrorCode, OpenFlags};

pub mod params;
pub mod transaction;

use params::IntoParams;
use transaction::{Transaction, TransactionBehavior};

/// What can go wrong.
#[derive(Debug)]
pub enum Error {
    /// Another connection has the lock.
    Busy(String),
    /// Another connection has written since this one began to read.
    BusySnapshot(String),
    /// The file system refused.
    IoError(ErrorKind, &'static str),
    /// Anything else.
    Error(String),
}

/// As the standard library's, with [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(message) | Self::BusySnapshot(message) | Self::Error(message) => f.write_str(message),
            Self::IoError(kind, doing) => write!(f, "{kind} while {doing}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let message = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(message),
            _ => Self::Error(message),
        }
    }
}

/// Opens a database file.
#[derive(Clone, Debug)]
pub struct Builder {
    path: String,
    read_only: bool,
}

impl Builder {
    /// The file at a path.
    #[must_use]
    pub fn new_local(path: &str) -> Self {
        Self { path: path.into(), read_only: false }
    }

    /// `SQLite` shares its log among processes without being asked.
    #[must_use]
    pub fn experimental_multiprocess_wal(self, _: bool) -> Self {
        self
    }

    /// `SQLite` compacts without being asked.
    #[must_use]
    pub fn experimental_vacuum(self, _: bool) -> Self {
        self
    }

    /// Whether nothing may be written.
    #[must_use]
    pub fn read_only(self, read_only: bool) -> Self {
        Self { read_only, ..self }
    }

    /// Opens the file, and makes it where it may be written.
    ///
    /// # Errors
    /// The file is no database, or cannot be opened so.
    // turso's is a future.
    #[allow(clippy::unused_async)]
    pub async fn build(self) -> Result<Database> {
        let database = Database { path: self.path, read_only: self.read_only };
        let connection = database.connect()?;
        if !database.read_only {
            // Readers and a writer beside each other, as in turso.
            connection.inner.pragma_update(None, "journal_mode", "WAL")?;
        }
        Ok(database)
    }
}

/// A database file.
#[derive(Clone, Debug)]
pub struct Database {
    path: String,
    read_only: bool,
}

impl Database {
    /// Another connection to it.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn connect(&self) -> Result<Connection> {
        let how = if self.read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
        };
        let inner = rusqlite::Connection::open_with_flags(&self.path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        inner.busy_timeout(Duration::from_secs(5))?;
        Ok(Connection { inner })
    }
}

/// A connection to a database.
#[derive(Debug)]
pub struct Connection {
    inner: rusqlite::Connection,
}

// turso's calls are futures.
#[allow(clippy::unused_async)]
impl Connection {
    /// How long a statement waits for a lock of others.
    ///
    /// # Errors
    /// The engine refuses.
    pub fn busy_timeout(&self, patience: Duration) -> Result<()> {
        Ok(self.inner.busy_timeout(patience)?)
    }

    /// Runs a statement, and gives the number of rows that it changed.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn execute(&self, sql: &str, params: impl IntoParams) -> Result<u64> {
        let mut statement = self.inner.prepare_cached(sql)?;
        Ok(statement.execute(rusqlite::params_from_iter(params.into_params()))? as u64)
    }

    /// Runs a statement, and gives its rows.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn query(&self, sql: &str, params: impl IntoParams) -> Result<Rows> {
        let mut statement = self.inner.prepare_cached(sql)?;
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect::<rusqlite::Result<_>>().map(Row);
        let rows = statement.query_map(rusqlite::params_from_iter(params.into_params()), row)?;
        let rows: Vec<Row> = rows.collect::<rusqlite::Result<_>>()?;
        Ok(Rows(rows.into_iter()))
    }

    /// Runs a pragma, and shows its rows.
    ///
    /// # Errors
    /// It fails.
    pub async fn pragma_query(&self, pragma: &str, mut show: impl FnMut(&Row) -> Result<()>) -> Result<()> {
        let mut rows = self.query(&format!("PRAGMA {pragma}"), ()).await?;
        while let Some(row) = rows.next().await? {
            show(&row)?;
        }
        Ok(())
    }

    /// Begins a transaction, which ends as if it had never been unless it is committed.
    ///
    /// # Errors
    /// Another connection has the lock.
    pub async fn transaction_with_behavior(&mut self, behavior: TransactionBehavior) -> Result<Transaction<'_>> {
        self.execute(behavior.begin(), ()).await?;
        Ok(Transaction::new(self))
    }

    fn has_transaction(&self) -> bool {
        !self.inner.is_autocommit()
    }
}

/// The rows of a query.
#[derive(Debug)]
pub struct Rows(std::vec::IntoIter<Row>);

#[allow(clippy::unused_async)]
impl Rows {
    /// The next one.
    ///
    /// # Errors
    /// None; turso's may fail.
    pub async fn next(&mut self) -> Result<Option<Row>> {
        Ok(self.0.next())
    }
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row(Vec<Value>);

impl Row {
    /// The value of a column, from 0.
    ///
    /// # Errors
    /// There is no such column, or it is of another type.
    pub fn get<T: FromSql>(&self, column: usize) -> Result<T> {
        let value = self.0.get(column).ok_or_else(|| Error::Error(format!("there is no column {column}")))?;
        T::column_result(value.into()).map_err(|error| Error::Error(error.to_string()))
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection()
    }
}
