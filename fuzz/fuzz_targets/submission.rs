//! A finished submission of any bytes; the first byte says whether they are the zip, or the text of a file in a sound one.
#![no_main]

use std::io::{Cursor, Write};

use gluepot::report::{submission_json, submission_text};
use gluepot::submission::{GlueFile, check};
use gluepot::terminal::Width;
use libfuzzer_sys::fuzz_target;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, content)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = folder.path().join("submission.zip");
    let file = GlueFile::ALL.get(usize::from(*kind));
    let zip = match file {
        Some(file) => {
            let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
            writer.start_file(file.name(), SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
            writer.finish().unwrap().into_inner()
        }
        None => content.to_vec(),
    };
    std::fs::write(&path, zip).unwrap();
    if let Ok(report) = check(&path) {
        // Ten of the eleven files are missing from a zip of one.
        assert!(file.is_none() || report.problem().is_some());
        let _ = (report.problem(), submission_json(&report), submission_text(&report, Width::of_stdout()));
    }
});
