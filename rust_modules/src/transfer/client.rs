//! One request over the network: proxies, certificates, redirects, and what may be said of it.

use super::context::{Context, Counters};
use super::error::{Failure, Reason};
use super::hosts::Permit;
use super::settings::{Request, Settings};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, ACCEPT_ENCODING, AUTHORIZATION, LOCATION};
use reqwest::{Certificate, Client, Response};
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use url::Url;

/// Variables that name files or folders of further certificates, as curl, OpenSSL and requests read them.
const CERTIFICATE_FILES: &[&str] = &["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"];
const CERTIFICATE_FOLDER: &str = "SSL_CERT_DIR";

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

/// A client that takes proxies from the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`),
/// trusts the roots of Mozilla, of the system and of the environment, and follows no redirect by itself.
pub fn build(settings: &Settings) -> Result<Client, Failure> {
    let mut builder = Client::builder()
        .user_agent(&settings.user_agent)
        .connect_timeout(settings.connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .http2_adaptive_window(true);
    if not_proxied() {
        builder = builder.no_proxy();
    }
    let files = certificate_files()?;
    for (_, certificates) in &files {
        builder = certificates
            .iter()
            .cloned()
            .fold(builder, |builder, one| builder.add_root_certificate(one));
    }
    builder.build().map_err(|error| {
        let failure = Failure::network(&error);
        let named: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        if named.is_empty() {
            return failure;
        }
        let message = format!(
            "a certificate cannot be used, one that {}: {}",
            named.join(", or "),
            failure.message
        );
        Failure::never(Reason::Tls, message)
    })
}

/// `NO_PROXY=*` means every host; reqwest takes it for names only, not for addresses.
fn not_proxied() -> bool {
    let names = std::env::var("NO_PROXY")
        .or_else(|_| std::env::var("no_proxy"))
        .unwrap_or_default();
    names.split(',').any(|name| name.trim() == "*")
}

/// Certificates by the variable and file that they come from.
fn certificate_files() -> Result<Vec<(String, Vec<Certificate>)>, Failure> {
    let mut found = Vec::new();
    for variable in CERTIFICATE_FILES {
        if let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) {
            let path = PathBuf::from(path);
            if path.is_file() {
                found.push((named(variable, &path), read_certificates(variable, &path)?));
            } else if !path.is_dir() {
                return Err(certificate_failure(variable, &path, "there is no such file"));
            }
        }
    }
    if let Some(folder) = std::env::var_os(CERTIFICATE_FOLDER).filter(|path| !path.is_empty()) {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_file() {
                // Such folders hold lists of revocations and notes, too.
                let certificates = read_certificates(CERTIFICATE_FOLDER, &path).unwrap_or_default();
                found.push((named(CERTIFICATE_FOLDER, &path), certificates));
            }
        }
    }
    found.retain(|(_, certificates)| !certificates.is_empty());
    Ok(found)
}

fn named(variable: &str, path: &std::path::Path) -> String {
    format!("{variable} names in {}", path.display())
}

fn read_certificates(variable: &str, path: &std::path::Path) -> Result<Vec<Certificate>, Failure> {
    let content = fs::read(path).map_err(|error| certificate_failure(variable, path, &error.to_string()))?;
    Certificate::from_pem_bundle(&content)
        .map_err(|_| certificate_failure(variable, path, "it holds no certificates in PEM form"))
}

fn certificate_failure(variable: &str, path: &std::path::Path, problem: &str) -> Failure {
    let message = format!("{variable} names {}: {problem}", path.display());
    Failure::never(Reason::Tls, message)
}

/// Headers that go with every request of a job, and those that only its origin may see.
pub struct Address {
    pub url: Url,
    headers: HeaderMap,
    credentials: HeaderMap,
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

/// An answer, where it came from after redirects, and the right to go on reading it.
pub struct Answered {
    pub response: Response,
    pub url: Url,
    pub permit: Permit,
}

/// Where a request has been led so far.
pub struct Route {
    pub url: Url,
    /// Whether this is still the origin that credentials are for.
    at_home: bool,
    visited: HashSet<Url>,
}

impl Route {
    pub fn of(address: &Address) -> Self {
        Route {
            url: address.url.clone(),
            at_home: true,
            visited: HashSet::from([address.url.clone()]),
        }
    }

