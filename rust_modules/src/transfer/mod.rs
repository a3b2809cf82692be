//! Files over HTTP: many at once under limits for each host, resumable, checked before they are kept.
//!
//! `session` runs jobs and is what Python sees; a `job` takes one file through its attempts; `pieces` fetches one
//! large file over several connections; `part` is the file on the disk while it is under way.

mod client;
mod content;
mod context;
mod decode;
mod error;
mod hosts;
mod job;
mod part;
mod pieces;
mod receive;
mod session;
mod settings;

pub use session::Session;
