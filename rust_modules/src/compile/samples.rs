//! Many samples at once: each is brought into order, encoded, checked, measured, and gets its CRC-32.
//!
//! A sample is the work of one thread, from the source through the caches into the output.

use super::conversion::Transform;
use super::encode::{Bench, Encoding, Misfit, Number, Reason};
use super::moments::{Moments, BLOCK, WIDTH};
use super::strided::Layout;
use crate::dtype::Dtype;
use crate::parallel;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

/// Bytes of source that a thread takes on at a time, at least.
const SHARE: usize = 1 << 18;

/// Values in memory that someone else owns: samples along the first axis.
#[derive(Clone, Debug)]
pub struct View {
    pub start: *const u8,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// In bytes.
    pub strides: Vec<isize>,
}

// SAFETY: a view is an address with a shape; whoever makes one keeps its memory alive and unchanged while threads
// read it (see `python::Source`).
unsafe impl Send for View {}
// SAFETY: as above; nothing is written through a view.
unsafe impl Sync for View {}

impl View {
    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.shape[0]
    }

    /// Samples `begin..end`.
    pub fn slice(&self, begin: usize, end: usize) -> View {
        let mut part = self.clone();
        part.start = self.start.wrapping_offset(begin as isize * self.strides[0]);
        part.shape[0] = end - begin;
        part
    }
}

/// How each sample is stored.
#[derive(Clone, Debug)]
pub struct Specification {
    pub encoding: Encoding,
    /// One for all fields or one for each; empty: values are stored as they are.
    pub transforms: Vec<Transform>,
    /// Number of fields: the length of a sample's first axis, or 1.
    pub fields: usize,
}

/// What was seen of each sample while it was stored.
#[derive(Debug)]
pub struct Seen {
    /// Of its stored bytes.
    pub crc32: Vec<u32>,
    /// [`WIDTH`] numbers for each of its fields.
    pub moments: Vec<f64>,
}

/// The first sample that cannot be stored, and why.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub sample: usize,
    pub field: usize,
    pub value: Number,
    pub reason: Reason,
    pub stored: Dtype,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sample, field, value, stored) = (self.sample, self.field, self.value, self.stored);
        write!(formatter, "sample {sample}, field {field}: ")?;
        match self.reason {
            Reason::Infinite => write!(formatter, "a value is infinite"),
            Reason::OutOfRange => write!(formatter, "{value} is out of the range of {stored}"),
            Reason::NotExact => write!(formatter, "{value} is not exactly a value of {stored}"),
            Reason::NoMissingCode => write!(
                formatter,
                "a value is NaN, and {stored} has no code for missing values"
            ),
            Reason::IsMissingCode => {
                write!(formatter, "{value} would get the code of a missing value")
            }
        }
    }
}

/// Samples of one shape: axes 1, 2, ... of `view` are stored in the order of `axes` (0 is the first after the
/// samples).
///
/// # Errors
/// The first sample with a value that cannot be stored.
pub fn compile_dense(
    view: &View,
    axes: &[usize],
    specification: &Specification,
    out: &mut [u8],
    threads: usize,
) -> Result<Seen, Refusal> {
    let shape: Vec<usize> = axes.iter().map(|&axis| view.shape[axis + 1]).collect();
    let strides: Vec<isize> = axes.iter().map(|&axis| view.strides[axis + 1]).collect();
    let layout = Layout::new(view.dtype.size(), &shape, &strides);
    let size = layout.count() * specification.encoding.stored.size();
    let share = Share::of(view.samples(), layout.count() * view.dtype.size(), threads);
    compile(
        share,
        specification,
        out,
        |_| size,
        |worker, task| {
            let start = view.start.wrapping_offset(task.number as isize * view.strides[0]);
            // SAFETY: the layout has the strides of the view, and `start` is the start of one of its samples.
            unsafe { worker.in_order(&layout, start, task) }
        },
    )
}

