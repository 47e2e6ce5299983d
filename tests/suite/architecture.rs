//! The rules of docs/design.md that a program can check.

use std::path::{Path, PathBuf};

use crate::support::project;

pub fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            sources(&entry.path(), found);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            found.push(entry.path());
        }
    }
}

/// Every source file by its path below `src`, without comments.
pub fn code() -> Vec<(String, String)> {
    let root = project("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    assert!(found.len() > 40);
    let without_comments =
        |text: String| text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    found
        .into_iter()
        .map(|path| {
            (path.strip_prefix(&root).unwrap().display().to_string(), without_comments(std::fs::read_to_string(&path).unwrap()))
        })
        .collect()
}

fn below(file: &str, modules: &[&str]) -> bool {
    modules.iter().any(|module| file.starts_with(&format!("{module}/")) || file == format!("{module}.rs"))
}

#[test]
fn burn_is_named_only_where_tensors_are() {
    for (file, text) in code() {
        if !below(
            &file,
            &[
                "models",
                "train",
                "kernels/operations",
                "kernels/passes",
                "kernels/gradients",
                "kernels/several",
                "kernels/sums",
                "kernels/cpu/passes",
                "kernels/gpu",
            ],
        ) {
            assert!(!text.contains("burn::") && !text.contains("use burn") && !text.contains("cubecl::"), "{file} names Burn");
        }
    }
}

#[test]
fn training_knows_nothing_of_run_directories_or_terminals() {
    for (file, text) in code() {
        if below(&file, &["train", "models", "kernels"]) {
            for module in ["runs", "progress", "report", "commands", "cli", "inputs", "hub", "experiment"] {
                assert!(!text.contains(&format!("crate::{module}")), "{file} names {module}");
            }
        }
    }
}

/// Text from files, runs and servers is masked where it is printed, which is why it is printed in one place.
#[test]
fn only_one_module_writes_to_the_terminal() {
    for (file, text) in code() {
        // A trial's process talks JSON to its sweep.
        if !below(&file, &["terminal"]) && file != "execute/trial.rs" {
            for name in ["println!", "print!(", "stdout()", "stderr()", "anstream", "indicatif", "dbg!"] {
                let own = ["Width::of_stdout()", "Width::of_stderr()", "error.use_stderr()"]
                    .iter()
                    .fold(text.clone(), |text, own| text.replace(own, ""));
                assert!(!own.contains(name), "{file} names {name}");
            }
        }
    }
}

#[test]
fn planning_reads_no_clock_environment_device_or_network() {
    for (file, text) in code() {
        let sweep = ["space", "grid", "random", "halving", "strategy", "planner", "plan", "queue", "drive"]
            .map(|name| format!("sweep/{name}"));
        let pure: Vec<&str> = ["settings", "plan", "architecture", "task/metrics", "compare/statistics", "random"]
            .into_iter()
            .chain(sweep.iter().map(String::as_str))
            .collect();
        if below(&file, &pure) {
            for name in [
                "std::env",
                "std::fs",
                "std::net",
                "std::time::Instant",
                "SystemTime",
                "chrono",
                "crate::hub",
                "crate::train",
                "crate::models",
            ] {
                assert!(!text.contains(name), "{file} names {name}");
            }
        }
    }
}

#[test]
fn files_are_small() {
    for (file, text) in code() {
        assert!(text.lines().count() <= 350, "{file} has {} lines of code", text.lines().count());
    }
}

/// Runs record the version of Burn that computed them; it is the one that is built.
#[test]
fn the_recorded_version_of_burn_is_the_one_in_use() {
    let lock: toml::Table = toml::from_str(&std::fs::read_to_string(project("Cargo.lock")).unwrap()).unwrap();
    let packages = lock["package"].as_array().unwrap();
    let burn = packages.iter().find(|package| package["name"].as_str() == Some("burn")).unwrap();
    assert_eq!(burn["version"].as_str(), Some(gluepot::runs::Versions::this().burn.as_str()));
}

/// The README's tables name every setting and every exit code.
#[test]
fn the_readme_names_every_setting_and_exit_code() {
    let readme = std::fs::read_to_string(project("README.md")).unwrap();
    let schema = gluepot::experiment::schema();
    let keys = |properties: &serde_json::Value| properties.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut names = keys(&schema["properties"]);
    for definition in schema["$defs"].as_object().unwrap().values().filter(|definition| definition.get("properties").is_some()) {
        names.extend(keys(&definition["properties"]));
    }
    assert!(names.len() > 40);
    for name in names {
        assert!(
            readme.contains(&format!("`{name}`"))
                || readme.contains(&format!("[{name}]"))
                || readme.contains(&format!("{name} = ")),
            "README.md does not name {name}"
        );
    }
    for (code, meaning) in gluepot::failure::EXIT_CODES {
        assert!(readme.contains(&format!("| {code} | {meaning}")), "README.md lacks exit code {code}");
    }
}
