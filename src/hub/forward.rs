//! Plain `http` through a proxy, with the full address in the request line; not all proxies allow CONNECT for `http`.

use data_encoding::BASE64;
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use super::environment::Secret;
use super::proxy::Proxy;
use super::url::{Scheme, Url, unescape};

/// A proxy that is reached by plain `http`.
pub(super) struct Forward {
    proxy: Url,
    /// The value of the header `Proxy-Authorization`.
    pub authorization: Option<Secret>,
}

impl Forward {
    /// Returns the route to `url` through `proxy` if both use plain `http`.
    pub fn to(url: &Url, proxy: &Proxy) -> Option<Self> {
        let address = if proxy.address.contains("://") { proxy.address.clone() } else { format!("http://{}", proxy.address) };
        let (proxy, credentials) = Url::parse(&address)?;
        if (url.scheme, proxy.scheme) != (Scheme::Http, Scheme::Http) {
            return None;
        }
        let decoded = credentials.map(|credentials| unescape(&credentials).unwrap_or(credentials));
        let authorization = decoded.map(|text| Secret(format!("Basic {}", BASE64.encode(text.as_bytes()))));
        Some(Self { proxy, authorization })
    }

    /// Returns a resolver that finds the proxy's address for every host.
    pub fn resolver(&self) -> Option<impl Resolver + use<>> {
        let uri = format!("http://{}/", self.proxy.authority()).parse().ok()?;
        Some(AtProxy { uri, resolver: DefaultResolver::default() })
    }
}

#[derive(Debug)]
struct AtProxy {
    uri: Uri,
    resolver: DefaultResolver,
}

impl Resolver for AtProxy {
    fn resolve(&self, _: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        self.resolver.resolve(&self.uri, config, timeout)
    }
}

/// Puts the full address into the request line of every request on the wrapped connection.
#[derive(Debug)]
pub(super) struct WholeAddresses;

impl<In: Transport> Connector<In> for WholeAddresses {
    type Out = Whole<In>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Whole<In>>, Error> {
        let host = details.uri.authority().map(ToString::to_string).unwrap_or_default();
        Ok(chained.map(|inner| Whole { inner, prefix: format!("http://{host}").into_bytes() }))
    }
}

#[derive(Debug)]
pub(super) struct Whole<In> {
    inner: In,
    prefix: Vec<u8>,
}

impl<In: Transport> Transport for Whole<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let output = self.inner.buffers().output();
        let begin = "GET ".len();
        // A request is written in one piece, and only its first line begins with this.
        let amount = if output[..amount].starts_with(b"GET /") && amount + self.prefix.len() <= output.len() {
            output.copy_within(begin..amount, begin + self.prefix.len());
            output[begin..begin + self.prefix.len()].copy_from_slice(&self.prefix);
            amount + self.prefix.len()
        } else {
            amount
        };
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}
