//! A small hub on loopback, with the hub's paths, redirects, etags and ranges, and with faults of bad servers.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;
use sha2::Digest;

use crate::shell::Shell;
use crate::support::project;

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const TOKEN: &str = "hf_secretsecretsecret";

/// A fault or an unusual behavior of the server for one file.
#[derive(Clone, Debug)]
pub enum Trick {
    /// Does not respond to the request for the first byte.
    Silent,
    /// Stops sending after some bytes of the body.
    SilentBody,
    /// Ends the body early, without a Content-Length.
    Short,
    /// Breaks off the body this many times.
    Cut(usize),
    /// Sends a body that never ends.
    Endless,
    /// Does not support ranges, and breaks off the body this many times.
    NoRange(usize),
    /// Sends this etag.
    Etag(String),
    /// Names this commit.
    Commit(String),
    /// Responds with a status this many times before the file, with `Retry-After`.
    Status(u16, usize, u32),
    /// Compresses the body with gzip.
    Gzip,
    /// Redirects to this address.
    Redirect(Option<String>),
    /// Sends the body in twenty parts, each after this pause.
    Slow(Duration),
    /// Sends wrong bytes of the right length.
    Wrong,
}

/// The served files and the received requests.
#[derive(Default)]
pub struct State {
    /// By path below the endpoint, such as `owner/tiny/resolve/main/config.json`.
    pub files: HashMap<String, Vec<u8>>,
    /// The commits that `main` resolves to on successive requests; the last one stays.
    pub commits: Vec<String>,
    /// Earlier commits of `main`.
    pub forgotten: BTreeSet<String>,
    /// The number of downloads that break off before one succeeds.
    pub breaks: usize,
    /// The `configs` of cards by data set, such as `owner/reviews`.
    pub cards: HashMap<String, serde_json::Value>,
    /// By file name.
    pub tricks: HashMap<String, Trick>,
    /// The required `Authorization`, for all requests.
    pub authorization: Option<String>,
    pub requests: Vec<Request>,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub headers: HashMap<String, String>,
}

impl Request {
    pub fn first_byte(&self) -> usize {
        let range = self.headers.get("range").map_or("bytes=0-", String::as_str);
        range.trim_start_matches("bytes=").split('-').next().unwrap().parse().unwrap()
    }

    pub fn wants_one_byte(&self) -> bool {
        self.headers.get("range").is_some_and(|range| range == "bytes=0-0")
    }
}

pub struct TestHub {
    pub endpoint: String,
    pub state: Arc<Mutex<State>>,
}

impl TestHub {
    /// Serves the tiny BERT as `owner/tiny`, and as `owner/private` with a token, and MRPC.
    pub fn start() -> Self {
        let mut state = State { commits: vec![COMMIT.into()], forgotten: [COMMIT.into()].into(), ..State::default() };
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

    /// Serves a file of the data set `owner/name`.
    pub fn add(&self, name: &str, file: &str, content: impl Into<Vec<u8>>) {
        self.state.lock().unwrap().files.insert(format!("datasets/owner/{name}/resolve/main/{file}"), content.into());
    }

    pub fn with(trick: Trick, file: &str) -> Self {
        let hub = Self::start();
        hub.set(trick, file);
        hub
    }

    pub fn set(&self, trick: Trick, file: &str) {
        self.state.lock().unwrap().tricks.insert(file.into(), trick);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    /// Returns the requests for a file's content.
    pub fn bodies(&self, file: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.path.ends_with(file) && !request.wants_one_byte()).collect()
    }

    /// Creates a shell that uses this hub, with an experiment that loads `checkpoint` from it.
    pub fn shell(&self, checkpoint: &str) -> Shell {
        let mut shell = Shell::new();
        shell.set("HF_ENDPOINT", &self.endpoint);
        shell.set("HF_HUB_OFFLINE", "0");
        // Shortens the timeouts to a second.
        shell.set("HF_HUB_ETAG_TIMEOUT", "1");
        shell.set("HF_HUB_DOWNLOAD_TIMEOUT", "1");
        shell.write(
            "x.toml",
            format!("task = \"mrpc\"\ncheckpoint = \"{checkpoint}\"\nlearning_rate = 1e-3\nepochs = 1\nmetric = \"f1\"\n[data]\ntrain_limit = 16\neval_limit = 8\n"),
        );
        shell
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?;
    // Requests to a proxy contain the full address.
    let path = target.strip_prefix("http://hub.invalid").unwrap_or(target).trim_start_matches('/').to_string();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_string()),
            None => return Some(Request { path, headers }),
        };
    }
}