/// Samples of any length: each view is one, (rows, *shape).
///
/// # Errors
/// As for [`compile_dense`].
pub fn compile_ragged(
    views: &[View],
    specification: &Specification,
    out: &mut [u8],
    threads: usize,
) -> Result<Seen, Refusal> {
    let item = specification.encoding.stored.size();
    let count = |view: &View| view.shape.iter().product::<usize>();
    let mean = views.iter().map(count).sum::<usize>() * item / views.len().max(1);
    let share = Share::of(views.len(), mean, threads);
    compile(
        share,
        specification,
        out,
        |number| count(&views[number]) * item,
        |worker, task| {
            let view = &views[task.number];
            if specification.fields == 1 {
                let layout = Layout::new(view.dtype.size(), &view.shape, &view.strides);
                // SAFETY: the layout is that of the view.
                return unsafe { worker.in_order(&layout, view.start, task) };
            }
            // SAFETY: as above.
            unsafe { worker.by_field(view, task) }
        },
    )
}

/// One sample's place in the output.
struct Task<'out> {
    number: usize,
    data: &'out mut [u8],
    crc32: &'out mut u32,
    moments: &'out mut [f64],
}

/// How samples are shared out.
struct Share {
    samples: usize,
    /// That a thread takes on at a time.
    each: usize,
    threads: usize,
}

impl Share {
    fn of(samples: usize, bytes: usize, threads: usize) -> Share {
        let each = (SHARE / bytes.max(1)).clamp(1, samples.div_ceil(threads).max(1));
        Share {
            samples,
            each,
            threads: threads.min(samples.div_ceil(each)),
        }
    }
}

/// Let `work` store each sample, of `size` bytes, into its part of `out`.
fn compile(
    share: Share,
    specification: &Specification,
    out: &mut [u8],
    size: impl Fn(usize) -> usize + Sync,
    work: impl Fn(&mut Worker, &mut Task) -> Result<(), Place> + Sync,
) -> Result<Seen, Refusal> {
    let width = specification.fields * WIDTH;
    let mut crc32 = vec![0; share.samples];
    let mut moments = vec![0.0; share.samples * width];
    let refusal = First::default();
    let mut rest = out;
    let mut places = crc32.iter_mut().zip(moments.chunks_exact_mut(width)).enumerate();
    let shares = std::iter::from_fn(|| {
        let mut tasks = Vec::with_capacity(share.each);
        for (number, (crc32, moments)) in places.by_ref().take(share.each) {
            let (data, after) = std::mem::take(&mut rest).split_at_mut(size(number));
            rest = after;
            tasks.push(Task {
                number,
                data,
                crc32,
                moments,
            });
        }
        (!tasks.is_empty()).then_some(tasks)
    });
    parallel::for_each(
        shares,
        share.threads,
        || Worker::new(specification),
        |worker, tasks| {
            for mut task in tasks {
                if refusal.is_before(task.number) {
                    return;
                }
                if let Err(place) = work(worker, &mut task) {
                    refusal.keep(place.refusal(task.number, specification));
                }
            }
        },
    );
    match refusal
        .kept
        .into_inner()
        .unwrap_or_else(|broken| broken.into_inner())
    {
        Some(refusal) => Err(refusal),
        None => Ok(Seen { crc32, moments }),
    }
}

/// The refusal of the lowest sample. Samples before it are all looked at, so that it is the same on any machine.
#[derive(Default)]
struct First {
    kept: Mutex<Option<Refusal>>,
    any: AtomicBool,
}

impl First {
    fn is_before(&self, sample: usize) -> bool {
        let lower = |kept: &Option<Refusal>| kept.as_ref().is_some_and(|kept| kept.sample < sample);
        self.any.load(Ordering::Relaxed) && lower(&self.lock())
    }

