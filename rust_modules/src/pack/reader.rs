//! An open pack: its shards in order, its arrays, and where a sample is.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::{Error, Result};
use super::shard::{Shard, Stored};
use super::spec::{ArraySpec, Layout};

/// Batches that are read ahead as a whole after a sample that had been read was found to be in memory
/// no more.
const BATCHES_AFTER_EVICTION: usize = 64;

/// Shards and arrays, opened and checked.
pub struct Reader {
    pub arrays: Vec<ArraySpec>,
    pub shards: Vec<Shard>,
    /// By array, then by shard.
    pub stored: Vec<Vec<Stored>>,
    /// First sample of each shard, and the number of samples.
    starts: Vec<usize>,
    /// Batches that are still to be read ahead as a whole.
    evicted: AtomicUsize,
}

/// Where a sample is: in which shard, and which one there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub shard: usize,
    pub sample: usize,
}

impl Reader {
    /// Opens shards, each with its number of samples, of a pack with these arrays.
    pub fn open(shards: &[(PathBuf, usize)], arrays: Vec<ArraySpec>) -> Result<Reader> {
        for (at, spec) in arrays.iter().enumerate() {
            spec.check()?;
            if arrays[..at].iter().any(|other| other.name == spec.name) {
                return Error::request(format!("array '{}' is named twice", spec.name));
            }
        }
        let mut starts = vec![0usize];
        let mut opened = Vec::with_capacity(shards.len());
        let mut stored: Vec<Vec<Stored>> = arrays.iter().map(|_| Vec::new()).collect();
        for (path, samples) in shards {
            let (shard, found) = Shard::open(path, *samples, &arrays)?;
            for (of_array, here) in stored.iter_mut().zip(found) {
                of_array.push(here);
            }
            let start = starts.last().and_then(|start| start.checked_add(*samples));
            starts.push(start.ok_or_else(|| Error::Request("too many samples".into()))?);
            opened.push(shard);
        }
        Ok(Reader {
            arrays,
            shards: opened,
            stored,
            starts,
            evicted: AtomicUsize::new(0),
        })
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.starts[self.shards.len()]
    }

    /// Number of an array in `arrays`.
    pub fn array(&self, name: &str) -> Result<usize> {
        let found = self.arrays.iter().position(|spec| spec.name == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = self.arrays.iter().map(|spec| spec.name.as_str()).collect();
            Error::Request(format!("no array '{name}'; there are: {}", known.join(", ")))
        })
    }

    /// Number of an array whose layout is, or is not, a stream of tokens.
    pub fn array_of(&self, name: &str, tokens: bool) -> Result<usize> {
        let array = self.array(name)?;
        let layout = self.arrays[array].layout;
        if (layout == Layout::Tokens) == tokens {
            return Ok(array);
        }
        let way = if tokens { "plan" } else { "tokens" };
        Error::request(format!("array '{name}' is {}: use {way}()", layout.name()))
    }

    /// Whether what was read before is likely to be in memory no more, judged by a byte of a shard at
    /// each batch: asking for what is in memory costs a good part of the time of copying it.
    pub fn is_evicted(&self, probe: Option<(usize, usize)>) -> bool {
        if probe.is_some_and(|(shard, at)| self.shards[shard].is_absent(at)) {
            self.evicted.store(BATCHES_AFTER_EVICTION, Ordering::Relaxed);
        }
        let left = self.evicted.load(Ordering::Relaxed);
        self.evicted.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }

    /// Where a sample of the pack is.
    pub fn place(&self, index: usize) -> Place {
        let shard = self.starts.partition_point(|&start| start <= index) - 1;
        Place {
            shard,
            sample: index - self.starts[shard],
        }
    }
}

/// Indices as Python gives them, as numbers below a count.
pub fn checked_indices(indices: &[i64], count: usize) -> Result<Vec<usize>> {
    let check = |&index: &i64| match usize::try_from(index) {
        Ok(found) if found < count => Ok(found),
        _ => Err(Error::Index { index, count }),
    };
    indices.iter().map(check).collect()
}
