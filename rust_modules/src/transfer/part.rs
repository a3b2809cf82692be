//! A file under way: `PATH.part` beside its target, and `PATH.part.json` that says what it is a part of.
//!
//! The part becomes the target by a rename, after its bytes have reached the disk; a kill at any instant leaves
//! the target as it was, and a part that a later transfer goes on with or discards. A lock on the part keeps two
//! transfers of one file apart, in one process or several.

use super::address;
use super::error::{Failure, Reason, Retry};
use crate::hashing::hexadecimal;
use fs4::{FileExt, TryLockError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes from which on a part is worth a note, so that a killed process can go on with it.
const NOTED_FROM: u64 = 1 << 20;
/// Bytes read at a time where a part is hashed from the disk.
const BUFFER: usize = 1 << 20;
/// Bytes hashed between two looks at whether the transfer has been stopped.
pub const HASHED_AT_ONCE: u64 = 16 << 20;
const MOST_PIECES: u64 = 1 << 20;
const VERSION: u32 = 1;

/// What names one state of a resource: an answer with another validator is of another state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

impl Validator {
    /// The value for `If-Range`, which takes a strong entity tag or a date (RFC 9110, section 13.1.5).
    pub fn if_range(&self) -> Option<&str> {
        match &self.etag {
            Some(tag) if !tag.starts_with("W/") => Some(tag),
            _ => self.last_modified.as_deref(),
        }
    }

    /// Whether an answer with `other` can be of the same state; what is not sent says nothing.
    pub fn agrees(&self, other: &Validator) -> bool {
        let same = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        same(&self.etag, &other.etag) && same(&self.last_modified, &other.last_modified)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Note {
    version: u32,
    /// For people: the URL with its secrets hidden.
    url: String,
    /// SHA-256 of the URL as it was asked for.
    url_sha256: String,
    validator: Validator,
    total: Option<u64>,
    /// Set where the part is fetched in pieces: their size, and which of them are there.
    pieces: Option<Pieces>,
    /// The boot of the machine in which the note was made: its page cache still holds what was written.
    boot: String,
    /// Bytes at the beginning that had reached the disk when the note was made; all or none of the pieces.
    durable: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pieces {
    pub size: u64,
    pub done: Vec<u64>,
}

/// Whether a file of `total` bytes may be cut into pieces of `size`: as many as can be kept account of.
pub fn can_be_pieces(total: u64, size: u64) -> bool {
    size > 0 && total > size && total / size < MOST_PIECES
}

impl Pieces {
    /// Whether the pieces that are said to be done can lie in a part of this length.
    fn lie_within(&self, total: Option<u64>, length: u64) -> bool {
        let Some(total) = total.filter(|total| can_be_pieces(*total, self.size)) else {
            return false;
        };
        let ends = self.done.iter().map(|piece| {
            let begin = piece.checked_mul(self.size)?;
            (begin < total).then(|| total.min(begin.saturating_add(self.size)))
        });
        let distinct: std::collections::HashSet<&u64> = self.done.iter().collect();
        length <= total
            && distinct.len() == self.done.len()
            && ends.into_iter().all(|end| end.is_some_and(|end| end <= length))
    }
}

pub struct Part {
    file: Arc<File>,
    target: PathBuf,
    path: PathBuf,
    note_path: PathBuf,
    url: String,
    url_sha256: String,
    pub validator: Validator,
    pub total: Option<u64>,
    pub pieces: Option<Pieces>,
    /// Bytes at the beginning that are there.
    pub written: u64,
    /// Of the first `hashed` bytes: behind `written` only where a part of before is gone on with.
    digest: Sha256,
    hashed: u64,
    noted: bool,
    durable: u64,
}

impl Part {
    /// Open and lock the part of `target`; with a note of the same URL it can be gone on with.
    pub fn open(target: &Path, url: &str) -> Result<Self, Failure> {
        let path = beside(target, ".part");
        if target.is_dir() {
            let message = format!("{} is a folder", target.display());
            return Err(Failure::never(Reason::Disk, message));
        }
        let folder = target.parent().unwrap_or(Path::new("."));
        let file = fs::create_dir_all(folder)
            .and_then(|()| open_locked(&path))
            .map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => Failure::never(
                    Reason::Busy,
                    format!("another transfer is writing {}", path.display()),
                ),
                _ => Failure::disk(format_args!("cannot write {}", path.display()), &error),
            })?;
        let mut part = Part {
            file: Arc::new(file),
            target: target.to_path_buf(),
            note_path: beside(target, ".part.json"),
            path,
            url: address::public_text(url),
            url_sha256: hexadecimal(Sha256::new_with_prefix(url)),
            validator: Validator::default(),
            total: None,
            pieces: None,
            written: 0,
            digest: Sha256::new(),
            hashed: 0,
            noted: false,
            durable: 0,
        };
        part.recall()?;
        Ok(part)
    }

    /// Take up what the note says, as far as it is of this URL and can be trusted; else begin at nothing.
    fn recall(&mut self) -> Result<(), Failure> {
        let length = self.length()?;
        let note = fs::read(&self.note_path)
            .ok()
            .and_then(|text| serde_json::from_slice::<Note>(&text).ok())
            .filter(|note| note.version == VERSION && note.url_sha256 == self.url_sha256)
            .filter(|note| note.validator.if_range().is_some());
        let Some(note) = note else { return self.clear() };
        let same_boot = !note.boot.is_empty() && note.boot == boot();
        let trusted = if same_boot {
            length
        } else {
            length.min(note.durable)
        };
        let fits = match &note.pieces {
            None => note.total.is_none_or(|total| trusted <= total),
            Some(pieces) => (same_boot || note.durable > 0) && pieces.lie_within(note.total, length),
        };
        if trusted == 0 || !fits {
            return self.clear();
        }
        self.validator = note.validator;
        self.total = note.total;
        self.pieces = note.pieces;
        self.durable = note.durable;
        self.noted = true;
        if self.pieces.is_none() {
            self.set_length(trusted)?;
        }
        Ok(())
    }

    fn length(&self) -> Result<u64, Failure> {
        let found = self
            .file
            .metadata()
            .map_err(|error| self.failure("cannot read", &error))?;
        Ok(found.len())
    }

    fn set_length(&mut self, length: u64) -> Result<(), Failure> {
        self.file
            .set_len(length)
            .map_err(|error| self.failure("cannot cut", &error))?;
        self.written = length;
        if self.hashed > length {
            (self.digest, self.hashed) = (Sha256::new(), 0);
        }
        Ok(())
    }

    /// Hash what an earlier transfer has written, on a thread that may wait for the disk.
    pub async fn catch_up(&mut self) -> Result<(), Failure> {
        while self.hashed < self.written {
            let (begin, end) = (self.hashed, self.written.min(self.hashed + HASHED_AT_ONCE));
            let (file, mut digest) = (self.file(), std::mem::take(&mut self.digest));
            // Whoever stops here has neither.
            self.hashed = 0;
            let hashing = tokio::task::spawn_blocking(move || {
                hash_range(&file, begin, end, &mut digest).map(|()| digest)
            });
            let hashed = hashing.await.expect("hashing does not panic");
            self.digest = hashed.map_err(|error| self.failure("cannot read", &error))?;
            self.hashed = end;
        }
        Ok(())
    }

    /// Begin at the first byte.
    pub fn clear(&mut self) -> Result<(), Failure> {
        self.validator = Validator::default();
        self.total = None;
        self.pieces = None;
        self.written = 0;
        (self.digest, self.hashed) = (Sha256::new(), 0);
        self.noted = false;
        self.durable = 0;
        remove(&self.note_path).map_err(|error| self.failure("cannot clear", &error))?;
        self.file
            .set_len(0)
            .map_err(|error| self.failure("cannot clear", &error))
    }

    /// Begin at the first byte of a body with this validator and length.
    pub fn begin(&mut self, validator: Validator, total: Option<u64>) -> Result<(), Failure> {
        if self.written > 0 || self.noted || self.pieces.is_some() {
            self.clear()?;
        }
        self.validator = validator;
        self.total = total;
        Ok(())
    }

    /// Where a resumed request begins: at the end of what is there, but never past the last byte, so that
    /// the answer shows whether the resource is still the same.
    pub fn resume_at(&self) -> u64 {
        match (self.validator.if_range(), self.total) {
            (None, _) => 0,
            (Some(_), Some(total)) => self.written.min(total.saturating_sub(1)),
            (Some(_), None) => self.written,
        }
    }

    /// Cut the part back to `length` bytes.
    pub fn cut(&mut self, length: u64) -> Result<(), Failure> {
        if length < self.written {
            self.set_length(length)?;
        }
        self.durable = self.durable.min(length);
        Ok(())
    }

    /// Add bytes at the end of a part that `catch_up` has hashed.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        assert_eq!(
            self.hashed, self.written,
            "a part is hashed before it is gone on with"
        );
        write_at(&self.file, bytes, self.written).map_err(|error| self.failure("cannot write", &error))?;
        self.digest.update(bytes);
        self.written += bytes.len() as u64;
        self.hashed = self.written;
        if !self.noted && self.written >= NOTED_FROM && self.validator.if_range().is_some() {
            self.note()?;
        }
        Ok(())
    }

    /// Write down what the part is of.
    pub fn note(&mut self) -> Result<(), Failure> {
        let note = Note {
            version: VERSION,
            url: self.url.clone(),
            url_sha256: self.url_sha256.clone(),
            validator: self.validator.clone(),
            total: self.total,
            pieces: self.pieces.clone(),
            boot: boot(),
            durable: self.durable,
        };
        let text = serde_json::to_vec(&note).expect("a note has no value that JSON lacks");
        let fresh = beside(&self.target, ".part.json.new");
        fs::write(&fresh, text)
            .and_then(|()| fs::rename(&fresh, &self.note_path))
            .map_err(|error| self.failure("cannot describe", &error))?;
        self.noted = true;
        Ok(())
    }

    /// Leave the part for a later attempt, if it can be gone on with; else leave nothing. `durable` brings it to
    /// the disk, so that it outlasts the machine too.
    pub fn leave(mut self, durable: bool) -> Result<(), Failure> {
        let begun = self.written > 0 || self.pieces.as_ref().is_some_and(|pieces| !pieces.done.is_empty());
        if !begun || self.validator.if_range().is_none() {
            return self.discard();
        }
        if durable {
            self.file
                .sync_data()
                .map_err(|error| self.failure("cannot save", &error))?;
            self.durable = self.length()?;
        }
        self.note()
    }

    /// Note that a further piece is there.
    pub fn note_piece(&mut self, piece: u64) -> Result<(), Failure> {
        if let Some(pieces) = &mut self.pieces {
            pieces.done.push(piece);
        }
        self.durable = 0;
        self.note()
    }

    /// Remove the part and its note.
    pub fn discard(self) -> Result<(), Failure> {
        let gone = remove(&self.note_path).and_then(|()| remove(&self.path));
        gone.map_err(|error| self.failure("cannot remove", &error))
    }

    /// The SHA-256 of what is there and hashed.
    pub fn sha256(&self) -> String {
        assert_eq!(
            self.hashed, self.written,
            "a part is hashed before its digest is asked for"
        );
        hexadecimal(self.digest.clone())
    }

    /// For pieces, which are written and hashed apart from this.
    pub fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Put the whole part in the place of the target. The note goes first: a part without one is never gone on with.
    pub fn finish(self, sync: bool) -> Result<(), Failure> {
        if sync {
            self.file
                .sync_data()
                .map_err(|error| self.failure("cannot save", &error))?;
        }
        if self.noted {
            remove(&self.note_path).map_err(|error| self.failure("cannot finish", &error))?;
        }
        fs::rename(&self.path, &self.target).map_err(|error| self.failure("cannot finish", &error))
    }

    fn failure(&self, action: &str, error: &io::Error) -> Failure {
        disk_failure(action, &self.path, error)
    }
}

