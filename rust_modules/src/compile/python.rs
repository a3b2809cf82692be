//! The face of the compiling half for Python: buffers in, buffers out, the interpreter's lock released between.

use super::conversion::Transform;
use super::encode::Encoding;
use super::memory::Memory;
use super::moments::WIDTH;
use super::samples::{self, Refusal, Seen, Specification, View};
use super::shard;
use crate::dtype::Dtype;
use crate::hashing::to_python;
use crate::parallel;
use pyo3::create_exception;
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void, CStr, CString};
use std::marker::PhantomData;
use std::path::PathBuf;

create_exception!(
    rust_integration,
    CompileError,
    PyValueError,
    "A value that cannot be stored; `sample` and `field` say where it is."
);

/// A buffer that another Python object owns, held as long as this value lives.
struct Source<'py> {
    view: Box<ffi::Py_buffer>,
    dtype: Option<Dtype>,
    /// Buffers are given back under the interpreter's lock: this value does not leave its thread.
    lock: PhantomData<Python<'py>>,
}

impl<'py> Source<'py> {
    fn open(object: &Bound<'py, PyAny>, flags: c_int) -> PyResult<Self> {
        let mut view = Box::new(ffi::Py_buffer::new());
        // SAFETY: the object is alive, the lock is held, and `view` stays where it is until it is released.
        if unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), &mut *view, flags | ffi::PyBUF_FORMAT) } != 0 {
            return Err(PyErr::fetch(object.py()));
        }
        let format = if view.format.is_null() {
            "B"
        } else {
            // SAFETY: the owner keeps the text as long as the buffer is held.
            unsafe { CStr::from_ptr(view.format) }.to_str().unwrap_or("")
        };
        let dtype = Dtype::from_format(format, view.itemsize as usize);
        Ok(Source {
            view,
            dtype,
            lock: PhantomData,
        })
    }

    /// Values with strides.
    fn strided(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let source = Source::open(object, ffi::PyBUF_STRIDES)?;
        if source.dtype.is_none() {
            return Err(PyValueError::new_err(
                "values are floating-point numbers, integers or bool in the byte order of this machine",
            ));
        }
        Ok(source)
    }

    /// Bytes one after another.
    fn contiguous(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        Source::open(object, ffi::PyBUF_C_CONTIGUOUS)
    }

    fn axes(&self) -> usize {
        self.view.ndim as usize
    }

    fn shape(&self) -> Vec<usize> {
        // SAFETY: a buffer asked for with strides has a shape of `ndim` lengths.
        (0..self.axes())
            .map(|axis| unsafe { *self.view.shape.add(axis) } as usize)
            .collect()
    }

    /// The values as samples.
    ///
    /// Whoever writes to them in another thread while they are compiled gets whatever was read, as with NumPy.
    fn samples(&self) -> PyResult<View> {
        let (Some(dtype), true) = (self.dtype, self.axes() >= 1) else {
            return Err(PyValueError::new_err(
                "values have at least the axis of the samples",
            ));
        };
        Ok(View {
            start: self.view.buf.cast::<u8>(),
            dtype,
            shape: self.shape(),
            // SAFETY: a buffer asked for with strides has `ndim` of them.
            strides: (0..self.axes())
                .map(|axis| unsafe { *self.view.strides.add(axis) })
                .collect(),
        })
    }

    /// Bytes one after another that are to be written as values of `item` bytes; `others` must not lie in them.
    fn writable(
        object: &Bound<'py, PyAny>,
        length: usize,
        item: usize,
        others: &[Source<'py>],
    ) -> PyResult<Self> {
        let source = Source::open(object, ffi::PyBUF_C_CONTIGUOUS | ffi::PyBUF_WRITABLE)?;
        if source.view.len as usize != length {
            let found = source.view.len;
            return Err(PyValueError::new_err(format!(
                "out has {found} bytes, and {length} are needed"
            )));
        }
        if source.view.buf as usize % item != 0 {
            return Err(PyValueError::new_err(format!(
                "out does not lie at a multiple of {item} bytes"
            )));
        }
        let span = source.span();
        if others
            .iter()
            .map(Source::span)
            .any(|other| span.start < other.end && other.start < span.end)
        {
            return Err(PyValueError::new_err("out overlaps the values"));
        }
        Ok(source)
    }

    /// Addresses from the lowest byte to beyond the highest.
    fn span(&self) -> std::ops::Range<usize> {
        if self.view.len == 0 {
            return 0..0;
        }
        let (mut low, mut high) = (
            self.view.buf as isize,
            self.view.buf as isize + self.view.itemsize,
        );
        for axis in 0..if self.view.strides.is_null() {
            0
        } else {
            self.axes()
        } {
            // SAFETY: there are as many lengths and strides as axes.
            let (length, stride) = unsafe { (*self.view.shape.add(axis), *self.view.strides.add(axis)) };
            low += (length - 1).max(0) * stride.min(0);
            high += (length - 1).max(0) * stride.max(0);
        }
        low as usize..high as usize
    }

    /// The bytes of a buffer that was opened by [`Source::writable`].
    fn bytes_mut(&mut self) -> &mut [u8] {
        if self.view.len == 0 {
            return &mut [];
        }
        // SAFETY: a contiguous writable buffer of `len` bytes, held as long as this value lives.
        unsafe { std::slice::from_raw_parts_mut(self.view.buf.cast::<u8>(), self.view.len as usize) }
    }

    fn bytes(&self) -> &[u8] {
        if self.view.len == 0 {
            return &[];
        }
        // SAFETY: a contiguous buffer of `len` bytes, held as long as this value lives.
        unsafe { std::slice::from_raw_parts(self.view.buf.cast::<u8>(), self.view.len as usize) }
    }
}