fn status(line: &str, fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\n{fields}content-length: 0\r\nconnection: close\r\n\r\n").into_bytes()
}

fn answer(mut stream: TcpStream, state: &Mutex<State>, endpoint: &str) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let request = read_request(&mut reader)?;
    let reply = {
        let mut state = state.lock().ok()?;
        state.requests.push(request.clone());
        match lead(&mut state, &request, endpoint) {
            Ok(file) => file.reply(&mut state, &request),
            Err(short) => Reply::At(short),
        }
    };
    match reply {
        Reply::At(bytes) => stream.write_all(&bytes).ok()?,
        Reply::Never(bytes) => {
            stream.write_all(&bytes).ok()?;
            thread::sleep(Duration::from_mins(1));
        }
        Reply::Slowly(head, bytes, pause) => {
            stream.write_all(&head).ok()?;
            for bytes in bytes.chunks(bytes.len().div_ceil(20).max(1)) {
                thread::sleep(pause);
                stream.write_all(bytes).ok()?;
            }
        }
        Reply::Endlessly(head) => {
            stream.write_all(&head).ok()?;
            // A write fails when the client disconnects; the limit is for clients that never do.
            for _ in 0..4000 {
                stream.write_all(&vec![0; 1 << 16]).ok()?;
            }
        }
    }
    // Closing with unread input would reset the connection.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = reader.read(&mut [0; 1]);
    Some(())
}

/// How a response is sent.
enum Reply {
    At(Vec<u8>),
    /// These bytes, then nothing more.
    Never(Vec<u8>),
    Slowly(Vec<u8>, Vec<u8>, Duration),
    Endlessly(Vec<u8>),
}

/// A file to serve.
struct Found {
    name: String,
    content: Vec<u8>,
    commit: String,
    etag: String,
    trick: Option<Trick>,
    stored_elsewhere: bool,
}

/// Finds the requested file, or returns a complete response if there is none to serve.
fn lead(state: &mut State, request: &Request, endpoint: &str) -> Result<Found, Vec<u8>> {
    let path = &request.path;
    let absent = || status("404 Not Found", "");
    let said = request.headers.get("authorization");
    let authorized = said.is_some_and(|value| *value == format!("Bearer {TOKEN}"));
    let locked = state.authorization.is_some() && state.authorization.as_ref() != said;
    if locked || path.starts_with("owner/private/") && !authorized || path.contains("nobody/") {
        return Err(status("401 Unauthorized", ""));
    }
    if path.starts_with("datasets/owner/gated/") && !authorized {
        return Err(status("401 Unauthorized", "x-error-code: GatedRepo\r\n"));
    }
    if let Some(listed) = path.strip_prefix("api/datasets/") {
        return Err(listing(state, listed).unwrap_or_else(absent));
    }
    // A renamed repository redirects to its new name by a relative address.
    if let Some(rest) = path.strip_prefix("owner/renamed/") {
        return Err(status("307 Temporary Redirect", &format!("location: /owner/tiny/{rest}\r\n")));
    }
    let stored_elsewhere = path.starts_with("storage/");
    let stored = path.strip_prefix("storage/").unwrap_or(path);
    let known: BTreeSet<String> = state.commits.iter().cloned().collect();
    let asked = stored.split_once("/resolve/").and_then(|(_, rest)| rest.split_once('/')).map(|(revision, _)| revision);
    let commit = match asked {
        Some("main") if state.commits.len() > 1 => state.commits.remove(0),
        Some("main") => state.commits[0].clone(),
        Some(revision) if known.contains(revision) || state.forgotten.contains(revision) => revision.to_string(),
        _ => return Err(absent()),
    };
    state.forgotten.insert(commit.clone());
    let stored = stored.replace(&format!("/resolve/{}/", asked.unwrap_or_default()), "/resolve/main/");
    let content = state.files.get(&stored).cloned().ok_or_else(absent)?;
    let name = stored.rsplit('/').next().unwrap_or_default().to_string();
    let (trick, etag) = (state.tricks.get(&name).cloned(), crate::support::hex(&sha2::Sha256::digest(&content)));
    if let Some(Trick::Redirect(to)) = &trick {
        let to = to.as_ref().map_or_else(String::new, |to| format!("location: {to}\r\n"));
        let fields = format!("{to}x-repo-commit: {commit}\r\netag: \"{etag}\"\r\nx-linked-size: {}\r\n", content.len());
        return Err(status("302 Found", &fields));
    }
    // Large files are stored elsewhere, as on the real hub.
    if stored.ends_with(".safetensors") && !stored_elsewhere && trick.is_none() {
        let linked = format!("x-linked-etag: \"{etag}\"\r\nx-linked-size: {}\r\netag: \"other\"\r\n", content.len());
        let fields = format!("location: {endpoint}/storage/{path}\r\nx-repo-commit: {commit}\r\n{linked}");
        return Err(status("302 Found", &fields));
    }
    Ok(Found { name, content, commit, etag, trick, stored_elsewhere })
}

