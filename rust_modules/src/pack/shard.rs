//! Shards: safetensors files that are mapped into memory, and where the samples of each array lie in them.
//!
//! Opening checks the header and the offsets against what the caller says of the arrays. Sizes come from
//! the header that was checked then; offsets are kept in memory. Reading therefore stays within the map
//! whatever is written into the file later. A file that is cut short while it is read is another matter:
//! the operating system answers the access to a page that is gone with SIGBUS (on Windows an open map
//! keeps a file from being cut). `Shard::unchanged` is asked before each batch, and leaves no more than
//! the time between that answer and the read.

use std::fs::{File, Metadata};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use memmap2::Mmap;
use safetensors::SafeTensors;

use super::error::{Error, Result};
use super::spec::{ArraySpec, Layout};
use crate::dtype::Dtype;

/// Tokens under one checksum.
pub const TOKEN_BLOCK: usize = 1 << 16;

/// A mapped file.
pub struct Shard {
    pub path: PathBuf,
    file: File,
    map: Mmap,
    length: u64,
    modified: SystemTime,
}

/// One array of one shard: dense samples, ragged samples or a stretch of a stream of tokens. What has
/// a checksum is a block: a sample, or so many tokens.
pub struct Stored {
    /// Where its bytes lie in the map.
    data: Range<usize>,
    /// Where its checksums lie in the map.
    checksums: Range<usize>,
    /// Bytes of a row (ragged), a sample (dense) or a token.
    pub row_bytes: usize,
    /// Ragged: first row of each sample, and the end; tokens: first token of each document, and the end.
    pub offsets: Vec<usize>,
    pub layout: Layout,
    /// Blocks whose checksum was found right since the shard was opened.
    pub checked: Marks,
    /// Blocks that the operating system was asked to read ahead since then.
    pub advised: Marks,
}

/// A set of numbers that threads may add to at the same time.
pub struct Marks(Vec<AtomicU64>);

impl Marks {
    fn new(count: usize) -> Marks {
        Marks((0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    pub fn contains(&self, number: usize) -> bool {
        self.0[number / 64].load(Ordering::Relaxed) >> (number % 64) & 1 == 1
    }

    /// Adds a number; whether it is new.
    pub fn add(&self, number: usize) -> bool {
        let bit = 1 << (number % 64);
        self.0[number / 64].fetch_or(bit, Ordering::Relaxed) & bit == 0
    }
}

impl Shard {
    /// Opens and maps a file of so many samples, and finds each array in it.
    pub fn open(path: &Path, samples: usize, specs: &[ArraySpec]) -> Result<(Shard, Vec<Stored>)> {
        let failed = |error: std::io::Error| Error::shard(path, format!("cannot be opened: {error}"));
        let file = File::open(path).map_err(failed)?;
        let seen = file.metadata().map_err(failed)?;
        let length = usize::try_from(seen.len()).map_err(|_| Error::shard(path, "is too large"))?;
        if length == 0 {
            return Err(Error::shard(path, "is empty"));
        }
        // SAFETY: the map is read-only and is read through `bytes` alone. That nobody changes the file
        // cannot be enforced: `unchanged` is asked before each batch, and the rest is said in the
        // module's comment.
        let map = unsafe { memmap2::MmapOptions::new().len(length).map(&file) }.map_err(failed)?;
        let shard = Shard {
            path: path.to_path_buf(),
            length: seen.len(),
            modified: seen.modified().map_err(failed)?,
            file,
            map,
        };
        let stored = shard.find_arrays(samples, specs)?;
        shard.unchanged()?;
        Ok((shard, stored))
    }

    /// Whether the file has the length and the time of modification that it had when it was opened. A
    /// file that was replaced under the same name is another file; this one is still read.
    pub fn unchanged(&self) -> Result<()> {
        let same = |seen: &Metadata| {
            seen.len() == self.length && seen.modified().is_ok_and(|time| time == self.modified)
        };
        match self.file.metadata() {
            Ok(seen) if same(&seen) => Ok(()),
            Ok(seen) if seen.len() != self.length => Err(Error::shard(
                &self.path,
                format!(
                    "has {} bytes, and had {} when it was opened",
                    seen.len(),
                    self.length
                ),
            )),
            Ok(_) => Err(Error::shard(&self.path, "was modified since it was opened")),
            Err(error) => Err(Error::shard(&self.path, format!("cannot be seen: {error}"))),
        }
    }

    /// Bytes of the file; the range lies in an array, which opening has found to lie in the file.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.map[range]
    }

    /// Asks the operating system to read a part of the file that will be needed soon.
    pub fn read_ahead(&self, range: Range<usize>) {
        // It is advice: a system that does not take it reads when the bytes are asked for.
        #[cfg(unix)]
        let _ = self
            .map
            .advise_range(memmap2::Advice::WillNeed, range.start, range.len());
        #[cfg(not(unix))]
        let _ = range;
    }

    /// Whether a byte of the file is known not to be in memory.
    pub fn is_absent(&self, at: usize) -> bool {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        {
            use std::os::fd::AsRawFd;
            let mut byte = 0u8;
            let into = libc::iovec {
                iov_base: (&mut byte as *mut u8).cast(),
                iov_len: 1,
            };
            let Ok(at) = libc::off_t::try_from(at) else {
                return false;
            };
            // SAFETY: the file is open and `into` describes one byte that may be written to.
            let read = unsafe { libc::preadv2(self.file.as_raw_fd(), &into, 1, at, libc::RWF_NOWAIT) };
            read < 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN)
        }
        #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
        {
            let _ = at;
            false
        }
    }

    fn find_arrays(&self, samples: usize, specs: &[ArraySpec]) -> Result<Vec<Stored>> {
        let (header, metadata) = SafeTensors::read_metadata(&self.map)
            .map_err(|error| Error::shard(&self.path, format!("has a wrong header: {error}")))?;
        let found = Header {
            shard: self,
            start: header + size_of::<u64>(),
            metadata,
        };
        specs.iter().map(|spec| found.array(samples, spec)).collect()
    }
}

/// The header of a shard while it is opened.
struct Header<'a> {
    shard: &'a Shard,
    /// Where the data begin in the file.
    start: usize,
    metadata: safetensors::tensor::Metadata,
}

