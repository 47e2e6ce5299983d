//! What defines a variant: content and settings with an effect, not names and paths.

use serde_json::{Value, json};

use crate::made::{Made, close, compared, json_of, noted, shell, variant};
use crate::resume::with;
use crate::shell::Shell;

/// Returns the number of seeds of each variant, largest first.
fn sizes(comparison: &Value) -> Vec<usize> {
    let variants = comparison["variants"].as_array().unwrap().iter();
    let mut sizes: Vec<usize> = variants.map(|variant| variant["scores"].as_object().unwrap().len()).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}

#[test]
fn other_weights_under_one_name_are_another_variant() {
    for part in ["weights", "config"] {
        let other = json!({ "hashes": { part: "0123456789abcdef" } });
        let shell = shell(&[
            Made::new("a1", 1, 0.80),
            Made::new("a2", 2, 0.81),
            Made::new("b3", 1, 0.90).facts(other.clone()),
            Made::new("b4", 2, 0.91).facts(other),
        ]);
        let comparison = compared(&shell, &[]);
        assert_eq!((sizes(&comparison), &comparison["columns"]), (vec![2, 2], &json!(["checkpoint"])));
        let named = variant(&comparison, "checkpoint", &json!(format!("bert ({part} 01234567)")));
        close(&named["score"]["mean"], 0.905);
        assert_eq!(named["hashes"][part], "0123456789abcdef");
    }
}

#[test]
fn other_tokenizers_are_another_variant() {
    let other = json!({ "hashes": { "tokenizer": { "vocab.txt": "0123456789abcdef" } } });
    let shell = shell(&[Made::new("a", 1, 0.80), Made::new("b", 2, 0.90).facts(other)]);
    assert_eq!(sizes(&compared(&shell, &[])), [1, 1]);
}

#[test]
fn equal_files_under_two_names_are_one_variant_and_that_is_said() {
    let moved = |run: Made| run.set("checkpoint", "/moved/bert").set("data.source", "/moved/glue");
    let shell = shell(&[
        Made::new("a", 1, 0.80),
        Made::new("b", 2, 0.82),
        moved(Made::new("c", 3, 0.84)),
        moved(Made::new("d", 4, 0.86)),
    ]);
    let comparison = compared(&shell, &[]);
    assert_eq!((sizes(&comparison), &comparison["columns"]), (vec![4], &json!([])));
    close(&comparison["variants"][0]["score"]["mean"], 0.83);
    assert_eq!(comparison["variants"][0]["checkpoints"], json!(["bert", "/moved/bert"]));
    // Once for the checkpoint, once for the data.
    assert_eq!(noted(&comparison, "same_files"), 8);
}

/// Two names for one checkpoint, one of which is also the name of another checkpoint.
#[test]
fn names_that_overlap_do_not_confuse() {
    let other = json!({ "hashes": { "weights": "0123456789abcdef" } });
    let shell = shell(&[
        Made::new("a", 1, 0.80).set("checkpoint", "first"),
        Made::new("b", 2, 0.80).set("checkpoint", "second"),
        Made::new("c", 1, 0.90).set("checkpoint", "second").facts(other.clone()),
        Made::new("d", 2, 0.90).set("checkpoint", "third").facts(other),
    ]);
    let comparison = compared(&shell, &[]);
    assert_eq!(sizes(&comparison), [2, 2]);
    let by_checkpoint = compared(&shell, &["--by", "checkpoint"]);
    assert_eq!(sizes(&by_checkpoint), [2, 2]);
    close(&by_checkpoint["variants"][0]["difference"]["mean"], 0.1);
}

