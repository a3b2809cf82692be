//! What Python sees: a session that fetches lists of requests on threads of its own.

use super::address;
use super::context::{Context, Counters};
use super::error::Failure;
use super::job::Job;
use super::settings::{Exchange, Fetched, HostLimit, Request, Settings};
use crate::folder::{folder_of, sync_folder};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Threads beyond these only wait for each other: one thread keeps pace with several gigabits a second.
const MOST_THREADS: usize = 8;
/// Files that a process needs open beside those of its transfers.
const OTHER_FILES: u64 = 256;

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct GivenSettings {
    connections: usize,
    default_limit: (usize, f64),
    limits: HashMap<String, (usize, f64)>,
    connect_timeout: f64,
    stall_timeout: f64,
    least_speed: u64,
    least_speed_time: f64,
    attempts: u32,
    backoff: f64,
    longest_backoff: f64,
    longest_wait: f64,
    redirects: usize,
    user_agent: String,
    range_bytes: u64,
    piece_bytes: u64,
    file_connections: usize,
    sync: bool,
}

fn time(name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        PyValueError::new_err(format!("{name} is {seconds} s; it must be a time of 0 s or more"))
    })
}

fn limit(name: &str, (connections, interval): (usize, f64)) -> PyResult<HostLimit> {
    at_least_one(&format!("connections of {name}"), connections)?;
    Ok(HostLimit {
        connections,
        interval: time(&format!("interval of {name}"), interval)?,
    })
}

fn at_least_one(name: &str, value: usize) -> PyResult<()> {
    // The bound of a semaphore of tokio.
    if (1..=tokio::sync::Semaphore::MAX_PERMITS).contains(&value) {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "{name} is {value}; it must be at least 1"
    )))
}

impl GivenSettings {
    fn read(self) -> PyResult<Settings> {
        at_least_one("connections", self.connections)?;
        at_least_one("attempts", self.attempts as usize)?;
        at_least_one("piece_bytes", self.piece_bytes as usize)?;
        at_least_one("file_connections", self.file_connections)?;
        let limits = self
            .limits
            .into_iter()
            .map(|(host, given)| Ok((host.clone(), limit(&host, given)?)));
        Ok(Settings {
            connections: self.connections,
            default_limit: limit("default_limit", self.default_limit)?,
            limits: limits.collect::<PyResult<_>>()?,
            connect_timeout: time("connect_timeout", self.connect_timeout)?,
            stall_timeout: time("stall_timeout", self.stall_timeout)?,
            least_speed: self.least_speed,
            least_speed_time: time("least_speed_time", self.least_speed_time)?,
            attempts: self.attempts,
            backoff: time("backoff", self.backoff)?,
            longest_backoff: time("longest_backoff", self.longest_backoff)?,
            longest_wait: time("longest_wait", self.longest_wait)?,
            redirects: self.redirects,
            user_agent: self.user_agent,
            range_bytes: self.range_bytes,
            piece_bytes: self.piece_bytes,
            file_connections: self.file_connections,
            sync: self.sync,
        })
    }
}

/// A job that has ended.
struct Ended {
    place: usize,
    result: Result<Fetched, Failure>,
    exchanges: Vec<Exchange>,
}

/// Fetches files over HTTP on threads of its own; limits for each host hold over all its calls.
#[pyclass(frozen, module = "rust_integration")]
pub struct Session {
    context: Arc<Context>,
    runtime: Option<Runtime>,
    process: u32,
    calls: AtomicUsize,
}

