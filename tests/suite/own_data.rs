//! Tasks on users' own tables, from the experiment file to predictions.

use std::path::Path;

use serde_json::{Value, json};

use crate::redactor::{Redactor, snapshot};
use crate::shell::{Done, Shell};
use crate::support::project;

const SETTINGS: &str = "checkpoint = \"./bert\"\nlearning_rate = 1e-3\nepochs = 2\n[data]\nbatch_size = 8\n";

const VERDICTS: &str = "name = \"verdicts\"\ntext = [\"premise\", \"hypothesis\"]\nlabel = \"verdict\"\n\
                        labels = [\"entailed\", \"unknown\", \"contradicted\"]\n";

/// The tiny BERT beside the tables of the golden tasks.
fn shell() -> Shell {
    let shell = Shell::new();
    shell.copy(&project("tests/golden/tiny"), "bert");
    for task in ["verdicts", "prices", "tags"] {
        shell.copy(&project("tests/golden/own_tasks").join(task), &format!("data/{task}"));
    }
    shell
}

fn experiment(shell: &Shell, name: &str, metric: &str, task: &str) {
    shell.write(name, format!("metric = \"{metric}\"\n{SETTINGS}[task]\n{task}"));
}

fn ok(done: Done) -> Done {
    assert_eq!(done.code, 0, "{done:?}");
    done
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split('\t').map(String::from).collect()).collect()
}

fn csv(rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).unwrap();
    }
    writer.into_inner().unwrap()
}

fn jsonl(rows: &[Vec<String>]) -> String {
    let line = |row: &Vec<String>| {
        let object: serde_json::Map<String, Value> = rows[0].iter().cloned().zip(row.iter().map(|cell| json!(cell))).collect();
        Value::Object(object).to_string() + "\n"
    };
    rows[1..].iter().map(line).collect()
}

fn json_of(done: &Done) -> Value {
    serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"))
}

/// The run directory of the only run below a folder.
fn run(shell: &Shell, root: &str) -> std::path::PathBuf {
    std::fs::read_dir(shell.path(root)).unwrap().flatten().map(|entry| entry.path()).find(|path| path.is_dir()).unwrap()
}

