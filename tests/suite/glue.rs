//! GLUE's tasks with the quirks of their files, through the command line.

use serde_json::Value;

use crate::shell::{Done, Shell};
use crate::support::project;

fn shell() -> Shell {
    let shell = Shell::new();
    shell.copy(&project("tests/golden/tiny"), "bert");
    shell
}

fn experiment(shell: &Shell, task: &str, metric: &str) {
    let text = format!(
        "task = \"{task}\"\ncheckpoint = \"./bert\"\nlearning_rate = 1e-3\nepochs = 2\nmetric = \"{metric}\"\n[data]\nsource = \"glue\"\nbatch_size = 4\n"
    );
    shell.write(&format!("{task}.toml"), text);
}

fn ok(done: Done) -> Done {
    assert_eq!(done.code, 0, "{done:?}");
    done
}

/// A table whose columns are empty but for those given by number.
fn table(header: usize, rows: &[&[(usize, String)]]) -> String {
    let row = |cells: &[(usize, String)]| {
        let mut all = vec![String::new(); header];
        for (column, cell) in cells {
            all[*column].clone_from(cell);
        }
        all.join("\t") + "\n"
    };
    rows.iter().map(|cells| row(cells)).collect()
}

const WORDS: [&str; 3] = ["entailment", "neutral", "contradiction"];