impl Header<'_> {
    fn array(&self, samples: usize, spec: &ArraySpec) -> Result<Stored> {
        let name = &spec.name;
        let (layout, row_bytes) = (spec.layout, spec.elements() * spec.dtype.size());
        let rows = (layout == Layout::Dense).then_some(samples);
        let (data, rows) = self.tensor(name, spec.dtype, rows, &spec.shape)?;
        let offsets = match layout {
            Layout::Dense => Vec::new(),
            Layout::Ragged => self.offsets(name, Some(samples), rows)?,
            Layout::Tokens => self.offsets(name, None, rows)?,
        };
        let blocks = match layout {
            Layout::Tokens => rows.div_ceil(TOKEN_BLOCK),
            _ => samples,
        };
        let (checksums, _) = self.tensor(&format!("{name}.crc32"), Dtype::UInt32, Some(blocks), &[])?;
        Ok(Stored {
            data,
            checksums,
            row_bytes,
            offsets,
            layout,
            checked: Marks::new(blocks),
            advised: Marks::new(blocks),
        })
    }

    /// Where a tensor of that type and shape behind its first axis lies in the file, and its rows.
    fn tensor(
        &self,
        name: &str,
        dtype: Dtype,
        rows: Option<usize>,
        shape: &[usize],
    ) -> Result<(Range<usize>, usize)> {
        let wrong = |what: String| Error::shard(&self.shard.path, format!("tensor '{name}' {what}"));
        let info = self
            .metadata
            .info(name)
            .ok_or_else(|| wrong("is not there".into()))?;
        if info.dtype != dtype.in_safetensors() {
            return Err(wrong(format!("is {:?}, not {}", info.dtype, dtype.name())));
        }
        let matches = match info.shape.split_first() {
            Some((first, rest)) => rest == shape && rows.is_none_or(|rows| rows == *first),
            None => false,
        };
        if !matches {
            let first = rows.map_or("?".to_string(), |rows| rows.to_string());
            let rest: String = shape.iter().map(|length| format!(", {length}")).collect();
            return Err(wrong(format!(
                "has the shape {:?}, not [{first}{rest}]",
                info.shape
            )));
        }
        let (start, end) = info.data_offsets;
        // `read_metadata` has checked that offsets follow each other, fit type and shape, and end with
        // the file.
        Ok((self.start + start..self.start + end, info.shape[0]))
    }

    /// The offsets of a ragged array or a stream of tokens: from 0 to the number of rows, never falling.
    fn offsets(&self, name: &str, samples: Option<usize>, rows: usize) -> Result<Vec<usize>> {
        let name = format!("{name}.offsets");
        let count = samples.map(|samples| samples.saturating_add(1));
        let (range, _) = self.tensor(&name, Dtype::Int64, count, &[])?;
        let wrong = |what: String| Error::shard(&self.shard.path, format!("tensor '{name}' {what}"));
        let mut offsets = Vec::with_capacity(range.len() / 8);
        for bytes in self.shard.bytes(range).chunks_exact(8) {
            let offset = i64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            let above = offsets.last().copied().unwrap_or(0);
            match usize::try_from(offset) {
                Ok(offset) if above <= offset && offset <= rows => offsets.push(offset),
                _ => {
                    let at = offsets.len();
                    return Err(wrong(format!(
                        "falls or leaves 0..={rows}: it holds {offset} at {at} after {above}"
                    )));
                }
            }
        }
        if offsets.first() != Some(&0) || offsets.last() != Some(&rows) {
            return Err(wrong(format!("does not go from 0 to {rows}")));
        }
        Ok(offsets)
    }
}

impl Stored {
    /// Bytes in the file of rows (of a dense array: of samples).
    pub fn rows(&self, rows: Range<usize>) -> Range<usize> {
        let at = |row: usize| self.data.start + row * self.row_bytes;
        at(rows.start)..at(rows.end)
    }

    /// Rows (of a dense array: the one sample itself) that a sample has.
    pub fn rows_of(&self, sample: usize) -> Range<usize> {
        match self.layout {
            Layout::Dense => sample..sample + 1,
            Layout::Ragged | Layout::Tokens => self.offsets[sample]..self.offsets[sample + 1],
        }
    }

    /// Tokens of a stretch of the stream.
    pub fn tokens(&self) -> usize {
        self.data.len() / self.row_bytes
    }

    /// Documents of a stretch of the stream.
    pub fn documents(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The checksum that the shard holds for a block.
    pub fn checksum(&self, shard: &Shard, block: usize) -> u32 {
        let at = self.checksums.start + 4 * block;
        let bytes = shard.bytes(at..at + 4);
        u32::from_le_bytes(bytes.try_into().expect("four bytes"))
    }
}