    fn keep(&self, refusal: Refusal) {
        let mut kept = self.lock();
        if kept.as_ref().is_none_or(|other| other.sample > refusal.sample) {
            *kept = Some(refusal);
        }
        self.any.store(true, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Refusal>> {
        self.kept.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

/// Where in a sample a value does not fit.
struct Place {
    field: usize,
    misfit: Misfit,
}

impl Place {
    fn refusal(&self, sample: usize, specification: &Specification) -> Refusal {
        Refusal {
            sample,
            field: self.field,
            value: self.misfit.value,
            reason: self.misfit.reason,
            stored: specification.encoding.stored,
        }
    }
}

/// A thread's memory, and how a sample goes through it.
struct Worker<'call> {
    specification: &'call Specification,
    bench: Bench,
    /// A sample in the source's type, in the stored order; of float64s, so that it is aligned for every type.
    ordered: Vec<f64>,
    /// A sample in the stored type, field by field.
    encoded: Vec<f64>,
}

/// The first `length` bytes of `memory`, which grows to hold them.
fn room(memory: &mut Vec<f64>, length: usize) -> &mut [u8] {
    memory.resize(memory.len().max(length.div_ceil(8)), 0.0);
    &mut bytemuck::cast_slice_mut(memory)[..length]
}

impl<'call> Worker<'call> {
    fn new(specification: &'call Specification) -> Self {
        Worker {
            specification,
            bench: Bench::new(),
            ordered: Vec::new(),
            encoded: Vec::new(),
        }
    }

    /// A sample whose fields follow one another in the stored order.
    ///
    /// # Safety
    /// What `layout` reaches from `start` must be readable.
    unsafe fn in_order(&mut self, layout: &Layout, start: *const u8, task: &mut Task) -> Result<(), Place> {
        let encoding = self.specification.encoding;
        let length = layout.count() * encoding.source.size();
        let mut crc32 = crc32fast::Hasher::new();
        if length == 0 {
            self.fields(Some(&[]), task.data, task.moments, Some(&mut crc32))?;
        } else if layout.is_contiguous() && start as usize % encoding.source.size() == 0 {
            // SAFETY: contiguous and aligned, readable by the caller's word.
            let source = unsafe { std::slice::from_raw_parts(start, length) };
            self.fields(Some(source), task.data, task.moments, Some(&mut crc32))?;
        } else if encoding.keeps_bits() && self.specification.transforms.is_empty() {
            // SAFETY: by the caller's word.
            unsafe { layout.copy(start, task.data) };
            self.fields(None, task.data, task.moments, Some(&mut crc32))?;
        } else {
            let mut ordered = std::mem::take(&mut self.ordered);
            let source = room(&mut ordered, length);
            // SAFETY: by the caller's word.
            unsafe { layout.copy(start, source) };
            let done = self.fields(Some(source), task.data, task.moments, Some(&mut crc32));
            self.ordered = ordered;
            done?;
        }
        *task.crc32 = crc32.finalize();
        Ok(())
    }

    /// A sample whose fields lie along the second axis, row by row: they are gathered, encoded, and scattered again.
    ///
    /// # Safety
    /// The view must be readable.
    unsafe fn by_field(&mut self, view: &View, task: &mut Task) -> Result<(), Place> {
        let encoding = self.specification.encoding;
        let (source_size, stored_size) = (encoding.source.size(), encoding.stored.size());
        let shape = [&view.shape[1..2], &view.shape[..1], &view.shape[2..]].concat();
        let strides = [&view.strides[1..2], &view.strides[..1], &view.strides[2..]].concat();
        let layout = Layout::new(source_size, &shape, &strides);
        let (mut ordered, mut encoded) = (
            std::mem::take(&mut self.ordered),
            std::mem::take(&mut self.encoded),
        );
        let source = room(&mut ordered, layout.count() * source_size);
        let stored = room(&mut encoded, layout.count() * stored_size);
        // SAFETY: the layout has the strides of the view.
        unsafe { layout.copy(view.start, source) };
        let done = self.fields(Some(source), stored, task.moments, None);
        if done.is_ok() {
            let (rows, fields) = (view.shape[0], view.shape[1]);
            let inner = view.shape[2..].iter().product::<usize>();
            let step = (inner * stored_size) as isize;
            let strides = [step, step * rows as isize, stored_size as isize];
            let back = Layout::new(stored_size, &[rows, fields, inner], &strides);
            // SAFETY: the strides are those of `stored`, in which the rows of a field follow one another.
            unsafe { back.copy(stored.as_ptr(), task.data) };
            *task.crc32 = crc32fast::hash(task.data);
        }
        (self.ordered, self.encoded) = (ordered, encoded);
        done
    }

    /// Encode the fields of a sample, one after another, in blocks; without a source they are encoded already.
    fn fields(
        &mut self,
        source: Option<&[u8]>,
        stored: &mut [u8],
        moments: &mut [f64],
        mut crc32: Option<&mut crc32fast::Hasher>,
    ) -> Result<(), Place> {
        let specification = self.specification;
        let (encoding, transforms, fields) = (
            specification.encoding,
            &specification.transforms,
            specification.fields,
        );
        let size = encoding.stored.size();
        let length = stored.len() / size / fields;
        for field in 0..fields {
            let transform = transforms.get(field).or(transforms.first()).copied();
            let (mut found, mut guess) = (Moments::NONE, 0.0);
            for begin in (field * length..(field + 1) * length).step_by(BLOCK) {
                let end = (begin + BLOCK).min((field + 1) * length);
                let block = &mut stored[begin * size..end * size];
                let given = source
                    .map(|source| &source[begin * encoding.source.size()..end * encoding.source.size()]);
                let part = self
                    .block(given, block, transform, guess)
                    .map_err(|misfit| Place { field, misfit })?;
                guess = part.pivot;
                found.merge(&part);
                if let Some(crc32) = crc32.as_deref_mut() {
                    crc32.update(block);
                }
            }
            if let Some(Transform { scale, offset }) = transform {
                found = found.scaled(scale, offset);
            }
            moments[field * WIDTH..(field + 1) * WIDTH].copy_from_slice(&found.row());
        }
        Ok(())
    }

    fn block(
        &mut self,
        source: Option<&[u8]>,
        stored: &mut [u8],
        transform: Option<Transform>,
        guess: f64,
    ) -> Result<Moments, Misfit> {
        let encoding = self.specification.encoding;
        if let Some(source) = source {
            encoding.encode(source, stored, transform, &mut self.bench)?;
        }
        encoding
            .moments(stored, guess, &mut self.bench)
            .ok_or_else(|| encoding.first_misfit(source.unwrap_or(stored), transform))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::memory::Memory;

    fn specification(stored: Dtype, fields: usize) -> Specification {
        let encoding = Encoding {
            source: Dtype::Float32,
            stored,
            missing: None,
        };
        Specification {
            encoding,
            transforms: Vec::new(),
            fields,
        }
    }

    fn view(values: &[f32], shape: &[usize]) -> View {
        let mut strides = vec![4isize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis] as isize;
        }
        View {
            start: values.as_ptr().cast(),
            dtype: Dtype::Float32,
            shape: shape.to_vec(),
            strides,
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let values: Vec<f32> = (0..200 * 7 * 300).map(|n| ((n * 37) % 1009) as f32).collect();
        let view = view(&values, &[200, 7, 300]);
        let wanted = specification(Dtype::Float32, 300);
        let run = |threads| {
            let mut out = Memory::zeroed(values.len() * 4);
            let seen = compile_dense(&view, &[1, 0], &wanted, out.bytes_mut(), threads).unwrap();
            (out.bytes().to_vec(), seen.crc32, seen.moments)
        };
        let alone = run(1);
        assert_eq!(alone.1[3], crc32fast::hash(&alone.0[3 * 8400..4 * 8400]));
        for threads in [2, 3, 16] {
            assert!(run(threads) == alone);
        }
    }

    #[test]
    fn the_first_of_several_bad_samples_is_named() {
        let mut values = vec![1.0f32; 64 * 4096];
        for sample in [9, 20, 63] {
            values[sample * 4096 + 2048] = 1e6;
        }
        let view = view(&values, &[64, 2, 2048]);
        for threads in [1, 4] {
            let mut out = Memory::zeroed(values.len() * 2);
            let wanted = specification(Dtype::Float16, 2);
            let refusal = compile_dense(&view, &[0, 1], &wanted, out.bytes_mut(), threads).unwrap_err();
            assert_eq!(
                (refusal.sample, refusal.field, refusal.reason),
                (9, 1, Reason::OutOfRange)
            );
            assert_eq!(
                refusal.to_string(),
                "sample 9, field 1: 1000000 is out of the range of float16"
            );
        }
    }

    #[test]
    fn ragged_fields_are_stored_row_by_row_and_measured_each() {
        let values: Vec<f32> = (0..12).map(|n| n as f32).collect();
        let whole = view(&values, &[6, 2]);
        let views = [whole.slice(0, 1), whole.slice(1, 1), whole.slice(1, 6)];
        let mut out = Memory::zeroed(12 * 2);
        let seen = compile_ragged(&views, &specification(Dtype::Int16, 2), out.bytes_mut(), 2).unwrap();
        assert_eq!(
            bytemuck::cast_slice::<u8, i16>(out.bytes()),
            (0..12).collect::<Vec<i16>>()
        );
        assert_eq!(
            seen.crc32,
            [&out.bytes()[..4], &[], &out.bytes()[4..]].map(crc32fast::hash)
        );
        assert_eq!(seen.moments[..5], [1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(seen.moments[10..11], [0.0]);
        assert_eq!(seen.moments[25..30], [5.0, 7.0, 40.0, 3.0, 11.0]);
    }
}
