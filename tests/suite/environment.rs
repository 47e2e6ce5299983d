//! Adverse environments: vanishing folders, clock changes, missing terminals, too little memory.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::failures::sound;
use crate::shell::Done;

fn ok(done: Done) -> Done {
    assert_eq!(done.code, 0, "{done:?}");
    done
}

fn no_panic(done: &Done) {
    assert!(!done.err.contains("panicked") && !done.err.contains("RUST_BACKTRACE"), "{done:?}");
}

#[test]
fn a_run_directory_that_vanishes_ends_the_run_with_a_word() {
    let shell = sound();
    let mut command = shell.command(&["run", "x.toml", "--set", "epochs=100000", "--set", "logging.every=1", "--quiet"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !shell.path("runs").exists()
        || std::fs::read_dir(shell.path("runs")).unwrap().flatten().all(|run| !run.path().join("states").exists())
    {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // The run creates files while the folder is being emptied.
    while shell.path("runs").exists() {
        let _ = std::fs::remove_dir_all(shell.path("runs"));
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("No such file or directory") && !said.contains("panicked"), "{said}");
}

#[test]
fn runs_of_one_second_have_directories_of_their_own() {
    let shell = sound();
    let start = || shell.command(&["run", "x.toml", "--quiet"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let all: Vec<_> = (0..6).map(|_| start()).collect();
    for one in all {
        let output = one.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(std::fs::read_dir(shell.path("runs")).unwrap().count(), 6);
    assert_eq!(ok(shell.gluepot(&["list"])).out.lines().count(), 7);
}

#[test]
fn names_of_any_length_and_folders_of_any_bytes() {
    let shell = sound();
    let name = "ü/ ".repeat(100);
    ok(shell.gluepot(&["run", "x.toml", "--quiet", "--set", &format!("name=\"{name}\"")]));
    ok(shell.gluepot(&["show", "latest"]));
    ok(shell.gluepot(&["resume", "latest", "--epochs", "2", "--quiet"]));
    // A folder whose name is not valid UTF-8.
    let odd = shell.path("").join(OsStr::from_bytes(b"f\xff\xfe"));
    std::fs::create_dir(&odd).unwrap();
    std::fs::copy(shell.path("x.toml"), odd.join("x.toml")).unwrap();
    for folder in ["bert", "glue"] {
        std::os::unix::fs::symlink(shell.path(folder), odd.join(folder)).unwrap();
    }
    let run = |arguments: &[&OsStr]| {
        let mut command = shell.command(&[]);
        let output = command.args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    };
    let (file, runs) = (odd.join("x.toml"), odd.join("runs"));
    ok(run(&["run".as_ref(), file.as_ref(), "--quiet".as_ref(), "--runs".as_ref(), runs.as_ref()]));
    for verb in ["show", "verify"] {
        ok(run(&[verb.as_ref(), "latest".as_ref(), "--runs".as_ref(), runs.as_ref()]));
    }
}

#[test]
fn without_a_home_and_with_nobody_to_read() {
    let shell = sound();
    let mut command = shell.command(&["run", "x.toml"]);
    for name in ["HOME", "XDG_CACHE_HOME", "HF_HOME", "USER", "PATH"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (script, code) in [
        ("\"$GLUEPOT\" list | head -c 1 > /dev/null", 0),
        ("\"$GLUEPOT\" list >&-", 0),
        ("\"$GLUEPOT\" list 2> /dev/full", 0),
        ("\"$GLUEPOT\" run x.toml >&- 2>&-", 0),
        ("\"$GLUEPOT\" show latest < /dev/null | true", 0),
        // Truncated output must not pass as complete.
        ("\"$GLUEPOT\" list > /dev/full", 8),
        ("\"$GLUEPOT\" compare --format csv > /dev/full", 8),
        ("\"$GLUEPOT\" show latest > /dev/full", 8),
        ("\"$GLUEPOT\" schema > /dev/full", 8),
        ("\"$GLUEPOT\" --help > /dev/full", 8),
        ("\"$GLUEPOT\" --version > /dev/full", 8),
        ("\"$GLUEPOT\" run x.toml > /dev/full 2> /dev/full", 8),
    ] {
        let done = shell.sh(script);
        no_panic(&done);
        assert_eq!(done.code, code, "{script}: {done:?}");
    }
}

#[test]
fn a_clock_that_was_set_back_confuses_nobody() {
    let shell = sound();
    ok(shell.gluepot(&["run", "x.toml", "--quiet"]));
    let path = shell.run().join("run.json");
    let written = std::fs::read_to_string(&path).unwrap();
    let mut facts: Value = serde_json::from_str(&written).unwrap();
    for (started, ended) in [("2099-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z")] {
        facts["started"] = started.into();
        facts["ended"] = ended.into();
        std::fs::write(&path, facts.to_string()).unwrap();
        for arguments in [&["list"][..], &["show", "latest"], &["compare"], &["prune", "--dry-run", "--older-than", "1d"]] {
            no_panic(&ok(shell.gluepot(arguments)));
        }
        let changed = shell.gluepot(&["verify", "latest"]);
        no_panic(&changed);
        assert_eq!(changed.code, 8, "{changed:?}");
    }
    std::fs::write(&path, written).unwrap();
    // Training measures time with a monotonic clock.
    ok(shell.gluepot(&["resume", "latest", "--epochs", "2", "--quiet"]));
}

#[test]
#[ignore = "slow"]
fn an_empty_table_and_one_endless_line() {
    let shell = sound();
    shell.write("glue/MRPC/train.tsv", "");
    let empty = shell.gluepot(&["run", "x.toml"]);
    no_panic(&empty);
    assert!(matches!(empty.code, 3 | 4), "{empty:?}");
    let header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
    shell.write("glue/MRPC/train.tsv", format!("{header}1\t1\t2\t{}\tb\n", "word ".repeat(4_000_000)));
    ok(shell.gluepot(&["run", "x.toml", "--quiet", "--set", "data.train_limit=1"]));
    shell.write("glue/MRPC/train.tsv", format!("{header}1\t1\t2\t{}\n", "\t".repeat(10_000_000)));
    let wide = shell.gluepot(&["run", "x.toml"]);
    no_panic(&wide);
    assert_eq!(wide.code, 4, "{}", &wide.err[..wide.err.len().min(500)]);
    assert!(wide.err.len() < 2000, "{} bytes of message", wide.err.len());
}

/// Found by the fuzz target `table`.
#[test]
fn a_parquet_file_that_makes_its_library_panic_is_damaged() {
    let shell = sound();
    std::fs::remove_dir_all(shell.path("glue/MRPC")).unwrap();
    let found = std::fs::read(crate::support::project("fuzz/corpus/table/hostile-parquet")).unwrap();
    for name in ["train-00000-of-00001.parquet", "validation-00000-of-00001.parquet"] {
        shell.write(&format!("glue/MRPC/{name}"), &found[1..]);
    }
    let done = shell.gluepot(&["run", "x.toml"]);
    no_panic(&done);
    assert!(done.code == 4 && done.err.contains("the file is damaged"), "{done:?}");
}

/// The address space is limited, and one batch of all examples needs more.
#[test]
#[ignore = "slow"]
fn too_little_memory_for_the_longest_batch_is_said_before_the_first_step() {
    let mut shell = sound();
    shell.set("RAYON_NUM_THREADS", "2");
    let table = std::fs::read_to_string(shell.path("glue/MRPC/train.tsv")).unwrap();
    let (header, rows) = table.split_once('\n').unwrap();
    shell.write("glue/MRPC/train.tsv", format!("{header}\n{}", rows.repeat(10)));
    let settings = "--set data.train_limit=30000 --set data.batch_size=30000 --set epochs=5";
    let script = &format!("ulimit -v 800000; exec \"$GLUEPOT\" run x.toml {settings}");
    let done = shell.sh(script);
    no_panic(&done);
    assert_eq!(done.code, 10, "{done:?}");
    assert!(done.err.contains("out of memory: the system refused to allocate another"), "{}", done.err);
    assert!(done.err.contains("lower data.batch_size or data.max_length"), "{}", done.err);
    assert!(!done.err.contains("step 1/"), "{}", done.err);
    let facts: Value = serde_json::from_str(&std::fs::read_to_string(shell.run().join("run.json")).unwrap()).unwrap();
    assert_eq!(facts["status"], "out of memory");
    assert_eq!(facts["exit"]["code"], 10);
}

/// The hub's token appears in no file and no message.
#[test]
fn the_hubs_token_is_nowhere() {
    let mut shell = sound();
    shell.set("HF_TOKEN", "hf_secretsecretsecret");
    let refused = shell.gluepot(&["run", "x.toml", "--set", "checkpoint=some/model"]);
    ok(shell.gluepot(&["run", "x.toml"]));
    let found = Command::new("grep").args(["-rl", "secretsecret"]).arg(shell.path("")).output().unwrap();
    assert!(found.stdout.is_empty(), "{}", String::from_utf8_lossy(&found.stdout));
    assert!(!refused.err.contains("secretsecret") && !refused.out.contains("secretsecret"));
}
