//! `list`: selection, order and formats of runs and sweeps.

use serde_json::Value;

use crate::compare::shell;
use crate::formats::copy;
use crate::redactor::snapshot;
use crate::shell::{Done, Shell};

fn snapshot(name: &str, done: &Done) {
    assert_eq!(done.code, 0, "{done:?}");
    snapshot!(name, &done.out);
}

fn ids(shell: &Shell, arguments: &[&str]) -> Vec<String> {
    let done = shell.gluepot(&[&["list", "--format", "json"], arguments].concat());
    let json: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"));
    json.as_array().unwrap().iter().map(|run| run["run"]["id"].as_str().unwrap().to_string()).collect()
}

#[test]
fn runs_are_filtered_sorted_and_cut() {
    let shell = shell();
    assert_eq!(ids(&shell, &["--limit", "2"]), ["a6", "d0"]);
    // The best first; of equal scores, the oldest.
    assert_eq!(ids(&shell, &["--sort", "f1", "--limit", "3"]), ["d0", "b5", "b3"]);
    assert_eq!(ids(&shell, &["--sort", "loss", "--limit", "2", "--filter", "task == mrpc"]), ["b5", "b3"]);
    assert_eq!(ids(&shell, &["--sort", "learning_rate", "--limit", "1", "--filter", "seed == 3"]), ["a3"]);
    assert_eq!(ids(&shell, &["--filter", "status == failed"]), ["c1"]);
    assert_eq!(ids(&shell, &["a0", "b1"]), ["a0", "b1"]);
    assert_eq!(ids(&shell, &["--filter", "f1 > 2"]), Vec::<String>::new());
    // Runs without a score come last.
    assert_eq!(ids(&shell, &["--sort", "f1"]).last().unwrap(), "c1");
    for arguments in [&["--sort", "beauty"][..], &["--filter", "f2 > 1"], &["nothing"], &["--limit", "0"]] {
        assert_eq!(shell.gluepot(&[&["list"], arguments].concat()).code, 2, "{arguments:?}");
    }
}

#[test]
fn every_format_has_every_run() {
    let shell = shell();
    assert_eq!(shell.gluepot(&["list", "--json"]).out, shell.gluepot(&["list", "--format", "json"]).out);
    let json: Value = serde_json::from_str(&shell.gluepot(&["list", "--json"]).out).unwrap();
    assert_eq!((json[0]["status"].as_str(), json[0]["settings"]["data.batch_size"].as_u64()), (Some("finished"), Some(16)));
    let csv = shell.gluepot(&["list", "--format", "csv"]).out;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<std::collections::BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 16);
    assert_eq!((rows[0]["id"].as_str(), rows[0]["best_f1"].as_str(), rows[0]["learning_rate"].as_str()), ("a0", "0.861", "2e-5"));
    let markdown = shell.gluepot(&["list", "--format", "md"]).out;
    assert!(
        markdown.lines().count() == 18 && markdown.lines().all(|line| line.starts_with("| ") && line.ends_with(" |")),
        "{markdown}"
    );
    let latex = shell.gluepot(&["list", "--format", "latex"]).out;
    let rows = latex.lines().filter(|line| line.ends_with(" \\\\") && line.matches(" & ").count() == 8).count();
    assert!(rows == 17 && latex.starts_with("\\begin{tabular}{llllllrll}\n"), "{latex}");
}

/// The fixtures contain a finished and a half-finished sweep, a finished run and an interrupted one.
#[test]
fn sweeps_are_rows_with_what_is_done_and_left() {
    let mut shell = copy("format-1");
    snapshot("list-sweeps", &shell.gluepot(&["list", "--sweeps"]));
    snapshot("list-sweep-by-name", &shell.gluepot(&["list", "--sweeps", "2026-11-26T15-05-15Z_half"]));
    let sweeps: Value = serde_json::from_str(&shell.gluepot(&["list", "--sweeps", "--json"]).out).unwrap();
    for sweep in sweeps.as_array().unwrap() {
        let number = |key: &str| sweep[key].as_u64().unwrap();
        let parts: u64 = ["done", "failed", "stopped", "running", "left"].into_iter().map(number).sum();
        assert_eq!(number("trials"), parts);
    }
    assert_eq!(sweeps[0]["left"], 0);
    assert!(sweeps[1]["left"].as_u64() > Some(0));
    // Every run of a sweep names it.
    let runs: Value = serde_json::from_str(&shell.gluepot(&["list", "--json"]).out).unwrap();
    let of_sweeps = runs.as_array().unwrap().iter().filter(|run| !run["sweep"].is_null()).count() as u64;
    // Six of one sweep; of the other, one finished and one interrupted.
    assert_eq!(of_sweeps, 8);
    shell.set("COLUMNS", "80");
    let narrow = shell.gluepot(&["list"]);
    assert!(narrow.out.lines().all(|line| line.chars().count() <= 80), "{}", narrow.out);
}
