//! One file from its first request to its place: attempts, resuming, checks.

use super::client::{self, Address, Answered};
use super::content;
use super::context::{Context, Counters};
use super::decode::Decoder;
use super::error::{Failure, Reason, Retry};
use super::part::{Part, Validator};
use super::pieces;
use super::receive::{seconds, Receiver};
use super::settings::{Answer, Exchange, Fetched, Request};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::Response;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// New bytes that make an attempt count as none: a long file on a line that breaks often still comes through.
const PROGRESS: u64 = 1 << 20;
/// Downloads whose digest differs from the one asked for, before the archive is believed to hold another file.
const DIGEST_ATTEMPTS: u32 = 2;

pub struct Job {
    context: Arc<Context>,
    request: Arc<Request>,
    pub exchanges: Vec<Exchange>,
    /// Whether the host's ranges have proved usable so far.
    ranges: bool,
    announced: u64,
    kept: u64,
}

/// How far an attempt came.
enum Came {
    Whole(Fetched),
    NotModified(Answer),
}

impl Job {
    pub fn new(context: Arc<Context>, request: Arc<Request>) -> Self {
        Job {
            context,
            request,
            exchanges: Vec::new(),
            ranges: true,
            announced: 0,
            kept: 0,
        }
    }

    /// Fetch the file; on failure a part stays where a later transfer can go on with it.
    pub async fn run(&mut self) -> Result<Fetched, Failure> {
        let address = Arc::new(Address::of(&self.request)?);
        let settings = &Arc::clone(&self.context).settings;
        let (mut tries, mut furthest, mut digests) = (0, 0, 0);
        loop {
            let failure = match self.attempt(&address).await {
                Ok(Came::Whole(fetched)) => return Ok(fetched),
                Ok(Came::NotModified(answer)) => return Ok(not_modified(answer)),
                Err(failure) => failure,
            };
            if self.kept > furthest + PROGRESS {
                (tries, furthest) = (0, self.kept);
            }
            tries += 1;
            digests += u32::from(failure.reason == Reason::Digest);
            self.ranges &= failure.reason != Reason::Range;
            let spent = failure.spent || tries >= settings.attempts || digests >= DIGEST_ATTEMPTS;
            let wait = match failure.retry {
                Retry::Never => None,
                Retry::After(time) if time > settings.longest_wait => {
                    return Err(self.too_long(failure, time));
                }
                Retry::After(time) => Some(time),
                Retry::Resume | Retry::Anew => Some(self.backoff(tries)),
            };
            match wait {
                Some(wait) if !spent => self.wait(&failure, wait, &address).await?,
                _ => return Err(self.finally(failure, tries)),
            }
        }
    }

    /// Wait before the next attempt; a host that is overloaded is left alone by every job.
    async fn wait(&mut self, failure: &Failure, wait: Duration, address: &Address) -> Result<(), Failure> {
        if let Some(last) = self.exchanges.last_mut() {
            last.waited = wait;
        }
        Counters::add(&self.context.counters.retries, 1);
        if matches!(failure.retry, Retry::After(_)) || matches!(failure.reason, Reason::RateLimited) {
            self.context.hosts.of(&address.url).hold(wait);
            return Ok(());
        }
        let context = Arc::clone(&self.context);
        let slept = async {
            tokio::time::sleep(wait).await;
            Ok(())
        };
        context.unless_cancelled(slept).await
    }

    fn too_long(&self, failure: Failure, time: Duration) -> Failure {
        let message = format!(
            "{}; the host asks to wait {} s, and {} s are the longest wait",
            failure.message,
            seconds(time),
            seconds(self.context.settings.longest_wait)
        );
        Failure { message, ..failure }
    }

    fn finally(&self, failure: Failure, tries: u32) -> Failure {
        if tries < 2 {
            return failure;
        }
        let message = format!("{} (attempt {tries}, the last)", failure.message);
        Failure { message, ..failure }
    }

