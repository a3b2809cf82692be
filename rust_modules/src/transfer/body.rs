//! Reading a body into a part: its first bytes are judged before anything is kept, its end when all has come.

use super::answer::{self, Coding};
use super::content;
use super::context::Context;
use super::decode::{Decoder, Keep};
use super::error::{Failure, Reason, Retry};
use super::part::{can_be_pieces, Part, Validator};
use super::receive::Receiver;
use super::settings::Request;
use reqwest::header::{self, HeaderMap};

/// A body on its way into a part.
pub struct Body<'a> {
    request: &'a Request,
    coding: Coding,
    /// The declared type, unless it is that of something packed within.
    media: Option<String>,
    /// Set until the first bytes have been judged: a part of before stays until then.
    fresh: Option<Fresh>,
}

/// A body that begins at the first byte, and has not been judged yet.
struct Fresh {
    validator: Validator,
    total: Option<u64>,
    first: Vec<u8>,
    in_pieces: bool,
}

/// How a body was read.
pub enum Read {
    /// All of it is in the part.
    Whole,
    /// Only these first bytes were read: the file is worth several connections.
    InPieces(Vec<u8>),
}

impl<'a> Body<'a> {
    /// A body that continues a part.
    pub fn continued(request: &'a Request, coding: Coding) -> Self {
        Body {
            request,
            coding,
            media: None,
            fresh: None,
        }
    }

    /// A body that begins at the first byte; refused where its head says that it cannot be the file.
    pub fn fresh(
        request: &'a Request,
        context: &Context,
        coding: Coding,
        headers: &HeaderMap,
        ranges: bool,
    ) -> Result<Self, Failure> {
        let declared = content::media_type(headers);
        // A page is judged by its body, which says more than its type.
        let is_page = !request.html && declared.as_ref().is_some_and(|media| media.contains("html"));
        if !is_page && !coding.kept_packed {
            content::check_media_type(request, declared.as_deref())?;
        }
        // Bytes that are decoded are not those that a range would count.
        let (validator, total) = if coding.is_plain() {
            (answer::validator(headers), answer::declared_length(headers))
        } else {
            (Validator::default(), None)
        };
        answer::check_length(request, total)?;
        let in_pieces = ranges && worth_pieces(context, &validator, total, headers);
        Ok(Body {
            request,
            media: declared.filter(|_| !coding.kept_packed),
            coding,
            fresh: Some(Fresh {
                validator,
                total,
                first: Vec::new(),
                in_pieces,
            }),
        })
    }

    /// Read to the end, or until the first bytes are judged where the rest is fetched in pieces. `told` hears how
    /// many bytes the part has.
    pub async fn read(
        &mut self,
        part: &mut Part,
        receiver: &mut Receiver<'_>,
        told: &mut (dyn FnMut(&Part) + Send),
    ) -> Result<Read, Failure> {
        while let Some(chunk) = receiver.chunk().await? {
            if let Err(failure) = self.feed(part, chunk.as_ref()) {
                return Err(self.judged(failure, receiver).await);
            }
            told(part);
            if let Some(fresh) = self.fresh.take_if(|fresh| fresh.is_enough() && fresh.in_pieces) {
                part.begin(fresh.validator, fresh.total)?;
                return Ok(Read::InPieces(fresh.first));
            }
        }
        self.end(part, receiver)?;
        told(part);
        Ok(Read::Whole)
    }

    fn feed(&mut self, part: &mut Part, chunk: &[u8]) -> Result<(), Failure> {
        self.decode(part, |decoder, keep| decoder.feed(chunk, keep))
    }

