//! Runs and sweeps that started under other numerics than this version's: they continue, with a message and a record.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gluepot::plan::identity;
use gluepot::runs::{RunDirectory, StoredRun, recorded_rows};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::formats;
use crate::made::{Made, compared, json_of, noted, shell};
use crate::shell::{Done, Shell};
use crate::support::hex;

/// A numerics version other than this program's.
const OTHER: u32 = 3;
/// This program's.
const CURRENT: u32 = 2;

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn write(path: &Path, value: &Value) {
    fs::write(path, serde_json::to_string_pretty(value).unwrap()).unwrap();
}

fn ok(done: Done) -> Done {
    assert_eq!(done.code, 0, "{done:?}");
    done
}

/// Changes a run to be from a version with other numerics; returns its new identity.
fn pretend(run: &Path) -> String {
    let facts = StoredRun::read(run).unwrap().facts;
    let rows = recorded_rows(&RunDirectory::at(run.to_path_buf())).unwrap();
    assert_eq!(identity(&rows, &facts.hashes, &[], 1, 1), facts.trial);
    let id = identity(&rows, &facts.hashes, &[], 1, OTHER);
    assert_ne!(id, facts.trial);
    let mut facts = read(&run.join("run.json"));
    facts["numerics"] = OTHER.into();
    facts["trial"] = id.clone().into();
    write(&run.join("run.json"), &facts);
    // The manifest must match the file, and its seal the manifest.
    let bytes = fs::read(run.join("run.json")).unwrap();
    let mut manifest = read(&run.join("manifest.json"));
    manifest["files"]["run.json"] = json!({ "bytes": bytes.len(), "sha256": hex(&Sha256::digest(&bytes)) });
    manifest["seal"] = "".into();
    let text = serde_json::to_string_pretty(&manifest).unwrap();
    manifest["seal"] = hex(&Sha256::digest(text.as_bytes())).into();
    fs::write(run.join("manifest.json"), serde_json::to_string_pretty(&manifest).unwrap() + "\n").unwrap();
    id
}

fn runs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let mut runs: Vec<PathBuf> = entries.filter(|path| path.join("run.json").is_file()).collect();
    runs.sort();
    runs
}

#[test]
fn a_run_resumes_under_other_numerics_and_records_both() {
    let shell = formats::copy("format-2");
    let is_interrupted = |path: &PathBuf| read(&path.join("run.json"))["status"] == "interrupted";
    let run = runs(&shell.path("runs")).into_iter().find(is_interrupted).unwrap();
    let id = pretend(&run);
    ok(shell.gluepot(&["verify", run.to_str().unwrap()]));
    let resumed = ok(shell.gluepot(&["resume", run.to_str().unwrap()]));
    assert!(resumed.err.contains("numerics 2, and the run was computed under numerics 3"), "{resumed:?}");
    let facts = read(&run.join("run.json"));
    assert_eq!((&facts["status"], &facts["trial"]), (&json!("finished"), &json!(id)));
    assert_eq!((&facts["numerics"], &facts["resumed"][0]["numerics"]), (&json!(OTHER), &json!(CURRENT)));
    ok(shell.gluepot(&["verify", run.to_str().unwrap()]));
}

fn sweep_directory(shell: &Shell) -> PathBuf {
    let entries = fs::read_dir(shell.path("runs")).unwrap().flatten().map(|entry| entry.path());
    let mut sweeps: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with("_sweep_sweep")).collect();
    assert_eq!(sweeps.len(), 1);
    sweeps.remove(0)
}

