//! The hub's settings from environment variables, read as Python's `huggingface_hub` reads them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::BASE64;

use super::error::HubError;
use super::proxy::Proxies;
use super::url::{Url, unescape};
use super::variables::Variables;

/// The default hub.
const DEFAULT: &str = "https://huggingface.co";

/// A hub's address and credentials.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// The address without credentials.
    pub url: Url,
    /// The value of the header `Authorization`.
    pub authorization: Option<Secret>,
}

/// A value that must never be printed, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// All settings that come from the environment.
#[derive(Clone, Debug)]
pub(super) struct HubEnvironment {
    /// The hub, or what is wrong with its address or the token.
    pub endpoint: Result<Endpoint, HubError>,
    /// The cache folder.
    pub cache: PathBuf,
    /// The variable that forbids network access, if one does.
    pub offline: Option<&'static str>,
    /// The timeouts for the first response and within a file, if set.
    pub timeouts: [Option<Duration>; 2],
    /// Whether progress bars are allowed.
    pub bars: bool,
    /// The proxies to other hosts.
    pub proxies: Proxies,
}

impl HubEnvironment {
    /// Reads the environment of this process.
    pub fn of_process() -> Self {
        Self::read(&Variables::new(&|name| std::env::var_os(name), std::env::home_dir()))
    }

    pub fn read(variables: &Variables<'_>) -> Self {
        let below_home = |part: &str| variables.expand("~/.cache").join(part);
        let xdg = variables.get("XDG_CACHE_HOME").map(|folder| variables.expand(&folder).join("huggingface"));
        let home = variables.path("HF_HOME").or(xdg).unwrap_or_else(|| below_home("huggingface"));
        let folder = |name| variables.get(name).and_then(|_| variables.path(name));
        let cache = folder("HF_HUB_CACHE").or_else(|| folder("HUGGINGFACE_HUB_CACHE")).unwrap_or_else(|| home.join("hub"));
        let token_path = folder("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
        // As in Python, the first variable that is set decides, whatever its value.
        let offline = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].into_iter().find(|name| variables.get(name).is_some());
        let token = AccessToken::find(variables, &token_path);
        let seconds = |name| variables.get(name).and_then(|text| text.parse().ok()).filter(|n| *n > 0).map(Duration::from_secs);
        Self {
            endpoint: Endpoint::read(variables, token.as_ref()),
            cache,
            offline: offline.filter(|name| variables.is_true(name)),
            timeouts: [seconds("HF_HUB_ETAG_TIMEOUT"), seconds("HF_HUB_DOWNLOAD_TIMEOUT")],
            bars: !variables.is_true("HF_HUB_DISABLE_PROGRESS_BARS"),
            proxies: Proxies::read(variables),
        }
    }
}

/// A token and where it was found.
struct AccessToken {
    value: String,
    place: String,
}

impl AccessToken {
    fn find(variables: &Variables<'_>, path: &Path) -> Option<Self> {
        if variables.is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            return None;
        }
        let clean = |text: &str| Some(text.replace(['\r', '\n'], "").trim().to_string()).filter(|text| !text.is_empty());
        let variable = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"].into_iter().find_map(|name| Some((name, variables.get(name)?)));
        if let Some((name, text)) = variable {
            return clean(&text).map(|value| Self { value, place: name.into() });
        }
        let value = clean(&std::fs::read_to_string(path).ok()?)?;
        Some(Self { value, place: path.display().to_string() })
    }
}

