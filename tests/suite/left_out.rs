//! Nothing is left out of a comparison silently.

use serde_json::{Value, json};

use crate::made::{Made, compared, noted, shell, variant};
use crate::shell::Shell;

fn left_out(comparison: &Value, reason: &str) -> u64 {
    let all = comparison["left_out"].as_array().unwrap().iter();
    all.filter(|one| one["reason"] == reason).map(|one| one["count"].as_u64().unwrap()).sum()
}

#[test]
fn damaged_runs_are_counted_and_named() {
    let shell = Shell::new();
    Made::new("good", 1, 0.8).write(&shell, 0);
    let damaged: Vec<String> =
        (1..=5).map(|seed| Made::new(&format!("bad{seed}"), seed, 0.8).write(&shell, seed as usize)).collect();
    shell.write(&format!("{}/run.json", damaged[0]), "{\"id\": ");
    shell.write(&format!("{}/summary.json", damaged[1]), "");
    shell.write(&format!("{}/resolved.toml", damaged[2]), "seed = ");
    std::fs::remove_file(shell.path(&format!("{}/resolved.toml", damaged[3]))).unwrap();
    shell.write(&format!("{}/metrics/train.csv", damaged[4]), "step\n");
    std::fs::remove_file(shell.path(&format!("{}/run.json", damaged[4]))).unwrap();
    for arguments in [vec![], vec!["runs"], vec!["runs/*"]] {
        let comparison = compared(&shell, &arguments);
        let n = comparison["variants"][0]["scores"].as_object().unwrap().len();
        // With a glob pattern, a directory without run.json is taken for a folder of runs.
        let expected = if arguments == ["runs/*"] { 4 } else { 5 };
        assert_eq!((n, left_out(&comparison, "damaged")), (1, expected), "{arguments:?}: {comparison}");
    }
    assert_eq!(shell.gluepot(&["report", "-o", "page.html"]).code, 0);
    let page = std::fs::read_to_string(shell.path("page.html")).unwrap();
    for text in [shell.gluepot(&["compare"]).out, page, shell.gluepot(&["compare", "--format", "csv"]).err] {
        assert!(text.contains("5 runs cannot be read"), "{text}");
    }
    // A damaged run given by name is an error.
    assert_ne!(shell.gluepot(&["compare", &damaged[2]]).code, 0);
}

#[test]
fn trainings_without_a_score_are_counted_by_status() {
    let statuses = ["failed", "diverged", "out of memory", "interrupted", "pruned"];
    let mut runs = vec![Made::new("ok1", 1, 0.8), Made::new("ok2", 2, 0.8)];
    for (seed, status) in (3..).zip(statuses) {
        runs.push(Made::new(&format!("bad{seed}"), seed, 0.0).status(status));
    }
    // Failed once and then repeated: nothing is missing.
    runs.insert(0, Made::new("again", 1, 0.0).status("failed"));
    let shell = shell(&runs);
    let comparison = compared(&shell, &[]);
    let own = &comparison["variants"][0];
    let expected = json!({ "failed": 1, "diverged": 1, "out of memory": 1, "interrupted": 1, "pruned": 1 });
    assert_eq!((&own["unfinished"], &own["failed"], &own["pruned"]), (&expected, &json!(3), &json!(1)));
    assert_eq!((noted(&comparison, "unfinished"), noted(&comparison, "pruned")), (4, 1));
    let text = shell.gluepot(&["compare"]).out;
    for id in ["bad3", "bad4", "bad5", "bad6"] {
        assert!(text.contains(id), "{text}");
    }
}

#[test]
fn repeats_and_runs_without_the_metric_are_named() {
    let shell = shell(&[Made::new("old", 1, 0.7), Made::new("new", 1, 0.8), Made::new("odd", 2, 0.9)]);
    let odd = shell.path("runs/2026-11-23T00-02-00Z_x_odd/summary.json");
    let text = std::fs::read_to_string(&odd).unwrap().replace("\"f1\":0.9,", "").replace("\"f1\":0.9}", "\"other\":0}");
    std::fs::write(&odd, text).unwrap();
    let comparison = compared(&shell, &[]);
    let own = &comparison["variants"][0];
    assert_eq!((&own["scores"], &own["repeats"], &own["lacking"]), (&json!({ "1": 0.8 }), &json!(["old"]), &json!(["odd"])));
    assert_eq!((noted(&comparison, "repeated"), noted(&comparison, "lacking"), &comparison["repeated"]), (1, 1, &json!(1)));
}

#[test]
fn seeds_without_a_partner_are_counted() {
    let run = |id: &str, seed| Made::new(&format!("{id}{seed}"), seed, 0.8 + 0.01 * seed as f64);
    let mut runs: Vec<Made> = (1..=5).map(|seed| run("a", seed)).collect();
    runs.extend((4..=7).map(|seed| run("b", seed).set("learning_rate", 3e-5)));
    let comparison = compared(&shell(&runs), &[]);
    let pairing = &variant(&comparison, "learning_rate", &json!(3e-5))["pairing"];
    assert_eq!(*pairing, json!({ "shared": 2, "own": [6, 7], "reference": [1, 2, 3] }));
    assert_eq!(noted(&comparison, "unpaired"), 5);
}

/// Runs that score like always predicting "equivalent", and a validation split with only one class.
#[test]
fn guessing_is_called_guessing() {
    // Three of four labels are 1: always predicting 1 gives an F1 of 2 · 3 / (2 · 3 + 1) = 6/7.
    let table = |labels: [u8; 4]| {
        let rows: String = labels.iter().enumerate().map(|(index, label)| format!("{index},{label},1,0.4,0.6\n")).collect();
        format!("index,label,prediction,p0,p1\n{rows}")
    };
    let four = json!({ "validation_examples": 4 });
    let made = || {
        shell(&[
            Made::new("a", 1, 6.0 / 7.0).facts(four.clone()),
            Made::new("b", 2, 0.5).facts(four.clone()),
            Made::new("c", 3, 0.9).facts(four.clone()),
        ])
    };
    let mixed = made();
    mixed.write("runs/2026-11-23T00-00-00Z_x_a/predictions/validation.csv", table([1, 1, 0, 1]));
    let comparison = compared(&mixed, &[]);
    assert!((comparison["always_guessing"].as_f64().unwrap() - 6.0 / 7.0).abs() < 1e-12);
    assert_eq!((&comparison["variants"][0]["guessing"], noted(&comparison, "guessing")), (&json!(2), 2));
    assert_eq!(noted(&comparison, "one_class"), 0);
    let single = made();
    single.write("runs/2026-11-23T00-00-00Z_x_a/predictions/validation.csv", table([1, 1, 1, 1]));
    assert_eq!(noted(&compared(&single, &[]), "one_class"), 3);
}
