//! Tables in every form that users have them (tests/reference/make_tables.py), and broken ones.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use gluepot::machine::input_file::HashingReader;
use gluepot::table::{Cell, DataFormat, Row, RowPlace, TableOptions, TableReader, read_files};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::redactor::snapshot;
use crate::support::project;

const TABLES: &str = "tests/golden/tables";

fn encoding(label: &str) -> TableOptions {
    TableOptions { encoding: Some(label.parse().unwrap()), ..TableOptions::default() }
}

fn separator(text: &str) -> TableOptions {
    TableOptions { separator: Some(text.parse().unwrap()), ..TableOptions::default() }
}

fn format(format: DataFormat) -> TableOptions {
    TableOptions { format: Some(format), ..TableOptions::default() }
}

/// Returns a row's cells as JSON.
fn json(row: Row) -> Value {
    let cell = |cell| match cell {
        Cell::Missing => Value::Null,
        Cell::Text(text) => text.into(),
        Cell::List(items) => items.into(),
    };
    row.cells.into_iter().map(cell).collect()
}

#[test]
fn tables_of_other_programs_are_read_as_they_were_written() {
    let expected: Value = serde_json::from_slice(&fs::read(project(TABLES).join("expected.json")).unwrap()).unwrap();
    let expected = expected.as_object().unwrap();
    assert_eq!(expected.len() + 1, fs::read_dir(project(TABLES)).unwrap().count());
    for (name, expected) in expected {
        let path = project(TABLES).join(name);
        let mut options = expected["options"]["encoding"].as_str().map(encoding).unwrap_or_default();
        options.separator = expected["options"]["separator"].as_str().map(|text| text.parse().unwrap());
        let mut reader = HashingReader::open(&path).unwrap();
        let table = TableReader::of_file(&mut reader, &path, &options).unwrap();
        assert_eq!(serde_json::json!(table.columns()), expected["columns"], "{name}");
        let wanted = expected.get("wanted").unwrap_or(&expected["columns"]).as_array().unwrap();
        let wanted: Vec<&str> = wanted.iter().map(|column| column.as_str().unwrap()).collect();
        let found: Value = table.rows(&wanted).unwrap().map(|row| json(row.unwrap())).collect();
        assert_eq!(found, expected["rows"], "{name}");
        let sha256 = format!("{:x?}", &Sha256::digest(fs::read(&path).unwrap())[..]);
        assert_eq!(format!("{:x?}", &reader.hasher().unwrap().finalize()[..]), sha256, "{name}");
        // In another order, and one twice.
        let wanted = [wanted[wanted.len() - 1], wanted[0], wanted[0]];
        let cells = |row: &Value| [&row[row.as_array().unwrap().len() - 1], &row[0], &row[0]].map(Clone::clone);
        let again: Vec<Value> =
            TableReader::open(&path, &options).unwrap().rows(&wanted).unwrap().map(|row| json(row.unwrap())).collect();
        let rows: Vec<Value> = expected["rows"].as_array().unwrap().iter().map(|row| cells(row).into_iter().collect()).collect();
        assert_eq!(again, rows, "{name}");
    }
}

#[test]
fn several_files_are_one_table_with_one_hash() {
    let paths = ["comma.csv", "members.csv.gz", "types.parquet"].map(|name| project(TABLES).join(name));
    let mut places = Vec::new();
    let read = read_files(&paths[..2], &TableOptions::default(), &["id"], |row| {
        places.push(row.place);
        Ok(())
    })
    .unwrap();
    let all: Vec<u8> = paths[..2].iter().flat_map(|path| fs::read(path).unwrap()).collect();
    let sha256: String = Sha256::digest(all).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((read.sha256, read.rows, read.remarks.len()), (sha256, 18, 0));
    // A row begins at its first line.
    assert_eq!(places[6..9], [8, 10, 13].map(RowPlace::Line));
    let refuse = |paths: &[PathBuf], column| {
        let refuse = |row: Row| if row.place == places[7] || row.place == RowPlace::Row(2) { Err("no".into()) } else { Ok(()) };
        read_files(paths, &TableOptions::default(), &[column], refuse).unwrap_err().to_string()
    };
    assert!(refuse(&paths[..2], "id").ends_with("comma.csv, line 10: no"));
    assert!(refuse(&paths[2..], "text").ends_with("types.parquet, row 2: no"));
}