/// Answers a request for the files of a data set: `owner/name/revision/COMMIT`.
fn listing(state: &State, path: &str) -> Option<Vec<u8>> {
    let (id, revision) = path.split_once("/revision/")?;
    let commit = if revision == "main" { state.commits.first()? } else { state.forgotten.get(revision)? };
    let folder = format!("datasets/{id}/resolve/main/");
    state.files.keys().find(|file| file.starts_with(&folder))?;
    let mut files: Vec<&str> = state.files.keys().filter_map(|file| file.strip_prefix(&folder)).collect();
    files.sort_unstable();
    let files: Vec<_> = files.into_iter().map(|file| json!({ "rfilename": file })).collect();
    let card = state.cards.get(id).map(|configs| json!({ "license": "mit", "configs": configs }));
    let body = json!({ "id": id, "sha": commit, "private": false, "siblings": files, "cardData": card }).to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    Some(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

impl Found {
    fn head(&self, status: &str, fields: &str) -> Vec<u8> {
        let (commit, etag) = match &self.trick {
            Some(Trick::Etag(etag)) => (&self.commit, etag),
            Some(Trick::Commit(commit)) => (commit, &self.etag),
            _ => (&self.commit, &self.etag),
        };
        format!("HTTP/1.1 {status}\r\nx-repo-commit: {commit}\r\netag: \"{etag}\"\r\n{fields}connection: close\r\n\r\n")
            .into_bytes()
    }

    fn reply(self, state: &mut State, request: &Request) -> Reply {
        let (meta, size) = (request.wants_one_byte(), self.content.len());
        let first = request.first_byte().min(size);
        let last = if meta { size.min(first + 1) } else { size };
        let part = &self.content[first..last];
        let range = format!("content-range: bytes {first}-{}/{size}\r\n", last.saturating_sub(1));
        let partial = |fields: &str| self.head("206 Partial Content", &format!("{range}{fields}"));
        let length = format!("content-length: {}\r\n", part.len());
        let whole = |bytes: &[u8]| Reply::At([&partial(&length), bytes].concat());
        let once_less = |state: &mut State, trick: Trick| drop(state.tricks.insert(self.name.clone(), trick));
        match self.trick.clone() {
            Some(Trick::Silent) if meta => Reply::Never(Vec::new()),
            Some(Trick::Status(code, times, wait)) if times > 0 => {
                once_less(state, Trick::Status(code, times - 1, wait));
                Reply::At(status(&format!("{code} Busy"), &format!("retry-after: {wait}\r\n")))
            }
            _ if meta => whole(part),
            Some(Trick::SilentBody) => Reply::Never([&partial(&length), &part[..part.len().min(100)]].concat()),
            Some(Trick::Short) => Reply::At([&partial(""), &part[..part.len() / 2]].concat()),
            Some(Trick::Cut(times)) if times > 0 => {
                once_less(state, Trick::Cut(times - 1));
                whole(&part[..part.len() / 2])
            }
            Some(Trick::NoRange(times)) if times > 0 => {
                once_less(state, Trick::NoRange(times - 1));
                whole(&part[..part.len() / 2])
            }
            Some(Trick::NoRange(_)) => {
                Reply::At([&self.head("200 OK", &format!("content-length: {size}\r\n")), self.content.as_slice()].concat())
            }
            Some(Trick::Endless) => Reply::Endlessly(partial("")),
            Some(Trick::Gzip) => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(part).unwrap();
                let packed = encoder.finish().unwrap();
                let fields = format!("content-encoding: gzip\r\ncontent-length: {}\r\n", packed.len());
                Reply::At([partial(&fields), packed].concat())
            }
            Some(Trick::Slow(pause)) => Reply::Slowly(partial(&length), part.to_vec(), pause),
            Some(Trick::Wrong) => whole(&part.iter().map(|byte| byte ^ 1).collect::<Vec<_>>()),
            _ if self.stored_elsewhere && state.breaks > 0 => {
                state.breaks -= 1;
                whole(&part[..part.len() / 2])
            }
            _ => whole(part),
        }
    }
}
