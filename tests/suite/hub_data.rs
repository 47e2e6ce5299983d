//! Data sets of the hub in `[task]`, against the small hub on loopback.

use std::path::Path;

use serde_json::{Value, json};

use crate::hub_server::{COMMIT, TOKEN, TestHub};
use crate::redactor::{Redactor, snapshot};
use crate::shell::{Done, Shell};
use crate::support::project;

const OTHER_COMMIT: &str = "89abcdef0123456789abcdef0123456789abcdef";

const SETTINGS: &str = "checkpoint = \"./bert\"\nlearning_rate = 1e-3\nepochs = 1\nmetric = \"accuracy\"\n[task]\n";
const PAIRS: &str = "name = \"pairs\"\ntext = [\"sentence1\", \"sentence2\"]\nlabel = \"label\"\n";
const VERDICTS: &str = "name = \"verdicts\"\ntext = [\"premise\", \"hypothesis\"]\nlabel = \"verdict\"\n";

fn ok(done: Done) -> Done {
    assert_eq!(done.code, 0, "{done:?}");
    done
}

/// The tiny BERT, and a hub.
fn shell(hub: &TestHub) -> Shell {
    let shell = hub.shell("./bert");
    shell.copy(&project("tests/golden/tiny"), "bert");
    shell
}

fn experiment(shell: &Shell, task: &str) {
    shell.write("x.toml", format!("{SETTINGS}{task}"));
}

fn parquet(name: &str) -> Vec<u8> {
    std::fs::read(project(&format!("tests/golden/tiny/parquet/{name}-00000-of-00001.parquet"))).unwrap()
}

/// A table of the golden tasks as CSV, and the first rows of it.
fn csv(split: &str, rows: usize) -> String {
    let text = std::fs::read_to_string(project(&format!("tests/golden/own_tasks/verdicts/{split}.tsv"))).unwrap();
    text.lines().take(rows + 1).map(|line| format!("\"{}\"\n", line.replace('\t', "\",\""))).collect()
}

/// Runs the experiment, and returns its metrics and the run's facts.
fn trained(shell: &Shell, root: &str) -> (Vec<Vec<u8>>, Value) {
    ok(shell.gluepot(&["run", "x.toml", "--quiet", "--runs", root]));
    let run =
        std::fs::read_dir(shell.path(root)).unwrap().flatten().map(|entry| entry.path()).find(|path| path.is_dir()).unwrap();
    ok(shell.gluepot(&["verify", &run.to_string_lossy()]));
    let read = |file: &str| std::fs::read(run.join(file)).unwrap();
    let facts = serde_json::from_slice(&read("run.json")).unwrap();
    (vec![read("metrics/train.csv"), read("metrics/eval.csv"), read("predictions/validation.csv")], facts)
}

fn redacted(hub: &TestHub, shell: &Shell, text: &str) -> String {
    Redactor::new(shell).measured().redact(text).replace(&hub.endpoint, "[hub]")
}