#[test]
fn machine_and_versions_make_no_variant_and_get_a_remark() {
    let host = |set: &str| json!({ "host": { "name": set, "instruction_set": set } });
    let shell = shell(&[
        Made::new("a", 1, 0.80).facts(host("avx2")),
        Made::new("b", 2, 0.81).facts(host("avx512")),
        // Earlier versions did not record it.
        Made::new("c", 3, 0.82),
        Made::new("d", 4, 0.83).facts(json!({ "versions": { "gluepot": "0.0.9" } })),
        Made::new("e", 5, 0.84).facts(json!({ "kernels": "reference" })),
    ]);
    let comparison = compared(&shell, &[]);
    assert_eq!((sizes(&comparison), noted(&comparison, "computed_by")), (vec![5], 5));
    let computed_by = &comparison["variants"][0]["computed_by"];
    assert_eq!(computed_by["instruction_set"], json!({ "avx2": 1, "avx512": 1 }));
    assert_eq!(computed_by["gluepot"], json!({ "0.0.9": 1, "0.1.0": 4 }));
    assert_eq!(computed_by["kernels"], json!({ "fused": 4, "reference": 1 }));
    assert_eq!(computed_by.as_object().unwrap().len(), 3);
}

#[test]
fn instructions_of_bf16_products_get_a_remark() {
    let host = |bf16: &str| json!({ "host": { "instruction_set": "avx512", "bf16_instructions": bf16 } });
    let shell = shell(&[Made::new("a", 1, 0.80).facts(host("amx")), Made::new("b", 2, 0.81).facts(host("avx512_bf16"))]);
    let computed_by = &compared(&shell, &[])["variants"][0]["computed_by"];
    assert_eq!(*computed_by, json!({ "bf16_instructions": { "amx": 1, "avx512_bf16": 1 } }));
}

#[test]
fn a_run_records_what_computed_it() {
    let shell = shell(&[]);
    assert!(shell.gluepot(&["devices"]).code == 0);
    let host = serde_json::to_value(gluepot::runs::Host::this()).unwrap();
    let expected = if cfg!(target_arch = "aarch64") {
        "neon"
    } else {
        // What Linux reports about the same processor.
        let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let has = |flag: &str| flags.split_whitespace().any(|word| word == flag);
        let all = |flags: &[&str]| flags.iter().all(|flag| has(flag));
        match (all(&["avx2", "fma"]), all(&["avx512f", "avx512bw", "avx512dq", "avx512vl"])) {
            (true, true) => "avx512",
            (true, false) => "avx2",
            _ => "baseline",
        }
    };
    assert_eq!(host["instruction_set"], expected);
}

const SHORT: &str = r#"
task = "mrpc"
checkpoint = "./tiny"
learning_rate = 2e-3
epochs = 2
metric = "accuracy"
[data]
source = "./data"
train_limit = 16
eval_limit = 8
"#;

fn resumed(kind: &str) -> Shell {
    let shell = with(&format!("{SHORT}[schedule]\nkind = \"{kind}\"\n"));
    let ok = |arguments: &[&str]| assert_eq!(shell.gluepot(arguments).code, 0, "{arguments:?}");
    ok(&["run", "x.toml", "--set", "seed=1"]);
    for seed in ["seed=2", "seed=3"] {
        ok(&["run", "x.toml", "--set", seed, "--set", "epochs=1"]);
        ok(&["resume", "latest", "--epochs", "2"]);
    }
    shell
}

/// With a constant learning rate, a resumed and extended run equals a run of that length; with a decaying one it does not.
#[test]
fn runs_resumed_under_another_schedule_are_no_replicates_of_runs_planned_so() {
    let comparison = compared(&resumed("linear"), &[]);
    assert_eq!((sizes(&comparison), &comparison["columns"]), (vec![2, 1], &json!(["resumed"])));
    variant(&comparison, "resumed", &json!("epochs 1 → 2 after step 2"));
    variant(&comparison, "resumed", &json!("no"));
    assert_eq!(noted(&comparison, "resumed"), 2);
    let comparison = compared(&resumed("constant"), &[]);
    assert_eq!((sizes(&comparison), noted(&comparison, "resumed")), (vec![3], 0));
}