#[test]
fn lines_of_standard_input_are_rows_at_once() {
    let read = |text: &'static str, wanted: &[&str]| {
        let table = TableReader::of_stream(text.as_bytes(), DataFormat::Lines, "standard input", &TableOptions::default());
        table
            .and_then(|table| table.rows(wanted)?.map(|row| row.map(json)).collect::<Result<Vec<_>, _>>())
            .map_err(|e| e.to_string())
    };
    // An empty line is a text without words, so that predictions stand on the lines of their texts.
    assert_eq!(read("a\n\nb\n", &["text"]).unwrap(), [["a"].into(), [Value::Null].into_iter().collect(), Value::from(["b"])]);
    assert_eq!(read("a\tb\n\t\n", &["text_pair"]).unwrap().len(), 2);
    assert_eq!(read("", &["text"]).unwrap(), Vec::<Value>::new());
    assert_eq!(
        read("a\tb\nc\n", &["text"]).unwrap_err(),
        "standard input, line 2: the line has 1 text with tabs between them, the first line has 2"
    );
}

#[test]
fn cells_of_tsv_that_look_quoted_are_remarked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tsv");
    fs::write(&path, "id\ttext\n1\tplain \"so\"\n2\t\"said\"\n\"3\"\t\"a\"\n").unwrap();
    let mut rows = TableReader::open(&path, &TableOptions::default()).unwrap().rows(&["text"]).unwrap();
    let texts: Vec<Value> = rows.by_ref().map(|row| json(row.unwrap())).collect();
    assert_eq!(texts[1][0], "\"said\"");
    snapshot!("table-remark", rows.remark().unwrap().replace(&folder.path().display().to_string(), ""));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A file that cannot be read: its name, content, the options to read it with, and the columns wanted.
