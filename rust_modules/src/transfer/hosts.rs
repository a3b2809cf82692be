//! Politeness: how many requests a host and the whole machine have under way, and how they are spaced.

use super::settings::{HostLimit, Settings};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use url::Url;

pub struct Hosts {
    all: Arc<Semaphore>,
    default_limit: HostLimit,
    limits: HashMap<String, HostLimit>,
    known: Mutex<HashMap<String, Arc<Host>>>,
}

pub struct Host {
    slots: Arc<Semaphore>,
    interval: Duration,
    /// No request starts before this.
    free_at: Mutex<Instant>,
}

/// The right to have one request under way; ends when dropped.
pub struct Permit {
    _host: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Hosts {
    pub fn new(settings: &Settings) -> Self {
        Hosts {
            all: Arc::new(Semaphore::new(settings.connections)),
            default_limit: settings.default_limit,
            limits: settings.limits.clone(),
            known: Mutex::new(HashMap::new()),
        }
    }

    /// The host of a URL; `host:port` has a limit of its own where the settings name it so.
    pub fn of(&self, url: &Url) -> Arc<Host> {
        let name = url.host_str().unwrap_or("").to_string();
        let full = format!("{name}:{}", url.port_or_known_default().unwrap_or(0));
        let (key, limit) = match (self.limits.get(&full), self.limits.get(&name)) {
            (Some(limit), _) => (full, *limit),
            (None, Some(limit)) => (name, *limit),
            (None, None) => (name, self.default_limit),
        };
        let mut known = self
            .known
            .lock()
            .expect("no thread panics while it holds this lock");
        Arc::clone(known.entry(key).or_insert_with(|| {
            Arc::new(Host {
                slots: Arc::new(Semaphore::new(limit.connections)),
                interval: limit.interval,
                free_at: Mutex::new(Instant::now()),
            })
        }))
    }

    /// Wait for a slot of the host, then until its next start is due, then for a slot of the machine,
    /// which is not kept from other hosts meanwhile.
    pub async fn acquire(&self, host: &Host) -> Permit {
        let slot = Arc::clone(&host.slots).acquire_owned();
        let slot = slot.await.expect("the semaphores are never closed");
        loop {
            tokio::time::sleep_until(host.due()).await;
            let all = Arc::clone(&self.all).acquire_owned();
            let all = all.await.expect("the semaphores are never closed");
            if host.claim_start() {
                return Permit {
                    _host: slot,
                    _all: all,
                };
            }
        }
    }
}

impl Hosts {
    /// Wait until a further request may start under a permit that is held already.
    pub async fn next_start(&self, host: &Host) {
        loop {
            tokio::time::sleep_until(host.due()).await;
            if host.claim_start() {
                return;
            }
        }
    }
}

impl Host {
    fn free_at(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.free_at
            .lock()
            .expect("no thread panics while it holds this lock")
    }

    fn due(&self) -> Instant {
        *self.free_at()
    }

    /// Take the next start if it is due.
    fn claim_start(&self) -> bool {
        let mut free_at = self.free_at();
        let now = Instant::now();
        if *free_at > now {
            return false;
        }
        *free_at = now + self.interval;
        true
    }

    /// Hold back every request that has not started: the host asked for time.
    pub fn hold(&self, time: Duration) {
        let mut free_at = self.free_at();
        *free_at = (*free_at).max(Instant::now() + time);
    }
}
