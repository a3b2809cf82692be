//! What an answer's status and headers say, before its body is read.

use super::address;
use super::ask::Answered;
use super::content;
use super::context::Context;
use super::decode::Decoder;
use super::error::{Failure, Reason, Retry};
use super::part::{Part, Validator};
use super::receive::Receiver;
use super::settings::{Answer, Request};
use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::Response;
use std::time::Duration;
use url::Url;

/// Time that the page of a failure is read for.
const PAGE_TIME: Duration = Duration::from_secs(5);

/// An answer's head, as provenance keeps it: cookies are left out.
pub fn describe(response: &Response, url: &Url) -> Answer {
    let headers = response.headers();
    let shown = headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "set-cookie" | "www-authenticate"));
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    Answer {
        url: address::public(url),
        status: response.status().as_u16(),
        headers: shown
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        length_declared: headers.contains_key(header::CONTENT_LENGTH)
            || headers.contains_key(header::CONTENT_RANGE),
    }
}

/// The head of the answers that a part came from, as far as its note keeps it.
pub fn recalled(part: &Part, url: &Url) -> Answer {
    let pairs = [
        ("etag", &part.validator.etag),
        ("last-modified", &part.validator.last_modified),
    ];
    Answer {
        url: address::public(url),
        status: 206,
        headers: pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.clone()?)))
            .collect(),
        length_declared: true,
    }
}

pub fn validator(headers: &HeaderMap) -> Validator {
    Validator {
        etag: text(headers, &header::ETAG),
        last_modified: text(headers, &header::LAST_MODIFIED),
    }
}

pub fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_string)
}

pub fn declared_length(headers: &HeaderMap) -> Option<u64> {
    text(headers, &header::CONTENT_LENGTH)?.trim().parse().ok()
}

/// The value of `Content-Range: bytes BEGIN-END/TOTAL`.
#[derive(Debug, PartialEq, Eq)]
pub struct ContentRange {
    pub begin: u64,
    pub end: u64,
    pub total: Option<u64>,
}

impl ContentRange {
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(&text(headers, &header::CONTENT_RANGE)?)
    }

    fn parse(value: &str) -> Option<Self> {
        let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (begin, end) = range.split_once('-')?;
        Some(ContentRange {
            begin: begin.trim().parse().ok()?,
            end: end.trim().parse().ok()?,
            total: total.trim().parse().ok(),
        })
    }
}

/// The time that `Retry-After` names, in seconds or as a date (RFC 9110, section 10.2.3).
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    parse_retry_after(text(headers, &header::RETRY_AFTER)?.trim())
}

fn parse_retry_after(value: &str) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|sign| sign.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(
        date.duration_since(std::time::SystemTime::now())
            .unwrap_or(Duration::ZERO),
    )
}

/// Whether a status is of a trouble that passes, and what it is called.
pub fn passing(status: u16, headers: &HeaderMap) -> Option<(Reason, Retry)> {
    let reason = match status {
        429 => Reason::RateLimited,
        408 | 425 | 500 | 502 | 503 | 504 => Reason::Unavailable,
        _ => return None,
    };
    Some((reason, retry_after(headers).map_or(Retry::Resume, Retry::After)))
}

/// How the body of an answer is decoded, and whether it is kept as the file that it was coded from.
pub struct Coding {
    pub decoder: Decoder,
    /// The body is a packed file and is labelled with the type of what it holds.
    pub kept_packed: bool,
}

impl Coding {
    pub fn of(request: &Request, headers: &HeaderMap) -> Result<Self, Failure> {
        let encoding = text(headers, &header::CONTENT_ENCODING);
        let path = request.url.split(['?', '#']).next().unwrap_or("").to_lowercase();
        let packed = [".gz", ".tgz", ".gzip"]
            .iter()
            .any(|ending| path.ends_with(ending));
        let coded = encoding.as_deref().is_some_and(|name| name.contains("gzip"));
        // Servers label packed files with their own coding; what was asked for plainly is the file itself.
        if packed && coded && !request.compressed {
            return Ok(Coding {
                decoder: Decoder::Identity,
                kept_packed: true,
            });
        }
        Ok(Coding {
            decoder: Decoder::of(encoding.as_deref())?,
            kept_packed: false,
        })
    }

    /// Whether bytes of the body are bytes of the file, so that ranges of one are ranges of the other.
    pub fn is_plain(&self) -> bool {
        self.decoder.is_identity()
    }
}

