//! HTTP requests that always end: redirects are followed by hand, silence is limited, and a busy hub is retried.

use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::HeaderMap;

use super::agents::{Agents, Fields, explain, shown};
use super::environment::{Endpoint, HubEnvironment};
use super::error::{Fault, HubError};
use super::url::Url;

/// The redirect limit, above what any hub needs.
const MOST_REDIRECTS: usize = 10;

/// Attempts per request while the hub is busy or the connection breaks.
const TRIES: u32 = 5;

/// The limit on the total waiting time between the attempts of one request.
const MOST_WAITING: Duration = Duration::from_secs(20);

/// How persistently to try; an unanswered request is normally repeated twice, in parallel with the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// There is a fallback: one attempt, without waiting.
    Brief,
    /// There is no fallback.
    Full,
}

/// A request to the hub.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub url: Url,
    /// The first byte and, unless the rest of the file is wanted, the last byte.
    pub range: Option<(u64, Option<u64>)>,
    /// The time to wait in silence at each attempt.
    pub waits: Vec<Duration>,
}

/// The headers of one response in a chain of redirects.
#[derive(Debug)]
pub(super) struct Hop {
    /// Whether this response and all before it came from the hub's own host.
    pub home: bool,
    pub headers: HeaderMap,
}

/// A response whose body is still arriving.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    /// The redirects, then the final response.
    pub trail: Vec<Hop>,
    body: Receiver<Piece>,
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    End,
    Failed(Fault),
}

enum Signal {
    /// A redirect arrived, so the server is responding.
    Moved,
    Begun(Result<Answer, Fault>),
}

/// Access to one hub.
#[derive(Debug)]
pub(super) struct Client {
    pub endpoint: Endpoint,
    agents: Arc<Agents>,
    timeouts: [Option<Duration>; 2],
}

impl Client {
    pub fn new(environment: &HubEnvironment) -> Result<Self, HubError> {
        let endpoint = environment.endpoint.clone()?;
        let agents = Arc::new(Agents::new(environment.proxies.clone()));
        Ok(Self { endpoint, agents, timeouts: environment.timeouts })
    }

    /// Returns how long each attempt waits in silence for a response to begin.
    pub fn first_waits(&self, patience: Patience) -> Vec<Duration> {
        let waits = waits(self.timeouts[0]);
        if patience == Patience::Brief { waits[..1].to_vec() } else { waits }
    }

    /// Returns how long each attempt waits in silence within a file.
    pub fn later_waits(&self) -> Vec<Duration> {
        waits(self.timeouts[1])
    }

    /// Sends a request, and retries if the hub is busy or the connection breaks; any other status is returned.
    pub fn ask(&self, request: &Request, patience: Patience, say: &dyn Fn(&str)) -> Result<Answer, Fault> {
        let mut waited = Duration::ZERO;
        let mut tries = 0;
        loop {
            let (fault, wish) = match self.open(request) {
                Ok(answer) if is_busy(answer.status) => {
                    let wish = answer.retry_after();
                    (Fault::Status(answer.status, wish), wish)
                }
                Err(fault @ Fault::Broken(_)) => (fault, None),
                other => return other,
            };
            tries += 1;
            let wait = wish.unwrap_or(Duration::from_millis(250 << tries));
            if patience == Patience::Brief || tries == TRIES || waited + wait > MOST_WAITING {
                return Err(fault);
            }
            if wait >= Duration::from_secs(2) {
                say(&format!("{}: {fault}; trying again in {} s", self.endpoint.url, wait.as_secs()));
            }
            thread::sleep(wait);
            waited += wait;
        }
    }

