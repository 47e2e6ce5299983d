//! Runs and sweeps of every earlier format can still be listed, shown, compared, verified, resumed and
//! continued. `tests/fixtures/make.sh` wrote each of them with the version of its time.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shell::{Done, Shell};
use crate::support::{project, relative};

const FORMATS: [&str; 2] = ["format-1", "format-2"];

/// Copies a format's project. Format 1 records absolute paths, which are replaced by those of the copy. Later formats
/// depend on no absolute paths and are sealed, so they are copied unchanged.
pub fn copy(format: &str) -> Shell {
    fn walk(from: &Path, to: &Path, home: Option<&str>) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().flatten() {
            let (path, copy) = (entry.path(), to.join(entry.file_name()));
            if path.is_dir() {
                walk(&path, &copy, home);
                continue;
            }
            match (home, fs::read_to_string(&path)) {
                (Some(home), Ok(text)) => fs::write(&copy, text.replace("/fixture", home)).unwrap(),
                _ => drop(fs::copy(&path, &copy).unwrap()),
            }
        }
    }
    let shell = Shell::new();
    let home = shell.path("").canonicalize().unwrap();
    let absolute = (format == "format-1").then(|| home.to_str().unwrap().trim_end_matches('/'));
    walk(&project("tests/fixtures").join(format), &home, absolute);
    shell
}

fn ok(done: Done) -> Done {
    assert_eq!(done.code, 0, "{done:?}");
    done
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn read(path: &Path) -> Value {
    json(&fs::read_to_string(path).unwrap())
}

/// Checks that every earlier key still exists with the same value; keys may have been added.
fn assert_contains(now: &Value, before: &Value, at: &str) {
    match (now, before) {
        (Value::Object(now), Value::Object(before)) => {
            for (key, value) in before {
                assert_contains(now.get(key).unwrap_or_else(|| panic!("{at}.{key} is gone")), value, &format!("{at}.{key}"));
            }
        }
        (Value::Array(now), Value::Array(before)) => {
            assert_eq!(now.len(), before.len(), "{at}");
            for (index, (now, before)) in now.iter().zip(before).enumerate() {
                assert_contains(now, before, &format!("{at}[{index}]"));
            }
        }
        (Value::Number(now), Value::Number(before)) => {
            let (now, before) = (now.as_f64().unwrap(), before.as_f64().unwrap());
            assert!(relative(now, before) < 1e-9, "{at}: {now}, {before} before");
        }
        _ => assert_eq!(now, before, "{at}"),
    }
}

/// Checks that every earlier key still exists; its value may have been corrected.
fn assert_keys(now: &Value, before: &Value, at: &str) {
    match (now, before) {
        (Value::Object(now), Value::Object(before)) => {
            // Scores are keyed by seed, and the order of variants may have changed.
            for (key, value) in before.iter().filter(|_| !at.ends_with(".scores")) {
                assert_keys(now.get(key).unwrap_or_else(|| panic!("{at}.{key} is gone")), value, &format!("{at}.{key}"));
            }
        }
        (Value::Array(now), Value::Array(before)) => {
            now.iter().zip(before).for_each(|(now, before)| assert_keys(now, before, at));
        }
        _ => {}
    }
}

fn runs(shell: &Shell, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(shell.path("runs")).unwrap().flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.is_dir() && path.to_string_lossy().contains(ending));
    found.sort();
    assert!(!found.is_empty(), "nothing to look at");
    found
}

/// Returns the run with this status, and its id.
fn run(shell: &Shell, status: &str) -> (PathBuf, String) {
    let found = runs(shell, "_x_").into_iter().find(|path| read(&path.join("run.json"))["status"] == status);
    let path = found.unwrap_or_else(|| panic!("no {status} run"));
    let id = read(&path.join("run.json"))["id"].as_str().unwrap().to_string();
    (path, id)
}

/// Compares two tables except for rounding: the expected one may come from another processor.
fn assert_close(ours: &Path, expected: &Path) {
    let (ours, expected) = (fs::read_to_string(ours).unwrap(), fs::read_to_string(expected).unwrap());
    assert_eq!(ours.lines().count(), expected.lines().count());
    assert_eq!(ours.lines().next(), expected.lines().next());
    for (ours, expected) in ours.lines().zip(expected.lines()).skip(1) {
        for (a, b) in ours.split(',').zip(expected.split(',')) {
            match (a.parse::<f64>(), b.parse::<f64>()) {
                (Ok(a), Ok(b)) => assert!(relative(a, b) < 1e-3 || (a - b).abs() < 1e-5, "{ours} {expected}"),
                _ => assert_eq!(a, b),
            }
        }
    }
}

