//! SHA-256 of files: streamed through a buffer of fixed size, many files at once.

use pyo3::prelude::*;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes read at a time: large enough to keep the disk busy, small enough for a cache.
const BUFFER: usize = 1 << 18;
/// Files between two looks at Python's signals, so that an interrupt is not kept waiting.
const BATCH: usize = 1024;

fn hash_one(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0u8; BUFFER];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => digest.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
    }
    Ok(digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// An OSError as Python itself would raise it, with number and file name.
pub fn to_python(error: io::Error, path: &Path) -> PyErr {
    match error.raw_os_error() {
        Some(number) => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or("").to_string();
            pyo3::exceptions::PyOSError::new_err((number, text, path.to_path_buf().into_os_string()))
        }
        None => pyo3::exceptions::PyOSError::new_err(format!("{}: {error}", path.display())),
    }
}

/// SHA-256 of each file as hexadecimal text, in the order of the paths.
#[pyfunction]
pub fn hash_files(py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<Vec<String>> {
    let mut digests = Vec::with_capacity(paths.len());
    for batch in paths.chunks(BATCH) {
        py.check_signals()?;
        let found: Vec<io::Result<String>> =
            py.allow_threads(|| batch.par_iter().map(|path| hash_one(path)).collect());
        for (digest, path) in found.into_iter().zip(batch) {
            digests.push(digest.map_err(|error| to_python(error, path))?);
        }
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::hash_one;
    use std::io::Write;
    use std::path::Path;

    #[test]
    fn the_digest_of_abc_is_that_of_fips_180_4() {
        let path = std::env::temp_dir().join(format!("hash-{}", std::process::id()));
        std::fs::File::create(&path).unwrap().write_all(b"abc").unwrap();
        let digest = hash_one(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(
            digest,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_missing_file_is_an_error() {
        assert!(hash_one(Path::new("/nowhere/at/all")).is_err());
    }
}
