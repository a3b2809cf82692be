//! One file from its first request to its place: attempts, waits between them, and what becomes of the part.

use super::address::{public, Address};
use super::answer::{self, Coding};
use super::ask::{self, Answered, Route};
use super::body::{Body, Read};
use super::context::{Context, Counters};
use super::error::{Failure, Reason, Retry};
use super::hosts::Permit;
use super::part::Part;
use super::patience::backoff;
use super::pieces::{self, Fetching};
use super::receive::Receiver;
use super::settings::{Answer, Exchange, Fetched, Request};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
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
    /// Whether the host's ranges have proved usable so far, and usable on several connections.
    ranges: bool,
    in_pieces: bool,
    announced: u64,
    kept: u64,
    /// What was asked last: the host that is to be left alone if it says so.
    place: Option<Url>,
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
            in_pieces: true,
            announced: 0,
            kept: 0,
            place: None,
        }
    }

    /// Fetch the file; on failure a part stays where a later transfer can go on with it.
    pub async fn run(&mut self) -> Result<Fetched, Failure> {
        let address = Arc::new(Address::of(&self.request)?);
        let context = Arc::clone(&self.context);
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
            let failure = failure.unless_patient(&context.settings);
            let spent = failure.spent || tries >= context.settings.attempts || digests >= DIGEST_ATTEMPTS;
            if spent || matches!(failure.retry, Retry::Never | Retry::Nowhere) {
                return Err(last(failure, tries));
            }
            self.wait(&failure, tries).await?;
        }
    }

    /// Wait before the next attempt; a host that is overloaded is left alone by every job.
    async fn wait(&mut self, failure: &Failure, tries: u32) -> Result<(), Failure> {
        let context = Arc::clone(&self.context);
        let wait = match failure.retry {
            Retry::After(time) => time,
            _ => backoff(&context.settings, tries),
        };
        if let Some(last) = self.exchanges.last_mut() {
            last.waited = wait;
        }
        Counters::add(&context.counters.retries, 1);
        if matches!(failure.retry, Retry::After(_)) || failure.reason == Reason::RateLimited {
            if let Some(place) = &self.place {
                context.hosts.of(place).hold(wait);
            }
            return Ok(());
        }
        let slept = async {
            tokio::time::sleep(wait).await;
            Ok(())
        };
        context.unless_cancelled(slept).await
    }

    /// One attempt; afterwards the part is closed, as the failure demands.
    async fn attempt(&mut self, address: &Arc<Address>) -> Result<Came, Failure> {
        self.exchanges.push(Exchange {
            url: public(&address.url),
            status: None,
            error: None,
            waited: Duration::ZERO,
            received: 0,
        });
        let mut part = None;
        let result = self.transfer(address, &mut part).await;
        let Err(mut failure) = result else { return result };
        if let Some(last) = self.exchanges.last_mut() {
            last.error = Some(failure.reason.name().to_string());
            last.status = last.status.or(failure.status);
        }
        if let Some(part) = part {
            if let (Reason::Truncated | Reason::Stalled | Reason::Slow, Some(total)) =
                (failure.reason, part.total)
            {
                failure.message += &format!("; {} of {total} bytes are there", pieces::kept(&part));
            }
            match failure.retry {
                Retry::Anew | Retry::Nowhere => part.discard()?,
                _ => part.leave(matches!(failure.reason, Reason::Cancelled | Reason::Disk))?,
            }
        }
        Err(failure)
    }

    async fn transfer(&mut self, address: &Arc<Address>, slot: &mut Option<Part>) -> Result<Came, Failure> {
        let context = Arc::clone(&self.context);
        let mut route = Route::of(address);
        let fetched = loop {
            self.place = Some(route.url.clone());
            let host = context.hosts.of(&route.url);
            let waited = async { Ok(context.hosts.acquire(&host).await) };
            let permit = context.unless_cancelled(waited).await?;
            // Open only while it has its turn: thousands of jobs wait, and a process may not have as many files open.
            let part = slot.insert(Part::open(&self.request.path, address.url.as_str())?);
            if part.pieces.is_some() && !self.in_pieces {
                part.clear()?;
            }
            if part.pieces.is_some() {
                break self.go_on_in_pieces(address, part, permit).await?;
            }
            let conditions = self.conditions(part)?;
            let compressed = self.request.compressed;
            let asked = ask::ask_once(&context, address, &mut route, permit, compressed, &conditions);
            match context.unless_cancelled(asked).await? {
                None => close(slot, |part| part.leave(false))?,
                Some(answered) => match self.take(address, part, answered).await? {
                    Came::Whole(fetched) => break fetched,
                    unchanged => {
                        close(slot, Part::discard)?;
                        return Ok(unchanged);
                    }
                },
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
            last.url = public(&answered.url);
        }
        let asked_range = self.ranges && part.resume_at() > 0;
        let conditional = self.request.etag.is_some() || self.request.last_modified.is_some();
        let found = answer::describe(&answered.response, &answered.url);
        match status {
            200 | 203 => {}
            206 if asked_range => {}
            304 if conditional => return Ok(Came::NotModified(found)),
            416 if asked_range => {
                let message = "the host no longer has the bytes that are missing (416)";
                return Err(Failure::new(Reason::Changed, Retry::Anew, message).with_status(416));
            }
            _ => {
                let (failure, received) = answer::status_failure(&self.context, answered).await;
                self.count_received(received);
                return Err(failure);
            }
        }
        self.read(address, part, answered, found, status == 206).await
    }

    async fn read(
        &mut self,
        address: &Arc<Address>,
        part: &mut Part,
        answered: Answered,
        found: Answer,
        continued: bool,
    ) -> Result<Came, Failure> {
        let (context, request) = (Arc::clone(&self.context), Arc::clone(&self.request));
        let Answered { response, permit, .. } = answered;
        let headers = response.headers();
        let coding = Coding::of(&request, headers)?;
        let mut resumed_from = 0;
        let mut body = if continued {
            resumed_from = self.check_continuation(part, headers)?;
            context.unless_cancelled(part.catch_up()).await?;
            Body::continued(&request, coding)
        } else {
            self.announce(answer::declared_length(headers).unwrap_or(0));
            Body::fresh(&request, &context, coding, headers, self.ranges && self.in_pieces)?
        };
        let mut receiver = Receiver::new(&context, response);
        let mut told = |part: &Part| self.set_kept(part.written);
        let read = context
            .unless_cancelled(body.read(part, &mut receiver, &mut told))
            .await;
        self.count_received(receiver.received);
        let sha256 = match read? {
            Read::Whole => part.sha256(),
            Read::InPieces(first) => {
                let primary = pieces::Primary { receiver, first };
                self.fetch_pieces(address, part, permit, Some(primary)).await?.0
            }
        };
        self.fetched(found, sha256, part, resumed_from)
    }

    fn check_continuation(&mut self, part: &mut Part, headers: &HeaderMap) -> Result<u64, Failure> {
        let begin = answer::check_continuation(&self.request, part, headers);
        self.ranges &= !matches!(&begin, Err(failure) if failure.reason == Reason::Range);
        self.announce(part.total.unwrap_or(0));
        begin
    }

    /// Take up a part that was begun in pieces.
    async fn go_on_in_pieces(
        &mut self,
        address: &Arc<Address>,
        part: &mut Part,
        permit: Permit,
    ) -> Result<Fetched, Failure> {
        let resumed_from = pieces::kept(part);
        self.announce(part.total.unwrap_or(0));
        answer::check_length(&self.request, part.total)?;
        self.set_kept(resumed_from);
        let (sha256, found) = self.fetch_pieces(address, part, permit, None).await?;
        // All pieces may have been there: then nothing was left but to put the file in its place.
        let found = found.unwrap_or_else(|| answer::recalled(part, &address.url));
        match self.fetched(found, sha256, part, resumed_from)? {
            Came::Whole(fetched) => Ok(fetched),
            Came::NotModified(_) => unreachable!("a part is never the answer that nothing changed"),
        }
    }

    async fn fetch_pieces(
        &mut self,
        address: &Arc<Address>,
        part: &mut Part,
        permit: Permit,
        primary: Option<pieces::Primary<'_>>,
    ) -> Result<(String, Option<Answer>), Failure> {
        let fetching = Fetching {
            context: Arc::clone(&self.context),
            path: self.request.path.clone(),
            address: Arc::clone(address),
        };
        let before = pieces::kept(part);
        let mut told = |kept| self.set_kept(kept);
        let result = pieces::fetch(fetching, part, permit, primary, &mut told).await;
        self.count_received(pieces::kept(part).saturating_sub(before));
        if let Err(failure) = &result {
            // Ranges, or hosts of one name that disagree, may still serve a single connection.
            self.in_pieces &= !matches!(failure.reason, Reason::Range | Reason::Changed);
            self.ranges &= failure.reason != Reason::Range;
        }
        result
    }

    fn fetched(
        &mut self,
        answer: Answer,
        sha256: String,
        part: &Part,
        resumed_from: u64,
    ) -> Result<Came, Failure> {
        if let Some(wanted) = &self.request.sha256 {
            if !wanted.eq_ignore_ascii_case(&sha256) {
                let message = format!("the file has the SHA-256 {sha256}, and {wanted} was expected");
                return Err(Failure::new(Reason::Digest, Retry::Anew, message));
            }
        }
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

fn close(slot: &mut Option<Part>, how: impl FnOnce(Part) -> Result<(), Failure>) -> Result<(), Failure> {
    slot.take().map_or(Ok(()), how)
}

/// A failure that no attempt follows says how many there were.
fn last(failure: Failure, tries: u32) -> Failure {
    if tries < 2 {
        return failure;
    }
    let message = format!("{} (attempt {tries}, the last)", failure.message);
    Failure { message, ..failure }
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
