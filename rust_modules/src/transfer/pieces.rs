//! One large file over several connections: pieces of equal size, each asked for as a range.
//!
//! Pieces are taken in order, so that the digest, which must see the bytes in order, follows close behind. The
//! first connection goes on with the body that it has until another has taken the piece that comes next.

use super::address::Address;
use super::answer::{self, ContentRange};
use super::ask::{self, Answered};
use super::context::{Context, Counters};
use super::error::{Failure, Reason, Retry};
use super::hosts::Permit;
use super::part::{self, Part, Pieces, Validator};
use super::patience::backoff;
use super::receive::Receiver;
use super::settings::Answer;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::Response;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{mpsc, Arc, Mutex};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use url::Url;

/// The answer whose body is the whole file, its first bytes already read.
pub struct Primary<'a> {
    pub receiver: Receiver<'a>,
    pub first: Vec<u8>,
}

/// What is fetched, and where it goes.
pub struct Fetching {
    pub context: Arc<Context>,
    pub address: Arc<Address>,
    pub path: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    Taken,
    Done,
}

/// What the connections of one file share.
struct Board {
    fetching: Fetching,
    file: Arc<File>,
    validator: Validator,
    total: u64,
    size: u64,
    states: Mutex<Vec<State>>,
    /// Attempts in a row, of all connections, that finished no piece.
    failures: AtomicU32,
    done: UnboundedSender<Progress>,
}

/// What a connection tells the one that keeps the books.
enum Progress {
    Piece(u64),
    Answer(Answer),
}

impl Board {
    fn states(&self) -> std::sync::MutexGuard<'_, Vec<State>> {
        self.states
            .lock()
            .expect("no thread panics while it holds this lock")
    }

    fn range(&self, piece: u64) -> (u64, u64) {
        let begin = piece * self.size;
        (begin, (begin + self.size).min(self.total))
    }

    /// Take the first piece that is free.
    fn take(&self) -> Option<u64> {
        let mut states = self.states();
        let free = states.iter().position(|state| *state == State::Free)?;
        states[free] = State::Taken;
        Some(free as u64)
    }

    /// Take this piece, if it is free.
    fn take_this(&self, piece: u64) -> bool {
        let mut states = self.states();
        match states.get_mut(piece as usize) {
            Some(state) if *state == State::Free => {
                *state = State::Taken;
                true
            }
            _ => false,
        }
    }

    fn finish(&self, piece: u64) {
        self.failures.store(0, Ordering::Relaxed);
        self.states()[piece as usize] = State::Done;
        // The receiving end outlives the connections, which are ended before it.
        let _ = self.done.send(Progress::Piece(piece));
    }

    fn give_back(&self, piece: u64) {
        self.states()[piece as usize] = State::Free;
    }

    /// Count a failure, and wait as it demands; an error if there is to be no further attempt.
    async fn pause(&self, failure: Failure) -> Result<(), Failure> {
        if !matches!(failure.retry, Retry::Resume | Retry::After(_)) {
            return Err(failure);
        }
        let settings = &self.fetching.context.settings;
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        let mut failure = failure.unless_patient(settings);
        failure.spent |= failures >= settings.attempts;
        if failure.spent {
            return Err(failure);
        }
        Counters::add(&self.fetching.context.counters.retries, 1);
        if failure.retry == Retry::Resume && failure.reason != Reason::RateLimited {
            tokio::time::sleep(backoff(settings, failures)).await;
        }
        Ok(())
    }

    /// Leave a host alone that asks for it.
    fn hold_back(&self, url: &Url, response: &Response) {
        let context = &self.fetching.context;
        let wait = match answer::passing(response.status().as_u16(), response.headers()) {
            Some((_, Retry::After(time))) if time <= context.settings.longest_wait => time,
            Some((Reason::RateLimited, Retry::Resume)) => backoff(&context.settings, 1),
            _ => return,
        };
        context.hosts.of(url).hold(wait);
    }

    fn write(&self, bytes: &[u8], offset: u64) -> Result<(), Failure> {
        part::write_at(&self.file, bytes, offset)
            .map_err(|error| part::disk_failure("cannot write", &self.fetching.path, &error))
    }
}

/// Bytes of a part that stand in finished pieces.
pub fn kept(part: &Part) -> u64 {
    match (&part.pieces, part.total) {
        (Some(pieces), Some(total)) => pieces
            .done
            .iter()
            .map(|piece| pieces.size.min(total.saturating_sub(piece * pieces.size)))
            .sum(),
        _ => part.written,
    }
}

