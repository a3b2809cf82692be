//! A pack from file to batch, without Python: what the sanitizers run over.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use super::buffer::{Block, Lent, Pool};
use super::error::{Error, Result};
use super::gather::Samples;
use super::prefetch::{Threads, Ticket};
use super::reader::Reader;
use super::results::{Form, Target};
use super::spec::{ArraySpec, Layout, Output};
use super::tokens::{WindowRequest, Windows};
use crate::dtype::Dtype;

const SAMPLES: usize = 6;
/// Elements of a dense sample: some passes, and a part of one.
const DENSE: usize = 3 * 4099;

/// A folder that is gone with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("pack-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn dense(sample: usize) -> Vec<f32> {
    (0..DENSE)
        .map(|element| (sample * DENSE + element) as f32)
        .collect()
}

fn ragged(sample: usize) -> Vec<u16> {
    (0..sample * 5)
        .map(|element| (sample * 100 + element) as u16)
        .collect()
}

fn bytes<T: Copy, const N: usize>(values: &[T], make: fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| make(value)).collect()
}

/// A tensor of a shard: name, type in the header, shape, bytes.
type Tensor = (String, &'static str, Vec<usize>, Vec<u8>);

fn tensor(name: &str, dtype: &'static str, shape: &[usize], data: Vec<u8>) -> Tensor {
    (name.to_string(), dtype, shape.to_vec(), data)
}

fn write(path: &Path, tensors: &[Tensor]) {
    let (mut header, mut data) = (Vec::new(), Vec::new());
    for (name, dtype, shape, values) in tensors {
        let offsets = [data.len(), data.len() + values.len()];
        header.push(format!(
            "\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":{offsets:?}}}"
        ));
        data.extend_from_slice(values);
    }
    let header = format!("{{{}}}", header.join(","));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(&data);
    std::fs::write(path, file).unwrap();
}

/// A shard of the samples `first` to `first + count`, whose tokens are one document of ten a sample.
fn write_shard(path: &Path, first: usize, count: usize) {
    let samples = first..first + count;
    let each_dense: Vec<Vec<u8>> = samples
        .clone()
        .map(|sample| bytes(&dense(sample), f32::to_le_bytes))
        .collect();
    let each_ragged: Vec<Vec<u8>> = samples
        .map(|sample| bytes(&ragged(sample), u16::to_le_bytes))
        .collect();
    let mut ends = vec![0i64];
    for rows in &each_ragged {
        ends.push(ends[ends.len() - 1] + (rows.len() / 2) as i64);
    }
    let sums = |of: &[Vec<u8>]| -> Vec<u8> {
        let sums: Vec<u32> = of.iter().map(|block| crc32fast::hash(block)).collect();
        bytes(&sums, u32::to_le_bytes)
    };
    let tokens: Vec<u32> = (first as u32 * 10..(first + count) as u32 * 10).collect();
    let tokens = bytes(&tokens, u32::to_le_bytes);
    let documents: Vec<i64> = (0..=count as i64).map(|document| document * 10).collect();
    write(
        path,
        &[
            tensor("ragged.crc32", "U32", &[count], sums(&each_ragged)),
            tensor("ragged", "U16", &[ends[count] as usize], each_ragged.concat()),
            tensor(
                "ragged.offsets",
                "I64",
                &[count + 1],
                bytes(&ends, i64::to_le_bytes),
            ),
            tensor("dense", "F32", &[count, DENSE], each_dense.concat()),
            tensor("dense.crc32", "U32", &[count], sums(&each_dense)),
            tensor("tokens.crc32", "U32", &[1], sums(std::slice::from_ref(&tokens))),
            tensor("tokens", "U32", &[10 * count], tokens),
            tensor(
                "tokens.offsets",
                "I64",
                &[count + 1],
                bytes(&documents, i64::to_le_bytes),
            ),
        ],
    );
}

fn spec(name: &str, dtype: Dtype, shape: &[usize], layout: Layout) -> ArraySpec {
    ArraySpec {
        name: name.into(),
        dtype,
        shape: shape.to_vec(),
        layout,
        scale: vec![1.0],
        offset: vec![0.0],
        missing: None,
    }
}

