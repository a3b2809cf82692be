//! Shards: safetensors files, written once, whole or not at all.
//!
//! The header is written here and not by the `safetensors` crate, which keeps metadata in a hash map, so that two
//! writings of the same shard differ in their bytes. Otherwise it is the crate's: tensors by falling size of their
//! values, then by name, the text padded with spaces to a multiple of 8. A shard gets its name when all of it is on
//! the disk; until then it has a temporary one beside it.

use crate::dtype::Dtype;
use crate::folder::{folder_of, sync_folder};
use crate::hashing::hexadecimal;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A tensor to be written; its bytes may lie in several pieces.
pub struct Tensor<'data> {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub parts: Vec<&'data [u8]>,
}

impl Tensor<'_> {
    fn length(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }
}

/// Why a list of tensors is no shard.
#[derive(Debug, PartialEq)]
pub enum Wrong {
    /// A name that is given twice.
    Twice(String),
    /// A name that the format keeps for itself.
    Reserved(String),
    /// Name, bytes that are there, bytes that the shape has.
    Length(String, usize, usize),
}

/// Put tensors in the order of the file.
///
/// # Errors
/// If a name is used twice or reserved, or a tensor has not the bytes of its shape.
pub fn in_order(mut tensors: Vec<Tensor<'_>>) -> Result<Vec<Tensor<'_>>, Wrong> {
    tensors.sort_by(|one, other| (other.dtype.size(), &one.name).cmp(&(one.dtype.size(), &other.name)));
    let mut names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Wrong::Twice(pair[0].to_string()));
    }
    for tensor in &tensors {
        let wanted = tensor.shape.iter().product::<usize>() * tensor.dtype.size();
        if tensor.name == "__metadata__" {
            return Err(Wrong::Reserved(tensor.name.clone()));
        }
        if tensor.length() != wanted {
            return Err(Wrong::Length(tensor.name.clone(), tensor.length(), wanted));
        }
    }
    Ok(tensors)
}