/// Fetch what a part still lacks; its SHA-256, and an answer that bytes came with. `told` hears how many bytes
/// stand in finished pieces as they come.
pub async fn fetch(
    fetching: Fetching,
    part: &mut Part,
    permit: Permit,
    primary: Option<Primary<'_>>,
    told: &mut (dyn FnMut(u64) + Send),
) -> Result<(String, Option<Answer>), Failure> {
    let (context, path) = (Arc::clone(&fetching.context), fetching.path.clone());
    let total = part.total.expect("pieces are made of a known length");
    let pieces = part.pieces.get_or_insert_with(|| Pieces {
        size: context.settings.piece_bytes,
        done: Vec::new(),
    });
    let size = pieces.size;
    let count = total.div_ceil(size);
    let mut states = vec![State::Free; count as usize];
    for piece in pieces.done.iter().filter(|piece| **piece < count) {
        states[*piece as usize] = State::Done;
    }
    let (sender, mut progress) = tokio::sync::mpsc::unbounded_channel();
    let board = Arc::new(Board {
        fetching,
        file: part.file(),
        validator: part.validator.clone(),
        total,
        size,
        states: Mutex::new(states.clone()),
        failures: AtomicU32::new(0),
        done: sender,
    });
    part.note()?;
    let mut frontier = Frontier::start(&board, states);
    let mut connections = JoinSet::new();
    let wanted = context.settings.file_connections.min(count as usize);
    for _ in 1..wanted {
        connections.spawn(connection(Arc::clone(&board), None));
    }
    let mut answer = None;
    let first = async {
        if let Some(primary) = primary {
            read_primary(&board, primary).await?;
        }
        connection(Arc::clone(&board), Some(permit)).await
    };
    let result = {
        tokio::pin!(first);
        let mut reading = true;
        loop {
            if frontier.is_whole() {
                break Ok(());
            }
            tokio::select! {
                () = context.cancelled() => break Err(Failure::cancelled()),
                news = progress.recv() => match news.expect("the board holds a sender") {
                    Progress::Piece(piece) => {
                        if let Err(failure) = record(part, piece, &mut frontier) {
                            break Err(failure);
                        }
                        told(kept(part));
                    }
                    Progress::Answer(found) => answer = answer.or(Some(found)),
                },
                ended = &mut first, if reading => {
                    reading = false;
                    match ended {
                        Ok(()) => {}
                        // The body broke: another connection takes its place.
                        Err(failure) if !failure.spent && failure.retry == Retry::Resume => {
                            connections.spawn(connection(Arc::clone(&board), None));
                        }
                        Err(failure) => break Err(failure),
                    }
                },
                ended = connections.join_next(), if !connections.is_empty() => {
                    match ended.expect("there is one").expect("connections do not panic") {
                        Ok(()) => {}
                        Err(failure) => break Err(failure),
                    }
                },
            }
        }
    };
    // Nothing may write into the part any more when this returns.
    connections.shutdown().await;
    result?;
    let digest = frontier.digest().await;
    Ok((
        digest.map_err(|error| part::disk_failure("cannot read", &path, &error))?,
        answer,
    ))
}

fn record(part: &mut Part, piece: u64, frontier: &mut Frontier) -> Result<(), Failure> {
    frontier.advance(piece);
    part.note_piece(piece)
}

/// The digest of the pieces in order, made by a thread of its own as they come.
struct Frontier {
    states: Vec<State>,
    next: usize,
    left: usize,
    ends: Option<mpsc::Sender<u64>>,
    digest: tokio::task::JoinHandle<io::Result<Sha256>>,
    /// Set where the digest is no longer wanted: the thread lets go of the part, so that a later transfer can lock it.
    stopped: Arc<AtomicBool>,
    size: u64,
    total: u64,
}

impl Frontier {
    fn start(board: &Board, states: Vec<State>) -> Self {
        let (ends, incoming) = mpsc::channel::<u64>();
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stopped);
        let file = Arc::clone(&board.file);
        let digest = tokio::task::spawn_blocking(move || {
            let (mut digest, mut begin) = (Sha256::new(), 0);
            for all in incoming {
                while begin < all && !seen.load(Ordering::Relaxed) {
                    let end = all.min(begin + part::HASHED_AT_ONCE);
                    part::hash_range(&file, begin, end, &mut digest)?;
                    begin = end;
                }
            }
            Ok(digest)
        });
        let left = states.iter().filter(|state| **state != State::Done).count();
        let mut frontier = Frontier {
            states,
            next: 0,
            left,
            ends: Some(ends),
            digest,
            stopped,
            size: board.size,
            total: board.total,
        };
        frontier.follow();
        frontier
    }

    fn advance(&mut self, piece: u64) {
        self.states[piece as usize] = State::Done;
        self.left -= 1;
        self.follow();
    }

    /// Let the digest go on to the first piece that is missing.
    fn follow(&mut self) {
        let before = self.next;
        while self.states.get(self.next) == Some(&State::Done) {
            self.next += 1;
        }
        if let (true, Some(ends)) = (self.next > before, &self.ends) {
            // A thread that ended early has met a failure of the disk, which `digest` tells.
            let _ = ends.send((self.next as u64 * self.size).min(self.total));
        }
    }

    fn is_whole(&self) -> bool {
        self.left == 0
    }

    async fn digest(mut self) -> io::Result<String> {
        self.ends = None;
        (&mut self.digest)
            .await
            .expect("hashing does not panic")
            .map(crate::hashing::hexadecimal)
    }
}