fn opened(folder: &Folder) -> Arc<Reader> {
    let shards: Vec<(PathBuf, usize)> = [(0, 2), (2, 4)]
        .into_iter()
        .map(|(first, count)| {
            let path = folder.0.join(format!("{first}"));
            write_shard(&path, first, count);
            (path, count)
        })
        .collect();
    let arrays = vec![
        spec("dense", Dtype::Float32, &[DENSE], Layout::Dense),
        spec("ragged", Dtype::UInt16, &[], Layout::Ragged),
        spec("tokens", Dtype::UInt32, &[], Layout::Tokens),
    ];
    Arc::new(Reader::open(&shards, arrays).unwrap())
}

fn output(name: &str, dtype: Dtype) -> Output {
    Output {
        name: name.into(),
        dtype: Some(dtype),
        mean: vec![],
        std: vec![],
        mask: true,
    }
}

fn plan(reader: &Arc<Reader>, threads: usize) -> Arc<Samples> {
    let outputs = [output("dense", Dtype::Float64), output("ragged", Dtype::Int64)];
    Arc::new(Samples::new(reader.clone(), &outputs, true, threads).unwrap())
}

fn lent(pool: &Arc<Pool>, forms: &[Form]) -> (Vec<Lent>, Vec<Target>) {
    let memory: Vec<Lent> = forms
        .iter()
        .map(|form| {
            let bytes = form.bytes().unwrap();
            pool.lend_kept(bytes)
                .unwrap_or_else(|| pool.lend_new(Block::new(bytes).unwrap()))
        })
        .collect();
    let targets = memory.iter().zip(forms);
    // SAFETY: tests drop tickets before the memory, and read it when the batch has ended.
    let target = |(lent, form): (&Lent, &Form)| unsafe { Target::new(lent.start(), form.bytes().unwrap()) };
    let targets = targets.map(target).collect();
    (memory, targets)
}

fn ended(ticket: &Ticket) -> Result<()> {
    ticket.wait(Duration::from_secs(120)).expect("a batch ends")
}

/// What was written, when the batch has ended.
fn content<const N: usize>(lent: &Lent, form: &Form) -> Vec<[u8; N]> {
    // SAFETY: the block is initialised and has at least the bytes of the form; its batch has ended.
    let all = unsafe { std::slice::from_raw_parts(lent.start(), form.bytes().unwrap()) };
    all.chunks_exact(N).map(|item| item.try_into().unwrap()).collect()
}

#[test]
fn samples_of_any_order_come_out_through_any_number_of_threads() {
    let folder = Folder::new();
    let reader = opened(&folder);
    assert!(
        !reader.shards[0].is_absent(0),
        "what was read a moment ago is in memory"
    );
    let pool = Arc::default();
    for threads in [1, 2, 4] {
        let plan = plan(&reader, threads);
        let workers = Threads::start(threads).unwrap();
        for indices in [vec![], vec![5, 0, 3, 3, 1], vec![0; 20], vec![2, 4]] {
            let mut batch = plan.batch(&indices).unwrap();
            let forms = batch.forms().to_vec();
            let (memory, targets) = lent(&pool, &forms);
            batch.aim(targets);
            batch.read_ahead();
            let ticket = workers.submit(Box::new(batch)).unwrap();
            assert_eq!(ended(&ticket), Ok(()));
            drop(ticket);
            let samples = || indices.iter().map(|&index| index as usize);
            let wanted: Vec<f64> = samples().flat_map(dense).map(f64::from).collect();
            let found: Vec<f64> = content(&memory[0], &forms[0])
                .into_iter()
                .map(f64::from_le_bytes)
                .collect();
            assert!(wanted == found);
            assert!(content::<1>(&memory[1], &forms[1])
                .iter()
                .all(|present| *present == [1]));
            let wanted: Vec<i64> = samples().flat_map(ragged).map(i64::from).collect();
            let found: Vec<i64> = content(&memory[2], &forms[2])
                .into_iter()
                .map(i64::from_le_bytes)
                .collect();
            assert_eq!(wanted, found);
            let ends: Vec<i64> = content(&memory[3], &forms[3])
                .into_iter()
                .map(i64::from_le_bytes)
                .collect();
            assert_eq!((ends[0], ends[indices.len()]), (0, wanted.len() as i64));
        }
    }
}

