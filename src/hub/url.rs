//! Web addresses: parsed, joined, and displayed without credentials.

use std::fmt;

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Unencrypted.
    Http,
    /// Encrypted by TLS.
    Https,
}

impl Scheme {
    /// Returns the scheme as written in an address.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A web address; credentials are never stored in it, so displaying it is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The protocol.
    pub scheme: Scheme,
    /// The host in lower case; an IPv6 address is in brackets.
    pub host: String,
    /// The port, which is the scheme's default if the address omits it.
    pub port: u16,
    /// Path and query, escaped; begins with a slash.
    pub path: String,
}

/// `user:password` as written in an address.
pub type Credentials = String;

impl Url {
    /// Parses an absolute address and returns it with its credentials.
    #[must_use]
    pub fn parse(text: &str) -> Option<(Self, Option<Credentials>)> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        Self::behind(scheme, rest)
    }

    /// Parses what follows `scheme://`.
    fn behind(scheme: Scheme, rest: &str) -> Option<(Self, Option<Credentials>)> {
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
        let (credentials, place) = match authority.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials.to_string()), place),
            None => (None, authority),
        };
        let colon = place.rfind(':').filter(|colon| !place[*colon..].contains(']'));
        let (host, port) = match colon {
            Some(colon) if place[colon + 1..].is_empty() => (&place[..colon], scheme.port()),
            Some(colon) => (&place[..colon], place[colon + 1..].parse().ok()?),
            None => (place, scheme.port()),
        };
        let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
        let is_host = match inside {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(letter),
        };
        is_host.then(|| (Self { scheme, host: host.to_ascii_lowercase(), port, path: tidy(path) }, credentials))
    }

    /// Resolves a redirect to `location`; returns `None` if the target is not a valid `http` or `https` address.
    #[must_use]
    pub fn join(&self, location: &str) -> Option<Self> {
        let location = location.trim();
        if let Some(rest) = location.strip_prefix("//") {
            return Self::behind(self.scheme, rest).map(|(url, _)| url);
        }
        let scheme = location.split(['/', '?', '#']).next().unwrap_or_default();
        if scheme.contains(':') {
            return Self::parse(location).map(|(url, _)| url);
        }
        let here = self.path.split('?').next().unwrap_or_default();
        let path = match location.chars().next() {
            Some('/') => location.to_string(),
            Some('?') => format!("{here}{location}"),
            None | Some('#') => self.path.clone(),
            Some(_) => format!("{}/{location}", here.rsplit_once('/').map_or("", |(folder, _)| folder)),
        };
        Some(Self { path: tidy(&path), ..self.clone() })
    }

    /// Appends a relative path to this address.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        Self { path: format!("{}/{path}", self.path.trim_end_matches('/')), ..self.clone() }
    }

    /// Whether credentials for this host may also be sent to `other`: the same host, port and scheme, or the same host
    /// upgraded from `http` to `https` on the default ports.
    #[must_use]
    pub fn trusts(&self, other: &Self) -> bool {
        let upgraded = (self.scheme, self.port, other.scheme, other.port) == (Scheme::Http, 80, Scheme::Https, 443);
        self.host == other.host && (upgraded || (self.scheme, self.port) == (other.scheme, other.port))
    }

    /// Returns the host and, unless it is the scheme's default, the port.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.name(), self.authority(), if self.path == "/" { "" } else { &self.path })
    }
}

/// Normalizes a path and query for a request: without a fragment, `.` or `..`, and escaped.
fn tidy(path: &str) -> String {
    let path = path.split('#').next().unwrap_or_default();
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let mut parts: Vec<&str> = Vec::new();
    let written: Vec<&str> = path.split('/').skip(usize::from(path.starts_with('/'))).collect();
    for (index, part) in written.iter().enumerate() {
        let last = index + 1 == written.len();
        match *part {
            "." if last => parts.push(""),
            "." => {}
            ".." => {
                parts.pop();
                if last {
                    parts.push("");
                }
            }
            part => parts.push(part),
        }
    }
    let whole = format!("/{}{query}", parts.join("/"));
    let mut escaped = String::with_capacity(whole.len());
    for byte in whole.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// Percent-encodes a word for use as one path segment.
#[must_use]
pub fn escape(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    word.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Decodes percent-encoding; returns `None` if it is malformed or the result is not UTF-8.
#[must_use]
pub fn unescape(word: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap().0
    }

    // Expected values: Python's urllib.parse.urljoin.
    #[test]
    fn redirects_lead_where_they_say() {
        let here = url("http://a/b/c/d?q");
        for (location, there) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d?y"),
            ("", "http://a/b/c/d?q"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../../g", "http://a/g"),
            ("g#s", "http://a/b/c/g"),
            ("https://x:1/y?z=%20", "https://x:1/y?z=%20"),
            ("g?t=a:b", "http://a/b/c/g?t=a:b"),
        ] {
            assert_eq!(here.join(location).map(|url| url.to_string()).as_deref(), Some(there), "{location}");
        }
        for location in ["mailto:x", "ftp://a/b", "http://", "http:///x", "http://a b/c", "http://a:99999/", "file:///etc/passwd"]
        {
            assert_eq!(here.join(location), None, "{location}");
        }
    }

    #[test]
    fn only_the_same_host_is_trusted() {
        let hub = url("https://hub.example/api");
        assert!(hub.trusts(&url("https://HUB.example:443/other")));
        for other in ["http://hub.example", "https://hub.example:444", "https://cdn.hub.example", "https://hub.example.org"] {
            assert!(!hub.trusts(&url(other)), "{other}");
        }
        assert!(url("http://hub.example").trusts(&hub));
        assert!(!url("http://hub.example:8080").trusts(&hub));
    }

    #[test]
    fn credentials_are_taken_out() {
        let (url, credentials) = Url::parse("http://me:s%40cret@[::1]:8080/a b").unwrap();
        assert_eq!(url.to_string(), "http://[::1]:8080/a%20b");
        assert_eq!(credentials.as_deref(), Some("me:s%40cret"));
        assert_eq!(unescape("s%40cret").as_deref(), Some("s@cret"));
        assert_eq!(unescape("%zz"), None);
        assert_eq!(escape("refs/pr/1 ä"), "refs%2Fpr%2F1%20%C3%A4");
    }

    // The host is what a browser takes for it, not what comes before an `@` or a backslash.
    #[test]
    fn hosts_in_disguise_are_seen_through() {
        let hub = url("http://hub.example");
        for text in
            ["http://hub.example@evil.example/", "http://hub.example:80@evil.example", "http://evil.example\\@hub.example/"]
        {
            let other = Url::parse(text).unwrap().0;
            assert_eq!(other.host, "evil.example", "{text}");
            assert!(!hub.trusts(&other));
        }
    }
}
