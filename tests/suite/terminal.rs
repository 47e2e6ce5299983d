//! Terminal output: nothing from files can control the terminal, and nothing is wider than it.

use std::path::Path;

use serde_json::Value;

use crate::compare::with_curves;
use crate::shell::{Done, Shell};

/// A window title, a color, a cleared screen by C1's CSI, and right-to-left text; then a backspace and a DEL.
const HOSTILE: &str = "x\u{1b}]0;owned\u{7}\u{1b}[31m\u{9b}2J\u{202e}txt\u{2066}\u{8}\u{7f}\r";

fn is_control(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn assert_masked(what: &str, text: &str) {
    if let Some(at) = text.find(is_control) {
        let around: String = text[..at].chars().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect();
        panic!("{what}: {around:?}, then {:?}", text[at..].chars().take(40).collect::<String>());
    }
}

fn edit(path: &Path, change: impl Fn(&mut Value)) {
    let mut value: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
}

/// Runs in which every text field is hostile; the first one failed and died with a hostile last message.
fn hostile() -> Shell {
    let shell = with_curves(HOSTILE);
    let mut folders: Vec<_> = std::fs::read_dir(shell.path("runs")).unwrap().flatten().map(|entry| entry.path()).collect();
    folders.sort();
    for (index, folder) in folders.iter().enumerate() {
        edit(&folder.join("run.json"), |facts| {
            for key in ["device", "gpu", "checkpoint", "working_folder"] {
                facts[key] = HOSTILE.into();
            }
            facts["command_line"] = serde_json::json!([HOSTILE]);
            facts["exit"] = serde_json::json!({ "code": 1, "message": HOSTILE });
            if index == 0 {
                facts["status"] = "running".into();
            }
        });
        let resolved = folder.join("resolved.toml");
        let settings = std::fs::read_to_string(&resolved).unwrap();
        let text = toml::Value::String(format!("{HOSTILE}{index}"));
        std::fs::write(&resolved, format!("checkpoint = {text}\n{settings}")).unwrap();
        let eval = folder.join("metrics/eval.csv");
        let rows = std::fs::read_to_string(&eval)
            .unwrap()
            .replace("step,epoch,split,loss,", &format!("step,epoch,split,\"{HOSTILE}\","));
        std::fs::write(&eval, rows).unwrap();
        std::fs::write(folder.join("log.txt"), format!("2026-11-23T05:00:00Z {HOSTILE}\n")).unwrap();
    }
    std::fs::remove_file(folders[0].join("summary.json")).unwrap();
    shell
}

#[test]
fn nothing_in_a_run_reaches_the_terminal_as_it_is() {
    let shell = hostile();
    let mut shown = 0;
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["show", "a1"],
        &["show", "b1"],
        &["show", "b1", "--json"],
        &["compare"],
        &["compare", "--format", "markdown"],
        &["compare", "--format", "json"],
        &["compare", "--by", "checkpoint"],
        &["compare", "--reference", HOSTILE],
        &["compare", "--filter", &format!("{HOSTILE} == 1")],
        &["compare", "b1", "b2", "--examples"],
        &["diff", "b1", "b2"],
        &["verify", "b1"],
        &["prune", "--dry-run"],
        &["resume", "b1"],
        &["show", HOSTILE],
        &["report", "-o", HOSTILE],
        &["check", HOSTILE],
        &["run", HOSTILE],
        &["sweep", HOSTILE],
        &["compare", &format!("--{HOSTILE}")],
        &["compare", &format!("runs/*{HOSTILE}[")],
    ] {
        let done = shell.gluepot(arguments);
        assert!(!(done.out.is_empty() && done.err.is_empty()), "{arguments:?}");
        assert_masked(&format!("{arguments:?}"), &done.out);
        assert_masked(&format!("{arguments:?}"), &done.err);
        shown += usize::from(done.out.contains("owned") || done.err.contains("owned"));
    }
    assert!(shown > 15, "{shown}");
    // Machine-readable output keeps every byte.
    let json: Value = serde_json::from_str(&shell.gluepot(&["list", "--json"]).out).unwrap();
    assert_eq!(json[1]["run"]["name"], HOSTILE);
    // The page stays intact whatever the names of the runs, and contains no such character either.
    let done = shell.gluepot(&["report", "-o", "page.html"]);
    assert_eq!(done.code, 0, "{done:?}");
    let page = std::fs::read_to_string(shell.path("page.html")).unwrap();
    assert_masked("page", &page);
    assert!(page.contains("owned"));
}

