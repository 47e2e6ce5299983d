//! Files that are larger than memory may be: they are streamed, and what never ends is refused by line.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::shell::Shell;
use crate::support::project;

/// 3 GB, in frames of 16 MB that are the same.
const FRAMES: usize = 192;
const FRAME: usize = 16 << 20;

/// What reading may keep in memory, in KiB.
const BUFFERS: u64 = 50_000;

const EXPERIMENT: &str = "checkpoint = \"./bert\"\nlearning_rate = 1e-3\nepochs = 1\nmetric = \"accuracy\"\n[task]\n\
                          name = \"reviews\"\ntext = \"text\"\nlabel = \"label\"\nvalidation_share = 0.5\n";

fn shell() -> Shell {
    let shell = Shell::new();
    shell.copy(&project("tests/golden/tiny"), "bert");
    shell
}

/// Runs a command, and returns its exit code, what it says, and the most memory that it had, in KiB.
fn measured(shell: &Shell, arguments: &[&str]) -> (i32, String, u64) {
    let mut command: Command = shell.command(arguments);
    let output = File::create(shell.path("output")).unwrap();
    let mut child = command.stdout(Stdio::null()).stderr(output).spawn().unwrap();
    let mut most = 0;
    let status = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        most = most.max(peak.map_or(0, |peak| peak.trim().trim_end_matches(" kB").parse().unwrap()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_micros(300));
    };
    (status.code().unwrap(), std::fs::read_to_string(shell.path("output")).unwrap(), most)
}

/// Writes 3 GB, compressed: a start, and frames of a text that is repeated.
fn write_frames(shell: &Shell, name: &str, start: &str, repeated: &str) {
    let packed = |text: &[u8]| zstd::encode_all(text, 1).unwrap();
    let frame = packed(repeated.repeat(FRAME / repeated.len()).as_bytes());
    let mut file = File::create(shell.path(name)).unwrap();
    file.write_all(&packed(start.as_bytes())).unwrap();
    for _ in 0..FRAMES {
        file.write_all(&frame).unwrap();
    }
}

/// Writes 3 GB that take no room on the disk: a start, and zeros.
fn write_sparse(shell: &Shell, name: &str, start: &str) {
    let mut file = File::create(shell.path(name)).unwrap();
    file.write_all(start.as_bytes()).unwrap();
    file.set_len((FRAMES * FRAME) as u64).unwrap();
}

#[test]
fn a_row_that_never_ends_is_refused_by_line() {
    let shell = shell();
    let header = "text,label\na,yes\n";
    write_sparse(&shell, "zeros.csv", header);
    write_sparse(&shell, "zeros.tsv", "text\tlabel\na\tyes\n");
    write_sparse(&shell, "zeros.jsonl", "{\"text\": \"a\", \"label\": \"yes\"}\n");
    write_sparse(&shell, "zeros.parquet", "PAR1");
    write_frames(&shell, "line.csv.zst", header, "all of one line, ");
    write_frames(&shell, "quoted.csv.zst", &format!("{header}\""), "all of one field\n");
    write_frames(&shell, "object.jsonl.zst", "{\"text\": \"a\", \"label\": \"yes\"}\n{\"text\": \"", "all of one text, ");
    write_frames(&shell, "header.csv.zst", "text,", "label,");
    shell.write("small.csv", "text,label\na,yes\nb\n");
    let check = |file: &str| {
        shell.write("x.toml", format!("{EXPERIMENT}train = \"{file}\"\n"));
        measured(&shell, &["check", "x.toml"])
    };
    // A short run may end before its memory has been looked at when it was most.
    let small = || {
        let (code, _, most) = check("small.csv");
        assert_eq!(code, 4);
        most
    };
    let usual = (0..32).map(|_| small()).max().unwrap();
    for (file, expected) in [
        ("zeros.csv", "zeros.csv, line 3: longer than 32 MiB, the limit for a line"),
        ("zeros.tsv", "zeros.tsv, line 3: longer than 32 MiB"),
        ("zeros.jsonl", "zeros.jsonl, line 2: longer than 32 MiB"),
        ("zeros.parquet", "the file is damaged or not a parquet file"),
        ("line.csv.zst", "line.csv.zst, line 3: longer than 32 MiB"),
        ("quoted.csv.zst", "line 3: a quotation mark opens a field here, and 32 MiB follow, the limit for a row,"),
        ("object.jsonl.zst", "object.jsonl.zst, line 2: longer than 32 MiB"),
        ("header.csv.zst", "header.csv.zst, line 1: longer than 32 MiB"),
    ] {
        let (code, said, most) = check(file);
        assert!(code == 4 && said.contains(expected), "{file}: {code}, {said}");
        assert!(most < usual + BUFFERS, "{file}: {most} KiB, and {usual} KiB for a small table");
    }
}

/// The large column is not asked for, so that the time is that of reading.
#[test]
#[ignore = "slow"]
fn predictions_for_a_file_of_three_gigabytes_are_streamed() {
    let shell = shell();
    let table = std::fs::read_to_string(project("tests/golden/own_tasks/verdicts/train.tsv")).unwrap();
    shell.write("train.tsv", table.replace("verdict", "label").replace("premise", "text"));
    shell.write("x.toml", format!("{EXPERIMENT}train = \"train.tsv\"\n"));
    assert_eq!(shell.gluepot(&["run", "x.toml", "--quiet"]).code, 0);
    let row = format!("a text of some words,{}\n", "padding ".repeat(1 << 17));
    shell.write("small.csv", format!("text,padding\n{row}"));
    write_frames(&shell, "large.csv.zst", "text,padding\n", &row);
    let (code, said, usual) = measured(&shell, &["predict", "latest", "small.csv"]);
    assert_eq!(code, 0, "{said}");
    let (code, said, most) = measured(&shell, &["predict", "latest", "large.csv.zst"]);
    assert_eq!(code, 0, "{said}");
    assert!(most < usual + BUFFERS, "{most} KiB, and {usual} KiB for a small table");
    let rows = shell.sh("\"$GLUEPOT\" predict latest large.csv.zst | wc -l").out;
    assert_eq!(rows.trim().parse(), Ok(1 + FRAMES * (FRAME / row.len())));
}