type Broken = (&'static str, Vec<u8>, TableOptions, &'static [&'static str]);

fn broken() -> Vec<Broken> {
    let plain = TableOptions::default();
    let csv = |text: &str| -> Broken { ("a.csv", text.into(), plain, &["text", "label"]) };
    let tsv = |text: &str| -> Broken { ("a.tsv", text.into(), plain, &["text", "label"]) };
    let json = |text: &str| -> Broken { ("a.jsonl", text.into(), plain, &["text", "label"]) };
    let bytes = |name, content: &[u8]| -> Broken { (name, content.into(), plain, &["text"]) };
    let golden = |name: &str| fs::read(project(TABLES).join(name)).unwrap();
    let parquet = |name: &str| fs::read(project("tests/golden/readers/parquet").join(name)).unwrap();
    let types = golden("types.parquet");
    let packed = gzip("text,label\na,1\n".repeat(1000).as_bytes());
    let frames = golden("frames.csv.zst");
    vec![
        csv(""),
        csv("\n\n"),
        csv(",,\n1,2,3\n"),
        csv("text,label,text\na,1,b\n"),
        csv("text,lable\na,1\n"),
        csv("text, label\na,1\n"),
        csv("a,b,c,d\n"),
        csv("text;label\na;1\n"),
        csv("text\tlabel\na\t1\n"),
        csv("text,label\na,1\nb\n"),
        csv("text,label\n\"two\nlines\",1\n\n\"more\nlines\",1,2\n"),
        csv("text,label\na,1\n\"b,2\nc,3\n"),
        csv("text,label\na,1\n\"he said \"hi\"\",2\n"),
        csv("text,label\na,1\n\"he said \\\"hi\\\"\",2\n"),
        csv("text,label\na,1\nb\0,2\n"),
        csv("text,label\ra,1\rb,2\n"),
        bytes("a.csv", b"text,label\nok,1\nthe caf\xe9 here,2\n"),
        bytes("a.csv", b"text,label\n\x93\xfa\x96\x7b,1\n"),
        bytes("a.csv", b"text,label\na,1\n\x81\x81\x81,1\n"),
        bytes("a.csv", b"t\0e\0x\0t\0\n\0a\0\n\0"),
        bytes("a.csv", b"\xff\xfe\0\0t\0\0\0"),
        ("a.csv", b"text\n\xef\xbb\xbf\n\x81\n".to_vec(), encoding("shift_jis"), &["text"]),
        ("a.csv", b"\xef\xbb\xbftext\n".to_vec(), encoding("windows-1252"), &["text"]),
        bytes("a.csv", &golden("members.csv.gz")),
        bytes("a.csv", b"PK\x03\x04\x14\0\x06\0"),
        bytes("a.csv", &types),
        bytes("a.xlsx", b""),
        bytes("a.csv.gz", b"text\na\n"),
        bytes("a.csv.gz", b""),
        bytes("a.csv.gz", &packed[..packed.len() - 9]),
        bytes("a.csv.gz", &[&packed[..], b"garbage"].concat()),
        bytes("a.csv.gz", &gzip(&gzip(b"text\na\n"))),
        ("a.csv.zst", frames[..frames.len() - 4].to_vec(), plain, &["review"]),
        ("a.csv.zst", [&frames[..], b"garbage"].concat(), plain, &["review"]),
        tsv("text\tlabel\na\t1\nb\tc\t2\n"),
        tsv("text,label\na,1\n"),
        ("a.tsv", b"text,label\na,1\n".to_vec(), separator(";"), &["label"]),
        bytes("a.txt", b"a\tb\tc\n"),
        ("a.txt", b"a\n".to_vec(), separator(","), &["text"]),
        ("a.txt", b"a\n".to_vec(), plain, &["text_pair"]),
        json(""),
        json("[{\"text\": \"a\", \"label\": 1}]\n"),
        json("{\n  \"text\": \"a\",\n"),
        json("{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 2\n"),
        json("{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": NaN}\n"),
        json("{\"text\": \"a\", \"label\": 1}\n\n\"b\"\n"),
        json("{\"text\": \"a\", \"label\": 1} {}\n"),
        json("{\"text\": \"a\", \"label\": {\"name\": \"x\"}}\n"),
        json("{\"text\": \"a\", \"label\": [[1]]}\n"),
        json("{\"text\": \"a\", \"label\": 123456789012345678901234567890}\n"),
        json("{\"text\": \"a\", \"label\": 1, \"text\": \"b\"}\n"),
        json("{\"text\": \"a\\ud800\", \"label\": 1}\n"),
        json("{\"sentence\": \"a\", \"label\": 1}\n"),
        bytes("a.parquet", b"PAR1 and then nothing"),
        bytes("a.parquet", b"ARROW1 and then ARROW1"),
        bytes("a.parquet", &types[..types.len() / 2]),
        ("a.parquet", types.clone(), plain, &["text", "labl"]),
        ("a.parquet", types.clone(), plain, &["nested"]),
        ("a.parquet", types.clone(), encoding("utf-8"), &["text"]),
        ("a.parquet", parquet("refused-binary.parquet"), plain, &["sentence1"]),
        bytes("a.parquet.gz", &gzip(&types)),
        ("a.csv", types, format(DataFormat::Parquet), &["label"]),
    ]
}

fn read(path: &Path, options: &TableOptions, wanted: &[&str]) -> Result<usize, String> {
    let read = TableReader::open(path, options)
        .and_then(|table| Ok(table.rows(wanted)?.collect::<Result<Vec<_>, _>>()?))
        .map_err(|error| format!("{error:#}"))?;
    Ok(read.len())
}

#[test]
fn broken_tables_are_refused_by_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    for (name, content, options, wanted) in broken() {
        let path = folder.path().join(name);
        fs::write(&path, &content).unwrap();
        let problem = read(&path, &options, wanted).expect_err(&String::from_utf8_lossy(&content));
        assert!(problem.len() < 700, "{problem}");
        let shown: String = String::from_utf8_lossy(&content).escape_debug().take(70).collect();
        told.push(format!("{shown}\n  {}", problem.replace(&format!("{}/", folder.path().display()), "")));
    }
    assert!(told.len() >= 50);
    let absent = read(&folder.path().join("absent.csv"), &TableOptions::default(), &[]).unwrap_err();
    let directory = read(folder.path(), &format(DataFormat::Csv), &[]).unwrap_err();
    assert!(absent.contains("absent.csv: No such file") && directory.ends_with("is a directory, not a file"));
    snapshot!("broken-tables", told.join("\n\n"));
}

/// Any cut of a compressed or a parquet file is an error, never a shorter table.
#[test]
fn no_cut_of_a_file_is_a_shorter_table() {
    let folder = tempfile::tempdir().unwrap();
    for (name, wanted) in
        [("dos.tsv.gz", "review"), ("frames.csv.zst", "review"), ("types.parquet", "text"), ("groups.parquet", "labels")]
    {
        let whole = fs::read(project(TABLES).join(name)).unwrap();
        let path = folder.path().join(name);
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let found = read(&path, &TableOptions::default(), &[wanted]);
            // The first frame is whole.
            let is_whole = name == "frames.csv.zst" && found == Ok(3);
            assert!(found.is_err() || is_whole, "{name} cut to {length} bytes: {found:?}");
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_has_no_hash() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    fs::copy(project(TABLES).join("types.parquet"), &path).unwrap();
    let mut reader = HashingReader::open(&path).unwrap();
    let rows = TableReader::of_file(&mut reader, &path, &TableOptions::default()).unwrap().rows(&["text"]).unwrap();
    assert_eq!(rows.count(), 4);
    fs::File::options().append(true).open(&path).unwrap().write_all(b"x").unwrap();
    assert!(reader.hasher().unwrap_err().to_string().ends_with("a.parquet was changed while it was read"));
}

/// Repeats a text.
struct Endless {
    text: &'static [u8],
    place: usize,
    left: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.left).min(self.text.len() - self.place);
        buffer[..length].copy_from_slice(&self.text[self.place..self.place + length]);
        self.place = (self.place + length) % self.text.len();
        self.left -= length;
        Ok(length)
    }
}

