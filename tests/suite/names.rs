//! Names, numbers and quantities as users of other tools write them.

use figment::value::{Dict, Value};
use gluepot::experiment::{Environment, Equivalent, Experiment, Hint, Override, check, equivalent, schema, setting_paths};

use crate::failures::sound;
use crate::support::{golden, project};

fn problems(overrides: &[(&str, &str)]) -> String {
    let shell = sound();
    let of = |(path, value): &(&str, &str)| Override { path: (*path).into(), value: (*value).into(), option: "--set" };
    let overrides: Vec<Override> = overrides.iter().map(of).collect();
    let experiment = Experiment::load(&shell.path("x.toml"), &overrides, &Environment::default());
    experiment.problems.iter().flat_map(|problem| &problem.help).cloned().collect::<Vec<_>>().join("\n")
}

/// Each is a setting or has a specific hint, not just the list of all keys.
#[test]
fn every_argument_of_transformers_is_known() {
    let arguments = golden("arguments.json");
    let objects = ["training", "run_glue"].into_iter().flat_map(|part| arguments[part].as_object().unwrap().keys());
    let earlier = arguments["earlier"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_string());
    let names: Vec<String> = objects.cloned().chain(earlier).collect();
    assert!(names.len() > 160, "{}", names.len());
    for name in names {
        let dict = Dict::from([(name.clone(), Value::from(1))]);
        let refusals = check(&dict, schema());
        let Some(refusal) = refusals.iter().find(|refusal| refusal.path == name) else {
            assert!(setting_paths(schema()).contains(&name), "{name}");
            continue;
        };
        let hint = refusal.hints.first().unwrap_or_else(|| panic!("{name} has no hint"));
        assert!(!matches!(hint, Hint::Words(words) if words.contains("has the keys")), "{name}: {hint:?}");
        assert!(!matches!(hint, Hint::Misspelt(_)), "{name}: {hint:?}");
        let known = setting_paths(schema());
        assert!(hint.path().is_none_or(|path| known.iter().any(|own| own == path)), "{name}: {hint:?}");
    }
}

#[test]
fn names_do_not_depend_on_hyphens_and_capitals() {
    assert_eq!(equivalent("LR"), Some(Equivalent::Same("learning_rate")));
    assert_eq!(equivalent("per-device-train-batch-size"), Some(Equivalent::Same("data.batch_size")));
    assert_eq!(equivalent("learning_rate"), None);
}

#[test]
fn hints_are_written_as_the_place_wants_them() {
    assert!(problems(&[("lr", "1e-3")]).contains("`learning_rate`"));
    assert!(problems(&[("per_device_train_batch_size", "8")]).contains("`data.batch_size`"));
    assert!(problems(&[("batch_size", "8")]).contains("`data.batch_size`"));
    assert!(problems(&[("learning_rate", ".5")]).ends_with("write 0.5"));
    assert!(problems(&[("seed", "007")]).ends_with("write 7"));
    assert!(problems(&[("epochs", "\"3\"")]).ends_with("write 3 without quotes"));
    assert!(problems(&[("name", "2024")]).ends_with("--set 'name=\"2024\"'"));
    assert!(problems(&[("schedule.warmup_steps", "0.1")]).contains("warmup_ratio = 0.1"));
    assert!(problems(&[("model", "bert")]).contains("`checkpoint`"));
    let mut shell = sound();
    shell.set("GLUEPOT_BATCH_SIZE", "8");
    let done = shell.gluepot(&["check", "x.toml"]);
    assert!(done.code == 3 && done.err.contains("`GLUEPOT_DATA_BATCH_SIZE`"), "{done:?}");
}