    /// Exponential backoff, half of it drawn by chance so that many clients do not come back at once.
    fn backoff(&self, tries: u32) -> Duration {
        let settings = &self.context.settings;
        let full = settings
            .backoff
            .saturating_mul(2u32.saturating_pow(tries.saturating_sub(1)));
        full.min(settings.longest_backoff)
            .mul_f64(0.5 + 0.5 * fastrand::f64())
    }

    /// One attempt; afterwards the part is closed, as the failure demands.
    async fn attempt(&mut self, address: &Arc<Address>) -> Result<Came, Failure> {
        self.exchanges.push(Exchange {
            url: client::public(&address.url),
            status: None,
            error: None,
            waited: Duration::ZERO,
            received: 0,
        });
        let context = Arc::clone(&self.context);
        let mut part = None;
        let result = self.transfer(&context, address, &mut part).await;
        let Err(failure) = result else { return result };
        self.note_failure(&failure);
        if let Some(part) = part {
            match failure.retry {
                Retry::Never if !matches!(failure.reason, Reason::Cancelled | Reason::Disk) => {
                    part.discard()?
                }
                Retry::Anew => part.discard()?,
                _ => part.leave(matches!(failure.reason, Reason::Cancelled))?,
            }
        }
        Err(failure)
    }

    fn note_failure(&mut self, failure: &Failure) {
        if let Some(last) = self.exchanges.last_mut() {
            last.error = Some(failure.reason.name().to_string());
            last.status = last.status.or(failure.status);
        }
    }

    async fn transfer(
        &mut self,
        context: &Arc<Context>,
        address: &Arc<Address>,
        slot: &mut Option<Part>,
    ) -> Result<Came, Failure> {
        let part = slot.insert(Part::open(&self.request.path, address.url.as_str())?);
        if part.pieces.is_some() && !self.ranges {
            part.clear()?;
        }
        let fetched = if part.pieces.is_some() {
            self.go_on_in_pieces(address, part).await?
        } else {
            let conditions = self.conditions(part)?;
            let asked = client::ask(context, address, self.request.compressed, &conditions);
            let answered = context.unless_cancelled(asked).await?;
            match self.take(address, part, answered).await? {
                Came::Whole(fetched) => fetched,
                unchanged => {
                    slot.take().expect("it was put there above").discard()?;
                    return Ok(unchanged);
                }
            }
        };
        let part = slot.take().expect("it was put there above");
        let sync = context.settings.sync;
        let finished = tokio::task::spawn_blocking(move || part.finish(sync)).await;
        finished.expect("finishing does not panic")?;
        Ok(Came::Whole(fetched))
    }

