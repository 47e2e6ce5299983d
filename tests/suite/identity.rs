//! The identity of a training run: the same in every version, whatever settings have been added or retired.

use std::collections::BTreeMap;
use std::path::Path;

use gluepot::experiment::{Environment, Override};
use gluepot::hub::Hub;
use gluepot::inputs::{ReadFor, TrialInputs};
use gluepot::plan::{Hashes, SettingRow, identity, identity_of};
use gluepot::runs::{StoredRun, is_of, recorded_rows};
use gluepot::settings::{CHECKPOINT, DATA_SOURCE, Properties, properties};
use serde_json::{Value, json};

use crate::formats;
use crate::shell::Shell;
use crate::support::project;

const FIXTURE: &str = "tests/fixtures/format-2";

/// Reads a shipped experiment with the fixture's checkpoint and other data.
fn shipped(name: &str, data: &Path, set: &[&str]) -> TrialInputs {
    let checkpoint = format!("checkpoint={}", project(FIXTURE).join("bert").display());
    let source = format!("data.source={}", data.display());
    let set = [checkpoint.as_str(), &source].into_iter().chain(set.iter().copied());
    let overrides: Vec<Override> = set.map(|text| Override::parse(text).unwrap()).collect();
    let file = project("experiments").join(name);
    TrialInputs::read(&file, ReadFor::Training, &overrides, &Environment::default(), &Hub::offline()).unwrap()
}

fn hashes(train: &str, validation: &str, weights: Option<&str>) -> Hashes {
    Hashes {
        data: [("train".into(), train.into()), ("validation".into(), validation.into())].into(),
        tokenizer: [
            ("tokenizer_config.json".into(), "1df7c0b9a5f3fcd332ea1e3dd9a98585eb51e5da7f25619a7a27f68bfa2046eb".into()),
            ("vocab.txt".into(), "7564598ca83cb4acddf655148008b77e508ce0112fec5ae657e2f673c839845d".into()),
        ]
        .into(),
        config: "0f30e04ef515f6352dd08ddd85780c72899332f21f23c94a75bdc3cf1bc50625".into(),
        weights: weights.map(String::from),
        classifier: None,
    }
}

/// As computed by gluepot 0.1.0 at commit e31e299, before settings had neutral values.
#[test]
fn identities_of_the_shipped_experiments_are_constants() {
    let weights = Some("7a5f7493c097f7748360e6fa4a2cb1536f204fd9a1cbfe2fbcf16b834bf74a70");
    let mrpc = |weights| {
        hashes(
            "21d28711e85bdef5c2fd254af1d9b73a89a00ba929a3605f1b32e68bda3bce50",
            "96e8206278c466c83887e93630335150d6a877d5701a3db88840d57a03a3f2b2",
            weights,
        )
    };
    let sst2 = hashes(
        "642b282da9fa2ff16bdb02987c6256fcde7f4f0af77f1221d810bd82b34fe64d",
        "638536950a560b268e57f9a5b256c9c5c1cf47e9e53dbbb60f774d811f23796b",
        weights,
    );
    let shell = Shell::new();
    shell.write("SST-2/train.tsv", "sentence\tlabel\nfine film\t1\ndull film\t0\n");
    shell.write("SST-2/dev.tsv", "sentence\tlabel\nfine film\t1\n");
    let (data, films) = (project(FIXTURE).join("data"), shell.path(""));
    let cases: [(&str, &Path, &[&str], Hashes, &str); 6] = [
        ("mrpc.toml", &data, &[], mrpc(weights), "2370004f56d9"),
        ("mrpc.toml", &data, &["seed=43"], mrpc(weights), "26ebb708849e"),
        ("sst2.toml", &films, &[], sst2.clone(), "785b9564154d"),
        ("quickstart.toml", &data, &[], mrpc(None), "e9d531ee8c60"),
        // A retired setting stays part of the identity.
        ("mrpc.toml", &data, &["data.pad_to_multiple_of=1"], mrpc(weights), "2370004f56d9"),
        ("mrpc.toml", &data, &["data.pad_to_multiple_of=8"], mrpc(weights), "35e091f1408c"),
    ];
    for (file, data, set, hashes, expected) in cases {
        let inputs = shipped(file, data, set);
        assert_eq!(identity(&inputs.setting_rows(), &hashes, &[], 1, 1), expected, "{file} {set:?}");
        assert_eq!(inputs.experiment.remarks().0.len(), usize::from(set.iter().any(|set| set.contains("pad_to"))));
    }
}