/// Two parts of parquet, as `push_to_hub` writes them: the same training as on local files, and the same identity.
#[test]
fn parts_of_parquet_are_downloaded_and_trained_on() {
    let hub = TestHub::start();
    hub.add("pairs", "README.md", "---\nlicense: mit\n---\n");
    hub.add("pairs", "data/train-00000-of-00002.parquet", parquet("train"));
    hub.add("pairs", "data/train-00001-of-00002.parquet", parquet("validation"));
    hub.add("pairs", "data/validation-00000-of-00001.parquet", parquet("validation"));
    let mut shell = shell(&hub);
    shell.write("a.parquet", parquet("train"));
    shell.write("b.parquet", parquet("validation"));
    experiment(&shell, &format!("{PAIRS}train = [\"a.parquet\", \"b.parquet\"]\nvalidation = \"b.parquet\"\n"));
    let (local, local_facts) = trained(&shell, "local");
    experiment(&shell, &format!("{PAIRS}train = \"hub:owner/pairs\"\nvalidation = \"hub:owner/pairs\"\n"));
    let plan = ok(shell.gluepot(&["check", "x.toml"]));
    snapshot!("hub-data-check", redacted(&hub, &shell, plan.out.trim_end().rsplit("\n\n").next().unwrap()));
    let (remote, facts) = trained(&shell, "remote");
    assert_eq!(remote, local);
    assert_eq!((&facts["trial"], &facts["hashes"]), (&local_facts["trial"], &local_facts["hashes"]));
    assert_eq!((&facts["commits"], &local_facts["commits"]), (&json!({ "data": COMMIT }), &Value::Null));

    // A file for validation drawn from the training split, and one on this machine.
    experiment(
        &shell,
        &format!(
            "{PAIRS}train = [\"hub:owner/pairs\"]\nvalidation = \"b.parquet\"\ntest = \"hub:owner/pairs/data/validation-*\"\n"
        ),
    );
    ok(shell.gluepot(&["run", "x.toml", "--quiet", "--runs", "mixed"]));
    let evaluated = ok(shell.gluepot(&["evaluate", "--runs", "mixed", "latest", "--split", "test", "--format", "json"]));
    let evaluated: Value = serde_json::from_str(&evaluated.out).unwrap();
    let rows = String::from_utf8(local[2].clone()).unwrap().lines().count() - 1;
    assert_eq!(evaluated["examples"], rows);

    // What is in the cache needs no network.
    let asked = hub.requests().len();
    experiment(&shell, &format!("{PAIRS}train = \"hub:owner/pairs\"\nvalidation_share = 0.2\n"));
    shell.set("HF_HUB_OFFLINE", "1");
    trained(&shell, "offline");
    assert_eq!(hub.requests().len(), asked);
    let cache = shell.path("hf/hub/datasets--owner--pairs");
    assert!(cache.join(format!("snapshots/{COMMIT}/data/train-00001-of-00002.parquet")).is_symlink());
    assert_eq!(std::fs::read_to_string(cache.join("refs/main")).unwrap(), COMMIT);
}

#[test]
fn a_revision_has_files_of_its_own() {
    let hub = TestHub::start();
    hub.add("reviews", "train.csv", csv("train", 60));
    hub.add("reviews", "dev.csv", csv("dev", 20));
    // The hub of tests has the same files at each commit.
    hub.state.lock().unwrap().forgotten.insert(OTHER_COMMIT.into());
    let shell = shell(&hub);
    let name = format!("hub:owner/reviews@{OTHER_COMMIT}");
    experiment(&shell, &format!("{VERDICTS}train = \"{name}\"\nvalidation = \"{name}\"\n"));
    let (_, facts) = trained(&shell, "runs");
    assert_eq!(facts["commits"]["data"], OTHER_COMMIT);
    assert!(!hub.requests().iter().any(|request| request.path.contains("/main/")));
    // Two repositories.
    hub.add("more", "train.csv", csv("train", 30));
    experiment(&shell, &format!("{VERDICTS}train = [\"{name}\", \"hub:owner/more\"]\nvalidation = \"{name}\"\n"));
    let (_, facts) = trained(&shell, "two");
    assert_eq!(facts["commits"]["data"], format!("owner/reviews@{OTHER_COMMIT}, owner/more@{COMMIT}"));
    assert_eq!(facts["train_examples"], 90);
}

