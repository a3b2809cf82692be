//! Content codings: gzip is decoded as it comes, within bounds, so that a small answer cannot fill a disk.

use super::error::{Failure, Reason, Retry};
use flate2::write::MultiGzDecoder;
use std::io::Write;

/// Input decoded at a time; DEFLATE expands at most 1,032 times, so that a step holds 4 MiB at most.
const STEP: usize = 4096;
/// Expansion that no archive's file reaches; beyond this much output it is judged.
const HIGHEST_RATIO: u64 = 200;
const JUDGED_FROM: u64 = 16 << 20;

/// Where decoded bytes go.
pub type Keep<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Failure>;

/// What a body passes through on its way to the file.
pub enum Decoder {
    Identity,
    Gzip {
        inner: Box<MultiGzDecoder<Vec<u8>>>,
        taken: u64,
        given: u64,
    },
}

impl Decoder {
    /// The decoder for a `Content-Encoding`.
    pub fn of(encoding: Option<&str>) -> Result<Self, Failure> {
        match encoding.map(|name| name.trim().to_lowercase()).as_deref() {
            None | Some("" | "identity") => Ok(Decoder::Identity),
            Some("gzip" | "x-gzip") => Ok(Decoder::Gzip {
                inner: Box::new(MultiGzDecoder::new(Vec::new())),
                taken: 0,
                given: 0,
            }),
            Some(other) => Err(Failure::never(
                Reason::Encoding,
                format!("the answer is coded as {other:?}, and gzip or none was asked for"),
            )),
        }
    }

    pub fn is_identity(&self) -> bool {
        matches!(self, Decoder::Identity)
    }

    /// Decode a chunk and hand each decoded part to `keep`.
    pub fn feed(&mut self, chunk: &[u8], keep: Keep<'_>) -> Result<(), Failure> {
        let Decoder::Gzip { inner, taken, given } = self else {
            return keep(chunk);
        };
        for step in chunk.chunks(STEP) {
            inner.write_all(step).map_err(|error| corrupt(&error))?;
            *taken += step.len() as u64;
            *given += inner.get_ref().len() as u64;
            if *given > JUDGED_FROM && *given / *taken > HIGHEST_RATIO {
                return Err(Failure::new(
                    Reason::Bomb,
                    Retry::Nowhere,
                    format!(
                        "the answer expands {} times; no archive's file does",
                        *given / *taken
                    ),
                ));
            }
            keep(inner.get_ref())?;
            inner.get_mut().clear();
        }
        Ok(())
    }

    /// The body has ended: what remains, and whether the coding ended with it.
    pub fn finish(&mut self, keep: Keep<'_>) -> Result<(), Failure> {
        let Decoder::Gzip { inner, .. } = self else {
            return Ok(());
        };
        inner.try_finish().map_err(|error| corrupt(&error))?;
        keep(inner.get_ref())?;
        inner.get_mut().clear();
        Ok(())
    }
}

fn corrupt(error: &std::io::Error) -> Failure {
    Failure::new(
        Reason::Encoding,
        Retry::Anew,
        format!("the answer's gzip coding is corrupt or cut short: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{write::GzEncoder, Compression};

    fn coded(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn decoded(coded: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut decoder = Decoder::of(Some("gzip"))?;
        let mut found = Vec::new();
        let mut keep = |part: &[u8]| {
            found.extend_from_slice(part);
            Ok(())
        };
        for chunk in coded.chunks(1000) {
            decoder.feed(chunk, &mut keep)?;
        }
        decoder.finish(&mut keep)?;
        Ok(found)
    }

    #[test]
    fn what_was_coded_comes_back() {
        let plain: Vec<u8> = (0..100_000u32).flat_map(|n| n.to_le_bytes()).collect();
        assert_eq!(decoded(&coded(&plain)).unwrap(), plain);
    }

    #[test]
    fn every_truncation_is_seen() {
        let whole = coded(b"pl_name,pl_rade\nTRAPPIST-1 e,0.92\n");
        for end in 1..whole.len() {
            assert_eq!(
                decoded(&whole[..end]).unwrap_err().reason,
                Reason::Encoding,
                "{end}"
            );
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = coded(&vec![0u8; 64 << 20]);
        assert_eq!(decoded(&bomb).unwrap_err().reason, Reason::Bomb);
    }

    #[test]
    fn an_unknown_coding_is_refused() {
        assert!(Decoder::of(Some("br")).is_err());
        assert!(Decoder::of(Some("gzip, gzip")).is_err());
    }
}
