//! The hub's client against slow, broken and hostile servers, and with incomplete or damaged caches.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::hub_server::{COMMIT, TOKEN, TestHub, Trick};
use crate::shell::{Done, Shell};
use crate::support::project;

const CACHE: &str = "hf/hub/models--owner--tiny";

fn original(name: &str) -> Vec<u8> {
    std::fs::read(project("tests/golden/tiny").join(name)).unwrap()
}

/// Returns the cached content of a file.
fn cached(shell: &Shell, name: &str) -> Option<Vec<u8>> {
    std::fs::read(shell.path(&format!("{CACHE}/snapshots/{COMMIT}/{name}"))).ok()
}

fn sha256(name: &str) -> String {
    gluepot::machine::input_file::sha256(&[project("tests/golden/tiny").join(name)]).unwrap()
}

fn run(shell: &Shell) -> Done {
    shell.gluepot(&["run", "x.toml", "--quiet"])
}

fn succeeds(shell: &Shell) {
    let done = run(shell);
    assert_eq!(done.code, 0, "{done:?}");
    for name in ["model.safetensors", "vocab.txt", "config.json", "tokenizer_config.json"] {
        assert_eq!(cached(shell, name), Some(original(name)), "{name}");
    }
}

fn fails(shell: &Shell) -> String {
    let done = run(shell);
    assert_eq!(done.code, 6, "{done:?}");
    assert!(!done.err.contains("panicked"), "{}", done.err);
    done.err
}

