//! Threads that work on batches in the background, in the order in which they were handed in.
//!
//! A batch is a job of items. Threads take items until there are none left and then go on to the next
//! batch, so that none waits for the slowest. A batch writes into memory that its ticket owns: a ticket
//! that is dropped stops its batch and waits until no thread is in it.

use std::collections::VecDeque;
use std::ops::Range;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::{Error, Result};

/// The work on a batch.
pub trait Job: Send + Sync {
    /// Number of items.
    fn items(&self) -> usize;
    /// Items that a thread takes at a time.
    fn grain(&self) -> usize;
    /// Done by one thread, before any item.
    fn start(&self) -> Result<()>;
    /// Done once for each item, by any thread.
    fn run(&self, item: usize) -> Result<()>;
    /// Done by one thread after a failure, when no other is at work: no value may be left.
    fn spoil(&self);
}

/// Threads and the batches that wait for them.
pub struct Threads {
    queue: Arc<Queue>,
    handles: Mutex<Vec<JoinHandle<()>>>,
}

struct Queue {
    waiting: Mutex<Waiting>,
    handed_in: Condvar,
}

struct Waiting {
    batches: VecDeque<Arc<Batch>>,
    closed: bool,
}

struct Batch {
    job: Box<dyn Job>,
    /// The next item to be taken.
    next: AtomicUsize,
    /// Whether no further item is to be taken.
    stop: AtomicBool,
    /// What `start` gave: whether items may be worked on.
    started: OnceLock<bool>,
    progress: Mutex<Progress>,
    ended: Condvar,
}

#[derive(Default)]
struct Progress {
    /// Threads that are in the batch.
    inside: usize,
    /// Whether no thread is in the batch nor will be.
    ended: bool,
    /// The failure of the first of the items that failed.
    failure: Option<(usize, Error)>,
}

