//! Reading a body: chunk by chunk, with a bound on silence and on slowness.

use super::context::{Context, Counters};
use super::error::{Failure, Reason, Retry};
use super::patience::seconds;
use reqwest::Response;
use std::time::Duration;
use tokio::time::Instant;

/// The chunks of a body, and how many bytes have come.
pub struct Receiver<'a> {
    context: &'a Context,
    response: Response,
    pub received: u64,
    window_start: Instant,
    window_bytes: u64,
}

impl<'a> Receiver<'a> {
    pub fn new(context: &'a Context, response: Response) -> Self {
        Receiver {
            context,
            response,
            received: 0,
            window_start: Instant::now(),
            window_bytes: 0,
        }
    }

    pub fn response(&self) -> &Response {
        &self.response
    }

    /// The next chunk; none at the end of the body.
    pub async fn chunk(&mut self) -> Result<Option<impl AsRef<[u8]>>, Failure> {
        let waited = tokio::time::timeout(self.context.settings.stall_timeout, self.response.chunk());
        let chunk = match waited.await {
            Err(_) => {
                let time = self.context.settings.stall_timeout;
                return Err(stalled("the body stopped coming", time));
            }
            Ok(Err(error)) => return Err(body_failure(&error.without_url())),
            Ok(Ok(chunk)) => chunk,
        };
        if let Some(bytes) = &chunk {
            self.received += bytes.len() as u64;
            Counters::add(&self.context.counters.received, bytes.len() as u64);
            self.check_speed(bytes.len() as u64)?;
        }
        Ok(chunk)
    }

    fn check_speed(&mut self, bytes: u64) -> Result<(), Failure> {
        let settings = &self.context.settings;
        self.window_bytes += bytes;
        let passed = self.window_start.elapsed();
        if passed < settings.least_speed_time {
            return Ok(());
        }
        let speed = self.window_bytes as f64 / passed.as_secs_f64();
        if speed < settings.least_speed as f64 {
            let message = format!(
                "the body came at {speed:.0} bytes/s over {} s, and {} bytes/s are the least",
                seconds(passed),
                settings.least_speed
            );
            return Err(Failure::new(Reason::Slow, Retry::Resume, message));
        }
        self.window_start = Instant::now();
        self.window_bytes = 0;
        Ok(())
    }

    /// Up to `limit` bytes of what remains, for judging a page; a failure ends it early.
    pub async fn rest(&mut self, limit: usize) -> Vec<u8> {
        let mut found = Vec::new();
        while found.len() < limit {
            match self.chunk().await {
                Ok(Some(bytes)) => found.extend_from_slice(bytes.as_ref()),
                Ok(None) | Err(_) => break,
            }
        }
        found.truncate(limit);
        found
    }
}

pub fn stalled(what: &str, time: Duration) -> Failure {
    let message = format!("{what} for {} s", seconds(time));
    Failure::new(Reason::Stalled, Retry::Resume, message)
}

/// Whatever breaks while a body is read leaves it truncated, unless the peer no longer speaks HTTP.
fn body_failure(error: &reqwest::Error) -> Failure {
    let mut failure = Failure::network(error);
    if matches!(failure.reason, Reason::Connect | Reason::Truncated) {
        failure.reason = Reason::Truncated;
        failure.retry = Retry::Resume;
        failure.message = "the connection ended before the body did".to_string();
    }
    failure
}
