//! Results of a batch: their types and shapes, and the memory that they are written to.

use super::error::{Error, Result};
use crate::dtype::Dtype;

/// Type and shape of one result.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
}

impl Form {
    /// So many rows of a shape.
    pub fn new(dtype: Dtype, rows: usize, shape: &[usize]) -> Form {
        let shape = std::iter::once(rows).chain(shape.iter().copied()).collect();
        Form { dtype, shape }
    }

    /// Bytes of the result. An error if memory cannot hold it, or a shape of its axes that are not 0.
    pub fn bytes(&self) -> Result<usize> {
        let nonzero = self.shape.iter().filter(|&&length| length > 0);
        let most = nonzero.copied().try_fold(self.dtype.size(), usize::checked_mul);
        match most {
            Some(bytes) if bytes <= isize::MAX as usize => {
                Ok(self.shape.iter().product::<usize>() * self.dtype.size())
            }
            _ => Err(Error::Memory(usize::MAX)),
        }
    }
}

/// Memory that a result is written to, in parts that do not overlap and by any thread.
pub struct Target {
    start: *mut u8,
    bytes: usize,
}

// SAFETY: a target is an address; `part` says what its users owe each other.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    /// # Safety
    /// `start` is the address of so many bytes of initialised memory that may be written to, and to which
    /// nobody else refers as long as there are parts of the target in use.
    pub unsafe fn new(start: *mut u8, bytes: usize) -> Target {
        Target { start, bytes }
    }

    /// A part of the memory; panics if it leaves the memory.
    ///
    /// # Safety
    /// No other part in use overlaps it.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn part(&self, from: usize, bytes: usize) -> &mut [u8] {
        assert!(from <= self.bytes && bytes <= self.bytes - from);
        if bytes == 0 {
            return &mut [];
        }
        // SAFETY: the part lies in memory for which `new` has a promise, and no other part in use overlaps.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), bytes) }
    }

    /// Overwrites all of it with what is no value: NaN in floating types, else 0 (in a mask: absent).
    ///
    /// # Safety
    /// No part is in use.
    pub unsafe fn spoil(&self, dtype: Dtype) {
        // SAFETY: no part is in use.
        let all = unsafe { self.part(0, self.bytes) };
        all.fill(if dtype.is_float() { 0xff } else { 0 });
    }
}

/// Bytes of results that are worth handing to a thread.
const PORTION: usize = 1 << 16;

/// Items that a thread takes at a time: so many that taking them costs little, and that each thread has some.
pub fn grain(items: usize, bytes: usize, threads: usize) -> usize {
    let each = (bytes / items.max(1)).max(1);
    (PORTION / each).min(items.div_ceil(threads)).max(1)
}
