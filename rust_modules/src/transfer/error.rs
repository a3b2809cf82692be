//! Why a transfer failed, and whether trying again can help.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// One word for each way in which a transfer fails; scripts and tests go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Url,
    Dns,
    Connect,
    Tls,
    Protocol,
    Stalled,
    Slow,
    Status,
    Unavailable,
    RateLimited,
    Truncated,
    Changed,
    Range,
    Redirect,
    Challenge,
    Html,
    ContentType,
    Signature,
    Empty,
    TooLarge,
    Bomb,
    Encoding,
    Length,
    Digest,
    Disk,
    Busy,
    Cancelled,
}

impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Reason::Url => "url",
            Reason::Dns => "dns",
            Reason::Connect => "connect",
            Reason::Tls => "tls",
            Reason::Protocol => "protocol",
            Reason::Stalled => "stalled",
            Reason::Slow => "slow",
            Reason::Status => "status",
            Reason::Unavailable => "unavailable",
            Reason::RateLimited => "rate_limited",
            Reason::Truncated => "truncated",
            Reason::Changed => "changed",
            Reason::Range => "range",
            Reason::Redirect => "redirect",
            Reason::Challenge => "challenge",
            Reason::Html => "html",
            Reason::ContentType => "content_type",
            Reason::Signature => "signature",
            Reason::Empty => "empty",
            Reason::TooLarge => "too_large",
            Reason::Bomb => "bomb",
            Reason::Encoding => "encoding",
            Reason::Length => "length",
            Reason::Digest => "digest",
            Reason::Disk => "disk",
            Reason::Busy => "busy",
            Reason::Cancelled => "cancelled",
        }
    }
}

/// What may be done after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing: the answer would be the same. What was kept may still serve a later transfer.
    Never,
    /// Nothing, and what was kept is of no use.
    Nowhere,
    /// Ask again and go on where the bytes ended.
    Resume,
    /// Ask again from the first byte; what was kept is wrong.
    Anew,
    /// As `Resume`, but not before this time has passed, for any request to that host.
    After(Duration),
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub reason: Reason,
    pub message: String,
    pub retry: Retry,
    pub status: Option<u16>,
    /// Whether all attempts were already made.
    pub spent: bool,
}

impl Failure {
    pub fn new(reason: Reason, retry: Retry, message: impl Into<String>) -> Self {
        Failure {
            reason,
            message: message.into(),
            retry,
            status: None,
            spent: false,
        }
    }

    pub fn never(reason: Reason, message: impl Into<String>) -> Self {
        Failure::new(reason, Retry::Never, message)
    }

    pub fn cancelled() -> Self {
        Failure::never(Reason::Cancelled, "the transfer was interrupted")
    }

    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub fn disk(action: fmt::Arguments<'_>, error: &std::io::Error) -> Self {
        Failure::never(Reason::Disk, format!("{action}: {error}"))
    }

    /// A failure of the connection or of the protocol, told apart by the causes that reqwest carries.
    pub fn network(error: &reqwest::Error) -> Self {
        let causes = causes(error);
        let text = causes.join(": ");
        let lower = text.to_lowercase();
        let (reason, retry) = if lower.contains("dns error") || lower.contains("failed to lookup") {
            (Reason::Dns, Retry::Resume)
        } else if is_tls(&lower) {
            (Reason::Tls, Retry::Never)
        } else if error.is_timeout() {
            (Reason::Connect, Retry::Resume)
        } else if is_protocol(&lower) {
            (Reason::Protocol, Retry::Resume)
        } else if error.is_body() || error.is_decode() {
            (Reason::Truncated, Retry::Resume)
        } else {
            (Reason::Connect, Retry::Resume)
        };
        let last = causes.last().cloned().unwrap_or_default();
        let message = match reason {
            Reason::Dns => format!("the host's name cannot be resolved ({last})"),
            Reason::Tls => format!("no secure connection: {last}"),
            Reason::Protocol => format!("the answer is no sound HTTP: {last}"),
            Reason::Truncated => format!("the connection ended before the body did ({last})"),
            _ if error.is_timeout() => "no connection within the time allowed".to_string(),
            _ => format!("no connection, or it broke before an answer ({last})"),
        };
        Failure::new(reason, retry, message)
    }
}

/// Words of rustls' errors.
fn is_tls(text: &str) -> bool {
    [
        "certificate",
        "tls",
        "handshake",
        "corrupt message",
        "peer is incompatible",
        "peer misbehaved",
        "fatal alert",
    ]
    .iter()
    .any(|known| text.contains(known))
}

/// Words of hyper's parse errors: the peer spoke, but not HTTP.
fn is_protocol(text: &str) -> bool {
    [
        "invalid http",
        "invalid header",
        "invalid chunk",
        "invalid content-length",
        "unexpected content-length",
        "unexpected transfer-encoding",
        "message head is too large",
        "invalid uri",
        "unexpected message",
        "http/0.9",
        "invalid status",
    ]
    .iter()
    .any(|known| text.contains(known))
}

fn causes(error: &reqwest::Error) -> Vec<String> {
    let mut found = Vec::new();
    let mut next: Option<&dyn Error> = error.source();
    while let Some(cause) = next {
        found.push(cause.to_string());
        next = cause.source();
    }
    if found.is_empty() {
        // The error itself names the URL, which may hold a secret.
        found.push("no further cause".to_string());
    }
    found
}
