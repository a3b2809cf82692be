//! Packs read at the speed of memory: samples by index, converted, into memory that is used again.
//!
//! - `spec`: what a caller says of stored arrays and asks for; `dtype`, `error`: types and errors.
//! - `shard`: files mapped into memory, their headers checked; `reader`: a pack of them.
//! - `decode`, `lanes`, `f16c`: stored elements become output elements.
//! - `gather`, `tokens`: batches of samples and of windows over tokens; `results`: what they are written to.
//! - `prefetch`: threads that work on batches; `buffer`: memory of batches.
//! - `python`: the classes that Python sees.
//!
//! What is read is what was stored, or an error: the CRC-32 of a sample is looked at when it is first read
//! since its reader was opened, and length and time of modification of each shard before each batch. A
//! file that is cut between that look and the read ends the process with SIGBUS, as any mapped file does;
//! one that is rewritten in that time, or without a change of its time of modification, is noticed only
//! for samples that had not been read.

#[cfg(target_endian = "big")]
compile_error!("packs are little-endian, and are read without swapping bytes");

mod buffer;
mod decode;
mod error;
#[cfg(target_arch = "x86_64")]
mod f16c;
mod gather;
mod lanes;
mod prefetch;
pub mod python;
mod reader;
mod results;
mod shard;
mod spec;
#[cfg(test)]
mod tests;
mod tokens;
