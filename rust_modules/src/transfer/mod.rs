//! Files over HTTP: many at once under limits for each host, resumable, checked before they are kept.
//!
//! `session` runs jobs and is what Python sees; a `job` takes one file through its attempts; `pieces` fetches one
//! large file over several connections; `part` is the file on the disk while it is under way.

use pyo3::prelude::*;

mod address;
mod answer;
mod ask;
mod body;
mod client;
mod content;
mod context;
mod decode;
mod error;
mod hosts;
mod job;
mod part;
mod patience;
mod pieces;
mod receive;
mod session;
mod settings;

pub use session::{public_url, Session};

/// Names of this module that Python sees.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Session>()?;
    module.add_function(wrap_pyfunction!(public_url, module)?)
}