/// The card says which files are meant, whatever they are called.
#[test]
fn a_card_declares_files() {
    let hub = TestHub::start();
    for (file, split, rows) in [("a.csv", "train", 40), ("b.csv", "train", 20), ("c.csv", "dev", 20), ("train.csv", "dev", 5)] {
        hub.add("carded", file, csv(split, rows));
    }
    let configs = json!([
        { "config_name": "other", "data_files": "train.csv" },
        { "config_name": "default", "data_files": [{ "split": "train", "path": ["a.csv", "b*"] }, { "split": "dev", "path": "c.csv" }] },
    ]);
    hub.state.lock().unwrap().cards.insert("owner/carded".into(), configs);
    let shell = shell(&hub);
    experiment(&shell, &format!("{VERDICTS}train = \"hub:owner/carded\"\nvalidation = \"hub:owner/carded\"\n"));
    let plan: Value = serde_json::from_str(&ok(shell.gluepot(&["check", "x.toml", "--format", "json"])).out).unwrap();
    assert_eq!(
        plan[0]["files"],
        json!({ "train": ["hub:owner/carded/a.csv", "hub:owner/carded/b.csv"], "validation": ["hub:owner/carded/c.csv"] })
    );
    assert_eq!(plan[0]["commits"], json!([format!("owner/carded@{COMMIT}")]));
    assert_eq!(plan[0]["examples"], json!({ "train": 60, "validation": 20 }));
}

/// What Python's client has downloaded has no list of files; a whole path needs none.
#[test]
fn a_file_that_python_downloaded_is_used() {
    let hub = TestHub::start();
    let mut shell = shell(&hub);
    let cache = "hf/hub/datasets--owner--reviews";
    shell.write(&format!("{cache}/snapshots/{COMMIT}/data/train.csv"), csv("train", 60));
    shell.write(&format!("{cache}/refs/main"), COMMIT);
    shell.set("HF_HUB_OFFLINE", "1");
    experiment(&shell, &format!("{VERDICTS}train = \"hub:owner/reviews/data/train.csv\"\nvalidation_share = 0.2\n"));
    trained(&shell, "runs");
    experiment(&shell, &format!("{VERDICTS}train = \"hub:owner/reviews\"\nvalidation_share = 0.2\n"));
    let done = shell.gluepot(&["check", "x.toml"]);
    assert_eq!(done.code, 6, "{done:?}");
    snapshot!("hub-data-without-a-list", redacted(&hub, &shell, &done.err));
}

#[test]
fn what_is_wrong_with_a_data_set_is_said() {
    let hub = TestHub::start();
    let table = || csv("train", 10);
    for (name, files) in [
        ("only-train", &["train.csv", "LICENSE", "notes.txt"][..]),
        ("languages", &["de/train.csv", "en/train.csv", "en/dev.csv"]),
        ("twice", &["train.csv", "train.jsonl"]),
        ("incomplete", &["data/train-00000-of-00003.parquet", "data/train-00002-of-00003.parquet"]),
        ("archive", &["README.md", "train.zip", "images/train/0.png"]),
        ("script", &["README.md", "script.py"]),
        ("configured", &["x/a.csv", "y/a.csv"]),
        ("misdeclared", &["train.csv"]),
        ("elsewhere", &["train.csv"]),
        ("objects", &["train.json"]),
        ("gated", &["train.csv"]),
    ] {
        for file in files {
            hub.add(name, file, if name == "objects" { "[{\"premise\": \"a\"}]\n".into() } else { table() });
        }
        hub.add(name, ".gitattributes", "");
    }
    {
        let cards = &mut hub.state.lock().unwrap().cards;
        let config = |name: &str, path: &str| json!({ "config_name": name, "data_files": [{ "split": "train", "path": path }] });
        cards.insert("owner/configured".into(), json!([config("x", "x/*.csv"), config("y", "y/*.csv")]));
        cards.insert("owner/misdeclared".into(), json!([{ "config_name": "x", "data_files": 1 }]));
        cards.insert("owner/elsewhere".into(), json!([config("x", "data/train-*")]));
    }
    let mut shell = shell(&hub);
    let cases = [
        ("no such data set", "hub:owner/absent", 6),
        ("a private one", "hub:nobody/knows", 6),
        ("terms to accept", "hub:owner/gated", 6),
        ("no owner", "hub:glue", 4),
        ("a path out of the repository", "hub:owner/only-train/../x.csv", 4),
        ("no such revision", "hub:owner/only-train@v9", 6),
        ("no such file", "hub:owner/only-train/data/train.csv", 4),
        ("no file that matches", "hub:owner/only-train/*.parquet", 4),
        ("a pattern that is none", "hub:owner/only-train/[.csv", 4),
        ("a folder", "hub:owner/languages/en", 4),
        ("several folders", "hub:owner/languages", 4),
        ("several configurations", "hub:owner/configured", 4),
        ("several formats", "hub:owner/twice", 4),
        ("a part is missing", "hub:owner/incomplete", 4),
        ("nothing that can be read", "hub:owner/archive", 4),
        ("a file that cannot be read", "hub:owner/archive/train.zip", 4),
        ("a script", "hub:owner/script", 4),
        ("a card of another form", "hub:owner/misdeclared", 4),
        ("a card that names no file", "hub:owner/elsewhere", 4),
        ("one array of objects", "hub:owner/objects", 4),
    ];
    let mut said = String::new();
    for (what, name, code) in cases {
        experiment(&shell, &format!("{VERDICTS}train = \"{name}\"\nvalidation_share = 0.2\n"));
        let done = shell.gluepot(&["check", "x.toml"]);
        assert_eq!(done.code, code, "{what}: {done:?}");
        said += &format!("# {what}\n{}\n", done.err.trim_end());
    }
    let train = "train = \"hub:owner/only-train\"\n";
    experiment(&shell, &format!("{VERDICTS}{train}validation = \"hub:owner/only-train\"\n"));
    let done = shell.gluepot(&["check", "x.toml"]);
    said += &format!("# no validation split\n{}\n", done.err.trim_end());
    shell.set("HF_TOKEN", TOKEN);
    experiment(&shell, &format!("{VERDICTS}train = \"hub:owner/gated\"\nvalidation_share = 0.2\n"));
    ok(shell.gluepot(&["check", "x.toml"]));
    snapshot!("hub-data-problems", redacted(&hub, &shell, &said));
}

