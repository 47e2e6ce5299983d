//! Submissions to GLUE, against what Python writes (tests/reference/make_submission.py), and broken ones.

use std::io::{Cursor, Read, Write};

use gluepot::submission::{Draft, GlueFile, GlueRows, check};
use gluepot::task::metrics::Metric;
use gluepot::task::{ClassCells, ColumnName, Head, Output, Splits, Task, TextColumns};
use serde_json::Value;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::redactor::{Redactor, snapshot};
use crate::shell::{Done, Shell};
use crate::support::golden;

/// A zip in which the same is predicted for every example.
fn filled() -> Vec<u8> {
    let shell = Shell::new();
    let path = shell.path("filled.zip");
    Draft::default().filled().0.write(&path).unwrap();
    std::fs::read(path).unwrap()
}

fn text(zip: &[u8], name: &str) -> String {
    let mut text = String::new();
    ZipArchive::new(Cursor::new(zip)).unwrap().by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn packed<'a>(files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in files {
        writer.start_file(name, options).unwrap();
        writer.write_all(&content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zip that is right but for what `change` does to its files' names and texts.
fn changed(change: impl Fn(&mut String, &mut Vec<u8>)) -> Vec<u8> {
    let zip = filled();
    let files = GlueFile::ALL.map(|file| (file.name().to_string(), text(&zip, file.name()).into_bytes()));
    let files = files.map(|(mut name, mut content)| {
        change(&mut name, &mut content);
        (name, content)
    });
    packed(files.iter().filter(|(name, _)| !name.is_empty()).map(|(name, content)| (name.as_str(), content.clone())))
}

fn hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn task(name: &str, head: Head) -> Task {
    Task {
        name: name.into(),
        text: TextColumns::Single(ColumnName::named("sentence")),
        target: ColumnName::named("label"),
        head,
        class_cells: ClassCells::Ids,
        positive: None,
        metrics: vec![Metric::ACCURACY],
        splits: Splits::default(),
    }
}

#[test]
fn files_are_those_that_python_writes() {
    let (golden, zip) = (golden("submission.json"), filled());
    assert_eq!(golden["files"].as_object().unwrap().len(), 11);
    for file in GlueFile::ALL {
        let expected = &golden["files"][file.name()];
        assert_eq!(expected["rows"], file.rows(), "{file:?}");
        assert_eq!(expected["majority"], file.majority(), "{file:?}");
        assert_eq!(expected["sha256"], hex(&text(&zip, file.name())), "{file:?}");
    }
    // The zip itself does not depend on the time.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    assert!(zip == filled());
}

#[test]
fn outputs_become_the_cells_that_python_writes() {
    for model in golden("submission.json")["models"].as_array().unwrap() {
        let strings = |value: &Value| serde_json::from_value::<Vec<String>>(value.clone()).unwrap();
        let file = GlueFile::ALL.into_iter().find(|file| model["file"] == file.name()).unwrap();
        let head = if model["labels"].is_null() { Head::Value } else { Head::Classes(strings(&model["labels"])) };
        let outputs: Vec<Vec<f32>> = serde_json::from_value(model["outputs"].clone()).unwrap();
        let outputs: Vec<Output> = outputs.into_iter().map(Output).cycle().take(file.rows()).collect();
        let rows = GlueRows::predicted(file, &task(model["task"].as_str().unwrap(), head), &outputs).unwrap();
        let expected = strings(&model["expected"]).into_iter().cycle().take(file.rows());
        let expected: String = expected.enumerate().map(|(index, cell)| format!("{index}\t{cell}\n")).collect();
        assert!(rows.text() == format!("index\tprediction\n{expected}"), "{file:?}: {}", rows.text());
    }
}

fn submit(zip: &[u8], more: &[&str]) -> (Shell, Done) {
    let mut shell = Shell::new();
    shell.set("COLUMNS", "80");
    shell.write("submission.zip", zip);
    let done = shell.gluepot(&[&["submit", "--check", "submission.zip"], more].concat());
    (shell, done)
}

/// Checks the zip, and compares all that is said with the snapshot of this name.
fn refused(name: &str, zip: &[u8]) {
    let (shell, done) = submit(zip, &[]);
    assert_eq!(done.code, 4, "{done:?}");
    assert!(done.out.lines().all(|line| line.chars().count() <= 80), "{done:?}");
    snapshot!(name, Redactor::new(&shell).redact(&format!("{}\n{}", done.out, done.err)));
}

#[test]
fn a_right_submission_is_accepted() {
    let (shell, done) = submit(&filled(), &[]);
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{done:?}");
    snapshot!("submit-right", Redactor::new(&shell).redact(&done.out));
    // Nothing requires a line break at the end, or compression.
    let zip = changed(|_, content| content.truncate(content.len() - 1));
    assert_eq!(submit(&zip, &["--format", "json"]).1.code, 0);
}

#[test]
fn all_mistakes_in_lines_are_named() {
    let zip = changed(|name, content| {
        let mut lines: Vec<String> = String::from_utf8(content.clone()).unwrap().lines().map(String::from).collect();
        match name.as_str() {
            "CoLA.tsv" => lines[0] = "id\tprediction".into(),
            "SST-2.tsv" => drop(lines.remove(0)),
            "MRPC.tsv" => lines[0].insert(0, '\u{feff}'),
            "QQP.tsv" => drop(lines.split_off(lines.len() - 2)),
            "STS-B.tsv" => {
                for (line, cell) in [(3, "nan"), (4, "5.001"), (5, ""), (6, "4,2"), (7, " 2")] {
                    lines[line] = format!("{}\t{cell}", line - 1);
                }
            }
            "MNLI-m.tsv" => lines.iter_mut().skip(1).for_each(|line| *line = line.replace("contra", "Contra")),
            "MNLI-mm.tsv" => lines.iter_mut().for_each(|line| line.push('\r')),
            "QNLI.tsv" => {
                // 1 to n instead of 0 to n - 1, and another two exchanged.
                lines.iter_mut().enumerate().skip(1).for_each(|(index, line)| *line = format!("{index}\tentailment"));
                lines.swap(100, 101);
            }
            "RTE.tsv" => {
                lines.insert(2, String::new());
                lines[5] = "3\tentailment\t0.93".into();
                lines[6] = "4".into();
                lines[7] = "5.0\tentailment".into();
                lines.push(String::new());
            }
            "WNLI.tsv" => lines.iter_mut().skip(1).for_each(|line| *line = line.replace("\t0", "\tnot_entailment")),
            _ => lines[1] = "0\t\u{1b}[31mred\u{202e}".into(),
        }
        *content = lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
        if name == "AX.tsv" {
            content.extend(b"\xff\xfe\tneutral\n");
        }
    });
    refused("submit-lines", &zip);
    let report: Value = serde_json::from_str(&submit(&zip, &["--format", "json"]).1.out).unwrap();
    assert_eq!((&report["valid"], report["files"].as_array().unwrap().len()), (&Value::Bool(false), 11));
    let words = &report["files"][5]["problems"];
    assert_eq!((words.as_array().unwrap().len(), &words[0]["count"]), (1, &Value::from(9796)));
    assert_eq!(words[0]["lines"], serde_json::json!([2, 3, 4]));
}

#[test]
fn all_mistakes_in_the_zip_are_named() {
    let mut zip = changed(|name, content| match name.as_str() {
        "CoLA.tsv" => name.clear(),
        "SST-2.tsv" => *name = "submission/SST-2.tsv".into(),
        "MRPC.tsv" => *name = "mrpc.TSV".into(),
        "QQP.tsv" => *content = vec![b'0'; 17 << 20],
        // Renamed below, which the library refuses to do.
        "STS-B.tsv" => *name = "WNLI.tsx".into(),
        "RTE.tsv" => content.clear(),
        _ => {}
    });
    // The first byte of the file's content: no checksum is right any more.
    let ax = zip.windows(6).position(|bytes| bytes == b"AX.tsv").unwrap();
    zip[ax + 30] ^= 0xff;
    let mut writer = ZipWriter::new_append(Cursor::new(zip)).unwrap();
    for name in ["__MACOSX/._CoLA.tsv", "readme\u{1b}[2J.txt"] {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
    }
    writer.add_directory("submission", SimpleFileOptions::default()).unwrap();
    let mut zip = writer.finish().unwrap().into_inner();
    let names: Vec<usize> = zip.windows(8).enumerate().filter(|(_, bytes)| bytes == b"WNLI.tsx").map(|(at, _)| at).collect();
    for at in names {
        zip[at + 7] = b'v';
    }
    refused("submit-zip", &zip);
}

#[test]
fn what_is_no_zip_is_refused_at_once() {
    let names: Vec<String> = (0..1001).map(|number| number.to_string()).collect();
    let crowd = packed(names.iter().map(|name| (name.as_str(), Vec::new())));
    let cut = filled();
    for (name, bytes) in [
        ("submit-text", b"index\tprediction\n0\t1\n".as_slice()),
        ("submit-cut", &cut[..cut.len() / 2]),
        ("submit-empty", b""),
        ("submit-crowd", &crowd),
    ] {
        refused(name, bytes);
    }
    let shell = Shell::new();
    let done = shell.gluepot(&["submit", "--check", "absent.zip"]);
    assert!(done.code == 4 && done.err.contains("cannot read absent.zip"), "{done:?}");
    let done = shell.gluepot(&["submit", "--check", "."]);
    assert!(done.code == 4 && done.err.contains("a directory"), "{done:?}");
    let done = shell.gluepot(&["submit"]);
    assert!(done.code == 2 && done.err.contains("--output <FILE>"), "{done:?}");
}

/// Whatever bytes are changed, the check ends with an answer.
#[test]
fn no_damage_makes_it_panic() {
    let zip = packed(GlueFile::ALL.map(|file| (file.name(), b"index\tprediction\n0\t1\n".to_vec())));
    let shell = Shell::new();
    let mut answers = [0; 2];
    for at in 0..zip.len() {
        let mut damaged = zip.clone();
        damaged[at] ^= 0x81;
        let path = shell.write("damaged.zip", &damaged);
        answers[usize::from(check(&path).is_ok())] += 1;
    }
    assert!(answers.iter().all(|count| *count > 20), "{answers:?}");
}