/// A failure of the disk; what was written so far stays and can be gone on with.
pub fn disk_failure(action: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Reason::Disk,
        Retry::Never,
        format!("{action} {}: {error}", path.display()),
    )
}

/// A path with a suffix after its whole name.
fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = target.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// Open a file and lock it; again, if its name went to another file between the two.
fn open_locked(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let held = same_file::Handle::from_file(file.try_clone()?)?;
        if same_file::Handle::from_path(path).is_ok_and(|named| named == held) {
            return Ok(file);
        }
    }
}

/// Remove a file that may not be there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Which boot of the machine this is; empty where the system does not say.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_string())
        .unwrap_or_default()
}

#[cfg(unix)]
pub fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
pub fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[count..];
        offset += count as u64;
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

/// Feed the bytes from `begin` to `end` of a file to a digest.
pub fn hash_range(file: &File, begin: u64, end: u64, digest: &mut Sha256) -> io::Result<()> {
    let mut buffer = vec![0u8; BUFFER.min((end - begin) as usize)];
    let mut offset = begin;
    while offset < end {
        let wanted = BUFFER.min((end - offset) as usize);
        match read_at(file, &mut buffer[..wanted], offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                digest.update(&buffer[..count]);
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("part-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder.join("table.csv")
    }

    fn strong() -> Validator {
        Validator {
            etag: Some("\"one\"".to_string()),
            last_modified: None,
        }
    }

    #[tokio::test]
    async fn what_was_left_is_gone_on_with() {
        let target = place("left");
        let mut part = Part::open(&target, "http://a/").unwrap();
        part.begin(strong(), Some(6)).unwrap();
        part.append(b"abc").unwrap();
        part.leave(true).unwrap();
        let mut part = Part::open(&target, "http://a/").unwrap();
        assert_eq!((part.resume_at(), part.total), (3, Some(6)));
        part.catch_up().await.unwrap();
        part.append(b"def").unwrap();
        let digest = part.sha256();
        part.finish(true).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"abcdef");
        assert_eq!(digest, hexadecimal(Sha256::new_with_prefix(b"abcdef")));
        assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_part_of_another_address_or_without_validator_begins_at_nothing() {
        let target = place("other");
        let mut part = Part::open(&target, "http://a/").unwrap();
        part.begin(strong(), None).unwrap();
        part.append(b"abc").unwrap();
        part.leave(true).unwrap();
        assert_eq!(Part::open(&target, "http://b/").unwrap().written, 0);
        let mut part = Part::open(&target, "http://a/").unwrap();
        part.begin(Validator::default(), None).unwrap();
        part.append(b"abc").unwrap();
        part.leave(true).unwrap();
        assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 0);
    }

    #[test]
    fn a_second_transfer_of_one_file_is_told_so() {
        let target = place("busy");
        let first = Part::open(&target, "http://a/").unwrap();
        let second = Part::open(&target, "http://a/").err().unwrap();
        assert_eq!(second.reason, Reason::Busy);
        first.discard().unwrap();
        assert!(Part::open(&target, "http://a/").is_ok());
    }

    #[test]
    fn a_weak_tag_is_no_validator_for_a_range() {
        let weak = Validator {
            etag: Some("W/\"one\"".to_string()),
            last_modified: None,
        };
        assert_eq!(weak.if_range(), None);
    }
}