impl Drop for Source<'_> {
    fn drop(&mut self) {
        // SAFETY: the lock is held, since this value stays in the thread that opened it; released once.
        unsafe { ffi::PyBuffer_Release(&mut *self.view) };
    }
}

/// Values that were compiled, as a read-only buffer: `numpy.asarray` takes them without a copy.
///
/// Attributes are `dtype` (name; `bfloat16` shows its bits as uint16), `shape` and `nbytes`.
#[pyclass(frozen, module = "rust_integration")]
pub struct Tensor {
    memory: Memory,
    dtype: Dtype,
    shape: Vec<isize>,
    strides: Vec<isize>,
    format: CString,
}

impl Tensor {
    fn new(memory: Memory, dtype: Dtype, shape: &[usize]) -> Tensor {
        let shape: Vec<isize> = shape.iter().map(|&length| length as isize).collect();
        let mut strides = vec![dtype.size() as isize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        let format = dtype.format().to_owned();
        Tensor {
            memory,
            dtype,
            shape,
            strides,
            format,
        }
    }

    fn of<T: bytemuck::Pod>(values: &[T], dtype: Dtype, shape: &[usize]) -> Tensor {
        let mut memory = Memory::zeroed(size_of_val(values));
        memory.bytes_mut().copy_from_slice(bytemuck::cast_slice(values));
        Tensor::new(memory, dtype, shape)
    }
}

#[pymethods]
impl Tensor {
    #[getter]
    fn dtype(&self) -> &'static str {
        self.dtype.name()
    }

    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyTuple>> {
        pyo3::types::PyTuple::new(py, &self.shape)
    }

    #[getter]
    fn nbytes(&self) -> usize {
        self.memory.bytes().len()
    }

    fn __len__(&self) -> PyResult<usize> {
        match self.shape.first() {
            Some(&length) => Ok(length as usize),
            None => Err(pyo3::exceptions::PyTypeError::new_err(
                "a single value has no length",
            )),
        }
    }

    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let given = |flag: c_int| flags & flag == flag;
        if given(ffi::PyBUF_WRITABLE) {
            return Err(PyBufferError::new_err("compiled values are read-only"));
        }
        let own = slf.get();
        // SAFETY: `view` is the caller's to be filled; what it points to belongs to a frozen object, to which it
        // holds a reference until it is released.
        unsafe {
            (*view).buf = own.memory.bytes().as_ptr().cast_mut().cast::<c_void>();
            (*view).len = own.memory.bytes().len() as isize;
            (*view).readonly = 1;
            (*view).itemsize = own.dtype.size() as isize;
            (*view).format = if given(ffi::PyBUF_FORMAT) {
                own.format.as_ptr().cast_mut()
            } else {
                std::ptr::null_mut()
            };
            (*view).ndim = own.shape.len() as c_int;
            (*view).shape = if given(ffi::PyBUF_ND) {
                own.shape.as_ptr().cast_mut()
            } else {
                std::ptr::null_mut()
            };
            (*view).strides = if given(ffi::PyBUF_STRIDES) {
                own.strides.as_ptr().cast_mut()
            } else {
                std::ptr::null_mut()
            };
            (*view).suboffsets = std::ptr::null_mut();
            (*view).internal = std::ptr::null_mut();
            (*view).obj = slf.into_ptr();
        }
        Ok(())
    }
}