/// A metric that only some runs selected by: two tables, or one table for a metric given explicitly.
#[test]
fn runs_judged_by_different_metrics_are_not_ranked_by_one_of_them_unasked() {
    // The best evaluation is at step 50 by F1, accuracy and loss alike, so a run selected by the loss would give the same result.
    let runs: Vec<Made> = (1..=3)
        .flat_map(|seed| {
            let evaluations = [(50, 0.9), (100, 0.8)];
            let run = |id: &str| Made::new(&format!("{id}{seed}"), seed, 0.8).evaluated(&evaluations);
            [run("a"), run("b").judged_by("accuracy").set("learning_rate", 3e-5)]
        })
        .collect();
    let shell = shell(&runs);
    let json = json_of(&shell.gluepot(&["compare", "--format", "json"]));
    let metrics: Vec<&str> = json.as_array().unwrap().iter().map(|one| one["metric"].as_str().unwrap()).collect();
    assert_eq!(metrics, ["accuracy", "f1"]);
    assert_eq!((noted(&json[0], "other_metric"), noted(&json[1], "other_metric")), (3, 3));
    let together = compared(&shell, &["--metric", "f1"]);
    assert_eq!((sizes(&together), &together["basis"]), (vec![3, 3], &json!("common")));
    close(&together["variants"][0]["score"]["mean"], 0.9);
}

#[test]
fn examples_keep_the_order_of_the_arguments_and_name_both_runs() {
    let shell = shell(&[Made::new("aa", 1, 0.8), Made::new("bb", 2, 0.9)]);
    let rows = |predictions: [u8; 4]| -> String {
        let rows = predictions.iter().zip([1, 0, 1, 0]).enumerate();
        rows.map(|(index, (prediction, label))| format!("{index},{label},{prediction},0.5,0.5\n")).collect()
    };
    let write = |folder: &str, predictions| {
        let table = format!("index,label,prediction,p0,p1\n{}", rows(predictions));
        shell.write(&format!("runs/{folder}/predictions/validation.csv"), table);
    };
    // The first is right on all but the last, the second only on the last two.
    write("2026-11-23T00-00-00Z_x_aa", [1, 0, 1, 1]);
    write("2026-11-23T00-01-00Z_x_bb", [0, 1, 1, 0]);
    let of = |arguments: &[&str]| {
        let json = json_of(&shell.gluepot(&[&["compare", "--examples", "--format", "json"], arguments].concat()));
        (json["first_run"].clone(), json["second_run"].clone(), json["only_first"].clone(), json["only_second"].clone())
    };
    assert_eq!(of(&["aa", "bb"]), (json!("aa"), json!("bb"), json!(2), json!(1)));
    assert_eq!(of(&["bb", "aa"]), (json!("bb"), json!("aa"), json!(1), json!(2)));
    // Different labels mean different examples, even if their number is the same.
    shell.write(
        "runs/2026-11-23T00-01-00Z_x_bb/predictions/validation.csv",
        "index,label,prediction,p0,p1\n0,0,0,0.5,0.5\n1,0,0,0.5,0.5\n2,1,1,0.5,0.5\n3,0,0,0.5,0.5\n",
    );
    assert_eq!(shell.gluepot(&["compare", "--examples", "aa", "bb"]).code, 8);
}

#[test]
fn diff_gives_no_difference_of_scores_on_other_examples() {
    let limited =
        |limit: u64| Made::new("bb", 1, 0.9).set("data.eval_limit", limit).facts(json!({ "validation_examples": limit }));
    let other = Made::new("bb", 1, 0.9).facts(json!({ "hashes": { "data": { "validation": "other" } } }));
    for (second, is_comparable) in [(limited(100), false), (other, false), (Made::new("bb", 1, 0.9), true)] {
        let done = shell(&[Made::new("aa", 1, 0.8), second]).gluepot(&["diff", "aa", "bb"]);
        assert_eq!((done.code, done.out.contains("+0.1000")), (0, is_comparable), "{done:?}");
        assert_eq!(done.out.contains("warning"), !is_comparable, "{done:?}");
    }
}

/// A changed checkpoint under the same name is reported.
#[test]
fn diff_names_files_that_differ() {
    let other = Made::new("bb", 1, 0.9).facts(json!({ "hashes": { "weights": "0123456789abcdef" } }));
    let done = shell(&[Made::new("aa", 1, 0.8), other]).gluepot(&["diff", "aa", "bb"]);
    assert!(done.out.contains("01234567") && !done.out.contains("are the same"), "{done:?}");
}