/// The schema of a hypothetical later version with one more setting.
fn later(attributes: &Value) -> Result<Properties, String> {
    let mut schema = serde_json::to_value(schemars::schema_for!(gluepot::settings::Settings)).unwrap();
    let mut field = json!({ "type": "number", "default": 0.5 });
    field.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    schema["$defs"]["Optimizer"]["properties"]["layer_decay"] = field;
    Properties::of(&schema)
}

#[test]
fn a_later_key_at_its_neutral_value_changes_no_identity() {
    let later = later(&json!({ "x-neutral": 1.0 })).unwrap();
    let shell = formats::copy("format-2");
    let runs = gluepot::runs::list(&shell.path("runs")).unwrap().0;
    let run: &StoredRun = runs.iter().find(|run| run.summary.is_some()).unwrap();
    let rows = recorded_rows(&gluepot::runs::RunDirectory::at(run.path.clone())).unwrap();
    assert!(is_of(&run.facts, &rows, &[]));
    let identity = |properties: &Properties, decay: Option<Value>| {
        let decay = decay.map(|value| SettingRow {
            table: "optimizer".into(),
            key: "layer_decay".into(),
            value: Some(value),
            origin: "default".into(),
        });
        let rows: Vec<SettingRow> = rows.iter().cloned().chain(decay).collect();
        let values = rows.iter().filter_map(|row| Some((row.path(), row.value.as_ref()?))).collect();
        identity_of(properties, &values, &run.facts.hashes, &[], 1, 1)
    };
    assert_eq!(identity(properties(), None), run.facts.trial);
    assert_eq!(identity(&later, None), run.facts.trial);
    assert_eq!(identity(&later, Some(json!(1.0))), run.facts.trial);
    assert_eq!(identity(&later, Some(json!(1))), run.facts.trial);
    // Its default is not neutral, so new runs have other identities.
    assert_ne!(identity(&later, Some(json!(0.5))), run.facts.trial);
    // If the run does not record it, it has the neutral value.
    let mut recorded = BTreeMap::from([("optimizer.beta1".to_string(), json!(0.9))]);
    later.complete(&mut recorded);
    assert_eq!(recorded["optimizer.layer_decay"], json!(1.0));
    assert_eq!(recorded["data.pad_to_multiple_of"], json!(1));
    let mut rows = rows;
    gluepot::runs::complete(&mut rows, &later);
    let added = rows.iter().find(|row| row.path() == "optimizer.layer_decay").unwrap();
    assert_eq!(added.value, Some(json!(1.0)));
}

#[test]
fn a_wrong_attribute_is_an_error() {
    let problem = |attributes: Value| later(&attributes).unwrap_err();
    assert!(problem(json!({ "x-nuetral": 1.0 })).contains("optimizer.layer_decay: unknown field `x-nuetral`"));
    assert!(problem(json!({ "x-effect": "no" })).contains("optimizer.layer_decay: invalid type"));
    assert!(problem(json!({ "x-derived": "nothing" })).contains("unknown variant"));
    assert!(problem(json!({ "x-replaced-by": "training.steps" })).contains("training.steps, which does not exist"));
    assert!(problem(json!({ "x-neutral": null })).contains("only there"));
    assert!(problem(json!({ "items": { "x-effect": false } })).contains("not on a setting"));
    assert!(later(&json!({ "x-effect": false })).unwrap().without_effect().any(|path| path == "optimizer.layer_decay"));
}

