//! What a caller asks for: limits, patience and the files themselves.

use pyo3::FromPyObject;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// How much may be asked of one host at a time.
#[derive(Clone, Copy, Debug)]
pub struct HostLimit {
    /// Requests under way at once.
    pub connections: usize,
    /// Least time between the starts of two requests.
    pub interval: Duration,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub connections: usize,
    pub default_limit: HostLimit,
    pub limits: HashMap<String, HostLimit>,
    pub connect_timeout: Duration,
    pub stall_timeout: Duration,
    /// Bytes per second, averaged over `least_speed_time`, below which a transfer is given up.
    pub least_speed: u64,
    pub least_speed_time: Duration,
    pub attempts: u32,
    pub backoff: Duration,
    pub longest_backoff: Duration,
    pub longest_wait: Duration,
    pub redirects: usize,
    pub user_agent: String,
    pub range_bytes: u64,
    pub piece_bytes: u64,
    pub file_connections: usize,
    pub sync: bool,
}

/// One file to fetch; a dict of Python's is read as one.
#[derive(Clone, Debug, FromPyObject)]
#[pyo3(from_item_all)]
pub struct Request {
    pub url: String,
    pub path: PathBuf,
    pub headers: Vec<(String, String)>,
    /// Headers that go to the origin of `url` only, and into no message or record.
    pub credentials: Vec<(String, String)>,
    pub content_types: Vec<String>,
    pub signatures: Vec<Vec<u8>>,
    pub html: bool,
    pub max_bytes: u64,
    pub length: Option<u64>,
    pub sha256: Option<String>,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub compressed: bool,
}

/// One request as it went: what a record of provenance needs.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub url: String,
    pub status: Option<u16>,
    pub error: Option<String>,
    pub waited: Duration,
    pub received: u64,
}

/// What is known of the answer that a file came from.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub url: String,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// Whether the answer said how long its body is.
    pub length_declared: bool,
}

/// A file that stands whole at its path, or an answer that it has not changed.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub answer: Answer,
    pub sha256: Option<String>,
    pub size: u64,
    pub resumed_from: u64,
    pub not_modified: bool,
}