    /// Let the decoder work, and keep what comes out of it.
    fn decode(
        &mut self,
        part: &mut Part,
        work: impl FnOnce(&mut Decoder, Keep<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (request, media, fresh) = (self.request, self.media.as_deref(), &mut self.fresh);
        work(&mut self.coding.decoder, &mut |bytes| {
            keep(request, part, media, fresh, bytes)
        })
    }

    /// The body has ended: what is left of it, and whether it is all.
    fn end(&mut self, part: &mut Part, receiver: &Receiver<'_>) -> Result<(), Failure> {
        self.decode(part, |decoder, keep| decoder.finish(keep))?;
        if let Some(fresh) = self.fresh.take() {
            self.check_short(&fresh.first, receiver)?;
            part.begin(fresh.validator, fresh.total)?;
            part.append(&fresh.first)?;
        }
        check_whole(self.request, part)
    }

    /// A body that ended within the first bytes.
    fn check_short(&self, bytes: &[u8], receiver: &Receiver<'_>) -> Result<(), Failure> {
        match (bytes.is_empty(), self.request.length) {
            (true, Some(0)) => Ok(()),
            (true, _) => Err(Failure::never(Reason::Empty, "the body is empty")),
            (false, _) => content::check_first_bytes(self.request, self.media.as_deref(), bytes)
                .map_err(|failure| told_apart(failure, receiver.response().headers(), bytes)),
        }
    }

    /// A refused page may be a challenge: its further bytes tell.
    async fn judged(&self, failure: Failure, receiver: &mut Receiver<'_>) -> Failure {
        let Some(fresh) = self.fresh.as_ref().filter(|_| failure.reason == Reason::Html) else {
            return failure;
        };
        let mut page = fresh.first.clone();
        page.extend(receiver.rest(content::PAGE_BYTES).await);
        told_apart(failure, receiver.response().headers(), &page)
    }
}

impl Fresh {
    fn is_enough(&self) -> bool {
        self.first.len() >= content::FIRST_BYTES
    }
}

/// Keep decoded bytes; the first ones wait until they are enough to be judged.
fn keep(
    request: &Request,
    part: &mut Part,
    media: Option<&str>,
    fresh: &mut Option<Fresh>,
    bytes: &[u8],
) -> Result<(), Failure> {
    let before = fresh
        .as_ref()
        .map_or(part.written, |begun| begun.first.len() as u64);
    if before + bytes.len() as u64 > request.max_bytes {
        return Err(answer::too_large(request, "the body goes on"));
    }
    let Some(begun) = fresh else {
        return part.append(bytes);
    };
    begun.first.extend_from_slice(bytes);
    if !begun.is_enough() {
        return Ok(());
    }
    content::check_first_bytes(request, media, &begun.first)?;
    match fresh.take_if(|begun| !begun.in_pieces) {
        Some(judged) => {
            part.begin(judged.validator, judged.total)?;
            part.append(&judged.first)
        }
        None => Ok(()),
    }
}

fn told_apart(failure: Failure, headers: &HeaderMap, page: &[u8]) -> Failure {
    match failure.reason {
        Reason::Html if content::is_challenge(headers, page) => content::challenge_failure(),
        Reason::Html => content::page_failure(page),
        _ => failure,
    }
}

/// Whether a body is worth several connections, and can be had in ranges.
fn worth_pieces(context: &Context, validator: &Validator, total: Option<u64>, headers: &HeaderMap) -> bool {
    let settings = &context.settings;
    let accepts = answer::text(headers, &header::ACCEPT_RANGES).is_some_and(|value| value.contains("bytes"));
    accepts
        && settings.file_connections > 1
        && validator.if_range().is_some()
        && total
            .is_some_and(|total| total >= settings.range_bytes && can_be_pieces(total, settings.piece_bytes))
}

fn check_whole(request: &Request, part: &Part) -> Result<(), Failure> {
    if let Some(total) = part.total.filter(|total| *total != part.written) {
        let message = format!("the body ended after {} of {total} bytes", part.written);
        let retry = if part.written < total {
            Retry::Resume
        } else {
            Retry::Anew
        };
        return Err(Failure::new(Reason::Truncated, retry, message));
    }
    match request.length {
        Some(length) if length != part.written => Err(Failure::new(
            Reason::Length,
            Retry::Anew,
            format!("the file has {} bytes, and {length} were expected", part.written),
        )),
        _ => Ok(()),
    }
}
