//! What the jobs of one session share: client, limits, counters, and the wish to stop.

use super::client;
use super::error::Failure;
use super::hosts::Hosts;
use super::settings::Settings;
use reqwest::Client;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// Numbers that a caller reads while transfers run.
#[derive(Default)]
pub struct Counters {
    pub files_done: AtomicU64,
    pub files_failed: AtomicU64,
    /// Bytes of bodies as they came over the network, repeated ones included.
    pub received: AtomicU64,
    /// Bytes that files under way and done are known to have.
    pub expected: AtomicU64,
    /// Bytes that stand in files under way and done.
    pub kept: AtomicU64,
    pub requests: AtomicU64,
    pub retries: AtomicU64,
}

impl Counters {
    pub fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

pub struct Context {
    pub client: Client,
    pub hosts: Hosts,
    pub settings: Settings,
    pub counters: Counters,
    cancel: watch::Sender<bool>,
}

impl Context {
    pub fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Context {
            client: client::build(&settings)?,
            hosts: Hosts::new(&settings),
            settings,
            counters: Counters::default(),
            cancel: watch::Sender::new(false),
        })
    }

    /// Ask every job to stop, or allow jobs again.
    pub fn set_cancelled(&self, cancelled: bool) {
        self.cancel.send_replace(cancelled);
    }

    pub async fn cancelled(&self) {
        let mut seen = self.cancel.subscribe();
        // The sender lives as long as this context, so that waiting cannot fail.
        let _ = seen.wait_for(|cancelled| *cancelled).await;
    }

    /// A future's result, or the failure that the caller has interrupted it.
    pub async fn unless_cancelled<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.cancelled() => Err(Failure::cancelled()),
            result = work => result,
        }
    }
}