/// What samples became: `data`, `crc32` (n,), `moments` (n, fields, 5) and, of ragged samples, `offsets` (n + 1,).
///
/// `data` is a [`Tensor`], or what was given as `out`.
#[pyclass(frozen, get_all, module = "rust_integration")]
pub struct Compiled {
    data: PyObject,
    crc32: Py<Tensor>,
    moments: Py<Tensor>,
    offsets: Option<Py<Tensor>>,
}

/// Where stored bytes go: into memory of their own, or into what the caller gives.
enum Out<'py> {
    Own(Memory),
    Given(Source<'py>, PyObject),
}

impl<'py> Out<'py> {
    fn new(
        given: Option<&Bound<'py, PyAny>>,
        length: usize,
        item: usize,
        sources: &[Source<'py>],
    ) -> PyResult<Out<'py>> {
        match given {
            None => Ok(Out::Own(Memory::zeroed(length))),
            Some(given) => Ok(Out::Given(
                Source::writable(given, length, item, sources)?,
                given.clone().unbind(),
            )),
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Out::Own(memory) => memory.bytes_mut(),
            Out::Given(source, _) => source.bytes_mut(),
        }
    }
}

impl Compiled {
    fn new(
        py: Python<'_>,
        seen: Seen,
        out: Out<'_>,
        specification: &Specification,
        shape: &[usize],
        offsets: Option<&[i64]>,
    ) -> PyResult<Compiled> {
        let samples = seen.crc32.len();
        let rows = [samples, specification.fields, WIDTH];
        Ok(Compiled {
            data: match out {
                Out::Given(_, given) => given,
                Out::Own(memory) => {
                    Py::new(py, Tensor::new(memory, specification.encoding.stored, shape))?.into_any()
                }
            },
            crc32: Py::new(py, Tensor::of(&seen.crc32, Dtype::UInt32, &[samples]))?,
            moments: Py::new(py, Tensor::of(&seen.moments, Dtype::Float64, &rows))?,
            offsets: match offsets {
                Some(offsets) => Some(Py::new(py, Tensor::of(offsets, Dtype::Int64, &[offsets.len()]))?),
                None => None,
            },
        })
    }
}

/// How the caller wants values to be stored, before it is checked.
struct Wanted<'call> {
    dtype: &'call str,
    scale: Option<Vec<f64>>,
    offset: Option<Vec<f64>>,
    missing: Option<i128>,
    fields: Option<usize>,
}

impl Wanted<'_> {
    /// `first` is the length of the axis of the fields.
    fn checked(self, source: Dtype, first: usize) -> PyResult<Specification> {
        let stored = known(self.dtype)?;
        let transforms = transforms(self.scale, self.offset)?;
        let fields = self.fields.unwrap_or(first).max(1);
        if fields != 1 && fields != first {
            return Err(PyValueError::new_err(format!(
                "fields is {fields}, and a sample's first axis has {first}"
            )));
        }
        if transforms.len() > 1 && transforms.len() != fields {
            return Err(PyValueError::new_err(format!(
                "{} scales for {fields} fields",
                transforms.len()
            )));
        }
        if stored == Dtype::Bool && !transforms.is_empty() {
            return Err(PyValueError::new_err("bool has no scale and offset"));
        }
        match (self.missing, stored.range()) {
            (None, _) => {}
            (Some(_), None) => {
                return Err(PyValueError::new_err(format!(
                    "in {stored}, NaN is what is missing"
                )))
            }
            (Some(code), Some((low, high))) if stored == Dtype::Bool || code < low || code > high => {
                return Err(PyValueError::new_err(format!(
                    "missing is {code}, which is no value of {stored}"
                )));
            }
            _ => {}
        }
        let encoding = Encoding {
            source,
            stored,
            missing: self.missing,
        };
        Ok(Specification {
            encoding,
            transforms,
            fields,
        })
    }
}

