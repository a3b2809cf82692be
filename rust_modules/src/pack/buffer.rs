//! Memory of batches, kept for the next one.
//!
//! A batch is written into memory that an earlier one has left, so that the operating system need not
//! find, clear and map pages for each. What is kept is never more than what was lent at one time.

use std::alloc::{alloc, dealloc, Layout};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::{Error, Result};

/// Alignment of memory: a line of cache, and the widest vector register.
pub const ALIGNMENT: usize = 64;
/// Size of a huge page: memory of this size and more is laid out in them.
const HUGE: usize = 1 << 21;
/// A kept block may be so many times larger than what it is lent for.
const SLACK: usize = 2;

/// Initialised memory that is owned by whoever holds this.
pub struct Block {
    start: NonNull<u8>,
    /// What it was allocated with.
    layout: Layout,
}

// SAFETY: a block owns its memory, as a boxed slice does.
unsafe impl Send for Block {}
// SAFETY: a shared block gives out its address alone.
unsafe impl Sync for Block {}

impl Block {
    /// Memory of at least so many bytes, set to 0.
    pub fn new(bytes: usize) -> Result<Block> {
        let align = if bytes >= HUGE { HUGE } else { ALIGNMENT };
        let size = bytes.max(1).checked_next_multiple_of(align);
        let layout = size.and_then(|size| Layout::from_size_align(size, align).ok());
        let layout = layout.ok_or(Error::Memory(bytes))?;
        // SAFETY: the layout is not of size 0.
        let start = NonNull::new(unsafe { alloc(layout) }).ok_or(Error::Memory(bytes))?;
        advise_huge_pages(start, layout);
        // SAFETY: the memory was allocated with this size, and nothing else refers to it.
        unsafe { start.as_ptr().write_bytes(0, layout.size()) };
        Ok(Block { start, layout })
    }

    pub fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    pub fn capacity(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout, and whoever drops the block is the last to know it.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

/// Fewer, larger pages cost fewer faults and fewer entries of the table of pages.
fn advise_huge_pages(start: NonNull<u8>, layout: Layout) {
    #[cfg(target_os = "linux")]
    if layout.align() >= HUGE {
        // SAFETY: the range is whole pages of memory that was just allocated; the advice changes none
        // of its contents, and a system without huge pages refuses it, which does no harm.
        unsafe { libc::madvise(start.as_ptr().cast(), layout.size(), libc::MADV_HUGEPAGE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, layout);
}

/// Blocks that are lent and come back.
#[derive(Default)]
pub struct Pool(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// The one that came back last at the end.
    blocks: Vec<Block>,
    /// Bytes of `blocks`.
    kept: usize,
    /// Bytes that are lent, and the most that were at one time.
    lent: usize,
    most: usize,
}

/// A block on loan; goes back to its pool when it is dropped.
pub struct Lent {
    block: Option<Block>,
    pool: Arc<Pool>,
}

impl Pool {
    /// Memory of at least so many bytes that an earlier batch has left, with what is still in it.
    pub fn lend_kept(self: &Arc<Pool>, bytes: usize) -> Option<Lent> {
        let mut state = self.lock();
        let block = state.take(bytes)?;
        state.lend(&block);
        drop(state);
        Some(self.lent(block))
    }

    /// Memory that is new, which the pool will keep.
    pub fn lend_new(self: &Arc<Pool>, block: Block) -> Lent {
        self.lock().lend(&block);
        self.lent(block)
    }

    fn lent(self: &Arc<Pool>, block: Block) -> Lent {
        Lent {
            block: Some(block),
            pool: self.clone(),
        }
    }

    /// A forked process may inherit this lock: it is only taken with Python's lock held, as a fork is
    /// made, and therefore never inherited locked.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The smallest block that is large enough and not much too large.
    fn take(&mut self, bytes: usize) -> Option<Block> {
        let most = bytes.max(ALIGNMENT).saturating_mul(SLACK);
        let fitting = self.blocks.iter().enumerate().rev();
        let fitting = fitting.filter(|(_, block)| (bytes..=most).contains(&block.capacity()));
        let (at, _) = fitting.min_by_key(|(_, block)| block.capacity())?;
        let block = self.blocks.remove(at);
        self.kept -= block.capacity();
        Some(block)
    }

    fn lend(&mut self, block: &Block) {
        self.lent += block.capacity();
        self.most = self.most.max(self.lent);
    }

    /// Takes a block back; what is kept too much, the oldest first, is for the caller to drop.
    fn give(&mut self, block: Block) -> Vec<Block> {
        self.lent -= block.capacity();
        self.kept += block.capacity();
        self.blocks.push(block);
        let mut surplus = 0;
        while self.kept > self.most {
            self.kept -= self.blocks[surplus].capacity();
            surplus += 1;
        }
        self.blocks.drain(..surplus).collect()
    }
}

impl Lent {
    pub fn start(&self) -> *mut u8 {
        self.block.as_ref().map_or(std::ptr::null_mut(), Block::start)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            let surplus = self.pool.lock().give(block);
            drop(surplus);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lend(pool: &Arc<Pool>, bytes: usize) -> Result<Lent> {
        match pool.lend_kept(bytes) {
            Some(lent) => Ok(lent),
            None => Ok(pool.lend_new(Block::new(bytes)?)),
        }
    }

    #[test]
    fn memory_comes_again_and_is_aligned() {
        let pool = Arc::new(Pool::default());
        for bytes in [0, 1, 64, 1000, HUGE, 3 * HUGE + 5] {
            let first = lend(&pool, bytes).unwrap();
            let start = first.start();
            assert_eq!(start as usize % ALIGNMENT, 0);
            drop(first);
            assert_eq!(lend(&pool, bytes).unwrap().start(), start);
        }
    }

    #[test]
    fn what_is_lent_is_not_lent_again() {
        let pool = Arc::new(Pool::default());
        let lent: Vec<Lent> = (0..8).map(|_| lend(&pool, 4096).unwrap()).collect();
        let mut starts: Vec<usize> = lent.iter().map(|lent| lent.start() as usize).collect();
        starts.sort();
        assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= 4096));
    }

    #[test]
    fn no_more_is_kept_than_was_lent_at_one_time() {
        let pool = Arc::new(Pool::default());
        for bytes in (1..100).map(|times| times * 10_000) {
            drop(lend(&pool, bytes).unwrap());
            let state = pool.lock();
            assert_eq!(state.lent, 0);
            assert!(state.kept <= state.most);
        }
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let pool = Arc::new(Pool::default());
        assert_eq!(lend(&pool, usize::MAX).err(), Some(Error::Memory(usize::MAX)));
        assert!(lend(&pool, isize::MAX as usize - HUGE).is_err());
    }
}