#[test]
fn tickets_dropped_at_any_time_leave_memory_alone() {
    let folder = Folder::new();
    let plan = plan(&opened(&folder), 3);
    let workers = Threads::start(3).unwrap();
    let pool = Arc::default();
    let indices: Vec<i64> = (0..24).map(|number| number % SAMPLES as i64).collect();
    for round in 0..40 {
        let mut batch = plan.batch(&indices).unwrap();
        let forms = batch.forms().to_vec();
        let (memory, targets) = lent(&pool, &forms);
        batch.aim(targets);
        let ticket = workers.submit(Box::new(batch)).unwrap();
        if round % 3 == 0 {
            assert_eq!(ended(&ticket), Ok(()));
        }
        drop(ticket);
        // SAFETY: no thread is in the batch any more.
        unsafe {
            memory[0]
                .start()
                .write_bytes(round as u8, forms[0].bytes().unwrap())
        };
        assert!(content::<1>(&memory[0], &forms[0])
            .iter()
            .all(|byte| *byte == [round as u8]));
    }
}

#[test]
fn a_damaged_sample_is_told_and_leaves_no_value() {
    let folder = Folder::new();
    let reader = opened(&folder);
    drop(reader);
    let path = folder.0.join("2");
    let mut file = std::fs::read(&path).unwrap();
    let first = bytes(&dense(3)[..2], f32::to_le_bytes);
    let at = file.windows(8).position(|window| window == first).unwrap();
    file[at + 4 * (DENSE - 1)] ^= 1;
    std::fs::write(&path, file).unwrap();
    let shards = vec![(folder.0.join("0"), 2), (path.clone(), 4)];
    let arrays = vec![spec("dense", Dtype::Float32, &[DENSE], Layout::Dense)];
    let reader = Arc::new(Reader::open(&shards, arrays).unwrap());
    let outputs = [output("dense", Dtype::Float32)];
    let plan = Arc::new(Samples::new(reader, &outputs, true, 2).unwrap());
    let workers = Threads::start(2).unwrap();
    let mut batch = plan.batch(&[0, 1, 3, 2]).unwrap();
    let forms = batch.forms().to_vec();
    let (memory, targets) = lent(&Arc::default(), &forms);
    batch.aim(targets);
    let ticket = workers.submit(Box::new(batch)).unwrap();
    match ended(&ticket) {
        Err(Error::Damaged(damage)) => {
            assert_eq!((damage.shard, damage.sample), (path, Some(3)));
        }
        other => panic!("{other:?}"),
    }
    drop(ticket);
    let values = content(&memory[0], &forms[0]).into_iter().map(f32::from_le_bytes);
    assert!(values.into_iter().all(f32::is_nan));
    assert!(content::<1>(&memory[1], &forms[1])
        .iter()
        .all(|present| *present == [0]));
}

#[test]
fn windows_go_from_one_shard_into_the_next() {
    let folder = Folder::new();
    let asked = WindowRequest {
        name: "tokens",
        window: 25,
        stride: 7,
        dtype: Dtype::Int64,
        documents: true,
        check: true,
        threads: 2,
    };
    let windows = Arc::new(Windows::new(opened(&folder), &asked).unwrap());
    assert_eq!(windows.count(), (10 * SAMPLES - 25) / 7 + 1);
    let workers = Threads::start(2).unwrap();
    let indices: Vec<i64> = (0..windows.count() as i64).rev().collect();
    let mut batch = windows.batch(&indices).unwrap();
    let forms = batch.forms().to_vec();
    let (memory, targets) = lent(&Arc::default(), &forms);
    batch.aim(targets);
    batch.read_ahead();
    let ticket = workers.submit(Box::new(batch)).unwrap();
    assert_eq!(ended(&ticket), Ok(()));
    drop(ticket);
    let wanted: Vec<i64> = indices
        .iter()
        .flat_map(|window| window * 7..window * 7 + 25)
        .collect();
    let found: Vec<i64> = content(&memory[0], &forms[0])
        .into_iter()
        .map(i64::from_le_bytes)
        .collect();
    assert_eq!(found, wanted);
    let documents = content(&memory[1], &forms[1]).into_iter().map(i64::from_le_bytes);
    assert!(documents.eq(wanted.iter().map(|token| token / 10)));
}