/// Length and header of the file, ahead of the tensors' bytes.
fn header(tensors: &[Tensor<'_>], metadata: &[(String, String)]) -> Vec<u8> {
    let mut entries = Vec::with_capacity(tensors.len() + 1);
    if !metadata.is_empty() {
        let pairs: Vec<String> = metadata
            .iter()
            .map(|(key, value)| format!("{}:{}", quoted(key), quoted(value)))
            .collect();
        entries.push(format!("\"__metadata__\":{{{}}}", pairs.join(",")));
    }
    let mut begin = 0;
    for tensor in tensors {
        let end = begin + tensor.length();
        let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
        entries.push(format!(
            "{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{begin},{end}]}}",
            quoted(&tensor.name),
            tensor.dtype.code(),
            shape.join(",")
        ));
        begin = end;
    }
    let mut text = format!("{{{}}}", entries.join(","));
    text.extend(std::iter::repeat_n(
        ' ',
        text.len().next_multiple_of(8) - text.len(),
    ));
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut found = String::with_capacity(text.len() + 2);
    found.push('"');
    for letter in text.chars() {
        match letter {
            '"' => found.push_str("\\\""),
            '\\' => found.push_str("\\\\"),
            control if (control as u32) < 0x20 => {
                let _ = write!(found, "\\u{:04x}", control as u32);
            }
            other => found.push(other),
        }
    }
    found.push('"');
    found
}

/// Write a shard of tensors that stand [`in_order`]; SHA-256 of the file as hexadecimal text.
///
/// With `sync` the file and its name are on the disk before this returns. Hashing and writing run side by side.
///
/// # Errors
/// As the system says; nothing of the shard is left then.
pub fn write(
    path: &Path,
    tensors: &[Tensor<'_>],
    metadata: &[(String, String)],
    sync: bool,
) -> io::Result<String> {
    let header = header(tensors, metadata);
    let parts = || {
        std::iter::once(header.as_slice())
            .chain(tensors.iter().flat_map(|tensor| tensor.parts.iter().copied()))
    };
    let partial = Partial::beside(path)?;
    let (written, digest) = std::thread::scope(|scope| {
        let hashing = scope.spawn(|| {
            let mut digest = Sha256::new();
            parts().for_each(|part| digest.update(part));
            hexadecimal(digest)
        });
        let written = parts().try_for_each(|part| (&partial.file).write_all(part));
        (written, hashing.join())
    });
    written?;
    let digest = digest.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    if sync {
        partial.file.sync_all()?;
    }
    partial.name_it(path)?;
    if sync {
        sync_folder(folder_of(path))?;
    }
    Ok(digest)
}

/// A file under a temporary name, removed unless it gets its own.
struct Partial {
    file: File,
    path: PathBuf,
    named: bool,
}

impl Partial {
    fn beside(path: &Path) -> io::Result<Partial> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = path.file_name().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the path of a shard names no file")
        })?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let own = format!(
            ".{}.{}.{number}.partial",
            name.to_string_lossy(),
            std::process::id()
        );
        let path = path.with_file_name(own);
        // What a killed process of the same number left is of no use to anyone.
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        Ok(Partial {
            file,
            path,
            named: false,
        })
    }

    fn name_it(mut self, path: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, path)?;
        self.named = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.named {
            // The error that brought us here is the one to be told.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn tensor<'data>(name: &str, dtype: Dtype, shape: &[usize], parts: &[&'data [u8]]) -> Tensor<'data> {
        Tensor {
            name: name.to_string(),
            dtype,
            shape: shape.to_vec(),
            parts: parts.to_vec(),
        }
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("shard-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_shard_is_header_and_data_and_its_digest_that_of_the_file() {
        let folder = folder("whole");
        let path = folder.join("one.safetensors");
        let tensors = vec![
            tensor("b", Dtype::UInt8, &[3], &[&[1, 2], &[3]]),
            tensor("a", Dtype::Int16, &[2, 1], &[&[4, 0, 5, 0]]),
        ];
        let metadata = [("say \"x\"\n".to_string(), "\\é".to_string())];
        let digest = write(&path, &in_order(tensors).unwrap(), &metadata, true).unwrap();
        let content = std::fs::read(&path).unwrap();
        let length = u64::from_le_bytes(content[..8].try_into().unwrap()) as usize;
        let text = std::str::from_utf8(&content[8..8 + length]).unwrap();
        assert_eq!(length % 8, 0);
        assert_eq!(
            text.trim_end(),
            "{\"__metadata__\":{\"say \\\"x\\\"\\u000a\":\"\\\\é\"},\
             \"a\":{\"dtype\":\"I16\",\"shape\":[2,1],\"data_offsets\":[0,4]},\
             \"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[4,7]}}"
        );
        assert_eq!(content[8 + length..], [4, 0, 5, 0, 1, 2, 3]);
        let wanted: String = Sha256::digest(&content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(digest, wanted);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_shard_that_cannot_get_its_name_leaves_nothing() {
        let folder = folder("refused");
        let path = folder.join("taken");
        std::fs::create_dir(&path).unwrap();
        let tensors = [tensor("a", Dtype::UInt8, &[1], &[&[1]])];
        assert!(write(&path, &tensors, &[], false).is_err());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn tensors_that_make_no_shard_are_named() {
        let one = || tensor("a", Dtype::UInt8, &[1], &[&[1]]);
        assert_eq!(
            in_order(vec![one(), one()]).err(),
            Some(Wrong::Twice("a".to_string()))
        );
        let short = tensor("a", Dtype::Float32, &[1], &[&[1]]);
        assert_eq!(
            in_order(vec![short]).err(),
            Some(Wrong::Length("a".to_string(), 1, 4))
        );
        let reserved = tensor("__metadata__", Dtype::UInt8, &[0], &[]);
        assert_eq!(
            in_order(vec![reserved]).err(),
            Some(Wrong::Reserved("__metadata__".to_string()))
        );
    }
}