fn mnli(columns: usize, rows: usize, labeled: bool) -> String {
    let mut names: Vec<String> = (0..columns).map(|column| format!("c{column}")).collect();
    (names[8], names[9]) = ("sentence1".into(), "sentence2".into());
    if labeled {
        names[columns - 1] = "gold_label".into();
    }
    let rows: Vec<Vec<(usize, String)>> = (0..rows)
        .map(|row| {
            let label = WORDS[row % 3].to_string();
            vec![(8, format!("the \"farmer bought {row} cars .")), (9, format!("{label} of the red car .")), (columns - 1, label)]
                .into_iter()
                .take(if labeled { 3 } else { 2 })
                .collect()
        })
        .collect();
    names.join("\t") + "\n" + &table(columns, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[test]
fn both_validation_splits_of_mnli_are_scored_and_matched_picks_the_best() {
    let shell = shell();
    for (name, columns, rows) in [("train", 12, 24), ("dev_matched", 16, 9), ("dev_mismatched", 16, 12)] {
        shell.write(&format!("glue/MNLI/{name}.tsv"), mnli(columns, rows, true));
    }
    for (name, rows) in [("test_matched", 9796), ("test_mismatched", 9847)] {
        shell.write(&format!("glue/MNLI/{name}.tsv"), mnli(10, rows, false));
    }
    experiment(&shell, "mnli", "accuracy");
    let done = ok(shell.gluepot(&["run", "mnli.toml"]));
    assert!(done.err.contains("\nvalidation_mismatched  accuracy 0."), "{}", done.err);
    let run = shell.run();
    let text = std::fs::read_to_string(run.join("metrics/eval.csv")).unwrap();
    let splits: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').nth(2).unwrap()).collect();
    assert_eq!(splits, ["validation", "validation_mismatched"].repeat(2));
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(run.join("summary.json")).unwrap()).unwrap();
    let further = &summary["best"]["further"]["validation_mismatched"];
    ok(shell.gluepot(&["verify", "latest"]));
    let evaluated = ok(shell.gluepot(&["evaluate", "latest", "--split", "validation_mismatched", "--format", "json"]));
    let evaluated: Value = serde_json::from_str(&evaluated.out).unwrap();
    assert_eq!((&evaluated["loss"], &evaluated["metrics"]["accuracy"]["value"]), (&further["loss"], &further["accuracy"]));
    assert_eq!(evaluated["examples"], 12);
    let shown = ok(shell.gluepot(&["show", "latest"])).out;
    assert!(shown.contains("\nvalidation_mismatched\n") && shown.contains("true \\ predicted"), "{shown}");
    ok(shell.gluepot(&["compare"]));
    // The diagnostics are predicted with it; the words are those of GLUE's server.
    let ax: String = (0..1104).map(|row| format!("{row}\ta farmer .\tthe red car .\n")).collect();
    shell.write("glue/diagnostic/diagnostic.tsv", format!("index\tsentence1\tsentence2\n{ax}"));
    let done = ok(shell.gluepot(&["submit", "latest", "-o", "all.zip", "--fill"]));
    for file in ["MNLI-m.tsv", "MNLI-mm.tsv", "AX.tsv"] {
        assert!(done.err.contains(&format!("{file}: predicted by latest")), "{}", done.err);
    }
    let twice = shell.gluepot(&["submit", "latest", run.to_str().unwrap(), "-o", "all.zip", "--fill"]);
    assert!(twice.code == 2 && twice.err.contains("both runs of mnli"), "{twice:?}");
    let missing = shell.gluepot(&["submit", "latest", "-o", "all.zip"]);
    assert!(missing.code == 2 && missing.err.contains("missing: CoLA.tsv"), "{missing:?}");
    let secret = shell.gluepot(&["evaluate", "latest", "--split", "test_matched"]);
    assert!(secret.code == 4 && secret.err.contains("not public"), "{secret:?}");
}

#[test]
fn broken_rows_of_qqp_are_skipped_and_counted_and_nowhere_else() {
    let shell = shell();
    let header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n";
    let row = |row: usize| format!("{row}\t1\t2\twho bought car {row} ?\twho sold it ?\t{}\n", row % 2);
    let broken = "7\t1\t2\tonly a question\n8\t1\t2\tone\ttwo\tthree\t1\n";
    let rows: String = (0..12).map(row).collect();
    shell.write("glue/QQP/train.tsv", format!("{header}{rows}{broken}"));
    shell.write("glue/QQP/dev.tsv", format!("{header}{rows}"));
    experiment(&shell, "qqp", "f1");
    let checked = ok(shell.gluepot(&["check", "qqp.toml"]));
    assert!(
        checked.out.contains("skipped 2 rows with too few or too many columns") && checked.out.contains("line 14, 15"),
        "{checked:?}"
    );
    assert!(checked.out.contains("train       12 examples"), "{}", checked.out);
    // Elsewhere a broken row is an error.
    shell.write("glue/RTE/train.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n1\tc\n");
    shell.write("glue/RTE/dev.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tnot_entailment\n");
    experiment(&shell, "rte", "accuracy");
    let refused = shell.gluepot(&["check", "rte.toml"]);
    assert!(refused.code == 4 && refused.err.contains("train.tsv, line 3"), "{refused:?}");
}

/// CoLA's training file has no header, its test file has one; STS-B's scores are numbers; WNLI's order is not RTE's.
#[test]
fn each_task_reads_its_own_files() {
    let shell = shell();
    let cola: String = (0..12).map(|row| format!("gj04\t{}\t*\tthe \"farmer sold {row} .\n", row % 2)).collect();
    shell.write("glue/CoLA/train.tsv", &cola);
    shell.write("glue/CoLA/dev.tsv", &cola);
    let test: String = (0..1063).map(|row| format!("{row}\tthe farmer .\n")).collect();
    shell.write("glue/CoLA/test.tsv", format!("index\tsentence\n{test}"));
    let names = ["index", "genre", "filename", "year", "old_index", "source1", "source2", "sentence1", "sentence2", "score"];
    let stsb: String =
        (0..12).map(|row| format!("{row}\ta\tb\tc\td\te\tf\tcar {row} .\tcar .\t{:.3}\n", f64::from(row) * 0.4)).collect();
    for split in ["train", "dev"] {
        shell.write(&format!("glue/STS-B/{split}.tsv"), format!("{}\n{stsb}", names.join("\t")));
        let wnli: String = (0..12).map(|row| format!("{row}\ta car .\tit {row} .\t{}\n", u8::from(row < 3))).collect();
        shell.write(&format!("glue/WNLI/{split}.tsv"), format!("index\tsentence1\tsentence2\tlabel\n{wnli}"));
    }
    for (task, metric) in [("cola", "matthews"), ("stsb", "combined"), ("wnli", "accuracy")] {
        experiment(&shell, task, metric);
        ok(shell.gluepot(&["run", &format!("{task}.toml"), "--quiet", "--runs", task]));
        let listed = ok(shell.gluepot(&["evaluate", task, "--runs", task, "--format", "json"]));
        assert_eq!(serde_json::from_str::<Value>(&listed.out).unwrap()["examples"], 12);
    }
    let wnli = ok(shell.gluepot(&["check", "wnli.toml"])).out;
    assert!(wnli.contains("train 9 not_entailment, 3 entailment"), "{wnli}");
    let header = |task: &str| {
        let run =
            std::fs::read_dir(shell.path(task)).unwrap().flatten().map(|entry| entry.path()).find(|path| path.is_dir()).unwrap();
        std::fs::read_to_string(run.join("metrics/eval.csv")).unwrap().lines().next().unwrap().to_string()
    };
    assert_eq!(header("stsb"), "step,epoch,split,loss,pearson,spearman,combined");
    assert_eq!(header("cola"), "step,epoch,split,loss,matthews,accuracy");
    let done = ok(shell.gluepot(&["submit", "cola", "--runs", "cola", "-o", "x.zip", "--fill"]));
    assert!(done.err.contains("CoLA.tsv: predicted by cola"), "{}", done.err);
}
