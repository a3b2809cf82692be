//! What can go wrong while a pack is opened, planned and read.

use std::fmt;
use std::path::{Path, PathBuf};

/// Damage of a shard, or a shard that is not what it was when it was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Damage {
    pub shard: PathBuf,
    /// Index in the pack of the sample (or window) that cannot be read; none if it is the whole shard.
    pub sample: Option<usize>,
    pub what: String,
}

/// Every error of the pack reader.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    Damaged(Damage),
    /// An index of a sample or window that the plan does not have.
    Index {
        index: i64,
        count: usize,
    },
    /// A request that makes no sense, whatever the pack holds.
    Request(String),
    /// The plan was closed before the batch was complete.
    Closed,
    /// So many bytes were not to be had.
    Memory(usize),
    /// The plan's threads could not be started.
    Threads(String),
    /// A defect of the reader itself.
    Internal(String),
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Damage of a shard as a whole.
    pub fn shard(path: &Path, what: impl Into<String>) -> Error {
        Error::Damaged(Damage {
            shard: path.to_path_buf(),
            sample: None,
            what: what.into(),
        })
    }

    /// Damage of one sample.
    pub fn sample(path: &Path, sample: usize, what: impl Into<String>) -> Error {
        Error::Damaged(Damage {
            shard: path.to_path_buf(),
            sample: Some(sample),
            what: what.into(),
        })
    }

    pub fn request<T>(what: impl Into<String>) -> Result<T> {
        Err(Error::Request(what.into()))
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.shard.display())?;
        if let Some(sample) = self.sample {
            write!(to, ", sample {sample}")?;
        }
        write!(to, ": {}", self.what)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Damaged(damage) => damage.fmt(to),
            Error::Index { index, count } => write!(to, "index {index} is outside 0..{count}"),
            Error::Request(what) => to.write_str(what),
            Error::Closed => to.write_str("the plan was closed"),
            Error::Memory(bytes) => write!(to, "{bytes} bytes of memory are not to be had"),
            Error::Threads(what) => write!(to, "the plan's threads do not start: {what}"),
            Error::Internal(what) => write!(to, "a defect of the pack reader: {what}"),
        }
    }
}

impl std::error::Error for Error {}