    /// Go where a redirect leads: within the scheme, not in circles, and not without end.
    fn follow(&mut self, response: &Response, most: usize) -> Result<(), Failure> {
        let next = redirect_target(&self.url, response)?;
        if self.visited.len() > most {
            let message = format!("{} redirects one after another", self.visited.len());
            return Err(Failure::never(Reason::Redirect, message));
        }
        if !self.visited.insert(next.clone()) {
            let message = format!("the redirects lead in a circle, back to {}", public(&next));
            return Err(Failure::never(Reason::Redirect, message));
        }
        self.at_home = self.at_home && next.origin() == self.url.origin();
        self.url = next;
        Ok(())
    }
}

/// Send a request with `extra` headers to where the route has come, under the permit of that host. None if it is
/// to go on elsewhere.
pub async fn ask_once(
    context: &Context,
    address: &Address,
    route: &mut Route,
    permit: Permit,
    compressed: bool,
    extra: &HeaderMap,
) -> Result<Option<Answered>, Failure> {
    let response = send(context, address, route, compressed, extra).await?;
    let status = response.status().as_u16();
    if matches!(status, 301 | 302 | 303 | 307 | 308) {
        let followed = route.follow(&response, context.settings.redirects);
        return followed
            .map(|()| None)
            .map_err(|failure| failure.with_status(status));
    }
    Ok(Some(Answered {
        response,
        url: route.url.clone(),
        permit,
    }))
}

/// Send a request and follow its redirects, under the limits of each host, of which `permit` is that of the first.
pub async fn ask(
    context: &Context,
    address: &Address,
    permit: Permit,
    extra: &HeaderMap,
) -> Result<Answered, Failure> {
    let (mut route, mut permit) = (Route::of(address), permit);
    loop {
        if let Some(answered) = ask_once(context, address, &mut route, permit, false, extra).await? {
            return Ok(answered);
        }
        permit = context.hosts.acquire(&context.hosts.of(&route.url)).await;
    }
}

async fn send(
    context: &Context,
    address: &Address,
    route: &Route,
    compressed: bool,
    extra: &HeaderMap,
) -> Result<Response, Failure> {
    let coding = HeaderValue::from_static(if compressed { "gzip" } else { "identity" });
    let mut headers = address.headers.clone();
    headers.insert(ACCEPT_ENCODING, coding);
    headers.extend(extra.clone());
    if route.at_home {
        headers.extend(address.credentials.clone());
    } else {
        for secret in ["authorization", "cookie", "proxy-authorization"] {
            headers.remove(secret);
        }
    }
    Counters::add(&context.counters.requests, 1);
    let limit = context.settings.connect_timeout + context.settings.stall_timeout;
    let sent = tokio::time::timeout(
        limit,
        context.client.get(route.url.clone()).headers(headers).send(),
    );
    match sent.await {
        Ok(answer) => answer.map_err(|error| Failure::network(&error.without_url())),
        Err(_) => Err(super::receive::stalled("no answer came", limit)),
    }
}

fn redirect_target(url: &Url, response: &Response) -> Result<Url, Failure> {
    let refuse = |message: String| Failure::never(Reason::Redirect, message);
    let place = response
        .headers()
        .get(LOCATION)
        .ok_or_else(|| refuse("a redirect without the address to go to".to_string()))?;
    let mut next = place
        .to_str()
        .ok()
        .and_then(|text| url.join(text).ok())
        .ok_or_else(|| refuse("a redirect to what is no address".to_string()))?;
    if next.scheme() != url.scheme() {
        return Err(refuse(format!(
            "a redirect from {} to another scheme is not followed: {}",
            url.scheme(),
            public(&next)
        )));
    }
    // What a host writes there as user and password is not ours to send.
    let cleared = next.set_username("").and_then(|()| next.set_password(None));
    cleared.map_err(|()| refuse("a redirect to an address without a host".to_string()))?;
    next.set_fragment(None);
    Ok(next)
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