/// Files to evaluate on have to be named: no split tells which are meant.
#[test]
fn files_to_evaluate_on_are_named() {
    let hub = TestHub::start();
    hub.add("reviews", "train.csv", csv("train", 60));
    hub.add("reviews", "dev.csv", csv("dev", 20));
    let shell = shell(&hub);
    experiment(&shell, &format!("{VERDICTS}train = \"hub:owner/reviews\"\nvalidation = \"hub:owner/reviews\"\n"));
    ok(shell.gluepot(&["run", "x.toml", "--quiet"]));
    let done = ok(shell.gluepot(&["evaluate", "latest", "--data", "hub:owner/reviews/dev.csv", "--format", "json"]));
    assert_eq!(serde_json::from_str::<Value>(&done.out).unwrap()["examples"], 20);
    let done = shell.gluepot(&["evaluate", "latest", "--data", "hub:owner/reviews"]);
    assert!(done.code == 4 && done.err.contains("name those that are meant"), "{done:?}");
}

#[test]
fn a_list_of_files_is_limited_and_checked() {
    let hub = TestHub::start();
    hub.add("large", "README.md", "");
    for index in 0..90_000 {
        hub.add("large", &format!("{}/{index}.csv", "folder/".repeat(25)), "");
    }
    hub.add("large", "train.csv", csv("train", 60));
    hub.add("hostile", "README.md", "");
    hub.add("hostile", "../../../train.csv", csv("train", 60));
    let shell = shell(&hub);
    let mut said = String::new();
    for name in ["large", "hostile"] {
        experiment(&shell, &format!("{VERDICTS}train = \"hub:owner/{name}\"\nvalidation_share = 0.2\n"));
        let done = shell.gluepot(&["check", "x.toml"]);
        assert_eq!(done.code, 6, "{done:?}");
        said += &format!("# {name}\n{}\n", done.err.trim_end());
    }
    experiment(&shell, &format!("{VERDICTS}train = \"hub:owner/large/train.csv\"\nvalidation_share = 0.2\n"));
    ok(shell.gluepot(&["check", "x.toml"]));
    snapshot!("hub-data-lists", redacted(&hub, &shell, &said));
    assert!(!Path::new(&shell.path("train.csv")).exists());
}