#[test]
fn the_same_table_in_every_format_is_the_same_training() {
    let shell = shell();
    let mut results = Vec::new();
    for (name, extension) in [("tsv", "tsv"), ("csv", "csv"), ("jsonl", "jsonl"), ("parts", "csv")] {
        for split in ["train", "dev"] {
            let table = rows(&shell.path(&format!("data/verdicts/{split}.tsv")));
            let part = |from: usize, to: usize| [&table[..1], &table[from..to]].concat();
            match name {
                "csv" => drop(shell.write(&format!("csv/{split}.csv"), csv(&table))),
                "jsonl" => drop(shell.write(&format!("jsonl/{split}.jsonl"), jsonl(&table))),
                "parts" => {
                    shell.write(&format!("parts/{split}-1.csv"), csv(&part(1, 9)));
                    shell.write(&format!("parts/{split}-2.csv"), csv(&part(9, table.len())));
                }
                _ => shell.copy(&shell.path("data/verdicts"), "tsv"),
            }
        }
        let files =
            |split: &str| if name == "parts" { format!("parts/{split}-*.csv") } else { format!("{name}/{split}.{extension}") };
        let task = format!("{VERDICTS}train = \"{}\"\nvalidation = \"{}\"\n", files("train"), files("dev"));
        experiment(&shell, "x.toml", "accuracy", &task);
        ok(shell.gluepot(&["run", "x.toml", "--quiet", "--runs", name]));
        let run = run(&shell, name);
        let read = |file: &str| std::fs::read(run.join(file)).unwrap();
        results.push((read("metrics/train.csv"), read("metrics/eval.csv"), read("predictions/validation.csv")));
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_model_of_ones_own_is_evaluated_and_predicts() {
    let shell = shell();
    shell.write("data/verdicts.csv", csv(&rows(&shell.path("data/verdicts/train.tsv"))));
    experiment(&shell, "x.toml", "macro_f1", &format!("{VERDICTS}train = \"data/verdicts.csv\"\nvalidation_share = 0.25\n"));
    ok(shell.gluepot(&["run", "x.toml", "--quiet"]));
    ok(shell.gluepot(&["verify", "latest"]));
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(shell.run().join("summary.json")).unwrap()).unwrap();

    // The run's own numbers, to the last bit.
    let evaluation = json_of(&ok(shell.gluepot(&["evaluate", "latest", "--format", "json", "--predictions", "out.csv"])));
    assert_eq!(evaluation["loss"], summary["best"]["scores"]["loss"]);
    for metric in ["accuracy", "macro_f1"] {
        let found = &evaluation["metrics"][metric];
        assert_eq!(found["value"], summary["best"]["scores"][metric], "{metric}");
        assert!(found["low"].as_f64() <= found["value"].as_f64() && found["value"].as_f64() <= found["high"].as_f64(), "{found}");
    }
    let total: u64 = evaluation["confusion"]["counts"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(Some(total), evaluation["examples"].as_u64());

    // What predict says is what evaluate says, for files and for lines.
    let table = rows(&shell.path("data/verdicts/dev.tsv"));
    shell.write("new.csv", csv(&table));
    ok(shell.gluepot(&["evaluate", "latest", "--data", "new.csv", "--predictions", "of-evaluate.csv"]));
    let predicted = ok(shell.gluepot(&["predict", "latest", "new.csv"])).out;
    assert_eq!(predicted, std::fs::read_to_string(shell.path("of-evaluate.csv")).unwrap());
    assert_eq!(
        predicted.lines().next(),
        Some("index,prediction,probability_entailed,probability_unknown,probability_contradicted")
    );
    let lines: String = table[1..].iter().map(|row| format!("{}\t{}\n", row[0], row[1])).collect();
    shell.write("lines.txt", lines);
    let piped = ok(shell.sh("\"$GLUEPOT\" predict latest - < lines.txt")).out;
    assert_eq!(piped, predicted);
    let objects = ok(shell.gluepot(&["predict", "latest", "new.csv", "--format", "jsonl"])).out;
    for (line, object) in predicted.lines().skip(1).zip(objects.lines()) {
        let (cells, object): (Vec<&str>, Value) = (line.split(',').collect(), serde_json::from_str(object).unwrap());
        assert_eq!(json!([object["index"], object["prediction"]]), json!([cells[0].parse::<u64>().unwrap(), cells[1]]));
        assert_eq!(object["probabilities"]["entailed"].to_string(), cells[2]);
    }

    // The checkpoint alone, with its labels in another order.
    let best =
        shell.run().join("checkpoints").join(std::fs::read_to_string(shell.run().join("checkpoints/best")).unwrap().trim());
    shell.copy(&best, "other");
    let shuffled = format!("{VERDICTS}train = \"data/verdicts.csv\"\nvalidation = \"new.csv\"\n")
        .replace("[\"entailed\", \"unknown\", \"contradicted\"]", "[\"contradicted\", \"entailed\", \"unknown\"]");
    experiment(&shell, "shuffled.toml", "macro_f1", &shuffled);
    let of_run = json_of(&ok(shell.gluepot(&["evaluate", "latest", "--data", "new.csv", "--format", "json"])));
    let done = ok(shell.gluepot(&["evaluate", "./other", "--task", "shuffled.toml", "--format", "json"]));
    assert!(done.err.contains("reordered from entailed, unknown, contradicted"), "{}", done.err);
    for metric in ["accuracy", "macro_f1"] {
        let [a, b] = [&of_run, &json_of(&done)].map(|found| found["metrics"][metric]["value"].as_f64().unwrap());
        assert!((a - b).abs() < 1e-12, "{metric}: {a} and {b}");
    }
}

#[test]
fn a_classifier_is_kept_when_its_labels_match_by_name() {
    let shell = shell();
    let task = |labels: &str| {
        format!("{VERDICTS}train = \"data/verdicts/train.tsv\"\nvalidation = \"data/verdicts/dev.tsv\"\n")
            .replace("[\"entailed\", \"unknown\", \"contradicted\"]", labels)
    };
    experiment(&shell, "x.toml", "accuracy", &task("[\"entailed\", \"unknown\", \"contradicted\"]"));
    ok(shell.gluepot(&["run", "x.toml", "--quiet", "--set", "name=first"]));
    let loss = |root: &str| {
        let text = std::fs::read_to_string(run(&shell, root).join("metrics/train.csv")).unwrap();
        text.lines().nth(1).unwrap().split(',').nth(3).unwrap().parse::<f64>().unwrap()
    };
    let continued = [
        "run",
        "y.toml",
        "--quiet",
        "--set",
        "checkpoint=run:first",
        "--set",
        "training.max_steps=1",
        "--set",
        "model.dropout=0.0",
    ];
    experiment(&shell, "y.toml", "accuracy", &task("[\"entailed\", \"unknown\", \"contradicted\"]"));
    ok(shell.gluepot(&[&continued[..], &["--runs", "runs"]].concat()));
    let log = |root: &str| std::fs::read_to_string(run(&shell, root).join("log.txt")).unwrap();
    // In another order, the classifier's outputs follow their names: the first loss is the same.
    std::fs::rename(shell.path("runs"), shell.path("kept")).unwrap();
    let first = std::fs::read_dir(shell.path("kept"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().contains("_first_"))
        .unwrap();
    let start = |root: &str, labels: &str| {
        experiment(&shell, "y.toml", "accuracy", &task(labels));
        let best = first.join("checkpoints").join(std::fs::read_to_string(first.join("checkpoints/best")).unwrap().trim());
        let checkpoint = format!("checkpoint={}", best.display());
        ok(shell.gluepot(&[
            "run",
            "y.toml",
            "--quiet",
            "--set",
            &checkpoint,
            "--set",
            "training.max_steps=1",
            "--set",
            "model.dropout=0.0",
            "--runs",
            root,
        ]));
    };
    start("same", "[\"entailed\", \"unknown\", \"contradicted\"]");
    start("permuted", "[\"contradicted\", \"entailed\", \"unknown\"]");
    assert!((loss("same") - loss("permuted")).abs() < 1e-6, "{} and {}", loss("same"), loss("permuted"));
    assert!(log("permuted").contains("its outputs reordered from entailed, unknown, contradicted"), "{}", log("permuted"));
    // Other labels make another classifier.
    let table = std::fs::read_to_string(shell.path("data/verdicts/train.tsv")).unwrap().replace("entailed", "follows");
    shell.write("data/verdicts/train.tsv", &table);
    shell.write("data/verdicts/dev.tsv", &table);
    start("dropped", "[\"follows\", \"unknown\", \"contradicted\"]");
    assert!(
        log("dropped")
            .contains("randomly initialized (the checkpoint's are for other labels): classifier.weight, classifier.bias"),
        "{}",
        log("dropped")
    );
}

#[test]
fn numbers_and_several_labels_are_learned_from_tables() {
    let shell = shell();
    experiment(
        &shell,
        "prices.toml",
        "spearman",
        "name = \"prices\"\nkind = \"regression\"\ntext = \"sentence\"\nlabel = \"price\"\nmetrics = [\"spearman\", \"mae\"]\n\
         train = \"data/prices/train.tsv\"\nvalidation = \"data/prices/dev.tsv\"\n",
    );
    ok(shell.gluepot(&["run", "prices.toml", "--quiet", "--runs", "prices"]));
    let header = std::fs::read_to_string(run(&shell, "prices").join("metrics/eval.csv")).unwrap();
    assert_eq!(header.lines().next(), Some("step,epoch,split,loss,spearman,mae"));
    let name = run(&shell, "prices").to_string_lossy().into_owned();
    let predicted = ok(shell.gluepot(&["predict", &name, "data/prices/dev.tsv"])).out;
    assert!(predicted.starts_with("index,prediction\n0,"), "{predicted}");
    // numpy's mean and var of the 24 values in dev.tsv, their median, and the mean distance from it.
    let checked = ok(shell.gluepot(&["check", "prices.toml"])).out;
    let scores = "spearman undefined, mae 0.8871 (the median, 1.2800), loss 1.1329 (the mean, 1.3896)";
    assert!(checked.contains(&format!("guessing    always predicting one number scores {scores}\n")), "{checked}");
    let page = ok(shell.gluepot(&["report", &name, "-o", "-"])).out;
    let plot = page.split("<h2>Predicted and true values of the best run</h2>").nth(1).unwrap().split("<h2>").next().unwrap();
    assert_eq!(plot.matches("<circle class=\"point").count(), 24);

    // A column for each label, and a list of labels: the same task.
    let columns = rows(&shell.path("data/tags/train.tsv"));
    let lists: String = columns[1..]
        .iter()
        .map(|row| {
            let names = ["farm", "sale", "music"].iter().zip(&row[1..]).filter(|(_, bit)| *bit == "1").map(|(name, _)| *name);
            json!({ "sentence": row[0], "tags": names.collect::<Vec<_>>() }).to_string() + "\n"
        })
        .collect();
    shell.write("tags.jsonl", lists);
    let common = "name = \"tags\"\nkind = \"multi_label\"\ntext = \"sentence\"\n";
    experiment(
        &shell,
        "columns.toml",
        "micro_f1",
        &format!(
            "{common}label = [\"farm\", \"sale\", \"music\"]\ntrain = \"data/tags/train.tsv\"\nvalidation = \"data/tags/train.tsv\"\n"
        ),
    );
    experiment(
        &shell,
        "lists.toml",
        "micro_f1",
        &format!(
            "{common}label = \"tags\"\nlabels = [\"farm\", \"sale\", \"music\"]\ntrain = \"tags.jsonl\"\nvalidation = \"tags.jsonl\"\n"
        ),
    );
    for name in ["columns", "lists"] {
        ok(shell.gluepot(&["run", &format!("{name}.toml"), "--quiet", "--runs", name]));
    }
    let table = |root: &str| std::fs::read(run(&shell, root).join("metrics/eval.csv")).unwrap();
    assert_eq!(table("columns"), table("lists"));
    let name = run(&shell, "lists").to_string_lossy().into_owned();
    ok(shell.gluepot(&["verify", &name]));
    // The page counts for each label what the file of predictions has.
    let page = ok(shell.gluepot(&["report", &name, "-o", "-"])).out;
    let table = page.split("<h2>Each label in the best run</h2>").nth(1).unwrap().split("</table>").next().unwrap();
    let mut predictions = csv::Reader::from_path(run(&shell, "lists").join("predictions/validation.csv")).unwrap();
    let cells: Vec<Vec<f64>> =
        predictions.records().map(|row| row.unwrap().iter().map(|cell| cell.parse().unwrap()).collect()).collect();
    for (label, name) in ["farm", "sale", "music"].iter().enumerate() {
        let counted = |is_on: bool, is_predicted: bool| {
            let is_so = |row: &&Vec<f64>| (row[1 + label] == 1.0) == is_on && (row[4 + label] >= 0.5) == is_predicted;
            format!("<td class=\"number\">{}</td>", cells.iter().filter(is_so).count())
        };
        let counts = [counted(true, true), counted(false, true), counted(true, false), counted(false, false)].concat();
        assert!(table.contains(&format!("<td class=\"pinned\">{name}</td>{counts}")), "{name}: {counts} in {table}");
    }
    let objects = ok(shell.gluepot(&["predict", &name, "tags.jsonl", "--format", "jsonl"])).out;
    let first: Value = serde_json::from_str(objects.lines().next().unwrap()).unwrap();
    assert!(first["prediction"].is_array() && first["probabilities"]["music"].is_number(), "{first}");
}

/// Scores of probabilities are recomputed from the file of predictions to 1e-9, also where no manifest says that a file was changed.
#[test]
fn verify_recomputes_scores_of_probabilities() {
    let shell = shell();
    let verdicts = ["log_loss", "brier", "ece", "roc_auc", "average_precision"];
    let files = |task: &str| format!("train = \"data/{task}/train.tsv\"\nvalidation = \"data/{task}/dev.tsv\"\n");
    experiment(&shell, "verdicts.toml", "log_loss", &format!("{VERDICTS}metrics = {verdicts:?}\n{}", files("verdicts")));
    let tags = ["roc_auc", "average_precision"];
    let table = "name = \"tags\"\nkind = \"multi_label\"\ntext = \"sentence\"\nlabel = [\"farm\", \"sale\", \"music\"]\n";
    experiment(&shell, "tags.toml", "roc_auc", &format!("{table}metrics = {tags:?}\n{}", files("tags")));
    for (task, metrics) in [("verdicts", &verdicts[..]), ("tags", &tags)] {
        ok(shell.gluepot(&["run", &format!("{task}.toml"), "--quiet", "--runs", task]));
        let run = run(&shell, task);
        let name = run.to_string_lossy().into_owned();
        std::fs::remove_file(run.join("manifest.json")).unwrap();
        let facts = std::fs::read_to_string(run.join("run.json")).unwrap();
        std::fs::write(run.join("run.json"), facts.replace("\"format_version\": 2", "\"format_version\": 1")).unwrap();
        ok(shell.gluepot(&["verify", &name]));
        let text = std::fs::read_to_string(run.join("summary.json")).unwrap();
        for metric in metrics {
            let mut summary: Value = serde_json::from_str(&text).unwrap();
            let score = &mut summary["best"]["scores"][metric];
            *score = json!(score.as_f64().unwrap() + 1e-8);
            std::fs::write(run.join("summary.json"), summary.to_string()).unwrap();
            let done = shell.gluepot(&["verify", &name]);
            assert!(done.code == 8 && done.out.contains(&format!("give {metric} ")), "{done:?}");
        }
    }
}

#[test]
fn a_run_on_own_tables_is_interrupted_resumed_compared_and_moved() {
    let shell = shell();
    experiment(&shell, "x.toml", "accuracy", &format!("{VERDICTS}train = \"data/verdicts/train.tsv\"\nvalidation_share = 0.2\n"));
    ok(shell.gluepot(&["sweep", "x.toml", "--seeds", "1..2", "--axis", "learning_rate=[1e-3,2e-3]", "--quiet"]));
    let compared = ok(shell.gluepot(&["compare"]));
    assert!(compared.out.contains("verdicts"), "{}", compared.out);
    ok(shell.gluepot(&["run", "x.toml", "--quiet", "--runs", "single"]));
    let longer = run(&shell, "single").to_string_lossy().into_owned();
    ok(shell.gluepot(&["resume", &longer, "--epochs", "3", "--quiet"]));
    ok(shell.gluepot(&["verify", &longer]));
    // Everything moves together: paths are relative to the run.
    std::fs::create_dir(shell.path("moved")).unwrap();
    for name in ["single", "data", "bert"] {
        std::fs::rename(shell.path(name), shell.path(&format!("moved/{name}"))).unwrap();
    }
    let moved = run(&shell, "moved/single").to_string_lossy().into_owned();
    ok(shell.gluepot(&["evaluate", &moved]));
}

/// Scores on different splits of one table are not of the same examples.
#[test]
fn runs_on_different_splits_of_one_table_are_compared_apart() {
    let shell = shell();
    experiment(
        &shell,
        "x.toml",
        "accuracy",
        &format!("{VERDICTS}train = \"data/verdicts/train.tsv\"\nvalidation_share = 0.25\n"),
    );
    for (seed, split_seed) in [(1, 0), (2, 0), (1, 1)] {
        let set = [format!("seed={seed}"), format!("task.split_seed={split_seed}")];
        ok(shell.gluepot(&[
            "run",
            "x.toml",
            "--quiet",
            "--set",
            &set[0],
            "--set",
            &set[1],
            "--set",
            &format!("name=of{seed}{split_seed}"),
        ]));
    }
    let comparisons = json_of(&ok(shell.gluepot(&["compare", "--format", "json"])));
    assert_eq!(comparisons.as_array().unwrap().len(), 2, "{comparisons}");
    let apart = shell.gluepot(&["compare", "--examples", "of10", "of11"]);
    assert!(apart.code != 0 && apart.err.contains("not scored on the same examples"), "{apart:?}");
    // The texts are those of the drawn split.
    let together = json_of(&ok(shell.gluepot(&["compare", "--examples", "of10", "of20", "--format", "json"])));
    let table = std::fs::read_to_string(shell.path("data/verdicts/train.tsv")).unwrap();
    for row in together["disagreements"].as_array().unwrap() {
        let texts: Vec<&str> = row["text"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(table.contains(&texts.join("\t")) && texts.len() == 2, "{row}");
    }
}

/// What is wrong with a task or its tables is said with its place, before anything is trained.
#[test]
fn what_is_wrong_with_a_task_is_said() {
    let shell = shell();
    let table = |name: &str, text: &str| drop(shell.write(&format!("data/{name}.csv"), text));
    table("one", "text,label\na,yes\nb,yes\n");
    table("two", "text,label\na,yes\nb,no\n");
    table("new", "text,label\na,yes\nb,maybe\n");
    table("nan", "text,label\na,1.5\nb,nan\n");
    table("empty", "text,label\n");
    table("gap", "text,label\na,yes\n,no\n");
    table("ragged", "text,label\na,yes\nb\n");
    table("duplicate", "text,label,text\na,yes,b\n");
    shell.write("data/latin.csv", b"text,label\ncaf\xe9,yes\n");
    shell.write("data/book.xlsx", b"PK\x03\x04");
    std::fs::create_dir(shell.path("data/folder.csv")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(shell.path("data/pipe.csv")).status().unwrap().success());
    shell.copy(&project("tests/golden/tables"), "tables");
    let base = "name = \"t\"\ntext = \"text\"\nlabel = \"label\"\n";
    let nested = format!("{base}train = \"tables/types.parquet\"\nvalidation_share = 0.5\nlabels = [\"a\", \"b\"]\n");
    let files = |train: &str, dev: &str| format!("{base}train = \"data/{train}.csv\"\nvalidation = \"data/{dev}.csv\"\n");
    let cases = [
        ("a name of GLUE's", files("two", "two").replace("\"t\"", "\"rte\"")),
        ("no validation", format!("{base}train = \"data/two.csv\"\n")),
        ("two validations", format!("{}validation_share = 0.1\n", files("two", "two"))),
        ("three texts", files("two", "two").replace("\"text\"", "[\"a\", \"b\", \"c\"]")),
        ("several labels of one class", files("two", "two").replace("label = \"label\"", "label = [\"a\", \"b\"]")),
        ("labels of a number", format!("{}kind = \"regression\"\nlabels = [\"a\", \"b\"]\n", files("two", "two"))),
        ("a label twice", format!("{}labels = [\"yes\", \"no\", \"yes\"]\n", files("two", "two"))),
        ("a positive label that is none", format!("{}labels = [\"yes\", \"no\"]\npositive = \"Yes\"\n", files("two", "two"))),
        ("an unknown key", format!("{}lables = [\"yes\", \"no\"]\n", files("two", "two"))),
        ("an unknown encoding", format!("{}encoding = \"latin-one\"\n", files("two", "two"))),
        ("a separator of two characters", format!("{}separator = \"; \"\n", files("two", "two"))),
        ("a file that is not there", files("twa", "two")),
        ("a pattern without files", files("tw[p-q]", "two")),
        ("a folder", files("folder", "two")),
        ("a folder without an ending", files("two", "two").replace("data/two.csv", "data")),
        ("a pipe", files("pipe", "two")),
        ("another encoding", files("latin", "two")),
        ("a row that is too short", files("ragged", "two")),
        ("a column twice", files("duplicate", "two")),
        ("a workbook", files("two", "two").replace("data/two.csv", "data/book.xlsx")),
        ("a column of structs", nested.replace("\"text\"", "\"nested\"").replace("= \"label\"", "= \"text\"")),
        ("a column of lists", nested.replace("= \"label\"", "= \"labels\"")),
        ("a missing column", files("two", "two").replace("\"label\"", "\"lable\"")),
        ("one label", files("one", "one")),
        ("a label that training lacks", files("two", "new")),
        ("a number that is none", format!("{}kind = \"regression\"\n", files("nan", "nan"))),
        ("no rows", files("empty", "two")),
        ("a text that is missing", files("gap", "two")),
        ("a metric that does not fit", format!("{}metrics = [\"pearson\"]\n", files("two", "two"))),
    ];
    let mut said = String::new();
    for (what, task) in cases {
        let metric = if task.contains("regression") { "mse" } else { "accuracy" };
        experiment(&shell, "x.toml", metric, &task);
        let done = shell.gluepot(&["check", "x.toml"]);
        assert!(done.code == 3 || done.code == 4, "{what}: {done:?}");
        said += &format!("# {what}\n{}\n", done.err.trim_end());
    }
    snapshot!("own-task-problems", &Redactor::new(&shell).redact(&said));
    // The same with data.source, which is for GLUE's tasks.
    shell.write("x.toml", format!("metric = \"accuracy\"\n{SETTINGS}source = \"data\"\n[task]\n{}", files("two", "two")));
    let done = shell.gluepot(&["check", "x.toml"]);
    assert!(done.code == 3 && done.err.contains("data.source is \"data\""), "{done:?}");
}

#[test]
fn warnings_name_rare_labels_and_texts_in_both_splits() {
    let shell = shell();
    let rows: String = (0..30).map(|index| format!("text {index},{}\n", if index < 3 { "rare" } else { "common" })).collect();
    shell.write("train.csv", format!("text,label\n{rows}"));
    shell.write("dev.csv", "text,label\ntext 1,rare\nanother,common\ntext 9,common\n");
    experiment(
        &shell,
        "x.toml",
        "accuracy",
        "name = \"t\"\ntext = \"text\"\nlabel = \"label\"\ntrain = \"train.csv\"\nvalidation = \"dev.csv\"\n",
    );
    let done = ok(shell.gluepot(&["check", "x.toml"]));
    let all = format!("{}{}", done.out, done.err);
    assert!(all.contains("labels with fewer than 8 training examples: rare (3)"), "{all}");
    assert!(all.contains("2 of 3 validation examples are also training examples"), "{all}");
}
