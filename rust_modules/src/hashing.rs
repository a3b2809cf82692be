//! SHA-256 of files: streamed through buffers of fixed size, many files at once.
//!
//! A single file cannot be hashed in parallel, since each block of SHA-256 needs the one before; of a large one,
//! reading runs ahead of hashing on a thread of its own. The digest itself is the sha2 crate's, which uses the
//! processor's SHA instructions; two files side by side in one thread would be half as fast again (3.0 against
//! 1.9 GB/s here), and are not worth cryptography of our own.

use crate::parallel;
use pyo3::prelude::*;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, sync_channel, RecvTimeoutError};
use std::sync::Mutex;
use std::time::Duration;

/// Bytes read at a time: large enough to keep the disk busy; two of them fit a second cache.
const BUFFER: usize = 1 << 18;
/// Bytes of a file from which on reading has a thread of its own, if there is one file alone.
const LARGE: u64 = 8 << 20;
/// Buffers between the thread that reads and the one that hashes.
const AHEAD: usize = 4;
/// Files for which one thread is enough, and threads a core at most.
const MANY: usize = 64;
const SEEKS: usize = 8;
/// Between two looks at Python's signals.
const PATIENCE: Duration = Duration::from_millis(50);

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
    let stop = AtomicBool::new(false);
    let found = py.allow_threads(|| {
        let (done, waiting) = channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let found = hash_all(&paths, threads(paths.len()), &stop);
                // Nobody listens any more if the wait was interrupted.
                let _ = done.send(found);
            });
            loop {
                match waiting.recv_timeout(PATIENCE) {
                    Ok(found) => return Ok(found),
                    Err(RecvTimeoutError::Timeout) => {
                        if let Err(interrupt) = Python::with_gil(|py| py.check_signals()) {
                            stop.store(true, Ordering::Relaxed);
                            return Err(interrupt);
                        }
                    }
                    // The thread has panicked, which ends the scope with its panic.
                    Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
                }
            }
        })
    })?;
    let named = found.into_iter().zip(&paths);
    named
        .map(|(digest, path)| digest.map_err(|error| to_python(error, path)))
        .collect()
}

/// One a core, and more where there are very many files: these are small, and a disk that seeks for several at once is
/// waited for less.
fn threads(files: usize) -> usize {
    let cores = parallel::cores();
    (files / MANY).clamp(cores, SEEKS * cores)
}

/// The digest of each file, or why it could not be read.
fn hash_all(paths: &[PathBuf], threads: usize, stop: &AtomicBool) -> Vec<io::Result<String>> {
    if let [path] = paths {
        return vec![hash_alone(path, stop)];
    }
    let found: Mutex<Vec<Option<io::Result<String>>>> = Mutex::new(paths.iter().map(|_| None).collect());
    parallel::for_each(
        paths.iter().enumerate(),
        threads.min(paths.len()),
        || vec![0; BUFFER],
        |buffer, (number, path)| {
            let digest = File::open(path).and_then(|file| hash_through(&file, buffer, stop));
            found.lock().unwrap_or_else(|broken| broken.into_inner())[number] = Some(digest);
        },
    );
    let found = found.into_inner().unwrap_or_else(|broken| broken.into_inner());
    found
        .into_iter()
        .map(|digest| digest.unwrap_or_else(|| Err(io::ErrorKind::Interrupted.into())))
        .collect()
}

/// The digest of a file that is read through a buffer.
fn hash_through(file: &File, buffer: &mut [u8], stop: &AtomicBool) -> io::Result<String> {
    let mut digest = Sha256::new();
    while let Some(count) = read(file, buffer)? {
        if stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        digest.update(&buffer[..count]);
    }
    Ok(hexadecimal(digest))
}