/// The lists that these attributes replaced, written out.
#[test]
fn the_properties_of_the_settings() {
    let properties = properties();
    let without: Vec<&str> = properties.without_effect().collect();
    let expected = [
        "name",
        "device",
        "task.name",
        "task.test",
        "data.eval_batch_size",
        "checkpoints.keep",
        "checkpoints.every",
        "logging.every",
    ];
    assert_eq!(without, expected);
    let files = [CHECKPOINT, "task.train", "task.validation", "task.test", DATA_SOURCE];
    assert_eq!(properties.naming_files().collect::<Vec<_>>(), files);
    let fixed: Vec<&str> =
        properties.iter().filter(|p| p.has_effect && !p.can_be_swept).map(|property| property.path.as_str()).collect();
    assert_eq!(fixed.iter().copied().filter(|path| !path.starts_with("task.")).collect::<Vec<_>>(), ["base", "seed"]);
    // The metric varies with the task alone.
    let paired: Vec<&str> =
        properties.iter().filter(|p| p.can_be_swept && !p.can_be_axis).map(|property| property.path.as_str()).collect();
    assert_eq!(paired, ["metric"]);
    assert!(properties.iter().all(|property| !property.can_be_swept || !property.path.starts_with("task.")));
    assert!(properties.iter().count() >= 32);
}

#[test]
fn a_retired_setting_still_works_and_is_remarked_on() {
    const KEY: &str = "data.pad_to_multiple_of";
    let shell = formats::copy("format-2");
    let text = std::fs::read_to_string(shell.path("x.toml")).unwrap();
    shell.write("old.toml", text.replace("[data]\n", "[data]\npad_to_multiple_of = 8\n"));
    let ok = |arguments: &[&str]| {
        let done = shell.gluepot(arguments);
        assert_eq!(done.code, 0, "{done:?}");
        done
    };
    let checked = ok(&["check", "old.toml"]);
    assert!(checked.err.contains("warning: `data.pad_to_multiple_of` is no longer a setting and has no effect"), "{checked:?}");
    assert!(checked.err.contains("old.toml:7:1") && checked.err.contains("batches are not padded"), "{checked:?}");
    assert!(!ok(&["check", "x.toml"]).err.contains("warning"));
    // Earlier runs have it in their records with its default value.
    assert!(!ok(&["resume", &interrupted(&shell)]).err.contains("no longer"));
    for (arguments, help) in [
        (vec!["sweep", "x.toml", "--dry-run", "--axis", "data.pad_to_multiple_of=[1, 8]"], "no longer a setting: batches"),
        (vec!["check", "x.toml", "--set", "data.pad_to_multiple_of=0"], "no longer a setting: batches"),
    ] {
        let refused = shell.gluepot(&arguments);
        assert!(refused.code == 3 && refused.err.contains(help), "{refused:?}");
    }
    // Runs made with it keep their identity.
    ok(&["run", "old.toml", "--runs", "new", "--quiet"]);
    let run = gluepot::runs::list(&shell.path("new")).unwrap().0.remove(0);
    let rows = |run: &StoredRun| recorded_rows(&gluepot::runs::RunDirectory::at(run.path.clone())).unwrap();
    let value = |run: &StoredRun| rows(run).into_iter().find(|row| row.path() == KEY).unwrap().value;
    assert_eq!(value(&run), Some(json!(8)));
    let without: Vec<SettingRow> = rows(&run).into_iter().filter(|row| row.path() != KEY).collect();
    assert!(is_of(&run.facts, &rows(&run), &[]) && !is_of(&run.facts, &without, &[]));
    let path = run.path.to_str().unwrap();
    let longer = ok(&["resume", path, "--epochs", "5"]);
    assert!(longer.err.contains("resolved.toml") && longer.err.contains("no longer a setting"), "{longer:?}");
    assert_eq!(value(&StoredRun::read(&run.path).unwrap()), Some(json!(8)));
    ok(&["verify", path]);
}

/// Returns the id of the fixture's interrupted run.
fn interrupted(shell: &Shell) -> String {
    let runs = gluepot::runs::list(&shell.path("runs")).unwrap().0;
    let run = runs.iter().find(|run| run.facts.status == gluepot::runs::Status::Interrupted).unwrap();
    run.facts.id.clone()
}