fn endless(header: &'static str, text: &'static str, bytes: usize) -> impl Read {
    header.as_bytes().chain(Endless { text: text.as_bytes(), place: 0, left: bytes / text.len() * text.len() })
}

/// The address space is limited to less than each of these tables.
#[test]
#[ignore = "slow"]
fn tables_larger_than_memory_are_read() {
    const LIMITED: &str = "GLUEPOT_TEST_LIMITED";
    if std::env::var_os(LIMITED).is_none() {
        let script =
            "ulimit -v 280000; exec \"$0\" --ignored --exact tables::tables_larger_than_memory_are_read --test-threads 1";
        let done =
            Command::new("sh").args(["-c", script]).arg(std::env::current_exe().unwrap()).env(LIMITED, "1").output().unwrap();
        assert!(done.status.success(), "{done:?}");
        return;
    }
    let megabytes = 300 << 20;
    let options = TableOptions::default();
    let lines = |table: TableReader<'_>, wanted: &str| {
        let rows = table.rows(&[wanted]).unwrap();
        rows.fold(0_usize, |number, row| number + row.unwrap().cells.len())
    };
    let row = "007,\"some, text \"\"in\"\" two\nlines\"\n";
    let table = TableReader::of_stream(endless("id,text\n", row, megabytes), DataFormat::Csv, "csv", &options).unwrap();
    assert_eq!(lines(table, "text"), megabytes / row.len());
    let row = "{\"id\": 7, \"text\": \"some text\"}\n";
    let table = TableReader::of_stream(endless("", row, megabytes), DataFormat::Jsonl, "jsonl", &options).unwrap();
    assert_eq!(lines(table, "text"), megabytes / row.len());
    // A row without an end, and a bomb of one, are refused at the limit for a row.
    for (header, text) in [("text\n", "a"), ("text\n\"", "a\n")] {
        let table = TableReader::of_stream(endless(header, text, megabytes), DataFormat::Csv, "csv", &options).unwrap();
        let problem = table.rows(&["text"]).unwrap().next().unwrap().unwrap_err().to_string();
        assert!(problem.contains("csv, line 2: ") && problem.contains("32 MiB"), "{problem}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.csv.gz");
    let mut encoder = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
    std::io::copy(&mut endless("", "a", megabytes), &mut encoder).unwrap();
    encoder.finish().unwrap();
    let problem = read(&path, &options, &["a"]).unwrap_err();
    assert!(problem.ends_with("line 1: longer than 32 MiB, the limit for a line"), "{problem}");
}
