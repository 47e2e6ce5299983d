//! Sends one HTTP request: chooses the proxy and the trusted certificates, and never follows redirects by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{Response, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::transport::{Connector, TcpConnector};

use super::environment::Secret;
use super::error::Fault;
use super::forward::{Forward, WholeAddresses};
use super::proxy::{Proxies, Proxy};
use super::url::{Scheme, Url};

/// A timeout longer than any caller waits, so that abandoned threads end.
const LONGEST: Duration = Duration::from_mins(10);

/// The HTTP agents, kept so that connections are reused.
#[derive(Debug)]
pub(super) struct Agents {
    proxies: Proxies,
    known: Mutex<HashMap<(bool, Option<String>), Agent>>,
    roots: OnceLock<Result<RootCerts, Fault>>,
}

/// The optional header fields of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    /// `bytes=0-0`.
    pub range: Option<String>,
    /// Sent only to the hub's own host.
    pub authorization: Option<Secret>,
}

impl Agents {
    pub fn new(proxies: Proxies) -> Self {
        Self { proxies, known: Mutex::default(), roots: OnceLock::new() }
    }

    /// Sends a GET request and returns the response whatever its status, redirects included.
    pub fn get(&self, url: &Url, fields: &Fields) -> Result<Response<ureq::Body>, Fault> {
        let proxy = self.proxies.to(url);
        let forward = proxy.and_then(|proxy| Forward::to(url, proxy));
        let agent = self.agent(url.scheme, proxy, forward.as_ref())?;
        let uri: Uri = url.to_string().parse().map_err(|_| Fault::Redirect("the address is not valid".into()))?;
        let mut request = agent.get(uri).header("accept-encoding", "identity");
        if let Some(range) = &fields.range {
            request = request.header("range", range);
        }
        if let Some(Secret(value)) = &fields.authorization {
            request = request.header("authorization", value);
        }
        if let Some(Secret(value)) = forward.and_then(|forward| forward.authorization) {
            request = request.header("proxy-authorization", value);
        }
        request.call().map_err(|error| explain(&error, proxy))
    }

    fn agent(&self, scheme: Scheme, proxy: Option<&Proxy>, forward: Option<&Forward>) -> Result<Agent, Fault> {
        // The connection to the proxy itself may use TLS.
        let secure = scheme == Scheme::Https || proxy.is_some_and(|proxy| proxy.address.starts_with("https:"));
        let key = (secure, proxy.map(|proxy| proxy.address.clone()));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = known.get(&key) {
            return Ok(agent.clone());
        }
        let through = proxy
            .filter(|_| forward.is_none())
            .map(|proxy| ureq::Proxy::new(&proxy.address).map_err(|error| explain(&error, Some(proxy))));
        let mut config = Agent::config_builder()
            .proxy(through.transpose()?)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("gluepot/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(LONGEST))
            .timeout_connect(Some(LONGEST))
            .timeout_per_read(Some(LONGEST))
            .timeout_per_write(Some(LONGEST));
        if secure {
            let roots = self.roots.get_or_init(trusted).clone()?;
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        let agent = match forward.and_then(Forward::resolver) {
            Some(resolver) => {
                Agent::with_parts(config.build(), ().chain(TcpConnector::default()).chain(WholeAddresses), resolver)
            }
            None => config.build().new_agent(),
        };
        known.insert(key, agent.clone());
        Ok(agent)
    }
}

/// Returns the trusted certificates: those from SSL_CERT_FILE or SSL_CERT_DIR, else the system's, else Mozilla's.
fn trusted() -> Result<RootCerts, Fault> {
    let loaded = rustls_native_certs::load_native_certs();
    let certificates: Vec<_> = loaded.certs.iter().map(|one| Certificate::from_der(one.as_ref()).to_owned()).collect();
    if !certificates.is_empty() {
        return Ok(RootCerts::Specific(Arc::new(certificates)));
    }
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find(|name| std::env::var_os(name).is_some());
    match named {
        Some(name) => Err(Fault::Setting(format!("{name} does not name a file or folder with certificates"))),
        None => Ok(RootCerts::WebPki),
    }
}

/// Turns an error of `ureq` into one that a user understands.
pub(super) fn explain(error: &ureq::Error, proxy: Option<&Proxy>) -> Fault {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let text = || shown(&error.to_string());
    let certificate = |text: &str| text.split_once("invalid peer certificate: ").map(|(_, reason)| shown(reason));
    let unreachable = |reason: String| match proxy {
        Some(proxy) => Fault::Proxy(proxy.variable, format!("the proxy cannot be reached ({reason})")),
        None => Fault::Unreachable(reason),
    };
    if let Some(reason) = certificate(&error.to_string()) {
        return Fault::Certificate(reason);
    }
    match error {
        ureq::Error::Timeout(_) => Fault::Silent(LONGEST),
        ureq::Error::HostNotFound => unreachable("no such host".into()),
        ureq::Error::ConnectionFailed => unreachable("no connection".into()),
        ureq::Error::Io(error) if [ConnectionAborted, ConnectionReset, BrokenPipe, UnexpectedEof].contains(&error.kind()) => {
            Fault::Broken("the connection was lost".into())
        }
        ureq::Error::Io(error) if error.to_string().contains("lookup") => unreachable(shown(&error.to_string())),
        ureq::Error::Io(error) if error.get_ref().is_some() => Fault::Broken(shown(&error.to_string())),
        ureq::Error::Io(error) => unreachable(shown(&error.to_string())),
        ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => {
            // The reason may contain text from the proxy, and the proxy's address a password.
            let reason = if matches!(error, ureq::Error::InvalidProxyUrl) {
                "its value is not a proxy address"
            } else {
                "the proxy refuses"
            };
            proxy.map_or_else(|| Fault::Broken(reason.into()), |proxy| Fault::Proxy(proxy.variable, reason.into()))
        }
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) | ureq::Error::Http(_) => {
            Fault::NotHub(format!("the answer is not valid HTTP ({})", text()))
        }
        _ => Fault::Broken(text()),
    }
}

/// Makes untrusted text safe to print: a single line of at most 200 characters.
pub(super) fn shown(text: &str) -> String {
    let whole: String = text.chars().take(200).map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect();
    whole.trim().to_string()
}