#[pymethods]
impl Session {
    #[new]
    fn new(settings: GivenSettings) -> PyResult<Self> {
        let settings = settings.read()?;
        allow_open_files(settings.connections as u64 * 2 + OTHER_FILES);
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.clamp(2, MOST_THREADS))
            .thread_name("transfer")
            .enable_all()
            .build()
            .map_err(|error| {
                PyRuntimeError::new_err(format!("cannot start threads for transfers: {error}"))
            })?;
        let context = Context::new(settings).map_err(|failure| PyValueError::new_err(failure.message))?;
        Ok(Session {
            context: Arc::new(context),
            runtime: Some(runtime),
            process: std::process::id(),
            calls: AtomicUsize::new(0),
        })
    }

    /// Fetch all requests and return a dict for each, in their order.
    ///
    /// Python's lock is released meanwhile. Every `every` seconds signals are heeded, and `progress` is called
    /// with a dict of numbers. An interrupt, or an error of `progress`, stops the transfers so that they can be
    /// gone on with, and is raised.
    #[pyo3(signature = (requests, progress=None, every=0.1))]
    fn fetch<'py>(
        &self,
        py: Python<'py>,
        requests: Vec<Request>,
        progress: Option<Bound<'py, PyAny>>,
        every: f64,
    ) -> PyResult<Bound<'py, PyList>> {
        if self.process != std::process::id() {
            let message = "this session was made before a fork; make one in the new process";
            return Err(PyRuntimeError::new_err(message));
        }
        let every = time("every", every)?.max(Duration::from_millis(1));
        let requests: Vec<Arc<Request>> = requests.into_iter().map(Arc::new).collect();
        self.calls.fetch_add(1, Ordering::AcqRel);
        let ended = self.run(py, &requests, progress.as_ref(), every);
        if self.calls.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.context.set_cancelled(false);
        }
        let mut ended = ended?;
        ended.sort_by_key(|one| one.place);
        let outcomes = ended
            .into_iter()
            .zip(&requests)
            .map(|(one, request)| outcome(py, one, request));
        PyList::new(py, outcomes.collect::<PyResult<Vec<_>>>()?)
    }

    /// Stop every transfer of the session; those under way end with the reason `cancelled` and can be gone on with.
    fn cancel(&self) {
        if self.calls.load(Ordering::Acquire) > 0 {
            self.context.set_cancelled(true);
        }
    }
}

impl Session {
    fn run(
        &self,
        py: Python<'_>,
        requests: &[Arc<Request>],
        progress: Option<&Bound<'_, PyAny>>,
        every: Duration,
    ) -> PyResult<Vec<Ended>> {
        let mut incoming = self.start(requests);
        let mut ended = Vec::with_capacity(requests.len());
        let mut interrupted = None;
        while ended.len() < requests.len() {
            py.allow_threads(|| collect(&mut incoming, &mut ended, requests.len(), Instant::now() + every));
            if interrupted.is_none() {
                let told = py
                    .check_signals()
                    .and_then(|()| self.tell(py, progress, requests.len()));
                if let Err(error) = told {
                    self.context.set_cancelled(true);
                    interrupted = Some(error);
                }
            }
        }
        py.allow_threads(|| sync_folders(&self.context.settings, requests, &ended))?;
        match interrupted {
            Some(error) => Err(error),
            None => Ok(ended),
        }
    }

    fn start(&self, requests: &[Arc<Request>]) -> Receiver<Ended> {
        let (sender, incoming) = mpsc::channel();
        let runtime = self
            .runtime
            .as_ref()
            .expect("it is taken only when the session ends");
        for (place, request) in requests.iter().enumerate() {
            let mut job = Job::new(Arc::clone(&self.context), Arc::clone(request));
            let sender = sender.clone();
            let context = Arc::clone(&self.context);
            runtime.spawn(async move {
                let result = job.run().await;
                let counters = &context.counters;
                let counter = if result.is_ok() {
                    &counters.files_done
                } else {
                    &counters.files_failed
                };
                Counters::add(counter, 1);
                let exchanges = std::mem::take(&mut job.exchanges);
                // The receiver waits for every job.
                let _ = sender.send(Ended {
                    place,
                    result,
                    exchanges,
                });
            });
        }
        incoming
    }