fn transforms(scale: Option<Vec<f64>>, offset: Option<Vec<f64>>) -> PyResult<Vec<Transform>> {
    if scale.is_none() && offset.is_none() {
        return Ok(Vec::new());
    }
    let (scale, offset) = (scale.unwrap_or(vec![1.0]), offset.unwrap_or(vec![0.0]));
    let count = scale.len().max(offset.len());
    if scale.is_empty()
        || offset.is_empty()
        || ![1, count].contains(&scale.len())
        || ![1, count].contains(&offset.len())
    {
        return Err(PyValueError::new_err(format!(
            "{} scales and {} offsets",
            scale.len(),
            offset.len()
        )));
    }
    if let Some(wrong) = scale.iter().find(|value| !value.is_finite() || **value == 0.0) {
        return Err(PyValueError::new_err(format!("scale is {wrong}")));
    }
    if let Some(wrong) = offset.iter().find(|value| !value.is_finite()) {
        return Err(PyValueError::new_err(format!("offset is {wrong}")));
    }
    let of = |values: &[f64], place: usize| values[place % values.len()];
    Ok((0..count)
        .map(|place| Transform {
            scale: of(&scale, place),
            offset: of(&offset, place),
        })
        .collect())
}

fn known(dtype: &str) -> PyResult<Dtype> {
    Dtype::named(dtype).ok_or_else(|| PyValueError::new_err(format!("{dtype:?} is no type of stored values")))
}

fn refused(py: Python<'_>, refusal: Refusal) -> PyErr {
    let error = CompileError::new_err(refusal.to_string());
    let value = error.value(py);
    match value
        .setattr("sample", refusal.sample)
        .and(value.setattr("field", refusal.field))
    {
        Ok(()) => error,
        Err(other) => other,
    }
}

/// More threads than this are a mistake of the caller's.
const MOST_THREADS: usize = 256;

fn threads_or_cores(threads: Option<usize>) -> usize {
    threads.unwrap_or_else(parallel::cores).clamp(1, MOST_THREADS)
}

/// Encode samples of one shape.
#[pyfunction]
#[pyo3(signature = (values, axes, dtype, scale=None, offset=None, missing=None, *, fields=None, out=None, threads=None))]
#[allow(clippy::too_many_arguments)] // the arguments of a Python function, by keyword
pub fn compile_array(
    py: Python<'_>,
    values: &Bound<'_, PyAny>,
    axes: Option<Vec<usize>>,
    dtype: &str,
    scale: Option<Vec<f64>>,
    offset: Option<Vec<f64>>,
    missing: Option<i128>,
    fields: Option<usize>,
    out: Option<&Bound<'_, PyAny>>,
    threads: Option<usize>,
) -> PyResult<Compiled> {
    let source = Source::strided(values)?;
    let view = source.samples()?;
    let count = view.shape.len() - 1;
    let axes = axes.unwrap_or_else(|| (0..count).collect());
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..count) {
        return Err(PyValueError::new_err(format!(
            "axes are {axes:?}, and a sample has {count}"
        )));
    }
    let shape: Vec<usize> = axes.iter().map(|&axis| view.shape[axis + 1]).collect();
    let wanted = Wanted {
        dtype,
        scale,
        offset,
        missing,
        fields,
    };
    let specification = wanted.checked(view.dtype, shape.first().copied().unwrap_or(1))?;
    let threads = threads_or_cores(threads);
    let shape = [&[view.samples()], shape.as_slice()].concat();
    let item = specification.encoding.stored.size();
    let length = shape.iter().product::<usize>() * item;
    let mut out = Out::new(out, length, item, std::slice::from_ref(&source))?;
    let bytes = out.bytes_mut();
    let seen = py
        .allow_threads(|| samples::compile_dense(&view, &axes, &specification, bytes, threads))
        .map_err(|refusal| refused(py, refusal))?;
    Compiled::new(py, seen, out, &specification, &shape, None)
}

