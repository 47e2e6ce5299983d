//! What CubeCL's cache of kernels relies on: what is written can be read after reopening, by several connections, and who
//! finds the file locked is told so.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use turso::transaction::{Transaction, TransactionBehavior};
use turso::{Builder, Connection, Error};

/// The stand-in does its work within each call.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a future was not ready"),
    }
}

fn open(path: &str, read_only: bool) -> Result<Connection, Error> {
    let builder = Builder::new_local(path).experimental_multiprocess_wal(true).read_only(read_only);
    ready(builder.build())?.connect()
}

fn values(connection: &Connection) -> Vec<(String, Vec<u8>)> {
    let mut rows = ready(connection.query("SELECT key, value FROM kernels ORDER BY key", ())).unwrap();
    let mut values = Vec::new();
    while let Some(row) = ready(rows.next()).unwrap() {
        values.push((row.get::<String>(0).unwrap(), row.get::<Vec<u8>>(1).unwrap()));
    }
    values
}

struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("turso-contract-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> String {
        self.0.join("cache.db").display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_is_committed_is_there_after_reopening() {
    let folder = Folder::new("reopen");
    let mut connection = open(&folder.file(), false).unwrap();
    ready(connection.execute("CREATE TABLE kernels (key TEXT PRIMARY KEY, value BLOB)", ())).unwrap();
    let insert = "INSERT INTO kernels VALUES (?, ?)";
    let inserted = ready(connection.execute(insert, ("a", vec![1, 2, 3]))).unwrap();
    assert_eq!(inserted, 1);
    let transaction = ready(connection.transaction_with_behavior(TransactionBehavior::Immediate)).unwrap();
    ready(transaction.execute(insert, ("b", Vec::new()))).unwrap();
    ready(transaction.commit()).unwrap();
    // Dropped without a commit, a transaction has never been.
    let transaction = ready(connection.transaction_with_behavior(TransactionBehavior::Immediate)).unwrap();
    ready(transaction.execute(insert, ("c", vec![9]))).unwrap();
    drop(transaction);
    let written = vec![("a".to_string(), vec![1, 2, 3]), ("b".to_string(), Vec::new())];
    assert_eq!(values(&connection), written);
    drop(connection);
    assert_eq!(values(&open(&folder.file(), false).unwrap()), written);
    assert_eq!(values(&open(&folder.file(), true).unwrap()), written);
}

#[test]
fn who_may_only_read_cannot_write_and_a_missing_file_is_an_error() {
    let folder = Folder::new("read-only");
    assert!(open(&folder.file(), true).is_err());
    let connection = open(&folder.file(), false).unwrap();
    ready(connection.execute("CREATE TABLE kernels (key TEXT PRIMARY KEY, value BLOB)", ())).unwrap();
    let reader = open(&folder.file(), true).unwrap();
    assert!(ready(reader.execute("INSERT INTO kernels VALUES (?, ?)", ("a", vec![1]))).is_err());
    assert_eq!(values(&reader), []);
}

#[test]
fn who_finds_the_file_locked_is_told_that_it_is_busy() {
    let folder = Folder::new("locked");
    let mut first = open(&folder.file(), false).unwrap();
    ready(first.execute("CREATE TABLE kernels (key TEXT PRIMARY KEY, value BLOB)", ())).unwrap();
    let mut second = open(&folder.file(), false).unwrap();
    second.busy_timeout(Duration::from_millis(20)).unwrap();
    let transaction: Transaction<'_> = ready(first.transaction_with_behavior(TransactionBehavior::Immediate)).unwrap();
    ready(transaction.execute("INSERT INTO kernels VALUES (?, ?)", ("a", vec![1]))).unwrap();
    // Readers see what was there before, and writers wait, then are told why.
    assert_eq!(values(&second), []);
    let refused = ready(second.transaction_with_behavior(TransactionBehavior::Immediate)).unwrap_err();
    assert!(matches!(refused, Error::Busy(_)), "{refused:?}");
    ready(transaction.commit()).unwrap();
    assert!(ready(second.transaction_with_behavior(TransactionBehavior::Immediate)).is_ok());
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let folder = Folder::new("damaged");
    std::fs::write(folder.file(), "not a database, and longer than the header of one: ".repeat(40)).unwrap();
    assert!(open(&folder.file(), false).is_err());
}

#[test]
fn pragmas_are_read() {
    let folder = Folder::new("pragma");
    let connection = open(&folder.file(), false).unwrap();
    let mut mode = String::new();
    ready(connection.pragma_query("journal_mode", |row| {
        mode = row.get(0)?;
        Ok(())
    }))
    .unwrap();
    assert_eq!(mode, "wal");
}