#[test]
fn a_sweep_continues_under_other_numerics_and_its_finished_trials_count() {
    let shell = formats::copy("format-2");
    let sweep = sweep_directory(&shell);
    let before = runs(&sweep);
    assert_eq!(before.len(), 6);
    let ids: BTreeMap<String, String> =
        before.iter().map(|run| (StoredRun::read(run).unwrap().facts.trial, pretend(run))).collect();
    let lines: Vec<String> = fs::read_to_string(sweep.join("plan.jsonl")).unwrap().lines().map(String::from).collect();
    let planned = lines.iter().map(|line| {
        let mut trial: Value = serde_json::from_str(line).unwrap();
        // A line without a checksum, as earlier versions wrote it.
        trial.as_object_mut().unwrap().remove("check");
        let first = trial["id"].as_str().unwrap().to_string();
        (trial["id"], trial["first_id"], trial["numerics"]) = (json!(ids[&first]), json!(first), OTHER.into());
        trial.to_string() + "\n"
    });
    fs::write(sweep.join("plan.jsonl"), planned.collect::<String>()).unwrap();
    // One trial has not been trained yet, and a seed is added.
    let (kept, gone) = (&before[..5], &before[5]);
    let open = read(&gone.join("run.json"))["trial"].clone();
    fs::remove_dir_all(gone).unwrap();
    let facts: Vec<Value> = kept.iter().map(|run| read(&run.join("run.json"))).collect();
    let text = fs::read_to_string(shell.path("sweep.toml")).unwrap();
    shell.write("sweep.toml", text.replace("[1, 2, 3]", "[1, 2, 3, 4]"));
    let done = ok(shell.gluepot(&["sweep", "sweep.toml"]));
    assert!(done.err.contains("6 trials were planned under other numerics (3, now 2)"), "{done:?}");
    assert_eq!(sweep_directory(&shell), sweep);
    let after = runs(&sweep);
    assert_eq!(after.len(), 8);
    assert!(kept.iter().zip(facts).all(|(run, facts)| read(&run.join("run.json")) == facts));
    let new: Vec<Value> = after.iter().filter(|run| !kept.contains(run)).map(|run| read(&run.join("run.json"))).collect();
    assert!(new.iter().all(|facts| facts["numerics"] == CURRENT && facts["status"] == "finished"), "{new:?}");
    let late: Vec<&Value> = new.iter().filter(|facts| facts["planned_numerics"] == OTHER).collect();
    assert_eq!((late.len(), &late[0]["trial"]), (1, &open));
    for run in &after {
        ok(shell.gluepot(&["verify", run.to_str().unwrap()]));
    }
    let again = ok(shell.gluepot(&["resume", sweep.to_str().unwrap()]));
    assert!(again.err.contains("planned under other numerics"), "{again:?}");
    assert_eq!(runs(&sweep), after);
    // Each variant has runs of both numerics, but stays one variant.
    let compared = ok(shell.gluepot(&["compare", sweep.to_str().unwrap(), "--format", "json"]));
    let comparison = json_of(&compared)[0].clone();
    let variants = comparison["variants"].as_array().unwrap();
    assert_eq!(variants.len(), 2);
    for variant in variants {
        let numerics = variant["computed_by"]["numerics"].as_object().unwrap();
        assert_eq!(numerics.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), 4);
        assert!(numerics["2"].as_u64().unwrap() >= 1 && numerics["3"].as_u64().unwrap() >= 2);
    }
    assert_eq!(noted(&comparison, "computed_by"), 8);
}

#[test]
fn a_comparison_tells_of_numerics_that_mix() {
    let resumed = json!([{
        "at": "2026-11-23T05:00:00Z", "step": 10, "after": "interrupted", "command_line": [], "device": "cpu", "numerics": 2,
        "host": { "name": "elsewhere", "platform": "linux-x86_64", "threads": 2, "process": 1 },
    }]);
    let shell = shell(&[
        // Without a record, the numerics are version 1.
        Made::new("a", 1, 0.80),
        Made::new("b", 2, 0.81).facts(json!({ "numerics": 1 })),
        Made::new("c", 3, 0.82).facts(json!({ "numerics": 2 })),
        Made::new("d", 4, 0.83).facts(json!({ "resumed": resumed })),
    ]);
    let comparison = compared(&shell, &[]);
    assert_eq!(noted(&comparison, "computed_by"), 4);
    let computed_by = &comparison["variants"][0]["computed_by"];
    assert_eq!(computed_by, &json!({ "numerics": { "1": 2, "1 and 2": 1, "2": 1 } }));
}