impl Drop for Frontier {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Read the whole file's body piece by piece, until another connection has taken the piece that comes next.
async fn read_primary(board: &Board, mut primary: Primary<'_>) -> Result<(), Failure> {
    let (mut piece, mut offset) = (0, 0);
    if !board.take_this(0) {
        return Ok(());
    }
    let mut waiting = Some(primary.first);
    loop {
        let bytes = match waiting.take() {
            Some(first) => Some(first),
            None => match primary.receiver.chunk().await {
                Ok(chunk) => chunk.map(|bytes| bytes.as_ref().to_vec()),
                Err(failure) => {
                    board.give_back(piece);
                    return Err(failure);
                }
            },
        };
        let Some(bytes) = bytes else {
            board.give_back(piece);
            return Ok(());
        };
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (_, end) = board.range(piece);
            let count = rest.len().min((end - offset) as usize);
            board.write(&rest[..count], offset)?;
            offset += count as u64;
            rest = &rest[count..];
            if offset == end {
                board.finish(piece);
                piece += 1;
                if end == board.total || !board.take_this(piece) {
                    return Ok(());
                }
            }
        }
    }
}

/// Fetch pieces until none is free; a broken one is tried again, as often as the settings allow for all together.
async fn connection(board: Arc<Board>, permit: Option<Permit>) -> Result<(), Failure> {
    let Fetching { context, address, .. } = &board.fetching;
    let host = context.hosts.of(&address.url);
    // Kept from piece to piece: a file that was begun is finished before others are.
    let mut permit = match permit {
        Some(first) => first,
        None => context.hosts.acquire(&host).await,
    };
    while let Some(piece) = board.take() {
        let result = fetch_piece(&board, piece, permit).await;
        permit = match result {
            Ok(Some(kept)) => {
                context.hosts.next_start(&host).await;
                kept
            }
            Ok(None) => context.hosts.acquire(&host).await,
            Err(failure) => {
                board.give_back(piece);
                board.pause(failure).await?;
                context.hosts.acquire(&host).await
            }
        };
    }
    Ok(())
}

/// Fetch one piece; the permit comes back if it is still that of the file's own host.
async fn fetch_piece(board: &Board, piece: u64, permit: Permit) -> Result<Option<Permit>, Failure> {
    let (begin, end) = board.range(piece);
    let range = range_headers(board, begin, end)?;
    let Fetching { context, address, .. } = &board.fetching;
    let Answered {
        response,
        url,
        permit,
    } = ask::ask(context, address, permit, &range).await?;
    board.hold_back(&url, &response);
    check_range(board, response.status().as_u16(), response.headers(), begin, end)?;
    let _ = board
        .done
        .send(Progress::Answer(answer::describe(&response, &url)));
    let mut receiver = Receiver::new(context, response);
    let mut offset = begin;
    while let Some(chunk) = receiver.chunk().await? {
        let bytes = chunk.as_ref();
        if offset + bytes.len() as u64 > end {
            return Err(range_failure("the host sent more bytes than were asked for"));
        }
        board.write(bytes, offset)?;
        offset += bytes.len() as u64;
    }
    if offset < end {
        let message = format!("a piece ended after {} of {} bytes", offset - begin, end - begin);
        return Err(Failure::new(Reason::Truncated, Retry::Resume, message));
    }
    board.finish(piece);
    Ok((url.host_str() == address.url.host_str()).then_some(permit))
}

fn range_headers(board: &Board, begin: u64, end: u64) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    let mut put = |name, value: &str| {
        let value =
            HeaderValue::from_str(value).map_err(|_| range_failure("the host's validator is no header"))?;
        headers.insert(name, value);
        Ok::<(), Failure>(())
    };
    put(header::RANGE, &format!("bytes={begin}-{}", end - 1))?;
    put(header::IF_RANGE, board.validator.if_range().unwrap_or_default())?;
    Ok(headers)
}

fn check_range(board: &Board, status: u16, headers: &HeaderMap, begin: u64, end: u64) -> Result<(), Failure> {
    let changed = !board.validator.agrees(&answer::validator(headers));
    match status {
        206 | 200 | 416 if changed => Err(Failure::new(
            Reason::Changed,
            Retry::Anew,
            "the file changed on the host while it was fetched",
        )),
        206 if answer::text(headers, &header::CONTENT_ENCODING).is_some_and(|name| name != "identity") => {
            Err(range_failure("the host coded the bytes that were asked for"))
        }
        206 => match ContentRange::of(headers) {
            Some(found)
                if found.begin == begin && found.end + 1 == end && agrees(found.total, board.total) =>
            {
                Ok(())
            }
            _ => Err(range_failure("the host sent other bytes than those asked for")),
        },
        200 | 416 => Err(range_failure("the host does not keep to ranges")),
        _ => {
            let (reason, retry) = answer::passing(status, headers).unwrap_or((Reason::Status, Retry::Never));
            let message = format!("the host answered {status} to a range");
            Err(Failure::new(reason, retry, message).with_status(status))
        }
    }
}

fn agrees(total: Option<u64>, known: u64) -> bool {
    total.is_none_or(|total| total == known)
}

/// Begin anew, and without ranges.
fn range_failure(message: &str) -> Failure {
    Failure::new(Reason::Range, Retry::Anew, message)
}