fn blobs(shell: &Shell) -> Vec<String> {
    let entries = std::fs::read_dir(shell.path(&format!("{CACHE}/blobs"))).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn a_wrong_file_never_gets_its_name() {
    for (trick, file) in [
        (Trick::Short, "vocab.txt"),
        (Trick::Wrong, "vocab.txt"),
        (Trick::Endless, "model.safetensors"),
        (Trick::Wrong, "model.safetensors"),
        (Trick::Etag("a".repeat(64)), "model.safetensors"),
        (Trick::Etag("b".repeat(40)), "config.json"),
    ] {
        let hub = TestHub::with(trick.clone(), file);
        let shell = hub.shell("owner/tiny");
        fails(&shell);
        assert_eq!(cached(&shell, file), None, "{trick:?}");
        assert!(!blobs(&shell).contains(&sha256(file)), "{trick:?}");
        assert_eq!(hub.bodies(file).len(), 2, "{trick:?}: once more from nothing, not more often");
        hub.state.lock().unwrap().tricks.clear();
        succeeds(&shell);
    }
}

#[test]
fn what_can_be_mended_is() {
    for trick in [
        Trick::Cut(1),
        Trick::Cut(4),
        Trick::NoRange(1),
        Trick::Gzip,
        Trick::Status(503, 1, 0),
        Trick::Status(429, 1, 0),
        Trick::Slow(Duration::from_millis(2)),
        Trick::Etag("\"5f3c-1a2b\"".into()),
    ] {
        let hub = TestHub::with(trick, "model.safetensors");
        succeeds(&hub.shell("owner/tiny"));
    }
}

#[test]
fn leftovers_never_make_a_wrong_whole() {
    let (name, whole) = (sha256("model.safetensors"), original("model.safetensors"));
    let mut other = whole.clone();
    other[1000] ^= 1;
    for (left, again) in [
        (whole[..40_000].to_vec(), 1),
        (whole.clone(), 0),
        (other[..40_000].to_vec(), 2),
        (other.clone(), 1),
        ([&whole[..], b"more"].concat(), 1),
    ] {
        let hub = TestHub::start();
        hub.set(Trick::Status(503, 1, 0), "model.safetensors");
        let shell = hub.shell("owner/tiny");
        shell.write(&format!("{CACHE}/blobs/{name}.incomplete"), &left);
        succeeds(&shell);
        let served = hub.bodies("model.safetensors").len();
        assert_eq!(served, again, "{} bytes left", left.len());
        assert!(!blobs(&shell).iter().any(|blob| blob.ends_with(".incomplete")));
    }
}

#[test]
fn a_damaged_cache_is_mended_or_refused() {
    let hub = TestHub::start();
    let mut shell = hub.shell("owner/tiny");
    succeeds(&shell);
    let blob = shell.path(&format!("{CACHE}/blobs/{}", sha256("vocab.txt")));
    let half = &original("vocab.txt")[..100];
    std::fs::write(&blob, half).unwrap();
    shell.set("HF_HUB_OFFLINE", "1");
    assert!(fails(&shell).contains("vocab.txt") || fails(&shell).contains(&sha256("vocab.txt")));
    shell.set("HF_HUB_OFFLINE", "0");
    succeeds(&shell);
    assert_eq!(std::fs::read(&blob).unwrap(), original("vocab.txt"));
}

#[test]
fn only_the_hub_receives_the_token() {
    let (hub, elsewhere) = (TestHub::start(), TestHub::start());
    for name in ["vocab.txt", "model.safetensors"] {
        let path = format!("{}/owner/tiny/resolve/{COMMIT}/{name}", elsewhere.endpoint);
        hub.set(Trick::Redirect(Some(path)), name);
    }
    // A redirect away from the hub and back: the token is no longer sent.
    let back = format!("{}/owner/private/resolve/main/config.json", hub.endpoint);
    elsewhere.set(Trick::Redirect(Some(back)), "vocab.txt");
    let mut shell = hub.shell("owner/tiny");
    shell.set("HF_TOKEN", TOKEN);
    assert_eq!(run(&shell).code, 6);
    elsewhere.state.lock().unwrap().tricks.clear();
    succeeds(&shell);
    let with_token =
        |hub: &TestHub| hub.requests().iter().filter(|request| request.headers.contains_key("authorization")).count();
    assert!(with_token(&hub) > 4 && elsewhere.requests().len() > 3);
    assert_eq!(with_token(&elsewhere), 0);
    let back: Vec<_> = hub.requests().into_iter().filter(|request| request.path.starts_with("owner/private/")).collect();
    assert!(!back.is_empty() && back.iter().all(|request| !request.headers.contains_key("authorization")));
}

#[test]
fn credentials_of_the_endpoint_are_used_and_never_shown() {
    let hub = TestHub::start();
    // `printf 'me:s@cret' | base64`
    hub.state.lock().unwrap().authorization = Some("Basic bWU6c0BjcmV0".into());
    let mut shell = hub.shell("owner/tiny");
    let with = |credentials: &str| hub.endpoint.replace("http://", &format!("http://{credentials}@"));
    shell.set("HF_ENDPOINT", &with("me:wr0ng"));
    let mut said = fails(&shell);
    shell.set("HF_ENDPOINT", &with("me:s%40cret"));
    succeeds(&shell);
    let closed = closed();
    shell.set("HF_ENDPOINT", &format!("http://me:s%40cret@{closed}"));
    said += &shell.gluepot(&["run", "x.toml", "--set", "checkpoint=owner/absent"]).err;
    shell.set("HF_ENDPOINT", "me:s%40cret@example.org");
    said += &shell.gluepot(&["run", "x.toml", "--set", "checkpoint=owner/absent"]).err;
    for file in ["run.json", "log.txt", "resolved.toml"] {
        said += &std::fs::read_to_string(shell.run().join(file)).unwrap();
    }
    for secret in ["wr0ng", "cret", "bWU6"] {
        assert!(!said.contains(secret), "{said}");
    }
}

/// Returns an address that nobody listens on.
fn closed() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_servers_words_never_become_paths() {
    for trick in [
        Trick::Etag("../../../../../evil".into()),
        Trick::Etag("/tmp/gluepot-evil".into()),
        Trick::Commit("../../../../../evil".into()),
        Trick::Commit("evil".into()),
    ] {
        for file in ["config.json", "vocab.txt"] {
            let hub = TestHub::with(trick.clone(), file);
            let shell = hub.shell("owner/tiny");
            let code = run(&shell).code;
            assert!(code == 6 || code == 0 && matches!(trick, Trick::Etag(_)), "{trick:?}: {code}");
            let outside = |path: &PathBuf| path.to_string_lossy().contains("evil");
            assert_eq!(below(&shell.path(".")).into_iter().find(outside), None, "{trick:?}");
            assert!(!Path::new("/tmp/gluepot-evil").exists());
        }
    }
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries
        .flat_map(|entry| {
            let is_folder = entry.file_type().unwrap().is_dir();
            let inside = if is_folder { below(&entry.path()) } else { Vec::new() };
            std::iter::once(entry.path()).chain(inside)
        })
        .collect()
}

#[test]
fn redirects_end() {
    let again = Some("config.json".into());
    for to in [again, None, Some("mailto:x".into()), Some("http://".into()), Some("ftp://127.0.0.1/".into())] {
        let hub = TestHub::with(Trick::Redirect(to.clone()), "config.json");
        fails(&hub.shell("owner/tiny"));
        assert!(hub.requests().len() <= 11, "{to:?}: {} requests", hub.requests().len());
    }
    for status in [304, 300, 418] {
        fails(&TestHub::with(Trick::Status(status, 99, 0), "config.json").shell("owner/tiny"));
    }
}

/// Each case waits for three timeouts of one second.
#[test]
#[ignore = "slow"]
fn silence_ends() {
    for (trick, file, requests) in [(Trick::Silent, "vocab.txt", 3), (Trick::SilentBody, "model.safetensors", 3)] {
        let body = matches!(trick, Trick::SilentBody);
        let hub = TestHub::with(trick, file);
        let shell = hub.shell("owner/tiny");
        let begin = Instant::now();
        fails(&shell);
        assert!(begin.elapsed() < Duration::from_secs(20));
        let asked = hub.requests().into_iter().filter(|request| request.path.ends_with(file) && request.wants_one_byte() != body);
        assert_eq!(asked.count(), requests, "{file}");
    }
}

#[test]
fn a_busy_hub_is_not_pestered() {
    let hub = TestHub::with(Trick::Status(429, 99, 600), "config.json");
    let begin = Instant::now();
    fails(&hub.shell("owner/tiny"));
    assert_eq!(hub.requests().len(), 1);
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn all_files_are_of_one_commit() {
    let hub = TestHub::start();
    let (first, second) = ("1".repeat(40), "2".repeat(40));
    // The branch moves between two requests.
    hub.state.lock().unwrap().commits = vec![first.clone(), second.clone()];
    let shell = hub.shell("owner/tiny");
    let done = run(&shell);
    assert_eq!(done.code, 0, "{done:?}");
    let of_model: Vec<_> = hub.requests().into_iter().filter(|request| request.path.starts_with("owner/tiny/")).collect();
    assert_eq!(of_model.iter().filter(|request| request.path.contains("/resolve/main/")).count(), 1);
    assert!(of_model[1..].iter().all(|request| request.path.contains(&first)), "{of_model:?}");
    let facts: Value = serde_json::from_slice(&std::fs::read(shell.run().join("run.json")).unwrap()).unwrap();
    assert_eq!(facts["commits"]["checkpoint"], Value::String(first.clone()));
    assert_eq!(facts["commits"]["data"], Value::String(second));
    assert_eq!(std::fs::read_to_string(shell.path(&format!("{CACHE}/refs/main"))).unwrap(), first);
}

/// Another program cached some of the files; only the hub knows whether the others exist.
#[test]
fn a_half_filled_cache_is_filled() {
    let hub = TestHub::start();
    let shell = hub.shell("owner/tiny");
    fill(&shell, &["config.json", "vocab.txt", "model.safetensors"]);
    succeeds(&shell);
    let absent = |name: &str| shell.path(&format!("{CACHE}/.no_exist/{COMMIT}/{name}")).is_file();
    assert!(absent("tokenizer.json") && absent("added_tokens.json") && !absent("tokenizer_config.json"));
    let asked = hub.requests().len();
    succeeds(&shell);
    assert_eq!(hub.requests().len(), asked);
}

fn fill(shell: &Shell, names: &[&str]) {
    for name in names {
        shell.write(&format!("{CACHE}/snapshots/{COMMIT}/{name}"), original(name));
    }
    shell.write(&format!("{CACHE}/refs/main"), COMMIT);
}

#[test]
fn what_is_cached_serves_where_the_hub_is_silent() {
    let hub = TestHub::start();
    let mut shell = hub.shell("owner/tiny");
    succeeds(&shell);
    std::fs::remove_dir_all(shell.path("runs")).unwrap();
    std::fs::remove_dir_all(shell.path(&format!("{CACHE}/.no_exist"))).unwrap();
    for silent in [true, false] {
        if silent {
            hub.set(Trick::Silent, "special_tokens_map.json");
            hub.state.lock().unwrap().files.insert("owner/tiny/resolve/main/special_tokens_map.json".into(), b"{}".to_vec());
        } else {
            shell.set("HF_ENDPOINT", &format!("http://{}", closed()));
        }
        let begin = Instant::now();
        let done = run(&shell);
        assert_eq!(done.code, 0, "{done:?}");
        assert!(begin.elapsed() < Duration::from_secs(10));
        assert!(done.err.contains("warning") && done.err.contains(COMMIT), "{}", done.err);
        assert!(std::fs::read_to_string(shell.run().join("log.txt")).unwrap().contains(COMMIT));
        std::fs::remove_dir_all(shell.path("runs")).unwrap();
    }
}

#[test]
fn two_processes_download_once() {
    let hub = TestHub::with(Trick::Slow(Duration::from_millis(80)), "model.safetensors");
    let shell = hub.shell("owner/tiny");
    let start = |runs: &str| {
        let mut command = shell.command(&["run", "x.toml", "--quiet", "--runs", runs]);
        command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let both = [start("a"), start("b")].map(|child| child.wait_with_output().unwrap());
    for done in &both {
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    assert_eq!(hub.bodies("model.safetensors").len(), 1);
    assert_eq!(cached(&shell, "model.safetensors"), Some(original("model.safetensors")));
}

#[test]
fn nothing_is_asked_where_it_is_forbidden() {
    let hub = TestHub::start();
    for (name, value) in [("HF_HUB_OFFLINE", "1"), ("HF_HUB_OFFLINE", "yes"), ("TRANSFORMERS_OFFLINE", "1")] {
        let mut shell = hub.shell("owner/tiny");
        shell.set("HF_HUB_OFFLINE", "");
        shell.set(name, value);
        fails(&shell);
    }
    assert_eq!(hub.requests().len(), 0);
    // Copied without its references, so that the commit must be named.
    let mut shell = hub.shell("owner/tiny");
    shell.set("HF_HUB_OFFLINE", "1");
    fill(&shell, &["config.json", "vocab.txt", "model.safetensors"]);
    std::fs::remove_dir_all(shell.path(&format!("{CACHE}/refs"))).unwrap();
    assert!(fails(&shell).contains(&format!("owner/tiny@{COMMIT}")));
}

#[test]
fn a_mirror_may_send_everybody_elsewhere() {
    let (hub, mirror) = (TestHub::start(), TestHub::start());
    for name in ["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"] {
        let to = format!("{}/owner/tiny/resolve/{COMMIT}/{name}", hub.endpoint);
        mirror.set(Trick::Redirect(Some(to)), name);
    }
    let mut shell = mirror.shell("owner/tiny");
    shell.set("HF_TOKEN", TOKEN);
    succeeds(&shell);
    assert!(hub.requests().iter().all(|request| !request.headers.contains_key("authorization")));
}

/// The endpoint's host does not exist, so only the proxy can have responded.
#[test]
fn a_proxy_is_used() {
    let hub = TestHub::start();
    let mut shell = hub.shell("owner/tiny");
    shell.set("HF_ENDPOINT", "http://hub.invalid");
    shell.set("HTTP_PROXY", &hub.endpoint);
    // Without this trick, large files would be redirected to an address that bypasses the proxy.
    hub.set(Trick::Cut(0), "model.safetensors");
    succeeds(&shell);
    assert_eq!(hub.requests()[0].headers["host"], "hub.invalid");
    shell.set("NO_PROXY", "localhost, .invalid");
    let done = shell.gluepot(&["check", "x.toml", "--set", "checkpoint=owner/absent"]);
    assert_eq!(done.code, 6);
    assert!(!hub.requests().iter().any(|request| request.path.starts_with("owner/absent")));
}

#[test]
fn shards_are_downloaded_with_their_index() {
    use safetensors::{SafeTensors, serialize};
    let hub = TestHub::start();
    let content = original("model.safetensors");
    let tensors = SafeTensors::deserialize(&content).unwrap();
    let tensors = tensors.tensors();
    let mut map = serde_json::Map::new();
    {
        let mut state = hub.state.lock().unwrap();
        state.files.remove("owner/tiny/resolve/main/model.safetensors");
        for (number, half) in tensors.chunks(tensors.len().div_ceil(2)).enumerate() {
            let file = format!("model-0000{}-of-00002.safetensors", number + 1);
            map.extend(half.iter().map(|(name, _)| (name.clone(), Value::String(file.clone()))));
            let content = serialize(half.iter().map(|(name, tensor)| (name, tensor)), None).unwrap();
            state.files.insert(format!("owner/tiny/resolve/main/{file}"), content);
        }
        let index = serde_json::json!({"metadata": {}, "weight_map": map}).to_string();
        state.files.insert("owner/tiny/resolve/main/model.safetensors.index.json".into(), index.into_bytes());
    }
    let shell = hub.shell("owner/tiny");
    let done = run(&shell);
    assert_eq!(done.code, 0, "{done:?}");
    let whole = TestHub::start().shell("owner/tiny");
    assert_eq!(run(&whole).code, 0);
    let column = |shell: &Shell| std::fs::read(shell.run().join("metrics/train.csv")).unwrap();
    let losses = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        let position = text.lines().next().unwrap().split(',').position(|name| name == "loss").unwrap();
        text.lines().skip(1).map(|line| line.split(',').nth(position).unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(losses(column(&shell)), losses(column(&whole)));
    let index = r#"{"weight_map": {"a": "../../../../evil.safetensors"}}"#;
    hub.state.lock().unwrap().files.insert("owner/tiny/resolve/main/model.safetensors.index.json".into(), index.into());
    assert_eq!(run(&hub.shell("owner/tiny")).code, 5);
    assert!(!hub.requests().iter().any(|request| request.path.contains("evil")));
}

#[test]
fn weights_for_others_alone_are_named() {
    let hub = TestHub::start();
    {
        let mut state = hub.state.lock().unwrap();
        let weights = state.files.remove("owner/tiny/resolve/main/model.safetensors").unwrap();
        state.files.insert("owner/tiny/resolve/main/tf_model.h5".into(), weights);
    }
    assert!(fails(&hub.shell("owner/tiny")).contains("tf_model.h5"));
}