#[test]
fn problems_of_an_experiment_are_shown_masked_in_their_place() {
    let shell = Shell::new();
    let file = format!("{}.toml", HOSTILE.replace('/', ""));
    shell.write(
        &file,
        "task = \"\u{9b}31m\u{202e}\"\nepochs = \"\\u001b]0;owned\"\n\"\\u001b[31m\\u009b\" = 1\n\u{9d}0;owned = 2\n",
    );
    let done = shell.gluepot(&["check", &file]);
    assert_eq!(done.code, 3, "{done:?}");
    assert_masked("problems", &done.err);
    // Colors are this program's own.
    let colored = on_a_terminal(&shell, 80, &["check", &file]);
    let own = colored.out.replace("\u{1b}[0m", "");
    assert!(own.contains("\u{1b}[1m") || own.contains("\u{1b}["), "{own:?}");
    let plain: String = without_colors(&colored.out);
    assert_masked("colored", &plain);
    assert!(!colored.out.contains("\u{1b}[31m") && !colored.out.contains("owned\u{7}"), "{:?}", colored.out);
}

/// Removes the sequences that set colors.
fn without_colors(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        plain += &rest[..start];
        let sequence = &rest[start + 2..];
        let end = sequence.find(|c: char| !(c.is_ascii_digit() || c == ';')).unwrap_or(sequence.len());
        if sequence[end..].starts_with('m') {
            rest = &sequence[end + 1..];
        } else {
            plain += "\u{1b}[";
            rest = sequence;
        }
    }
    plain + rest
}

/// Runs a command on a terminal of `columns` columns; `out` is everything that reaches it, with plain line feeds.
pub fn on_a_terminal(shell: &Shell, columns: usize, arguments: &[&str]) -> Done {
    let quoted: Vec<String> = arguments.iter().map(|argument| format!("'{}'", argument.replace('\'', "'\\''"))).collect();
    shell.write("typed.sh", format!("stty cols {columns} rows 40; unset NO_COLOR; \"$GLUEPOT\" {}", quoted.join(" ")));
    let mut done = shell.sh("TERM=xterm script -qec 'sh typed.sh' /dev/null < /dev/null");
    done.out = done.out.replace("\r\n", "\n");
    done
}

#[test]
fn tables_fit_the_terminal_that_is_there_or_columns() {
    let mut shell = with_curves("a name of many words that no terminal of eighty columns has any room for, not even for half");
    let widest = |done: &Done| done.out.lines().map(|line| line.chars().count()).max().unwrap();
    for arguments in [&["list"][..], &["compare"], &["diff", "a1", "b1"], &["prune", "--dry-run"]] {
        let all = shell.gluepot(arguments);
        for columns in [60, 80, 140] {
            let done = on_a_terminal(&shell, columns, arguments);
            assert_eq!(done.code, 0, "{done:?}");
            let table: Vec<&str> = done.out.lines().filter(|line| line.contains("  ")).collect();
            assert!(table.iter().all(|line| line.chars().count() <= columns), "{arguments:?} in {columns}:\n{}", done.out);
        }
        shell.set("COLUMNS", "80");
        let narrow = shell.gluepot(arguments);
        shell.set("COLUMNS", "");
        assert!(widest(&narrow) <= widest(&all), "{arguments:?}");
    }
    shell.set("COLUMNS", "80");
    assert!(widest(&shell.gluepot(&["list"])) <= 80);
}