impl Endpoint {
    fn read(variables: &Variables<'_>, token: Option<&AccessToken>) -> Result<Self, HubError> {
        let text = variables.get("HF_ENDPOINT");
        let wrong = |reason: &str| HubError::Setting { name: "HF_ENDPOINT".into(), reason: reason.into() };
        let text = text.as_deref().unwrap_or(DEFAULT);
        if !text.contains("://") {
            return Err(wrong("must begin with http:// or https://"));
        }
        let (url, credentials) = Url::parse(text).ok_or_else(|| wrong("is not an http or https address"))?;
        if url.path.contains('?') {
            return Err(wrong("must not contain a query (?)"));
        }
        let basic = credentials.map(|credentials| {
            let decoded = unescape(&credentials).unwrap_or(credentials);
            Secret(format!("Basic {}", BASE64.encode(decoded.as_bytes())))
        });
        if let Some(token) = token.filter(|token| !token.value.bytes().all(|byte| byte.is_ascii_graphic())) {
            let reason = "contains white space or characters that no token has; copy it again".into();
            return Err(HubError::Setting { name: token.place.clone(), reason });
        }
        // Credentials in the address are for a reverse proxy in front of the hub; they share one header with the token.
        let authorization = basic.or_else(|| token.map(|token| Secret(format!("Bearer {}", token.value))));
        Ok(Self { url: Url { path: url.path.trim_end_matches('/').to_string(), ..url }, authorization })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use std::ffi::OsString;

    use super::*;

    fn environment(set: &[(&str, &str)]) -> HubEnvironment {
        let set: HashMap<String, String> = set.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let look = |name: &str| set.get(name).map(OsString::from);
        HubEnvironment::read(&Variables::new(&look, Some("/home/me".into())))
    }

    // Expected values: huggingface_hub 2.4.0's constants with the same environment (HF_HUB_CACHE).
    #[test]
    fn the_cache_is_where_python_has_it() {
        for (set, cache) in [
            (&[][..], "/home/me/.cache/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "~/x")], "/home/me/x/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/h")], "/h/hub"),
            (&[("HF_HOME", "~/hf")], "/home/me/hf/hub"),
            (&[("HF_HOME", "$A/hf"), ("A", "/a")], "/a/hf/hub"),
            (&[("HF_HOME", "${A}b/$NONE/${NONE}/$"), ("A", "/a")], "/ab/$NONE/${NONE}/$/hub"),
            (&[("HF_HOME", "")], "hub"),
            (&[("HUGGINGFACE_HUB_CACHE", "/old")], "/old"),
            (&[("HUGGINGFACE_HUB_CACHE", "~/old")], "/home/me/old"),
            (&[("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "/new")], "/new"),
            (&[("HF_HUB_CACHE", "~/c"), ("HF_HOME", "/h")], "/home/me/c"),
            (&[("HF_HUB_CACHE", "a~/c")], "a~/c"),
            // Python keeps the white space, but nobody means a folder with such a name.
            (&[("HF_HUB_CACHE", " /c\n")], "/c"),
        ] {
            assert_eq!(environment(set).cache, Path::new(cache), "{set:?}");
        }
    }

    #[test]
    fn the_network_is_forbidden_as_in_python() {
        for (set, forbidden) in [
            (&[][..], false),
            (&[("HF_HUB_OFFLINE", "1")], true),
            (&[("HF_HUB_OFFLINE", "yes")], true),
            (&[("HF_HUB_OFFLINE", "True ")], true),
            (&[("HF_HUB_OFFLINE", "0")], false),
            (&[("TRANSFORMERS_OFFLINE", "1")], true),
            (&[("HF_HUB_OFFLINE", "0"), ("TRANSFORMERS_OFFLINE", "1")], false),
            (&[("HF_HUB_OFFLINE", ""), ("TRANSFORMERS_OFFLINE", "on")], true),
        ] {
            assert_eq!(environment(set).offline.is_some(), forbidden, "{set:?}");
        }
    }

    #[test]
    fn the_token_is_found_where_python_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "hf_file\n").unwrap();
        let (file, home) = (file.display().to_string(), folder.path().display().to_string());
        for (set, header) in [
            (&[][..], None),
            (&[("HF_TOKEN", "hf_a")], Some("Bearer hf_a")),
            (&[("HF_TOKEN", " hf_a\n")], Some("Bearer hf_a")),
            (&[("HF_TOKEN", "hf_a\nb")], Some("Bearer hf_ab")),
            (&[("HUGGING_FACE_HUB_TOKEN", "hf_b")], Some("Bearer hf_b")),
            (&[("HF_TOKEN", ""), ("HUGGING_FACE_HUB_TOKEN", "hf_b")], Some("Bearer hf_b")),
            (&[("HF_TOKEN_PATH", file.as_str())], Some("Bearer hf_file")),
            (&[("HF_HOME", home.as_str())], Some("Bearer hf_file")),
            (&[("HF_HOME", home.as_str()), ("HF_HUB_CACHE", "/elsewhere/hub")], Some("Bearer hf_file")),
            (&[("HF_HOME", home.as_str()), ("HF_TOKEN", "hf_a")], Some("Bearer hf_a")),
            (&[("HF_TOKEN", "hf_a"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")], None),
        ] {
            let endpoint = environment(set).endpoint.unwrap();
            assert_eq!(endpoint.authorization.map(|Secret(value)| value).as_deref(), header, "{set:?}");
        }
        for token in ["hf a", "hf_ä", "hf_\u{7}"] {
            assert!(environment(&[("HF_TOKEN", token)]).endpoint.is_err());
        }
    }

    #[test]
    fn an_endpoint_is_an_address() {
        for (text, url) in [
            ("https://hub.example", "https://hub.example"),
            (" http://hub.example/ \n", "http://hub.example"),
            ("http://hub.example:8080/hf/public//", "http://hub.example:8080/hf/public"),
            ("", "https://huggingface.co"),
        ] {
            assert_eq!(environment(&[("HF_ENDPOINT", text)]).endpoint.unwrap().url.to_string(), url);
        }
        for text in ["hub.example", "me:secret@hub.example", "ftp://hub.example", "http://me:secret@", "http://a b", "http://x?y"]
        {
            let error = environment(&[("HF_ENDPOINT", text)]).endpoint.unwrap_err().to_string();
            assert!(error.contains("HF_ENDPOINT") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn credentials_of_an_endpoint_stay_in_a_header() {
        let endpoint = environment(&[("HF_ENDPOINT", "http://me:s%40cret@hub.example"), ("HF_TOKEN", "hf_a")]).endpoint.unwrap();
        // `printf 'me:s@cret' | base64`
        assert_eq!(endpoint.authorization, Some(Secret("Basic bWU6c0BjcmV0".into())));
        assert!(!format!("{endpoint:?} {}", endpoint.url).contains("cret\u{0}") && !format!("{endpoint:?}").contains("bWU6"));
        assert_eq!(endpoint.url.to_string(), "http://hub.example");
    }
}