/// A batch that was handed in.
pub struct Ticket {
    batch: Arc<Batch>,
    queue: Arc<Queue>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Threads {
    pub fn start(count: usize) -> Result<Threads> {
        let queue = Arc::new(Queue {
            waiting: Mutex::new(Waiting {
                batches: VecDeque::new(),
                closed: false,
            }),
            handed_in: Condvar::new(),
        });
        let threads = Threads {
            queue: queue.clone(),
            handles: Mutex::new(Vec::new()),
        };
        for number in 0..count {
            let queue = queue.clone();
            let handle = std::thread::Builder::new()
                .name(format!("pack-{number}"))
                .spawn(move || work(&queue))
                .map_err(|error| Error::Threads(error.to_string()))?;
            locked(&threads.handles).push(handle);
        }
        Ok(threads)
    }

    /// Hands a batch in.
    pub fn submit(&self, job: Box<dyn Job>) -> Result<Ticket> {
        let batch = Arc::new(Batch {
            job,
            next: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            started: OnceLock::new(),
            progress: Mutex::default(),
            ended: Condvar::new(),
        });
        let mut waiting = locked(&self.queue.waiting);
        if waiting.closed {
            return Err(Error::Closed);
        }
        waiting.batches.push_back(batch.clone());
        drop(waiting);
        self.queue.handed_in.notify_all();
        Ok(Ticket {
            batch,
            queue: self.queue.clone(),
        })
    }

    /// Ends the threads; batches that are not complete fail.
    pub fn close(&self) {
        let mut waiting = locked(&self.queue.waiting);
        waiting.closed = true;
        let left: Vec<Arc<Batch>> = waiting.batches.drain(..).collect();
        drop(waiting);
        self.queue.handed_in.notify_all();
        for batch in left {
            batch.cancel(Some(Error::Closed));
        }
        let handles: Vec<JoinHandle<()>> = locked(&self.handles).drain(..).collect();
        for handle in handles {
            // A thread that panics has told its batch; there is nothing left to say.
            let _ = handle.join();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.close();
    }
}

impl Queue {
    /// The batch at the front, entered; none when the plan is closed.
    fn enter(&self) -> Option<Arc<Batch>> {
        let mut waiting = locked(&self.waiting);
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(batch) = waiting.batches.front() {
                // Under the queue's lock: who takes a batch out of the queue knows who is in it.
                locked(&batch.progress).inside += 1;
                return Some(batch.clone());
            }
            waiting = self
                .handed_in
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn remove(&self, batch: &Arc<Batch>) {
        let mut waiting = locked(&self.waiting);
        if let Some(at) = waiting.batches.iter().position(|other| Arc::ptr_eq(other, batch)) {
            waiting.batches.remove(at);
        }
    }
}

/// What each thread does.
fn work(queue: &Queue) {
    reset_float_environment();
    while let Some(batch) = queue.enter() {
        batch.work();
        queue.remove(&batch);
        batch.leave();
    }
}

impl Batch {
    fn work(&self) {
        let started = self.started.get_or_init(|| match guarded(|| self.job.start()) {
            Ok(()) => true,
            Err(error) => {
                self.fail(0, error);
                false
            }
        });
        if !started {
            return;
        }
        while let Some(items) = self.take() {
            for item in items {
                if let Err(error) = guarded(|| self.job.run(item)) {
                    self.fail(item, error);
                    return;
                }
            }
        }
    }

    fn take(&self) -> Option<Range<usize>> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let grain = self.job.grain();
        let start = self.next.fetch_add(grain, Ordering::Relaxed);
        let items = self.job.items();
        (start < items).then(|| start..items.min(start + grain))
    }

    /// Keeps the failure of the first item: all items before it have been taken, and are finished.
    fn fail(&self, item: usize, error: Error) {
        self.stop.store(true, Ordering::Relaxed);
        let mut progress = locked(&self.progress);
        match &progress.failure {
            Some((earlier, _)) if *earlier <= item => {}
            _ => progress.failure = Some((item, error)),
        }
    }

    /// A thread leaves a batch that is in the queue no more.
    fn leave(&self) {
        let mut progress = locked(&self.progress);
        if progress.inside > 1 {
            progress.inside -= 1;
            return;
        }
        let failed = progress.failure.is_some();
        drop(progress);
        if failed {
            self.job.spoil();
        }
        let mut progress = locked(&self.progress);
        progress.inside -= 1;
        progress.ended = true;
        drop(progress);
        self.ended.notify_all();
    }

    /// Stops a batch that was taken out of the queue, or is complete.
    fn cancel(&self, failure: Option<Error>) {
        self.stop.store(true, Ordering::Relaxed);
        let mut progress = locked(&self.progress);
        if progress.ended {
            return;
        }
        if let (None, Some(error)) = (&progress.failure, failure) {
            progress.failure = Some((usize::MAX, error));
        }
        if progress.inside == 0 {
            progress.ended = true;
            drop(progress);
            self.ended.notify_all();
        }
    }
}

impl Ticket {
    /// What became of the batch; none if it has not ended within that time.
    pub fn wait(&self, time: Duration) -> Option<Result<()>> {
        let progress = locked(&self.batch.progress);
        let (progress, _) = self
            .batch
            .ended
            .wait_timeout_while(progress, time, |progress| !progress.ended)
            .unwrap_or_else(PoisonError::into_inner);
        if !progress.ended {
            return None;
        }
        Some(match &progress.failure {
            None => Ok(()),
            Some((_, error)) => Err(error.clone()),
        })
    }
}

impl Drop for Ticket {
    /// Stops the batch and waits until no thread is in it: the memory that it writes to is let go next.
    fn drop(&mut self) {
        self.queue.remove(&self.batch);
        self.batch.cancel(None);
        let mut progress = locked(&self.batch.progress);
        while !progress.ended {
            let ended = self.batch.ended.wait(progress);
            progress = ended.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A panic as an error, so that whoever waits hears of it.
fn guarded(run: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied());
        Err(Error::Internal(text.unwrap_or("a panic").to_string()))
    })
}

/// Rounding to nearest, subnormal numbers kept: a thread inherits the modes of the one that starts it,
/// which `torch.set_flush_denormal` and others change, and batches must not depend on that.
fn reset_float_environment() {
    #[cfg(target_arch = "x86_64")]
    {
        let default: u32 = 0x1f80;
        // SAFETY: this is the state that Rust code expects; it is set before any arithmetic.
        unsafe {
            std::arch::asm!("ldmxcsr [{}]", in(reg) &default, options(nostack, readonly));
        }
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: this is the state that Rust code expects; it is set before any arithmetic.
    unsafe {
        std::arch::asm!("msr fpcr, {}", in(reg) 0u64, options(nomem, nostack));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    /// Counts how often each item was worked on; fails, panics or waits where it is told to.
    struct Counting {
        runs: Arc<Vec<AtomicU32>>,
        spoilt: Arc<AtomicBool>,
        fails_at: Vec<usize>,
        panics_at: Option<usize>,
        /// An item that ends only after another was worked on.
        after: Option<(usize, usize)>,
        gate: Option<Arc<(Mutex<bool>, Condvar)>>,
        grain: usize,
    }

    impl Counting {
        fn of(items: usize) -> Counting {
            Counting {
                runs: Arc::new((0..items).map(|_| AtomicU32::new(0)).collect()),
                spoilt: Arc::default(),
                fails_at: vec![],
                panics_at: None,
                after: None,
                gate: None,
                grain: 1,
            }
        }
    }

    impl Job for Counting {
        fn items(&self) -> usize {
            self.runs.len()
        }
        fn grain(&self) -> usize {
            self.grain
        }
        fn start(&self) -> Result<()> {
            if let Some(gate) = &self.gate {
                let mut open = gate.0.lock().unwrap();
                while !*open {
                    open = gate.1.wait(open).unwrap();
                }
            }
            Ok(())
        }
        fn run(&self, item: usize) -> Result<()> {
            self.runs[item].fetch_add(1, Ordering::Relaxed);
            if let Some((_, other)) = self.after.filter(|(waiting, _)| *waiting == item) {
                while self.runs[other].load(Ordering::Relaxed) == 0 {
                    std::thread::yield_now();
                }
            }
            if self.panics_at == Some(item) {
                panic!("item {item}");
            }
            match self.fails_at.contains(&item) {
                true => Error::request(format!("item {item}")),
                false => Ok(()),
            }
        }
        fn spoil(&self) {
            self.spoilt.store(true, Ordering::Relaxed);
        }
    }

    fn outcome(ticket: &Ticket) -> Result<()> {
        ticket.wait(Duration::from_secs(60)).expect("a batch ends")
    }

    #[test]
    fn every_item_of_every_batch_is_worked_on_once() {
        for threads in [1, 2, 5] {
            let pool = Threads::start(threads).unwrap();
            let jobs: Vec<_> = (0..40).map(|n| (n, 1 + n % 4)).collect();
            let mut tickets = Vec::new();
            for (items, grain) in jobs {
                let mut job = Counting::of(items);
                job.grain = grain;
                tickets.push((job.runs.clone(), pool.submit(Box::new(job)).unwrap()));
            }
            for (runs, ticket) in tickets {
                assert_eq!(outcome(&ticket), Ok(()));
                assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn the_first_item_that_fails_is_told_and_the_values_are_spoilt() {
        for threads in [1, 2, 5] {
            let pool = Threads::start(threads).unwrap();
            for _ in 0..50 {
                let mut job = Counting::of(30);
                job.fails_at = vec![7, 11, 12];
                let spoilt = job.spoilt.clone();
                let ticket = pool.submit(Box::new(job)).unwrap();
                assert_eq!(outcome(&ticket), Error::request("item 7"));
                assert!(spoilt.load(Ordering::Relaxed));
            }
            assert_eq!(outcome(&pool.submit(Box::new(Counting::of(3))).unwrap()), Ok(()));
        }
    }

    #[test]
    fn an_earlier_item_that_fails_later_is_the_one_that_is_told() {
        let pool = Threads::start(2).unwrap();
        for _ in 0..50 {
            let mut job = Counting::of(20);
            job.grain = 10;
            job.fails_at = vec![7, 11];
            job.after = Some((7, 11));
            let ticket = pool.submit(Box::new(job)).unwrap();
            assert_eq!(outcome(&ticket), Error::request("item 7"));
        }
    }

    #[test]
    fn a_panic_is_told_and_the_thread_goes_on() {
        let pool = Threads::start(1).unwrap();
        let mut job = Counting::of(3);
        job.panics_at = Some(1);
        let ticket = pool.submit(Box::new(job)).unwrap();
        assert_eq!(outcome(&ticket), Err(Error::Internal("item 1".into())));
        assert_eq!(outcome(&pool.submit(Box::new(Counting::of(3))).unwrap()), Ok(()));
    }

    #[test]
    fn a_dropped_ticket_takes_its_batch_out_of_the_queue() {
        let pool = Threads::start(1).unwrap();
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let mut first = Counting::of(1);
        first.gate = Some(gate.clone());
        let first = pool.submit(Box::new(first)).unwrap();
        let second = Counting::of(9);
        let runs = second.runs.clone();
        drop(pool.submit(Box::new(second)).unwrap());
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        assert_eq!(outcome(&first), Ok(()));
        assert_eq!(outcome(&pool.submit(Box::new(Counting::of(2))).unwrap()), Ok(()));
        assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn dropping_a_ticket_at_any_time_leaves_no_thread_in_its_batch() {
        let pool = Threads::start(3).unwrap();
        for round in 0..300 {
            let job = Counting::of(20);
            let runs = job.runs.clone();
            let ticket = pool.submit(Box::new(job)).unwrap();
            for _ in 0..round {
                std::hint::spin_loop();
            }
            drop(ticket);
            let seen: Vec<u32> = runs.iter().map(|runs| runs.load(Ordering::Relaxed)).collect();
            std::thread::yield_now();
            let later: Vec<u32> = runs.iter().map(|runs| runs.load(Ordering::Relaxed)).collect();
            assert_eq!(seen, later);
        }
    }

    #[test]
    fn closing_fails_what_is_not_complete_and_refuses_more() {
        let pool = Threads::start(1).unwrap();
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let mut first = Counting::of(1);
        first.gate = Some(gate.clone());
        let first = pool.submit(Box::new(first)).unwrap();
        let second = pool.submit(Box::new(Counting::of(1))).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| pool.close());
            assert_eq!(outcome(&second), Err(Error::Closed));
            *gate.0.lock().unwrap() = true;
            gate.1.notify_all();
        });
        assert_eq!(outcome(&first), Err(Error::Closed));
        assert!(matches!(
            pool.submit(Box::new(Counting::of(1))),
            Err(Error::Closed)
        ));
    }
}
