//! Chooses the proxy for a host, by the same environment variables as curl and Python.

use std::net::IpAddr;

use super::url::{Scheme, Url};
use super::variables::Variables;

/// The proxies, and the hosts that bypass them.
#[derive(Clone, Default)]
pub(super) struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// The entries of NO_PROXY.
    direct: Vec<String>,
}

/// A proxy and the variable that names it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Proxy {
    /// The address, which may contain a password.
    pub address: String,
    pub variable: &'static str,
}

impl std::fmt::Debug for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = |proxy: &Option<Proxy>| proxy.as_ref().map(|proxy| proxy.variable);
        f.debug_struct("Proxies").field("http", &named(&self.http)).field("https", &named(&self.https)).finish_non_exhaustive()
    }
}

impl Proxies {
    pub fn read(variables: &Variables<'_>) -> Self {
        let named = |names: [&'static str; 2]| {
            // The lower-case name takes precedence, even if its value is empty.
            let name = names.into_iter().find(|name| variables.set(name).is_some())?;
            Some(Proxy { address: variables.get(name)?, variable: name })
        };
        // In a CGI program, HTTP_PROXY would come from the request header `Proxy`.
        let upper = if variables.set("REQUEST_METHOD").is_some() { "http_proxy" } else { "HTTP_PROXY" };
        let all = || named(["all_proxy", "ALL_PROXY"]);
        let direct = variables.set("no_proxy").or_else(|| variables.set("NO_PROXY")).unwrap_or_default();
        Self {
            http: named(["http_proxy", upper]).or_else(all),
            https: named(["https_proxy", "HTTPS_PROXY"]).or_else(all),
            direct: direct.split([',', ' ']).map(|entry| entry.trim().to_lowercase()).filter(|entry| !entry.is_empty()).collect(),
        }
    }

    /// Returns the proxy for an address, or `None` for a direct connection.
    pub fn to(&self, url: &Url) -> Option<&Proxy> {
        let proxy = match url.scheme {
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
        };
        proxy.as_ref().filter(|_| !self.direct.iter().any(|entry| is_meant(entry, url)))
    }
}

/// Whether an entry of NO_PROXY matches a host: a domain and its subdomains, with an optional port; an address; a network.
fn is_meant(entry: &str, url: &Url) -> bool {
    let bare = url.host.trim_start_matches('[').trim_end_matches(']');
    if let Some((network, bits)) = entry.split_once('/') {
        let parsed = (network.parse::<IpAddr>(), bits.parse::<u32>(), bare.parse::<IpAddr>());
        return matches!(parsed, (Ok(network), Ok(bits), Ok(host)) if contains(network, bits, host));
    }
    let name = entry.trim_start_matches('*').trim_start_matches('.');
    let (name, port) = match name.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, port.parse().ok()),
        _ => (name, None),
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let below = || bare.strip_suffix(name).is_some_and(|before| before.ends_with('.'));
    entry == "*" || !name.is_empty() && port.is_none_or(|port: u16| port == url.port) && (bare == name || below())
}

fn contains(network: IpAddr, bits: u32, host: IpAddr) -> bool {
    match (network, host) {
        (IpAddr::V4(network), IpAddr::V4(host)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            network.to_bits() & mask == host.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(host)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            network.to_bits() & mask == host.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn through(set: &[(&str, &str)], url: &str) -> Option<String> {
        let look = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value));
        let proxies = Proxies::read(&Variables::new(&look, None));
        proxies.to(&Url::parse(url).unwrap().0).map(|proxy| proxy.address.clone())
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let set = [("HTTP_PROXY", "http://p:1"), ("https_proxy", "http://p:2"), ("ALL_PROXY", "socks5://p:3")];
        assert_eq!(through(&set, "http://hub.example").as_deref(), Some("http://p:1"));
        assert_eq!(through(&set, "https://hub.example").as_deref(), Some("http://p:2"));
        assert_eq!(through(&set[2..], "https://hub.example").as_deref(), Some("socks5://p:3"));
        assert_eq!(through(&[("https_proxy", ""), ("HTTPS_PROXY", "http://p:2")], "https://hub.example"), None);
        assert_eq!(through(&[("HTTP_PROXY", "http://p:1"), ("REQUEST_METHOD", "GET")], "http://hub.example"), None);
    }

    #[test]
    fn some_hosts_need_none() {
        for (entry, host, meant) in [
            ("*", "hub.example", true),
            ("hub.example", "hub.example", true),
            ("example", "hub.example", true),
            (".example", "hub.example", true),
            ("*.example", "hub.example", true),
            ("ample", "hub.example", false),
            ("hub.example:443", "hub.example", true),
            ("hub.example:80", "hub.example", false),
            ("a.b, hub.example", "hub.example", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("0.0.0.0/0", "11.1.2.3", true),
            ("10.1.2.3", "10.1.2.3", true),
            ("::1", "[::1]", true),
            ("[::1]:443", "[::1]", true),
            ("fd00::/8", "[fd12::1]", true),
            ("", "hub.example", false),
        ] {
            let set = [("HTTPS_PROXY", "http://p"), ("NO_PROXY", entry)];
            assert_eq!(through(&set, &format!("https://{host}/x")).is_none(), meant, "{entry} {host}");
        }
    }
}
