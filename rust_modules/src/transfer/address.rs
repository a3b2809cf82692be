//! Addresses: what a request's URL and headers hold, and what of them may be said.

use super::error::{Failure, Reason};
use super::settings::Request;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, AUTHORIZATION};
use url::Url;

/// Parts of the names of query parameters whose values are secrets.
const SECRET_PARAMETERS: &[&str] = &[
    "token",
    "key",
    "signature",
    "sig",
    "secret",
    "password",
    "passwd",
    "auth",
    "credential",
    "session",
];

/// Headers that go with every request of a job, and those that only its origin may see.
pub struct Address {
    pub url: Url,
    pub headers: HeaderMap,
    pub credentials: HeaderMap,
}

impl Address {
    /// Read the URL of a request; a user and a password in it become a credential.
    pub fn of(request: &Request) -> Result<Self, Failure> {
        let mut url = Url::parse(&request.url)
            .map_err(|error| Failure::never(Reason::Url, format!("this is no address: {error}")))?;
        let bare = request
            .url
            .trim_start()
            .split_once("://")
            .map_or("", |(_, rest)| rest);
        if matches!(url.scheme(), "http" | "https") && bare.starts_with('/') {
            return Err(Failure::never(Reason::Url, "the address names no host"));
        }
        if !matches!(url.scheme(), "http" | "https") {
            let message = format!("{} is not fetched here; http and https are", url.scheme());
            return Err(Failure::never(Reason::Url, message));
        }
        let mut credentials = header_map(&request.credentials)?;
        if let Some(basic) = take_user(&mut url) {
            credentials.entry(AUTHORIZATION).or_insert(basic);
        }
        url.set_fragment(None);
        Ok(Address {
            url,
            headers: header_map(&request.headers)?,
            credentials,
        })
    }
}

/// Take user and password out of a URL, as the value of an `Authorization` header (RFC 7617).
fn take_user(url: &mut Url) -> Option<HeaderValue> {
    use percent_encoding::percent_decode_str;
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let user = percent_decode_str(url.username())
        .decode_utf8_lossy()
        .into_owned();
    let password = percent_decode_str(url.password().unwrap_or(""))
        .decode_utf8_lossy()
        .into_owned();
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let mut value = HeaderValue::from_str(&format!(
        "Basic {}",
        base64(format!("{user}:{password}").as_bytes())
    ))
    .ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn header_map(pairs: &[(String, String)]) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let key = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value);
        match (key, value) {
            (Ok(key), Ok(mut value)) => {
                value.set_sensitive(true);
                map.append(key, value);
            }
            _ => {
                let message = format!("the header {name:?} or its value has signs that no header has");
                return Err(Failure::never(Reason::Url, message));
            }
        }
    }
    Ok(map)
}

/// A URL as it may be shown and recorded: without user, password, and values of parameters that are secrets.
pub fn public(url: &Url) -> String {
    let mut shown = url.clone();
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    if url.query_pairs().any(|(name, _)| is_secret(&name)) {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        shown
            .query_pairs_mut()
            .clear()
            .extend_pairs(pairs.iter().map(|(name, value)| {
                let value = if is_secret(name) { "hidden" } else { value.as_str() };
                (name.as_str(), value)
            }));
    }
    shown.to_string()
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut words = name.split(|sign: char| !sign.is_alphanumeric());
    words.any(|word| {
        SECRET_PARAMETERS
            .iter()
            .any(|secret| word == *secret || word.ends_with(&format!("api{secret}")))
    })
}

/// What may be shown of text that should be a URL.
pub fn public_text(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.has_host() => public(&url),
        _ => text
            .rsplit_once('@')
            .map_or(text, |(_, rest)| rest)
            .chars()
            .take(200)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_in_a_url_that_is_shown() {
        for (url, shown) in [
            ("https://me:pass@a.org/x", "https://a.org/x"),
            (
                "https://a.org/x?id=1&api_key=abc",
                "https://a.org/x?id=1&api_key=hidden",
            ),
            ("https://a.org/x?apikey=abc", "https://a.org/x?apikey=hidden"),
            (
                "https://a.org/x?X-Amz-Signature=abc",
                "https://a.org/x?X-Amz-Signature=hidden",
            ),
            ("https://a.org/x?keyword=jwst", "https://a.org/x?keyword=jwst"),
        ] {
            assert_eq!(public_text(url), shown);
        }
        assert_eq!(public_text("me:pass@a"), "a");
    }
}