#[test]
fn twenty_thousand_unknown_keys_are_a_screen_of_problems_in_a_moment() {
    let shell = sound();
    for table in ["", "[data]\n"] {
        let keys: Vec<String> = (0..20_000).map(|n| format!("key_{n} = {n}")).collect();
        shell.write("many.toml", format!("{table}{}\n", keys.join("\n")));
        let begun = std::time::Instant::now();
        let done = shell.gluepot(&["check", "many.toml"]);
        assert_eq!(done.code, 3);
        assert!(done.err.lines().count() <= 60, "{}", done.err);
        // Five required keys are missing as well; 16 problems are shown.
        assert!(done.err.trim_end().ends_with("... and 19989 more"), "{}", done.err);
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}

#[test]
fn no_key_and_no_value_fills_the_screen() {
    let shell = sound();
    let long = "x".repeat(1_000_000);
    let numbers = (0..200_000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    shell.write("long.toml", format!("epochs = [{numbers}]\ntask = \"{long}\"\n{long} = 3\nseed = \"{long}\"\n"));
    let done = shell.gluepot(&["check", "long.toml"]);
    assert_eq!(done.code, 3);
    assert!(done.err.lines().count() <= 60 && done.err.len() < 8_000, "{} bytes", done.err.len());
    // A list with one problem per entry.
    shell.write("list.toml", format!("[sweep]\nseeds = [{}]\n", vec!["\"x\""; 50_000].join(", ")));
    let done = shell.gluepot(&["check", "list.toml"]);
    assert_eq!(done.code, 3);
    assert!(done.err.lines().count() <= 60 && done.err.len() < 20_000, "{} bytes", done.err.len());
}

/// `--json` is an alias for `--format json`.
#[test]
fn one_option_says_how_to_print() {
    let shell = sound();
    assert_eq!(shell.gluepot(&["run", "x.toml", "--quiet", "--device", "cpu"]).code, 0);
    let json = |arguments: &[&str]| -> serde_json::Value {
        let done = shell.gluepot(arguments);
        assert_eq!(done.code, 0, "{done:?}");
        let mut report: serde_json::Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"));
        // Other processes write to the disk in the meantime.
        let free = report.pointer_mut("/0/disk/free_bytes");
        if let Some(free) = free {
            *free = serde_json::Value::Null;
        }
        report
    };
    for command in [&["list"][..], &["show", "latest"], &["check", "x.toml"]] {
        let mut alias = json(&[command, &["--json"]].concat());
        let mut long = json(&[command, &["--format", "json"]].concat());
        // Other processes write to this disk.
        [&mut alias, &mut long]
            .into_iter()
            .filter_map(|json| json.pointer_mut("/0/disk"))
            .for_each(|disk| disk["free_bytes"] = 0.into());
        assert_eq!(alias, long, "{command:?}");
    }
    let show = json(&["show", "latest", "--format", "json"]);
    assert_eq!(show["status"], "finished");
    assert_eq!(show["settings"]["learning_rate"], 1e-3);
    let listed = json(&["list", "--format", "json"]);
    for (key, value) in show.as_object().unwrap() {
        assert_eq!(listed[0][key], *value, "{key}");
    }
    let verified = json(&["verify", "latest", "--format", "json"]);
    assert!(verified[0]["checks"].as_array().unwrap().iter().all(|check| check["intact"] == true), "{verified}");
    assert_eq!(json(&["diff", "latest", "latest", "--format", "json"])["settings"], serde_json::json!([]));
    assert!(json(&["devices", "--format", "json"])["devices"][0]["threads"].as_u64().unwrap() > 0);
    assert_eq!(json(&["prune", "latest", "--dry-run", "--format", "json"])["dry_run"], true);
}

/// A run's best checkpoint, by any name that commands accept for the run, recorded as its folder.
#[test]
fn a_run_is_a_checkpoint_to_start_from() {
    let shell = sound();
    let ok = |arguments: &[&str]| {
        let done = shell.gluepot(arguments);
        assert_eq!(done.code, 0, "{done:?}");
        done.out
    };
    let json = |arguments: &[&str]| -> serde_json::Value { serde_json::from_str(&ok(arguments)).unwrap() };
    ok(&[
        "run",
        "x.toml",
        "--quiet",
        "--device",
        "cpu",
        "--set",
        "evaluation.every=4",
        "--set",
        "name=first",
        "--runs",
        "elsewhere",
    ]);
    let first = json(&["show", "latest", "--json", "--runs", "elsewhere"]);
    let run = std::path::PathBuf::from(first["path"].as_str().unwrap());
    let folder = std::fs::canonicalize(shell.path("")).unwrap().join(&run).join("checkpoints");
    let folder = folder.join(std::fs::read_to_string(folder.join("best")).unwrap().trim());
    let id = first["run"]["id"].as_str().unwrap();
    for name in [id, &id[..4], "first", "fir", "latest", run.file_name().unwrap().to_str().unwrap()] {
        let plan = json(&["check", "x.toml", "--json", "--runs", "elsewhere", "--set", &format!("checkpoint=run:{name}")]);
        let rows = plan[0]["settings"].as_array().unwrap();
        let row = rows.iter().find(|row| row["key"] == "checkpoint").unwrap();
        assert_eq!(row["value"], folder.to_str().unwrap(), "{name}");
        assert!(row["origin"].as_str().unwrap().contains(&format!("run:{name}")), "{row}");
    }
    // It works in a file, too; and the resolved settings run again wherever runs are looked up.
    let text = std::fs::read_to_string(shell.path("x.toml")).unwrap();
    shell.write("next.toml", text.replace("\"./bert\"", &format!("\"run:{id}\"")));
    ok(&["run", "next.toml", "--quiet", "--device", "cpu", "--runs", "elsewhere"]);
    let next = json(&["show", "next", "--json", "--runs", "elsewhere"]);
    assert_eq!(next["run"]["drawn"], serde_json::json!([]), "the classifier is the first run's");
    let resolved = shell.path(next["path"].as_str().unwrap()).join("resolved.toml");
    ok(&["run", resolved.to_str().unwrap(), "--quiet", "--device", "cpu"]);
    let again = json(&["show", "latest", "--json"]);
    assert_eq!(again["run"]["trial"], next["run"]["trial"]);
    // A missing run is reported.
    for (name, code) in [("run:zzz", 5), ("run:", 5)] {
        let done = shell.gluepot(&["check", "x.toml", "--runs", "elsewhere", "--set", &format!("checkpoint={name}")]);
        assert_eq!(done.code, code, "{done:?}");
    }
    let latest = ["sweep", "x.toml", "--dry-run", "--seeds", "1..2", "--runs", "elsewhere", "--set", "checkpoint=run:latest"];
    assert_eq!(shell.gluepot(&latest).code, 3);
}

/// An exact name takes precedence over a prefix.
#[test]
fn runs_are_found_by_the_beginning_of_their_names() {
    let shell = sound();
    for name in ["mrpc", "mrpc-large", "other"] {
        let name = format!("name={name}");
        assert_eq!(shell.gluepot(&["run", "x.toml", "--quiet", "--device", "cpu", "--set", &name]).code, 0);
    }
    let found = |name: &str| {
        let done = shell.gluepot(&["show", name, "--format", "json"]);
        let run: Option<serde_json::Value> = serde_json::from_str(&done.out).ok();
        run.map(|run| run["run"]["name"].as_str().unwrap().to_string()).ok_or(done.code)
    };
    assert_eq!(found("mrpc").as_deref(), Ok("mrpc"));
    assert_eq!(found("mrpc-").as_deref(), Ok("mrpc-large"));
    assert_eq!(found("oth").as_deref(), Ok("other"));
    assert_eq!(found("latest").as_deref(), Ok("other"));
    assert_eq!(found("mrp"), Err(2));
    assert_eq!(found(""), Err(2));
}

/// With `--json`, a command prints one JSON value, even if it trains.
#[test]
fn trainings_are_printed_for_programs() {
    let shell = sound();
    let json = |arguments: &[&str]| -> serde_json::Value {
        let done = shell.gluepot(arguments);
        assert_eq!(done.code, 0, "{done:?}");
        serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"))
    };
    let runs = json(&["run", "x.toml", "x.toml", "--device", "cpu", "--format", "json"]);
    assert_eq!(runs.as_array().unwrap().len(), 2);
    assert_eq!(runs[1], json(&["show", "latest", "--format", "json"]));
    assert_eq!(runs[0]["summary"]["best"]["scores"], runs[1]["summary"]["best"]["scores"]);
    let longer = json(&["resume", "latest", "--epochs", "2", "--format", "json"]);
    assert_eq!(longer["path"], runs[1]["path"]);
    assert_eq!(longer["settings"]["epochs"], 2);
    let sweep = ["sweep", "x.toml", "--axis", "learning_rate=[1e-3,2e-3]", "--format", "json"];
    let planned = json(&[&sweep[..], &["--dry-run"]].concat());
    assert_eq!(planned["trials"].as_array().unwrap().len(), 2);
    let swept = json(&sweep);
    assert_eq!(swept["trials"][0]["id"], planned["trials"][0]["id"]);
    assert_eq!(swept["comparisons"][0]["variants"].as_array().unwrap().len(), 2);
}

/// The page for users of transformers: its experiment is valid, and the defaults it lists are those of both programs.
#[test]
fn the_page_about_transformers_is_true() {
    let page = std::fs::read_to_string(project("docs/from-transformers.md")).unwrap();
    let block = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let shell = sound();
    shell.write("page.toml", block);
    let experiment = Experiment::load(&shell.path("page.toml"), &[], &Environment::default());
    let settings = experiment.sound().unwrap();
    assert_eq!(settings.optimizer.no_decay, ["bias", "LayerNorm"]);
    // It names every argument, and no setting that does not exist.
    let arguments = golden("arguments.json");
    let objects = ["training", "run_glue"].into_iter().flat_map(|part| arguments[part].as_object().unwrap().keys().cloned());
    let earlier = arguments["earlier"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_string());
    for name in objects.chain(earlier) {
        let is_named = ["`", " "].iter().any(|end| page.contains(&format!("`--{name}{end}")));
        assert!(is_named, "docs/from-transformers.md does not name --{name}");
    }
    let paths = setting_paths(schema());
    let tables: Vec<&str> = paths.iter().filter_map(|path| Some(path.split_once('.')?.0)).collect();
    let codes = page.split('`').skip(1).step_by(2).filter_map(|code| code.split([' ', '=']).next());
    let named: Vec<&str> = codes.filter(|code| code.split_once('.').is_some_and(|(table, _)| tables.contains(&table))).collect();
    assert!(named.len() > 30, "{named:?}");
    for path in named {
        assert!(paths.iter().any(|known| known == path), "docs/from-transformers.md names {path}, which is no setting");
    }
    let theirs = |name: &str| {
        let value = &arguments["training"][name];
        if value.is_null() { arguments["run_glue"][name].clone() } else { value.clone() }
    };
    for (name, value) in [
        ("learning_rate", serde_json::json!(5e-5)),
        ("num_train_epochs", 3.0.into()),
        ("per_device_train_batch_size", 8.into()),
        ("per_device_eval_batch_size", 8.into()),
        ("weight_decay", 0.0.into()),
        ("max_grad_norm", 1.0.into()),
        ("adam_beta1", 0.9.into()),
        ("adam_beta2", 0.999.into()),
        ("adam_epsilon", 1e-8.into()),
        ("optim", "adamw_torch_fused".into()),
        ("lr_scheduler_type", "linear".into()),
        ("gradient_accumulation_steps", 1.into()),
        ("seed", 42.into()),
        ("eval_strategy", "no".into()),
        ("save_strategy", "steps".into()),
        ("save_steps", 500.into()),
        ("logging_steps", 500.into()),
        ("dataloader_drop_last", false.into()),
        ("max_seq_length", 128.into()),
        ("pad_to_max_length", true.into()),
    ] {
        let found = theirs(name);
        assert!(found == value || found.as_f64().is_some_and(|found| Some(found) == value.as_f64()), "{name}: {found}");
    }
    // The defaults that the page lists as different, and those that it lists as equal.
    let ours = gluepot::settings::Optimizer::default();
    assert_eq!((ours.weight_decay, ours.max_grad_norm, ours.no_decay.len()), (0.01, None, 0));
    assert_eq!((ours.beta1, ours.beta2, ours.epsilon), (0.9, 0.999, 1e-8));
    let data = gluepot::settings::Data::default();
    assert_eq!((data.batch_size.get(), data.eval_batch_size.get(), data.max_length, data.shuffle), (8, 32, None, true));
}