    /// Headers that make a request conditional, or a continuation.
    fn conditions(&self, part: &Part) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        let mut put = |name: HeaderName, value: &str| {
            let value = HeaderValue::from_str(value).map_err(|_| {
                Failure::never(Reason::Url, format!("{value:?} is no value of the header {name}"))
            })?;
            headers.insert(name, value);
            Ok::<(), Failure>(())
        };
        if let Some(tag) = &self.request.etag {
            put(header::IF_NONE_MATCH, tag)?;
        }
        if let Some(date) = &self.request.last_modified {
            put(header::IF_MODIFIED_SINCE, date)?;
        }
        let offset = part.resume_at();
        if let (true, true, Some(validator)) = (self.ranges, offset > 0, part.validator.if_range()) {
            put(header::RANGE, &format!("bytes={offset}-"))?;
            put(header::IF_RANGE, validator)?;
        }
        Ok(headers)
    }

    /// Judge an answer by its status and head, then read its body.
    async fn take(
        &mut self,
        address: &Arc<Address>,
        part: &mut Part,
        answered: Answered,
    ) -> Result<Came, Failure> {
        let status = answered.response.status().as_u16();
        if let Some(last) = self.exchanges.last_mut() {
            last.status = Some(status);
            last.url = client::public(&answered.url);
        }
        let asked_range = self.ranges && part.resume_at() > 0;
        let answer = describe(&answered.response, &answered.url);
        match status {
            200 | 203 => {}
            206 if asked_range => {}
            304 if self.request.etag.is_some() || self.request.last_modified.is_some() => {
                return Ok(Came::NotModified(answer));
            }
            416 if asked_range => {
                let message = "the host no longer has the bytes that are missing (416)";
                return Err(Failure::new(Reason::Changed, Retry::Anew, message).with_status(416));
            }
            _ => return Err(self.status_failure(status, answered).await),
        }
        let decoder = self.decoder(&answered.response)?;
        let resumed_from = if status == 206 {
            self.check_continuation(part, &answered.response)?
        } else {
            self.check_new_body(part, &answered.response, &decoder)?;
            0
        };
        let context = Arc::clone(&self.context);
        self.announce(part.total.unwrap_or(0));
        let Answered {
            response,
            url: _,
            permit,
        } = answered;
        let mut receiver = Receiver::new(&context, response);
        let read = self.read_body(&context, part, &mut receiver, decoder, resumed_from > 0);
        let read = context.unless_cancelled(read).await;
        self.count_received(receiver.received);
        let sha256 = match read? {
            Read::Whole => part.sha256(),
            Read::InPieces(chunk) => {
                let primary = pieces::Primary {
                    receiver,
                    first: chunk,
                    permit,
                };
                self.in_pieces(address, part, Some(primary)).await?.0
            }
        };
        self.fetched(answer, sha256, part, resumed_from)
    }

    fn decoder(&self, response: &Response) -> Result<Decoder, Failure> {
        let encoding = text(response.headers(), &header::CONTENT_ENCODING);
        let path = self
            .request
            .url
            .split(['?', '#'])
            .next()
            .unwrap_or("")
            .to_lowercase();
        let packed = [".gz", ".tgz", ".gzip"]
            .iter()
            .any(|ending| path.ends_with(ending));
        // Servers label packed files with their own coding; what was asked for plainly is the file itself.
        if packed && !self.request.compressed && encoding.as_deref().is_some_and(|name| name.contains("gzip"))
        {
            return Ok(Decoder::Identity);
        }
        Decoder::of(encoding.as_deref())
    }

    /// A part answer must continue the same resource where the part ends.
    fn check_continuation(&mut self, part: &mut Part, response: &Response) -> Result<u64, Failure> {
        let begin = part.resume_at();
        let anew = |reason, message: String| Failure::new(reason, Retry::Anew, message).with_status(206);
        if !part.validator.agrees(&validator(response.headers())) {
            let message = "the file changed on the host while it was fetched".to_string();
            return Err(anew(Reason::Changed, message));
        }
        let range =
            text(response.headers(), &header::CONTENT_RANGE).and_then(|value| ContentRange::parse(&value));
        let Some(range) = range.filter(|range| range.begin == begin) else {
            let message = format!("the host sent other bytes than those asked for, which begin at {begin}");
            return Err(anew(Reason::Range, message));
        };
        if part
            .total
            .is_some_and(|total| range.total.is_some_and(|now| now != total))
        {
            let message = "the file's length changed on the host while it was fetched".to_string();
            return Err(anew(Reason::Changed, message));
        }
        part.total = part.total.or(range.total);
        self.check_length(part.total)?;
        part.cut(begin)?;
        Ok(begin)
    }

    fn check_new_body(
        &mut self,
        part: &mut Part,
        response: &Response,
        decoder: &Decoder,
    ) -> Result<(), Failure> {
        content::check_media_type(&self.request, content::media_type(response.headers()).as_deref())
            .or_else(|failure| {
                if self.looks_like_page(response) {
                    Ok(())
                } else {
                    Err(failure)
                }
            })?;
        if decoder.is_identity() {
            let total = declared_length(response.headers());
            self.check_length(total)?;
            part.begin(validator(response.headers()), total)
        } else {
            // The bytes that are kept are not those that a range would count.
            part.begin(Validator::default(), None)
        }
    }

    /// A page is judged by its body, which says more than its type.
    fn looks_like_page(&self, response: &Response) -> bool {
        !self.request.html
            && content::media_type(response.headers()).is_some_and(|media| media.contains("html"))
    }

    fn check_length(&self, total: Option<u64>) -> Result<(), Failure> {
        let Some(total) = total else { return Ok(()) };
        if total > self.request.max_bytes {
            return Err(self.too_large(&format!("the file has {total} bytes")));
        }
        match self.request.length {
            Some(length) if length != total => Err(Failure::never(
                Reason::Length,
                format!("the file has {total} bytes on the host, and {length} were expected"),
            )),
            _ => Ok(()),
        }
    }

    fn too_large(&self, what: &str) -> Failure {
        let limit = self.request.max_bytes;
        Failure::never(
            Reason::TooLarge,
            format!("{what}, and {limit} are the most that is taken"),
        )
    }

    async fn read_body(
        &mut self,
        context: &Context,
        part: &mut Part,
        receiver: &mut Receiver<'_>,
        mut decoder: Decoder,
        resumed: bool,
    ) -> Result<Read, Failure> {
        let media = content::media_type(receiver.response().headers());
        let in_pieces =
            !resumed && decoder.is_identity() && self.wants_pieces(context, part, receiver.response());
        let mut first: Option<Vec<u8>> = (!resumed).then(Vec::new);
        while let Some(chunk) = receiver.chunk().await? {
            let keep = &mut |bytes: &[u8]| self.keep(part, &mut first, media.as_deref(), bytes, in_pieces);
            if let Err(failure) = decoder.feed(chunk.as_ref(), keep) {
                return Err(judged(failure, receiver, first.as_deref()).await);
            }
            if in_pieces
                && first
                    .as_ref()
                    .is_some_and(|bytes| bytes.len() >= content::FIRST_BYTES)
            {
                return Ok(Read::InPieces(first.unwrap_or_default()));
            }
        }
        let keep = &mut |bytes: &[u8]| self.keep(part, &mut first, media.as_deref(), bytes, false);
        decoder.finish(keep)?;
        if let Some(bytes) = first.take() {
            self.check_short_body(media.as_deref(), &bytes, receiver)?;
            part.append(&bytes)?;
        }
        self.check_whole(part)?;
        Ok(Read::Whole)
    }

    /// Keep decoded bytes; the first ones wait until they are enough to be judged.
    fn keep(
        &mut self,
        part: &mut Part,
        first: &mut Option<Vec<u8>>,
        media: Option<&str>,
        bytes: &[u8],
        in_pieces: bool,
    ) -> Result<(), Failure> {
        let waiting = first.as_ref().map_or(0, Vec::len) as u64;
        if part.written + waiting + bytes.len() as u64 > self.request.max_bytes {
            return Err(self.too_large("the body goes on"));
        }
        if let Some(begun) = first {
            begun.extend_from_slice(bytes);
            if begun.len() < content::FIRST_BYTES {
                return Ok(());
            }
            content::check_first_bytes(&self.request, media, begun)?;
            if in_pieces {
                return Ok(());
            }
            let begun = first.take().expect("it was there a line above");
            part.append(&begun)?;
        } else {
            part.append(bytes)?;
        }
        self.set_kept(part.written);
        Ok(())
    }

    /// A body that ended within the first bytes.
    fn check_short_body(
        &self,
        media: Option<&str>,
        bytes: &[u8],
        receiver: &Receiver<'_>,
    ) -> Result<(), Failure> {
        if bytes.is_empty() && self.request.length != Some(0) {
            return Err(Failure::never(Reason::Empty, "the body is empty"));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        content::check_first_bytes(&self.request, media, bytes).map_err(|failure| {
            let challenge =
                failure.reason == Reason::Html && content::is_challenge(receiver.response().headers(), bytes);
            if challenge {
                content::challenge_failure()
            } else {
                failure
            }
        })
    }

    fn check_whole(&self, part: &Part) -> Result<(), Failure> {
        if let Some(total) = part.total.filter(|total| *total != part.written) {
            let message = format!("the body ended after {} of {total} bytes", part.written);
            let retry = if part.written < total {
                Retry::Resume
            } else {
                Retry::Anew
            };
            return Err(Failure::new(Reason::Truncated, retry, message));
        }
        self.check_size(part.written)
    }

    fn check_size(&self, size: u64) -> Result<(), Failure> {
        match self.request.length {
            Some(length) if length != size => Err(Failure::new(
                Reason::Length,
                Retry::Anew,
                format!("the file has {size} bytes, and {length} were expected"),
            )),
            _ => Ok(()),
        }
    }

    fn check_digest(&self, sha256: &str) -> Result<(), Failure> {
        match &self.request.sha256 {
            Some(wanted) if !wanted.eq_ignore_ascii_case(sha256) => Err(Failure::new(
                Reason::Digest,
                Retry::Anew,
                format!("the file has the SHA-256 {sha256}, and {wanted} was expected"),
            )),
            _ => Ok(()),
        }
    }

    fn fetched(
        &mut self,
        answer: Answer,
        sha256: String,
        part: &Part,
        resumed_from: u64,
    ) -> Result<Came, Failure> {
        self.check_digest(&sha256)?;
        let size = match part.pieces {
            Some(_) => part.total.unwrap_or(0),
            None => part.written,
        };
        self.announce(size);
        self.set_kept(size);
        Ok(Came::Whole(Fetched {
            answer,
            sha256: Some(sha256),
            size,
            resumed_from,
            not_modified: false,
        }))
    }

    /// Whether a body is worth several connections, and can be had in ranges.
    fn wants_pieces(&self, context: &Context, part: &Part, response: &Response) -> bool {
        let settings = &context.settings;
        let accepts =
            text(response.headers(), &header::ACCEPT_RANGES).is_some_and(|value| value.contains("bytes"));
        self.ranges
            && accepts
            && settings.file_connections > 1
            && part.validator.if_range().is_some()
            && part
                .total
                .is_some_and(|total| total >= settings.range_bytes && total > settings.piece_bytes)
    }

    async fn in_pieces(
        &mut self,
        address: &Arc<Address>,
        part: &mut Part,
        primary: Option<pieces::Primary<'_>>,
    ) -> Result<(String, Option<Answer>), Failure> {
        let (context, request) = (Arc::clone(&self.context), Arc::clone(&self.request));
        let before = pieces::kept(part);
        let mut told = |kept| self.set_kept(kept);
        let result = pieces::fetch(&context, &request, address, part, primary, &mut told).await;
        self.count_received(pieces::kept(part).saturating_sub(before));
        result
    }

    /// Take up a part that was begun in pieces.
    async fn go_on_in_pieces(&mut self, address: &Arc<Address>, part: &mut Part) -> Result<Fetched, Failure> {
        let resumed_from = pieces::kept(part);
        self.announce(part.total.unwrap_or(0));
        self.check_length(part.total)?;
        self.set_kept(resumed_from);
        let (sha256, answer) = self.in_pieces(address, part, None).await?;
        // All pieces were there: nothing was left but to put the file in its place.
        let answer = answer.unwrap_or_else(|| Answer {
            url: client::public(&address.url),
            status: 206,
            headers: validator_headers(&part.validator),
            length_declared: true,
        });
        match self.fetched(answer, sha256, part, resumed_from)? {
            Came::Whole(fetched) => Ok(fetched),
            Came::NotModified(_) => unreachable!("a part is never the answer that nothing changed"),
        }
    }

    /// What a status says that brings no file: read a little of its page, which tells more.
    async fn status_failure(&mut self, status: u16, answered: Answered) -> Failure {
        let headers = answered.response.headers().clone();
        let retry_after = text(&headers, &header::RETRY_AFTER).and_then(|value| parse_retry_after(&value));
        let name = answered
            .response
            .status()
            .canonical_reason()
            .unwrap_or("")
            .to_string();
        let context = Arc::clone(&self.context);
        let mut receiver = Receiver::new(&context, answered.response);
        let page = tokio::time::timeout(Duration::from_secs(5), receiver.rest(content::PAGE_BYTES));
        let page = page.await.unwrap_or_default();
        self.count_received(receiver.received);
        if matches!(status, 202 | 401 | 403 | 405 | 429 | 503) && content::is_challenge(&headers, &page) {
            return content::challenge_failure().with_status(status);
        }
        let after = |otherwise| retry_after.map_or(otherwise, Retry::After);
        let (reason, retry) = match status {
            429 => (Reason::RateLimited, after(Retry::Resume)),
            408 | 425 | 500 | 502 | 504 => (Reason::Unavailable, after(Retry::Resume)),
            503 => (Reason::Unavailable, after(Retry::Resume)),
            204 | 205 => (Reason::Empty, Retry::Never),
            _ => (Reason::Status, Retry::Never),
        };
        let hint = match status {
            401 | 403 => "; it may want a token, or keep programs out",
            404 | 410 => "; there is no such file",
            _ => "",
        };
        Failure::new(reason, retry, format!("the host answered {status} {name}{hint}")).with_status(status)
    }

    fn count_received(&mut self, bytes: u64) {
        if let Some(last) = self.exchanges.last_mut() {
            last.received += bytes;
        }
    }

    fn announce(&mut self, total: u64) {
        let counter = &self.context.counters.expected;
        Counters::add(counter, total.wrapping_sub(self.announced));
        self.announced = total;
    }

    fn set_kept(&mut self, kept: u64) {
        Counters::add(&self.context.counters.kept, kept.wrapping_sub(self.kept));
        self.kept = kept;
    }
}

