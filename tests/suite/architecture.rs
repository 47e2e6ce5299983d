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

/// Returns the path below `src` and the text, without comments, of every source file.
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
        // The kernel files that compute on slices only.
        let pure = ["kernels/cpu/elementary", "kernels/cpu/gemm", "kernels/cpu/reduce", "kernels/cpu/simd"];
        let pure = [
            &pure[..],
            &[
                "kernels/cpu/bf16",
                "kernels/cpu/small_product",
                "kernels/cpu/softmax",
                "kernels/dropout_mask",
                "kernels/ragged_batch",
                "kernels/targets",
            ],
        ];
        if below(&file, &pure.concat()) || !below(&file, &["models", "train", "kernels"]) {
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

/// Text from files, runs and servers is masked where it is printed, so all printing is in one place.
#[test]
fn only_one_module_writes_to_the_terminal() {
    for (file, text) in code() {
        // A trial's process reports to its sweep in JSON.
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

/// Commands only parse arguments, call and print; decisions and work are in the modules below.
#[test]
fn commands_are_thin() {
    let commands: Vec<_> = code().into_iter().filter(|(file, _)| below(file, &["commands"])).collect();
    assert!(commands.len() > 10);
    for (file, text) in commands {
        let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
        assert!(lines <= 60, "src/{file} has {lines} lines of code");
    }
}

#[test]
fn files_are_small() {
    for (file, text) in code() {
        assert!(text.lines().count() <= 350, "{file} has {} lines of code", text.lines().count());
    }
}

/// The recorded version of Burn is the one in use.
#[test]
fn the_recorded_version_of_burn_is_the_one_in_use() {
    let lock: toml::Table = toml::from_str(&std::fs::read_to_string(project("Cargo.lock")).unwrap()).unwrap();
    let packages = lock["package"].as_array().unwrap();
    let burn = packages.iter().find(|package| package["name"].as_str() == Some("burn")).unwrap();
    assert_eq!(burn["version"].as_str(), Some(gluepot::runs::Versions::this().burn.as_str()));
}

#[test]
fn the_manual_names_every_setting_and_exit_code() {
    let page = |name: &str| std::fs::read_to_string(project("docs").join(name)).unwrap();
    let (settings, commands) = (page("experiment-files.md"), page("commands.md"));
    let schema = gluepot::experiment::schema();
    let keys = |properties: &serde_json::Value| properties.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut names = keys(&schema["properties"]);
    for definition in schema["$defs"].as_object().unwrap().values().filter(|definition| definition.get("properties").is_some()) {
        names.extend(keys(&definition["properties"]));
    }
    assert!(names.len() > 40);
    for name in names {
        assert!(
            [format!("`{name}`"), format!("[{name}]"), format!("{name} = ")].iter().any(|form| settings.contains(form)),
            "docs/experiment-files.md does not name {name}"
        );
    }
    for (code, meaning) in gluepot::failure::EXIT_CODES {
        assert!(commands.contains(&format!("| {code} | {meaning}")), "docs/commands.md lacks exit code {code}");
    }
}

/// Links within the documentation lead to existing files and headings.
#[test]
fn links_of_the_documentation_lead_somewhere() {
    let mut links = 0;
    let pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "vendor/README.md", "runs/README.md"].map(project).into_iter();
    let docs = std::fs::read_dir(project("docs")).unwrap().flatten().map(|entry| entry.path());
    for page in pages.chain(docs).filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            if link.starts_with("http") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
            if !heading.is_empty() {
                let words = |line: &str| -> String {
                    let kept = line.trim_start_matches('#').trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
                    kept.collect::<String>().to_lowercase().replace(' ', "-")
                };
                let there =
                    std::fs::read_to_string(&target).unwrap().lines().any(|line| line.starts_with('#') && words(line) == heading);
                assert!(there, "{}: {link} has no such heading", page.display());
            }
            links += 1;
        }
    }
    assert!(links > 40, "{links}");
}

/// Paths in the contributors' documentation name existing files.
#[test]
fn files_that_the_documentation_names_exist() {
    let mut named = 0;
    for page in ["docs/design.md", "docs/notebook.md", "docs/numerics.md", "CONTRIBUTING.md", "vendor/README.md"] {
        let text = std::fs::read_to_string(project(page)).unwrap();
        for path in text.split('`').skip(1).step_by(2) {
            let roots = ["src/", "tests/", "docs/", "experiments/", "schemas/", "bench/", "fuzz/", "vendor/", ".ci/", ".github/"];
            let path = path.split_whitespace().next().unwrap_or_default();
            if roots.iter().any(|root| path.starts_with(root)) && !path.contains(['*', '<', '{']) && !path.ends_with("-N") {
                assert!(project(path).exists(), "{page} names {path}");
                named += 1;
            }
        }
    }
    assert!(named > 40, "{named}");
}

/// The table of rooms in docs/design.md names every top-level module.
#[test]
fn the_rooms_of_the_design_are_those_of_the_source() {
    let design = std::fs::read_to_string(project("docs/design.md")).unwrap();
    let rooms = design.split("## Rooms").nth(1).unwrap().split("## Rules").next().unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(project("src")).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "lib.rs" && name != "main.rs" {
            let shown = if entry.path().is_dir() { format!("`{name}/`") } else { format!("`{name}`") };
            assert!(rooms.contains(&shown), "docs/design.md does not describe {shown}");
            count += 1;
        }
    }
    assert!(count > 20);
}