/// A part answer must continue the same resource where the part ends.
pub fn check_continuation(request: &Request, part: &mut Part, headers: &HeaderMap) -> Result<u64, Failure> {
    let begin = part.resume_at();
    let anew = |reason, message: String| Failure::new(reason, Retry::Anew, message).with_status(206);
    if !part.validator.agrees(&validator(headers)) {
        let message = "the file changed on the host while it was fetched".to_string();
        return Err(anew(Reason::Changed, message));
    }
    let range = ContentRange::of(headers).filter(|range| range.begin == begin);
    let Some(range) = range.filter(|_| Coding::of(request, headers).is_ok_and(|coding| coding.is_plain()))
    else {
        let message = format!("the host sent other bytes than those asked for, which begin at {begin}");
        return Err(anew(Reason::Range, message));
    };
    if let (Some(total), Some(now)) = (part.total, range.total) {
        if total != now {
            let message = "the file's length changed on the host while it was fetched".to_string();
            return Err(anew(Reason::Changed, message));
        }
    }
    part.total = part.total.or(range.total);
    check_length(request, part.total)?;
    part.cut(begin)?;
    Ok(begin)
}

/// Refuse a body by its declared length.
pub fn check_length(request: &Request, total: Option<u64>) -> Result<(), Failure> {
    let Some(total) = total else { return Ok(()) };
    if total > request.max_bytes {
        return Err(too_large(request, &format!("the file has {total} bytes")));
    }
    match request.length {
        Some(length) if length != total => Err(Failure::new(
            Reason::Length,
            Retry::Nowhere,
            format!("the file has {total} bytes on the host, and {length} were expected"),
        )),
        _ => Ok(()),
    }
}

pub fn too_large(request: &Request, what: &str) -> Failure {
    let limit = request.max_bytes;
    let message = format!("{what}, and {limit} are the most that is taken");
    Failure::new(Reason::TooLarge, Retry::Nowhere, message)
}

/// What a status says that brings no file: a little of its page is read, which tells more. Also the bytes read.
pub async fn status_failure(context: &Context, answered: Answered) -> (Failure, u64) {
    let status = answered.response.status();
    let headers = answered.response.headers().clone();
    let mut receiver = Receiver::new(context, answered.response);
    let page = tokio::time::timeout(PAGE_TIME, receiver.rest(content::PAGE_BYTES)).await;
    let page = plain_page(page.unwrap_or_default(), &headers);
    let code = status.as_u16();
    if matches!(code, 202 | 401 | 403 | 405 | 429 | 503) && content::is_challenge(&headers, &page) {
        return (content::challenge_failure().with_status(code), receiver.received);
    }
    let (reason, retry) = passing(code, &headers).unwrap_or(match code {
        204 | 205 => (Reason::Empty, Retry::Never),
        404 | 410 => (Reason::Status, Retry::Nowhere),
        _ => (Reason::Status, Retry::Never),
    });
    let hint = match code {
        401 | 403 => "; it may want a token, or keep programs out",
        404 | 410 => "; there is no such file",
        _ => "",
    };
    let name = status.canonical_reason().unwrap_or("");
    let failure = Failure::new(reason, retry, format!("the host answered {code} {name}{hint}"));
    (failure.with_status(code), receiver.received)
}

/// A page without its coding, as far as it can be decoded: it is only looked at.
fn plain_page(page: Vec<u8>, headers: &HeaderMap) -> Vec<u8> {
    let Ok(mut decoder) = Decoder::of(text(headers, &header::CONTENT_ENCODING).as_deref()) else {
        return page;
    };
    let mut plain = Vec::new();
    let mut keep = |bytes: &[u8]| {
        plain.extend_from_slice(&bytes[..bytes.len().min(content::PAGE_BYTES - plain.len())]);
        Ok(())
    };
    // A page cut short is decoded as far as it came.
    let _ = decoder.feed(&page, &mut keep);
    let _ = decoder.finish(&mut keep);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read() {
        let range = ContentRange::parse("bytes 5-9/10").unwrap();
        assert_eq!((range.begin, range.end, range.total), (5, 9, Some(10)));
        assert_eq!(ContentRange::parse("bytes 5-9/*").unwrap().total, None);
        for wrong in ["bytes */10", "5-9/10", "bytes 5-9", "bytes -1-9/10", ""] {
            assert_eq!(ContentRange::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(parse_retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(
            parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"),
            Some(Duration::ZERO)
        );
        let beyond = "9".repeat(40);
        assert_eq!(parse_retry_after(&beyond), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(parse_retry_after("-7"), None);
        assert_eq!(parse_retry_after("soon"), None);
    }
}