enum Read {
    Whole,
    /// Only the first bytes were read: the file is worth several connections.
    InPieces(Vec<u8>),
}

/// A refused page may be a challenge: its further bytes tell.
async fn judged(failure: Failure, receiver: &mut Receiver<'_>, first: Option<&[u8]>) -> Failure {
    if failure.reason != Reason::Html {
        return failure;
    }
    let mut page = first.unwrap_or_default().to_vec();
    page.extend(receiver.rest(content::PAGE_BYTES).await);
    if content::is_challenge(receiver.response().headers(), &page) {
        content::challenge_failure()
    } else {
        content::page_failure(&page)
    }
}

fn not_modified(answer: Answer) -> Fetched {
    Fetched {
        answer,
        sha256: None,
        size: 0,
        resumed_from: 0,
        not_modified: true,
    }
}

/// An answer's head, as provenance keeps it: cookies are left out.
pub fn describe(response: &Response, url: &Url) -> Answer {
    let headers = response.headers();
    let shown = headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "set-cookie" | "www-authenticate"));
    Answer {
        url: client::public(url),
        status: response.status().as_u16(),
        headers: shown
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        length_declared: headers.contains_key(header::CONTENT_LENGTH)
            || headers.contains_key(header::CONTENT_RANGE),
    }
}

fn validator_headers(validator: &Validator) -> Vec<(String, String)> {
    let pairs = [
        ("etag", &validator.etag),
        ("last-modified", &validator.last_modified),
    ];
    pairs
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.clone()?)))
        .collect()
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

fn declared_length(headers: &HeaderMap) -> Option<u64> {
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
    pub fn parse(value: &str) -> Option<Self> {
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
fn parse_retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|sign| sign.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(
        date.duration_since(std::time::SystemTime::now())
            .unwrap_or(Duration::ZERO),
    )
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
        assert_eq!(
            parse_retry_after(&"9".repeat(40)),
            Some(Duration::from_secs(u64::MAX))
        );
        assert_eq!(parse_retry_after("-7"), None);
        assert_eq!(parse_retry_after("soon"), None);
    }
}
