//! The hub's client against a small hub on loopback, with the hub's paths, redirects, etags and ranges.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::shell::{Done, Shell};
use crate::support::project;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const TOKEN: &str = "hf_secretsecretsecret";

/// What the hub serves and what it was asked.
#[derive(Default)]
struct State {
    /// By path below the endpoint, such as `owner/tiny/resolve/main/config.json`.
    files: HashMap<String, Vec<u8>>,
    /// Downloads that break off in the middle before one succeeds.
    breaks: usize,
    requests: Vec<Request>,
}

#[derive(Clone, Debug)]
struct Request {
    path: String,
    headers: HashMap<String, String>,
}

impl Request {
    fn first_byte(&self) -> usize {
        let range = self.headers.get("range").map_or("bytes=0-", String::as_str);
        range.trim_start_matches("bytes=").split('-').next().unwrap().parse().unwrap()
    }

    fn wants_one_byte(&self) -> bool {
        self.headers.get("range").is_some_and(|range| range == "bytes=0-0")
    }
}

struct TestHub {
    endpoint: String,
    state: Arc<Mutex<State>>,
}

impl TestHub {
    /// Serves the tiny BERT as `owner/tiny`, the same for token holders as `owner/private`, and MRPC.
    fn start() -> Self {
        let mut state = State::default();
        for name in ["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"] {
            let content = std::fs::read(project("tests/golden/tiny").join(name)).unwrap();
            for repository in ["owner/tiny", "owner/private"] {
                state.files.insert(format!("{repository}/resolve/main/{name}"), content.clone());
            }
        }
        for name in ["train-00000-of-00001.parquet", "validation-00000-of-00001.parquet"] {
            let content = std::fs::read(project("tests/golden/tiny/parquet").join(name)).unwrap();
            state.files.insert(format!("datasets/nyu-mll/glue/resolve/main/mrpc/{name}"), content);
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let hub = Self { endpoint: endpoint.clone(), state: Arc::new(Mutex::new(state)) };
        let state = Arc::clone(&hub.state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, endpoint) = (Arc::clone(&state), endpoint.clone());
                thread::spawn(move || answer(stream, &state, &endpoint));
            }
        });
        hub
    }

    fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    /// A shell whose hub this is, with an experiment on it.
    fn shell(&self, checkpoint: &str) -> Shell {
        let mut shell = Shell::new();
        shell.set("HF_ENDPOINT", &self.endpoint);
        shell.set("HF_HUB_OFFLINE", "0");
        shell.write(
            "x.toml",
            format!("task = \"mrpc\"\ncheckpoint = \"{checkpoint}\"\nlearning_rate = 1e-3\nepochs = 1\nmetric = \"f1\"\n[data]\ntrain_limit = 16\neval_limit = 8\n"),
        );
        shell
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>, endpoint: &str) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.trim_start_matches('/').to_string();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_string()),
            None => break,
        };
    }
    let request = Request { path: path.clone(), headers };
    let mut state = state.lock().ok()?;
    state.requests.push(request.clone());
    let plain = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let authorized = request.headers.get("authorization").is_some_and(|value| *value == format!("Bearer {TOKEN}"));
    if path.starts_with("owner/private/") && !authorized || path.starts_with("nobody/") {
        stream.write_all(plain("401 Unauthorized").as_bytes()).ok()?;
        return Some(());
    }
    // A renamed repository leads on to its new name by a relative redirect.
    if let Some(rest) = path.strip_prefix("owner/renamed/") {
        let head = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: /owner/tiny/{rest}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).ok()?;
        return Some(());
    }
    let stored = path.strip_prefix("storage/").unwrap_or(&path).to_string();
    let Some(content) = state.files.get(&stored).cloned() else {
        stream.write_all(plain("404 Not Found").as_bytes()).ok()?;
        return Some(());
    };
    let etag = format!("{:016x}", content.len() * 31 + stored.len());
    // Large files lie elsewhere, as on the hub.
    if stored.ends_with(".safetensors") && !path.starts_with("storage/") {
        let head = format!(
            "HTTP/1.1 302 Found\r\nlocation: {endpoint}/storage/{path}\r\nx-repo-commit: {COMMIT}\r\nx-linked-etag: \"{etag}\"\r\nx-linked-size: {}\r\netag: \"other\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            content.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        return Some(());
    }
    let first = request.first_byte().min(content.len());
    let last = if request.wants_one_byte() { first + 1 } else { content.len() };
    let part = &content[first..last];
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {first}-{}/{}\r\nx-repo-commit: {COMMIT}\r\netag: \"{etag}\"\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        last.saturating_sub(1),
        content.len(),
        part.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    if !request.wants_one_byte() && path.starts_with("storage/") && state.breaks > 0 {
        state.breaks -= 1;
        stream.write_all(&part[..part.len() / 2]).ok()?;
    } else {
        stream.write_all(part).ok()?;
    }
    Some(())
}

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
    // A commit has no reference of its own there.
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
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    let text = shell.redact(&done.err).replace(&hub.endpoint, "[hub]");
    settings.bind(|| insta::assert_snapshot!(name, text));
}