    fn tell(&self, py: Python<'_>, progress: Option<&Bound<'_, PyAny>>, files: usize) -> PyResult<()> {
        let Some(progress) = progress else { return Ok(()) };
        let counters = &self.context.counters;
        let numbers = PyDict::new(py);
        numbers.set_item("files", files)?;
        let named: [(&str, &AtomicU64); 7] = [
            ("files_done", &counters.files_done),
            ("files_failed", &counters.files_failed),
            ("received", &counters.received),
            ("expected", &counters.expected),
            ("kept", &counters.kept),
            ("requests", &counters.requests),
            ("retries", &counters.retries),
        ];
        for (name, counter) in named {
            numbers.set_item(name, counter.load(Ordering::Relaxed))?;
        }
        progress.call1((numbers,)).map(|_| ())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        if self.process == std::process::id() {
            runtime.shutdown_background();
        } else {
            // Its threads are not in this process, and waiting for them would not end.
            std::mem::forget(runtime);
        }
    }
}

/// Take what ended until the deadline, or until all have.
fn collect(incoming: &mut Receiver<Ended>, ended: &mut Vec<Ended>, all: usize, deadline: Instant) {
    while ended.len() < all {
        match incoming.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(one) => ended.push(one),
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => unreachable!("every job sends its end"),
        }
    }
}

/// Bring the new names in every folder to the disk.
fn sync_folders(settings: &Settings, requests: &[Arc<Request>], ended: &[Ended]) -> PyResult<()> {
    if !settings.sync {
        return Ok(());
    }
    let done = ended.iter().filter(|one| one.result.is_ok());
    let folders: BTreeSet<&Path> = done.map(|one| folder_of(&requests[one.place].path)).collect();
    for folder in folders {
        sync_folder(folder)?;
    }
    Ok(())
}

fn outcome<'py>(py: Python<'py>, ended: Ended, request: &Request) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    let attempts = ended.exchanges.iter().map(|one| exchange(py, one));
    found.set_item(
        "attempts",
        PyList::new(py, attempts.collect::<PyResult<Vec<_>>>()?)?,
    )?;
    match ended.result {
        Ok(fetched) => {
            found.set_item("url", &fetched.answer.url)?;
            found.set_item("status", fetched.answer.status)?;
            found.set_item("headers", fetched.answer.headers.clone())?;
            found.set_item("length_declared", fetched.answer.length_declared)?;
            found.set_item("sha256", fetched.sha256)?;
            found.set_item("size", fetched.size)?;
            found.set_item("resumed_from", fetched.resumed_from)?;
            found.set_item("not_modified", fetched.not_modified)?;
        }
        Err(failure) => {
            found.set_item("url", address::public_text(&request.url))?;
            found.set_item("reason", failure.reason.name())?;
            found.set_item("message", failure.message)?;
            found.set_item("status", failure.status)?;
        }
    }
    Ok(found)
}

fn exchange<'py>(py: Python<'py>, one: &Exchange) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    found.set_item("url", &one.url)?;
    found.set_item("status", one.status)?;
    found.set_item("error", &one.error)?;
    found.set_item("wait_seconds", one.waited.as_secs_f64())?;
    found.set_item("received", one.received)?;
    Ok(found)
}

/// A URL as it may be shown and recorded: user, password, and values of parameters that are secrets are hidden.
#[pyfunction]
pub fn public_url(url: &str) -> String {
    address::public_text(url)
}

/// Each transfer has a socket and a file open; systems allow more of them than their default says.
fn allow_open_files(wanted: u64) {
    #[cfg(unix)]
    if rlimit::getrlimit(rlimit::Resource::NOFILE).is_ok_and(|(soft, _)| soft < wanted) {
        // Where the system refuses, a transfer that finds no file free says so.
        let _ = rlimit::increase_nofile_limit(wanted);
    }
    #[cfg(not(unix))]
    let _ = wanted;
}
