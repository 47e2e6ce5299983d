//! The hub's client against a small hub on loopback, with the hub's paths, redirects, etags and ranges.

use std::net::TcpListener;
use std::path::Path;

use crate::hub_server::{COMMIT, Request, TOKEN, TestHub};
use crate::redactor::{Redactor, snapshot};
use crate::shell::{Done, Shell};
use crate::support::project;

fn succeeds(done: &Done) {
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn what_is_downloaded_once_needs_no_network_again() {
    let hub = TestHub::start();
    let mut shell = hub.shell("owner/tiny");
    succeeds(&shell.gluepot(&["run", "x.toml", "--quiet"]));
    let asked = hub.requests().len();
    succeeds(&shell.gluepot(&["run", "x.toml", "--quiet"]));
    assert_eq!(hub.requests().len(), asked, "the second run asked again: {:?}", hub.requests().last());
    shell.set("HF_HUB_OFFLINE", "1");
    succeeds(&shell.gluepot(&["run", "x.toml", "--quiet"]));
    // The layout of Python's cache.
    let cache = shell.path("hf/hub/models--owner--tiny");
    assert_eq!(std::fs::read_to_string(cache.join("refs/main")).unwrap(), COMMIT);
    let snapshot = cache.join("snapshots").join(COMMIT).join("model.safetensors");
    assert!(snapshot.is_symlink() && cache.join("blobs").is_dir());
    assert_eq!(std::fs::read(snapshot).unwrap(), std::fs::read(project("tests/golden/tiny/model.safetensors")).unwrap());
    assert!(shell.path("hf/hub/datasets--nyu-mll--glue/refs/main").exists());
}

#[test]
fn a_cache_that_python_filled_is_used() {
    let mut shell = Shell::new();
    let snapshot = format!("cache/models--owner--tiny/snapshots/{COMMIT}");
    for name in ["config.json", "vocab.txt", "model.safetensors"] {
        shell.write(&format!("{snapshot}/{name}"), std::fs::read(project("tests/golden/tiny").join(name)).unwrap());
    }
    shell.write("cache/models--owner--tiny/refs/main", COMMIT);
    let data = project("experiments/quickstart").display().to_string();
    shell.write(
        "x.toml",
        format!("task = \"mrpc\"\ncheckpoint = \"owner/tiny\"\nlearning_rate = 1e-3\nepochs = 1\nmetric = \"f1\"\n[data]\nsource = \"{data}\"\ntrain_limit = 16\neval_limit = 8\n"),
    );
    let cache = shell.path("cache").display().to_string();
    shell.set("HF_HUB_CACHE", &cache);
    succeeds(&shell.gluepot(&["run", "x.toml", "--quiet"]));
    // The cache has no reference for a commit.
    succeeds(&shell.gluepot(&["run", "x.toml", "--quiet", "--set", &format!("checkpoint=owner/tiny@{COMMIT}")]));
    assert_eq!(shell.gluepot(&["run", "x.toml", "--quiet", "--set", "checkpoint=owner/tiny@v2"]).code, 6);
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    let hub = TestHub::start();
    hub.state.lock().unwrap().breaks = 2;
    let shell = hub.shell("owner/tiny");
    succeeds(&shell.gluepot(&["run", "x.toml", "--quiet"]));
    let resumed: Vec<usize> = hub
        .requests()
        .iter()
        .filter(|r| r.path.starts_with("storage/") && !r.wants_one_byte())
        .map(Request::first_byte)
        .collect();
    assert_eq!(resumed.len(), 3, "{resumed:?}");
    assert!(resumed[0] == 0 && resumed[0] < resumed[1] && resumed[1] < resumed[2], "{resumed:?}");
    let snapshot = shell.path(&format!("hf/hub/models--owner--tiny/snapshots/{COMMIT}/model.safetensors"));
    assert_eq!(std::fs::read(snapshot).unwrap(), std::fs::read(project("tests/golden/tiny/model.safetensors")).unwrap());
}

#[test]
fn a_renamed_repository_is_found() {
    let hub = TestHub::start();
    succeeds(&hub.shell("owner/renamed").gluepot(&["check", "x.toml"]));
}

#[test]
fn a_token_opens_private_repositories_and_shows_nowhere() {
    let hub = TestHub::start();
    let mut shell = hub.shell("owner/private");
    let refused = shell.gluepot(&["run", "x.toml"]);
    snapshot("hub-without-token", &hub, &shell, &refused);
    assert_eq!(refused.code, 6);
    shell.set("HF_TOKEN", "hf_wrongwrongwrong");
    let refused = shell.gluepot(&["run", "x.toml"]);
    snapshot("hub-with-the-wrong-token", &hub, &shell, &refused);
    assert!(!refused.err.contains("wrongwrong"));
    shell.set("HF_TOKEN", TOKEN);
    let done = shell.gluepot(&["run", "x.toml"]);
    succeeds(&done);
    let mut said = format!("{}{}", done.out, done.err);
    for file in ["run.json", "log.txt", "resolved.toml", "experiment.toml"] {
        said += &std::fs::read_to_string(shell.run().join(file)).unwrap();
    }
    assert!(!said.contains(TOKEN));
}

#[test]
fn what_is_not_there_is_said() {
    let hub = TestHub::start();
    let shell = hub.shell("owner/absent");
    let done = shell.gluepot(&["run", "x.toml"]);
    assert_eq!(done.code, 6);
    snapshot("hub-without-the-repository", &hub, &shell, &done);
    let shell = hub.shell("nobody/knows");
    snapshot("hub-unknown-owner", &hub, &shell, &shell.gluepot(&["run", "x.toml"]));
    let mut shell = hub.shell("owner/tiny");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    shell.set("HF_ENDPOINT", &format!("http://{closed}"));
    let done = shell.gluepot(&["run", "x.toml"]);
    assert_eq!(done.code, 6);
    assert!(done.err.contains("cannot download config.json of owner/tiny"), "{}", done.err);
    assert!(!Path::new(&shell.path("runs")).exists());
}

fn snapshot(name: &str, hub: &TestHub, shell: &Shell, done: &Done) {
    let text = Redactor::new(shell).redact(&done.err).replace(&hub.endpoint, "[hub]");
    snapshot!(name, &text);
}
