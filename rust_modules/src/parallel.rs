//! Work on all cores by threads that live as long as one call.
//!
//! A pool that outlives its call would be gone in a forked child, which would wait for it for ever.

use std::sync::Mutex;
use std::thread;

/// Threads that this process may run at once.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, |count| count.get())
}

/// Hand each of `tasks` to one of `threads` threads, in order; each thread makes a state of its own by `state`.
///
/// The calling thread is one of them. A panic in `work` is passed on.
pub fn for_each<T, S>(
    tasks: impl Iterator<Item = T> + Send,
    threads: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) + Sync,
) {
    let tasks = Mutex::new(tasks);
    let next = || tasks.lock().unwrap_or_else(|broken| broken.into_inner()).next();
    let labour = || {
        let mut own = None;
        while let Some(task) = next() {
            work(own.get_or_insert_with(&state), task);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(labour);
        }
        labour();
    });
}

#[cfg(test)]
mod tests {
    use super::for_each;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_task_is_done_once_on_any_number_of_threads() {
        for threads in [1, 2, 5] {
            let sum = AtomicUsize::new(0);
            for_each(
                0..1000usize,
                threads,
                || (),
                |_, task| {
                    sum.fetch_add(task, Ordering::Relaxed);
                },
            );
            assert_eq!(sum.into_inner(), 499_500);
        }
    }

    #[test]
    #[should_panic(expected = "task 7")]
    fn a_panic_is_passed_on() {
        for_each(0..10, 1, || (), |_, task| assert!(task != 7, "task 7"));
    }
}