/// A digest as text.
pub fn hexadecimal(digest: Sha256) -> String {
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The digest of one file; of a large one, a thread reads ahead.
fn hash_alone(path: &Path, stop: &AtomicBool) -> io::Result<String> {
    let file = File::open(path)?;
    if file.metadata()?.len() < LARGE {
        return hash_through(&file, &mut vec![0; BUFFER], stop);
    }
    let mut digest = Sha256::new();
    read_ahead(&file, stop, |bytes| digest.update(bytes))?;
    Ok(hexadecimal(digest))
}

/// Bytes that were read; `None` at the end.
fn read(mut file: &File, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match file.read(buffer) {
            Ok(count) => return Ok((count > 0).then_some(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Hand the bytes of a file to `visit` while another thread reads those that follow.
fn read_ahead(file: &File, stop: &AtomicBool, mut visit: impl FnMut(&[u8])) -> io::Result<()> {
    let (full, filled) = sync_channel::<io::Result<(Vec<u8>, usize)>>(AHEAD);
    let (empty, emptied) = channel();
    for _ in 0..AHEAD {
        let _ = empty.send(vec![0; BUFFER]);
    }
    std::thread::scope(|scope| {
        // Owned here, so that leaving this closure ends the wait of the other thread.
        let (empty, filled) = (empty, filled);
        scope.spawn(move || {
            // Ends with the file, with an error, or when the other side is gone.
            while let Ok(mut buffer) = emptied.recv() {
                let found = read(file, &mut buffer).map(|count| count.map(|count| (buffer, count)));
                let (message, last) = match found {
                    Ok(None) => return,
                    Ok(Some(read)) => (Ok(read), false),
                    Err(error) => (Err(error), true),
                };
                if full.send(message).is_err() || last {
                    return;
                }
            }
        });
        for message in filled {
            let (buffer, count) = message?;
            if stop.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            visit(&buffer[..count]);
            let _ = empty.send(buffer);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("hash-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn digest(content: &[u8]) -> String {
        Sha256::digest(content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    #[test]
    fn the_digest_of_abc_is_that_of_fips_180_4() {
        let folder = folder("abc");
        let path = folder.join("abc");
        std::fs::write(&path, b"abc").unwrap();
        let found = hash_all(&[path], 2, &AtomicBool::new(false));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            found[0].as_ref().unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn files_of_every_length_have_the_digests_of_their_contents_in_order() {
        let folder = folder("lengths");
        let lengths = (0..200).map(|number| number * 7).chain([
            BUFFER - 1,
            BUFFER,
            BUFFER + 1,
            3 * BUFFER + 55,
            LARGE as usize + 1,
            0,
            64,
        ]);
        let contents: Vec<Vec<u8>> = lengths
            .enumerate()
            .map(|(number, length)| (0..length).map(|place| (place * 31 + number) as u8).collect())
            .collect();
        let paths: Vec<PathBuf> = (0..contents.len())
            .map(|number| folder.join(number.to_string()))
            .collect();
        for (path, content) in paths.iter().zip(&contents) {
            std::fs::write(path, content).unwrap();
        }
        let wanted: Vec<String> = contents.iter().map(|content| digest(content)).collect();
        for threads in [1, 2, 7, 500] {
            let found = hash_all(&paths, threads, &AtomicBool::new(false));
            assert!(
                found.iter().map(|digest| digest.as_ref().unwrap()).eq(&wanted),
                "{threads}"
            );
        }
        for (path, wanted) in paths.iter().zip(&wanted) {
            assert_eq!(&hash_alone(path, &AtomicBool::new(false)).unwrap(), wanted);
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_missing_file_is_an_error_and_the_others_have_their_digests() {
        let folder = folder("missing");
        let (there, folder_itself) = (folder.join("there"), folder.clone());
        std::fs::write(&there, b"abc").unwrap();
        let paths = [there.clone(), folder.join("nowhere"), folder_itself, there];
        let found = hash_all(&paths, 2, &AtomicBool::new(false));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(found[0].is_ok() && found[3].is_ok());
        assert_eq!(found[1].as_ref().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(found[2].is_err());
        assert!(hash_alone(Path::new("/nowhere/at/all"), &AtomicBool::new(false)).is_err());
    }

    #[test]
    fn a_stop_is_heeded() {
        let folder = folder("stop");
        let path = folder.join("large");
        std::fs::write(&path, vec![1; LARGE as usize]).unwrap();
        let stop = AtomicBool::new(true);
        assert!(hash_all(std::slice::from_ref(&path), 2, &stop)[0].is_err());
        assert!(hash_all(&[path.clone(), path], 2, &stop)
            .iter()
            .all(Result::is_err));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
