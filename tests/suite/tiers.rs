//! Every test that `cargo test` leaves out is run by tests/all.sh or by the script for a device.

use crate::support::project;

fn read(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_ignored_test_is_slow_or_needs_what_a_script_has() {
    let scripts = ["tests/all.sh", "tests/gpu.sh", "tests/cuda.sh"].map(|script| read(&project(script))).concat();
    let filters: Vec<&str> = scripts.split_whitespace().filter(|word| word.len() > 5 && !word.starts_with('-')).collect();
    let mut needing = 0;
    for entry in std::fs::read_dir(project("tests/suite")).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        let module = entry.path().file_stem().unwrap().to_string_lossy().into_owned();
        for test in read(&entry.path()).split("#[ignore = \"").skip(1).filter(|test| test.contains("\"]\nfn ")) {
            let (reason, rest) = test.split_once("\"]").unwrap();
            let name = rest.split_once("fn ").unwrap().1.split('(').next().unwrap();
            match reason {
                "slow" | "a benchmark" => {}
                _ => {
                    assert!(
                        reason.starts_with("needs "),
                        "{module}::{name} is ignored for {reason:?}: say what it needs, or \"slow\""
                    );
                    let path = format!("{module}::{name}");
                    assert!(filters.iter().any(|filter| path.contains(filter)), "no script knows whether {path} can run");
                    needing += 1;
                }
            }
        }
    }
    assert!(needing >= 15, "{needing}");
}
