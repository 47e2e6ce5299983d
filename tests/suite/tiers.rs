//! Every test that `cargo test` leaves out is run by tests/all.sh or by the script for a device.

use std::path::{Path, PathBuf};

use crate::support::project;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// All Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The module of a source file below `folder`, with `::` at its end.
fn module(file: &Path, folder: &Path) -> String {
    let path = file.strip_prefix(folder).unwrap().with_extension("");
    path.iter().map(|part| format!("{}::", part.to_string_lossy())).filter(|part| part != "mod::").collect()
}

#[test]
fn every_ignored_test_is_slow_or_needs_what_a_script_has() {
    let scripts = ["tests/all.sh", "tests/gpu.sh", "tests/cuda.sh"].map(|script| read(&project(script))).concat();
    let commands = scripts.lines().filter(|line| !line.trim_start().starts_with('#'));
    // A filter is a module or the words of a test's name; no other word of a script may pass for one.
    let commands = commands.map(|line| line.split_once("without ").map_or(line, |(_condition, filters)| filters));
    let is_filter = |word: &&str| {
        word.ends_with("::") || (word.contains('_') && word.chars().all(|c| c.is_alphanumeric() || "_:".contains(c)))
    };
    let filters: Vec<&str> = commands.flat_map(str::split_whitespace).filter(is_filter).collect();
    let mut needing = [0, 0];
    for (of, folder) in ["src", "tests/suite"].map(project).iter().enumerate() {
        for file in sources(folder) {
            let text = read(&file);
            for test in text.split("ignore = \"").skip(1).filter(|test| test.contains("\"]\n")) {
                let (reason, rest) = test.split_once("\"]").unwrap();
                let Some((_, test)) = rest.split_once("fn ").filter(|(between, _)| between.trim().is_empty()) else { continue };
                let path = format!("{}{}", module(&file, folder), test.split('(').next().unwrap());
                match reason {
                    "slow" | "a benchmark" => {}
                    _ => {
                        let is_a_need = reason.starts_with("needs ");
                        assert!(is_a_need, "{path} is ignored for {reason:?}: say what it needs, or \"slow\"");
                        assert!(filters.iter().any(|filter| path.contains(filter)), "no script knows whether {path} can run");
                        needing[of] += 1;
                    }
                }
            }
        }
    }
    assert!(needing[0] >= 2 && needing[1] >= 15, "{needing:?}");
}