    /// Waits for a response to begin; if none comes in time, sends a second and a third request in parallel.
    fn open(&self, request: &Request) -> Result<Answer, Fault> {
        let (sender, signals) = channel();
        let mut silence = Duration::ZERO;
        let mut running = 0;
        let mut last = Fault::Silent(silence);
        for wait in &request.waits {
            self.start(request, sender.clone());
            running += 1;
            let mut deadline = Instant::now() + *wait;
            while running > 0 {
                match signals.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                    Ok(Signal::Moved) => deadline = Instant::now() + *wait,
                    Ok(Signal::Begun(Ok(answer))) => return Ok(answer),
                    Ok(Signal::Begun(Err(fault))) => {
                        running -= 1;
                        last = fault;
                    }
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
            if running == 0 {
                return Err(last);
            }
            silence += *wait;
        }
        Err(Fault::Silent(silence))
    }

    fn start(&self, request: &Request, signals: Sender<Signal>) {
        let (agents, endpoint, request) = (Arc::clone(&self.agents), self.endpoint.clone(), request.clone());
        thread::spawn(move || {
            let mut conversation = Conversation { agents: &agents, endpoint: &endpoint, signals: &signals, trail: Vec::new() };
            if let Err(fault) = conversation.hold(&request) {
                let _ = signals.send(Signal::Begun(Err(fault)));
            }
        });
    }
}

/// Returns 5 s and twice 4 s by default: short enough overall not to look like a hang.
fn waits(chosen: Option<Duration>) -> Vec<Duration> {
    chosen.map_or_else(|| [5, 4, 4].map(Duration::from_secs).to_vec(), |wait| vec![wait; 3])
}

fn is_busy(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// A request on its own thread, so that silence can be distinguished from a slow response.
struct Conversation<'a> {
    agents: &'a Agents,
    endpoint: &'a Endpoint,
    signals: &'a Sender<Signal>,
    trail: Vec<Hop>,
}

impl Conversation<'_> {
    fn hold(&mut self, request: &Request) -> Result<(), Fault> {
        let mut url = request.url.clone();
        // Once a redirect leaves the hub, the token is not sent again, even if a later redirect returns to the hub.
        let mut home = true;
        for _ in 0..=MOST_REDIRECTS {
            let range = request.range.map(|(first, last)| match last {
                Some(last) => format!("bytes={first}-{last}"),
                None => format!("bytes={first}-"),
            });
            let authorization = self.endpoint.authorization.clone().filter(|_| home);
            let response = self.agents.get(&url, &Fields { range, authorization })?;
            let status = response.status().as_u16();
            let (parts, body) = response.into_parts();
            let location = parts.headers.get("location").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            self.trail.push(Hop { home, headers: parts.headers });
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                self.deliver(status, body);
                return Ok(());
            }
            let location = location.ok_or_else(|| Fault::Redirect(format!("a redirect ({status}) without a target")))?;
            let wrong = || Fault::Redirect(format!("a redirect ({status}) to an address that is not http or https"));
            url = url.join(&location).ok_or_else(wrong)?;
            home = home && self.endpoint.url.trusts(&url);
            let _ = self.signals.send(Signal::Moved);
        }
        Err(Fault::Redirect(format!("more than {MOST_REDIRECTS} redirects in a row")))
    }

    fn deliver(&mut self, status: u16, body: ureq::Body) {
        let (pieces, receiver) = sync_channel(16);
        let answer = Answer { status, trail: std::mem::take(&mut self.trail), body: receiver };
        if self.signals.send(Signal::Begun(Ok(answer))).is_ok() {
            stream(body, &pieces);
        }
    }
}

/// Forwards a body until its receiver is dropped.
fn stream(body: ureq::Body, pieces: &SyncSender<Piece>) {
    let mut reader = body.into_reader();
    let mut buffer = vec![0; 1 << 17];
    loop {
        let piece = match reader.read(&mut buffer) {
            Ok(0) => Piece::End,
            Ok(read) => Piece::Bytes(buffer[..read].to_vec()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => Piece::Failed(explain(&ureq::Error::from(error), None)),
        };
        let last = !matches!(piece, Piece::Bytes(_));
        if pieces.send(piece).is_err() || last {
            return;
        }
    }
}

impl Answer {
    /// Returns a header of the final response.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.trail.last()?.headers, name)
    }

    /// Returns the next bytes, or `None` at the end; silence for longer than `wait` is an error.
    pub fn next(&self, wait: Duration) -> Result<Option<Vec<u8>>, Fault> {
        match self.body.recv_timeout(wait) {
            Ok(Piece::Bytes(bytes)) => Ok(Some(bytes)),
            Ok(Piece::End) => Ok(None),
            Ok(Piece::Failed(fault)) => Err(fault),
            Err(RecvTimeoutError::Timeout) => Err(Fault::Silent(wait)),
            Err(RecvTimeoutError::Disconnected) => Err(Fault::Broken("the connection was lost".into())),
        }
    }

    /// Returns `(first, last, total)` from the header `Content-Range`.
    pub fn content_range(&self) -> Option<(u64, u64, u64)> {
        let (range, total) = self.header("content-range")?.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some((first.trim().parse().ok()?, last.trim().parse().ok()?, total.trim().parse().ok()?))
    }

    /// Returns the length of the body in bytes, if announced.
    pub fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// Returns the compression of the body, if any.
    pub fn encoding(&self) -> Option<String> {
        let encoding = self.header("content-encoding")?.trim().to_ascii_lowercase();
        Some(shown(&encoding)).filter(|encoding| !encoding.is_empty() && encoding != "identity")
    }

    /// Returns how long a busy hub asks to wait; a date instead of a number of seconds is ignored.
    fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }
}

/// Returns a header's value if it is valid text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