#[test]
fn earlier_runs_are_listed_shown_and_verified() {
    for format in FORMATS {
        let shell = copy(format);
        let listed = ok(shell.gluepot(&["list", "--json"]));
        let expected = read(&shell.path("expected/list.json"));
        let (now, before) = (json(&listed.out), expected.as_array().unwrap());
        assert!(before.len() >= 4);
        for run in before {
            let id = &run["run"]["id"];
            let same = now.as_array().unwrap().iter().find(|entry| entry["run"]["id"] == *id);
            assert_contains(same.unwrap_or_else(|| panic!("{id} is not listed")), run, "list");
        }
        for run in before {
            let id = run["run"]["id"].as_str().unwrap();
            let path = shell.path("").canonicalize().unwrap().join(run["path"].as_str().unwrap());
            let shown = ok(shell.gluepot(&["show", path.to_str().unwrap()]));
            assert!(shown.out.contains(id), "{}", shown.out);
            ok(shell.gluepot(&["show", path.to_str().unwrap(), "--json"]));
        }
        let (finished, id) = run(&shell, "finished");
        ok(shell.gluepot(&["verify", &id]));
        let predictions = finished.join("predictions/validation.csv");
        let text = fs::read_to_string(&predictions).unwrap();
        let first = text.lines().nth(1).unwrap();
        let mut words: Vec<&str> = first.split(',').collect();
        words[2] = if words[2] == "0" { "1" } else { "0" };
        fs::write(&predictions, text.replacen(first, &words.join(","), 1)).unwrap();
        assert_ne!(shell.gluepot(&["verify", &id]).code, 0);
    }
}

#[test]
fn earlier_runs_are_compared_as_before() {
    for format in FORMATS {
        let shell = copy(format);
        let now = ok(shell.gluepot(&["compare", "--format", "json"]));
        assert_keys(&json(&now.out), &read(&shell.path("expected/compare.json")), "compare");
        let sweep = runs(&shell, "sweep_sweep").remove(0);
        let now = json(&ok(shell.gluepot(&["compare", sweep.to_str().unwrap(), "--format", "json"])).out);
        let before = read(&shell.path("expected/compare-sweep.json"));
        assert_keys(&now, &before, "compare");
        let (now, before) = (&now[0]["variants"], before[0]["variants"].as_array().unwrap());
        assert_eq!(before.len(), 2);
        for (index, before) in before.iter().enumerate() {
            for key in ["settings", "scores", "runs", "failed", "pruned", "collapsed"] {
                assert_contains(&now[index][key], &before[key], key);
            }
            for key in ["n", "mean", "sd", "median", "min", "max"] {
                assert_contains(&now[index]["score"][key], &before["score"][key], key);
            }
        }
    }
}

#[test]
fn an_earlier_interrupted_run_resumes_to_what_it_would_have_been() {
    for format in FORMATS {
        let shell = copy(format);
        let (path, id) = run(&shell, "interrupted");
        ok(shell.gluepot(&["resume", &id]));
        assert_eq!(read(&path.join("run.json"))["status"], "finished");
        let expected = shell.path("expected");
        assert_close(&path.join("metrics/train.csv"), &expected.join("train.csv"));
        assert_close(&path.join("metrics/eval.csv"), &expected.join("eval.csv"));
        assert_close(&path.join("predictions/validation.csv"), &expected.join("validation.csv"));
        ok(shell.gluepot(&["verify", &id]));
        let (_, finished) = run(&shell, "finished");
        ok(shell.gluepot(&["resume", &finished, "--epochs", "5"]));
    }
}

#[test]
#[ignore = "slow"]
fn an_earlier_sweep_continues_with_what_is_left() {
    for format in FORMATS {
        let shell = copy(format);
        let trials = |sweep: &Path| {
            let found = fs::read_dir(sweep).unwrap().flatten().map(|entry| entry.path());
            let mut found: Vec<PathBuf> = found.filter(|path| path.join("run.json").is_file()).collect();
            found.sort();
            found
        };
        // A finished sweep stays finished.
        let whole = runs(&shell, "sweep_sweep").remove(0);
        let before = trials(&whole);
        assert_eq!(before.len(), 6);
        ok(shell.gluepot(&["sweep", "sweep.toml", "-q"]));
        assert_eq!(trials(&whole), before);
        // A half-finished sweep resumes the interrupted trial and trains the others.
        let half = runs(&shell, "half_sweep").remove(0);
        let before = trials(&half);
        ok(shell.gluepot(&["sweep", "half.toml", "-q"]));
        let after = trials(&half);
        assert_eq!(after.len(), 4);
        assert!(before.iter().all(|run| after.contains(run)));
        assert!(after.iter().all(|run| run.join("summary.json").is_file()));
        assert_eq!(runs(&shell, "_sweep").len(), 2, "a sweep was begun anew");
    }
}
