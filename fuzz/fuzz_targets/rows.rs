//! Users' own tables of any bytes: the first byte says how the file is called, the second how it is read.
#![no_main]

use gluepot::table::{TableOptions, read_files};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 10] =
    ["a.csv", "a.tsv", "a.jsonl", "a.txt", "a.parquet", "a.csv.gz", "a.jsonl.gz", "a.csv.zst", "a.tsv.zst", "a.ndjson"];
const ENCODINGS: [Option<&str>; 5] = [None, Some("utf-8"), Some("utf-16le"), Some("windows-1252"), Some("shift_jis")];
const SEPARATORS: [Option<&str>; 3] = [None, Some(";"), Some("\t")];

fuzz_target!(|bytes: &[u8]| {
    // The parquet library's panics are caught and become errors; one that is not caught still ends the target.
    std::panic::set_hook(Box::new(|_| {}));
    let [name, how, content @ ..] = bytes else { return };
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = folder.path().join(NAMES[usize::from(*name) % NAMES.len()]);
    std::fs::write(&path, content).unwrap();
    let options = TableOptions {
        format: None,
        encoding: ENCODINGS[usize::from(*how) % ENCODINGS.len()].map(|name| name.parse().unwrap()),
        separator: SEPARATORS[usize::from(*how / 8) % SEPARATORS.len()].map(|text| text.parse().unwrap()),
    };
    for wanted in [&["text"][..], &["label", "text"], &[]] {
        let mut rows = 0;
        let read = read_files(&[path.clone()], &options, wanted, |row| {
            assert_eq!(row.cells.len(), wanted.len());
            rows += 1;
            // A few bytes of parquet may announce any number of equal rows.
            if rows < 100_000 { Ok(()) } else { Err("enough".into()) }
        });
        match read {
            Ok(read) => assert_eq!(read.rows, rows),
            Err(error) => assert!(error.to_string().len() < 4_096, "{error}"),
        }
    }
});