/// Encode samples of any number of rows.
#[pyfunction]
#[pyo3(signature = (
    values, offsets, dtype, scale=None, offset=None, missing=None, *, fields=None, out=None, threads=None
))]
#[allow(clippy::too_many_arguments)] // the arguments of a Python function, by keyword
pub fn compile_ragged(
    py: Python<'_>,
    values: &Bound<'_, PyAny>,
    offsets: Option<&Bound<'_, PyAny>>,
    dtype: &str,
    scale: Option<Vec<f64>>,
    offset: Option<Vec<f64>>,
    missing: Option<i128>,
    fields: Option<usize>,
    out: Option<&Bound<'_, PyAny>>,
    threads: Option<usize>,
) -> PyResult<Compiled> {
    let sources = match offsets {
        Some(_) => vec![Source::strided(values)?],
        None => values
            .try_iter()?
            .map(|item| Source::strided(&item?))
            .collect::<PyResult<Vec<_>>>()?,
    };
    let mut views = sources
        .iter()
        .map(Source::samples)
        .collect::<PyResult<Vec<_>>>()?;
    let Some(first) = views.first().cloned() else {
        return Err(PyValueError::new_err(
            "without offsets, values are a list of at least one sample",
        ));
    };
    if let Some(other) = views
        .iter()
        .find(|view| view.shape[1..] != first.shape[1..] || view.dtype != first.dtype)
    {
        return Err(PyValueError::new_err(format!(
            "samples differ in more than their rows: {:?} of {} and {:?} of {}",
            first.shape, first.dtype, other.shape, other.dtype
        )));
    }
    if let Some(offsets) = offsets {
        views = cut(&first, &checked_offsets(offsets, first.samples())?);
    }
    let mut ends = vec![0i64];
    ends.extend(views.iter().scan(0i64, |end, view| {
        *end += view.samples() as i64;
        Some(*end)
    }));
    let wanted = Wanted {
        dtype,
        scale,
        offset,
        missing,
        fields,
    };
    let specification = wanted.checked(first.dtype, first.shape.get(1).copied().unwrap_or(1))?;
    let threads = threads_or_cores(threads);
    let shape = [&[ends[ends.len() - 1] as usize], &first.shape[1..]].concat();
    let item = specification.encoding.stored.size();
    let length = shape.iter().product::<usize>() * item;
    let mut out = Out::new(out, length, item, &sources)?;
    let bytes = out.bytes_mut();
    let seen = py
        .allow_threads(|| samples::compile_ragged(&views, &specification, bytes, threads))
        .map_err(|refusal| refused(py, refusal))?;
    Compiled::new(py, seen, out, &specification, &shape, Some(&ends))
}

fn cut(view: &View, offsets: &[i64]) -> Vec<View> {
    offsets
        .windows(2)
        .map(|pair| view.slice(pair[0] as usize, pair[1] as usize))
        .collect()
}

fn checked_offsets(offsets: &Bound<'_, PyAny>, rows: usize) -> PyResult<Vec<i64>> {
    let source = Source::contiguous(offsets)?;
    if source.dtype != Some(Dtype::Int64) || source.axes() != 1 {
        return Err(PyValueError::new_err("offsets are int64 (samples + 1,)"));
    }
    let found: Vec<i64> = source
        .bytes()
        .chunks_exact(8)
        .map(bytemuck::pod_read_unaligned)
        .collect();
    let rising = found.windows(2).all(|pair| pair[0] <= pair[1]);
    if !rising || found.first() != Some(&0) || found.last() != Some(&(rows as i64)) {
        return Err(PyValueError::new_err(format!(
            "offsets rise from 0 to the number of rows, {rows}"
        )));
    }
    Ok(found)
}

