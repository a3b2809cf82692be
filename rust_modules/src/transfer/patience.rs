//! How long is waited between attempts, and when no further one is made.

use super::error::{Failure, Retry};
use super::settings::Settings;
use std::time::Duration;

/// Exponential backoff, half of it drawn by chance so that many clients do not come back at once.
pub fn backoff(settings: &Settings, tries: u32) -> Duration {
    let doubled = 2u32.saturating_pow(tries.saturating_sub(1));
    let full = settings
        .backoff
        .saturating_mul(doubled)
        .min(settings.longest_backoff);
    full.mul_f64(0.5 + 0.5 * fastrand::f64())
}

impl Failure {
    /// The same, with no further attempt if the host asks for more patience than there is.
    pub fn unless_patient(self, settings: &Settings) -> Self {
        match self.retry {
            Retry::After(time) if time > settings.longest_wait => Failure {
                message: format!(
                    "{}; the host asks to wait {} s, and {} s are the longest wait",
                    self.message,
                    seconds(time),
                    seconds(settings.longest_wait)
                ),
                spent: true,
                ..self
            },
            _ => self,
        }
    }
}

/// A time for a message, in s.
pub fn seconds(time: Duration) -> String {
    let text = format!("{:.1}", time.as_secs_f64());
    text.strip_suffix(".0").map(str::to_string).unwrap_or(text)
}