/// CRC-32 of consecutive blocks of bytes that lie in several pieces.
#[pyfunction]
pub fn block_crc32(py: Python<'_>, parts: Vec<Bound<'_, PyAny>>, block: usize) -> PyResult<Tensor> {
    if block == 0 {
        return Err(PyValueError::new_err("a block has at least one byte"));
    }
    let sources = parts
        .iter()
        .map(Source::contiguous)
        .collect::<PyResult<Vec<_>>>()?;
    let parts: Vec<&[u8]> = sources.iter().map(Source::bytes).collect();
    let found = py.allow_threads(|| {
        let total: usize = parts.iter().map(|part| part.len()).sum();
        let mut found = vec![0u32; total.div_ceil(block)];
        let mut rest = parts.iter().copied();
        let mut current: &[u8] = &[];
        let tasks = found.iter_mut().map_while(|crc32| {
            let (mut pieces, mut wanted) = (Vec::new(), block);
            while wanted > 0 {
                if current.is_empty() {
                    match rest.next() {
                        Some(next) => current = next,
                        None => break,
                    }
                }
                let (piece, after) = current.split_at(wanted.min(current.len()));
                wanted -= piece.len();
                pieces.push(piece);
                current = after;
            }
            Some((crc32, pieces))
        });
        parallel::for_each(
            tasks,
            parallel::cores(),
            || (),
            |_, (crc32, pieces)| {
                let mut hasher = crc32fast::Hasher::new();
                pieces.iter().for_each(|piece| hasher.update(piece));
                *crc32 = hasher.finalize();
            },
        );
        found
    });
    Ok(Tensor::of(&found, Dtype::UInt32, &[found.len()]))
}

/// Write a safetensors file; SHA-256 of it as hexadecimal text.
#[pyfunction]
#[pyo3(signature = (path, tensors, metadata=None, sync=true))]
pub fn write_shard(
    py: Python<'_>,
    path: PathBuf,
    tensors: Vec<(String, String, Vec<usize>, Bound<'_, PyAny>)>,
    metadata: Option<BTreeMap<String, String>>,
    sync: bool,
) -> PyResult<String> {
    let mut opened = Vec::with_capacity(tensors.len());
    for (name, dtype, shape, content) in &tensors {
        let dtype = known(dtype)?;
        opened.push((name, dtype, shape, pieces(content, dtype, name)?));
    }
    let listed = opened.iter().map(|(name, dtype, shape, sources)| shard::Tensor {
        name: (*name).clone(),
        dtype: *dtype,
        shape: (*shape).clone(),
        parts: sources.iter().map(Source::bytes).collect(),
    });
    let ordered = shard::in_order(listed.collect()).map_err(|wrong| {
        PyValueError::new_err(match wrong {
            shard::Wrong::Twice(name) => format!("two tensors are named {name:?}"),
            shard::Wrong::Reserved(name) => format!("{name:?} is no name of a tensor"),
            shard::Wrong::Length(name, found, wanted) => {
                format!("{name} has {found} bytes, its shape {wanted}")
            }
        })
    })?;
    let metadata: Vec<(String, String)> = metadata.unwrap_or_default().into_iter().collect();
    py.allow_threads(|| shard::write(&path, &ordered, &metadata, sync))
        .map_err(|error| to_python(error, &path))
}

/// The buffers of a tensor: one, or a list of them.
fn pieces<'py>(content: &Bound<'py, PyAny>, dtype: Dtype, name: &str) -> PyResult<Vec<Source<'py>>> {
    let listed = content.downcast::<pyo3::types::PyList>();
    let sources = match listed {
        Ok(list) => list
            .iter()
            .map(|item| Source::contiguous(&item))
            .collect::<PyResult<Vec<_>>>()?,
        Err(_) => vec![Source::contiguous(content)?],
    };
    let raw = |found: Dtype| found.format() == dtype.format() || found == Dtype::UInt8;
    match sources.iter().find(|source| !source.dtype.is_some_and(raw)) {
        None => Ok(sources),
        Some(source) => Err(PyValueError::new_err(format!(
            "{name} is to be {dtype}, and its buffer holds {}",
            source.dtype.map_or("something else", Dtype::name)
        ))),
    }
}

/// Add the functions and classes of this part to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("CompileError", module.py().get_type::<CompileError>())?;
    module.add_class::<Tensor>()?;
    module.add_class::<Compiled>()?;
    module.add_function(wrap_pyfunction!(compile_array, module)?)?;
    module.add_function(wrap_pyfunction!(compile_ragged, module)?)?;
    module.add_function(wrap_pyfunction!(block_crc32, module)?)?;
    module.add_function(wrap_pyfunction!(write_shard, module)?)
}
