//! The classes that Python sees. Python's lock is released while a pack is opened and while a batch is
//! waited for; the threads of a plan never take it.

use std::ffi::CStr;
use std::os::raw::{c_int, c_void};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{
    PyBufferError, PyException, PyIndexError, PyMemoryError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::buffer::{Block, Lent, Pool};
use super::error::Error;
use super::gather::Samples;
use super::prefetch::{self, Job, Threads};
use super::reader::Reader;
use super::results::{Form, Target};
use super::spec::{self, Layout};
use super::tokens::{WindowRequest, Windows};
use crate::dtype::Dtype;

/// How often a wait looks at Python's signals.
const SIGNALS: Duration = Duration::from_millis(50);
/// More threads than this are a mistake.
const MOST_THREADS: usize = 1024;

pyo3::create_exception!(
    rust_integration,
    PackError,
    PyException,
    "A shard of a pack is damaged, or is not what it was when it was opened.\n\n\
     `shard` is the path of the shard, `sample` the index in the pack of the sample (of a plan over \
     tokens: of the window), or None where the whole shard is meant."
);

impl From<Error> for PyErr {
    fn from(error: Error) -> PyErr {
        let text = error.to_string();
        match error {
            Error::Damaged(damage) => Python::with_gil(|py| {
                let found = PackError::new_err(text);
                let value = found.value(py);
                let shard = value.setattr("shard", damage.shard.into_os_string());
                let both = shard.and_then(|()| value.setattr("sample", damage.sample));
                both.err().unwrap_or(found)
            }),
            Error::Index { .. } => PyIndexError::new_err(text),
            Error::Request(_) | Error::Closed => PyValueError::new_err(text),
            Error::Memory(_) => PyMemoryError::new_err(text),
            Error::Threads(_) | Error::Internal(_) => PyRuntimeError::new_err(text),
        }
    }
}

/// Adds what Python sees to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let error = module.py().get_type::<PackError>();
    error.setattr("shard", module.py().None())?;
    error.setattr("sample", module.py().None())?;
    module.add("PackError", error)?;
    module.add_class::<ArraySpec>()?;
    module.add_class::<Output>()?;
    module.add_class::<PackReader>()?;
    module.add_class::<Plan>()?;
    module.add_class::<Ticket>()?;
    module.add_class::<Buffer>()
}

fn dtype_named(name: &str) -> PyResult<Dtype> {
    Dtype::named(name).ok_or_else(|| {
        let known: Vec<&str> = Dtype::ALL.iter().map(|dtype| dtype.name()).collect();
        PyValueError::new_err(format!("no dtype '{name}'; there are: {}", known.join(", ")))
    })
}

/// An array of a pack as its shards store it.
#[pyclass(frozen, module = "rust_integration")]
pub struct ArraySpec(spec::ArraySpec);

#[pymethods]
impl ArraySpec {
    #[new]
    #[pyo3(signature = (name, dtype, shape, layout = "dense", scale = vec![1.0], offset = vec![0.0], missing = None))]
    fn new(
        name: String,
        dtype: &str,
        shape: Vec<usize>,
        layout: &str,
        scale: Vec<f64>,
        offset: Vec<f64>,
        missing: Option<i128>,
    ) -> PyResult<ArraySpec> {
        let layout = Layout::named(layout).ok_or_else(|| {
            PyValueError::new_err(format!("no layout '{layout}'; there are: dense, ragged, tokens"))
        })?;
        let found = spec::ArraySpec {
            name,
            dtype: dtype_named(dtype)?,
            shape,
            layout,
            scale,
            offset,
            missing,
        };
        found.check()?;
        Ok(ArraySpec(found))
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    fn dtype(&self) -> &'static str {
        self.0.dtype.name()
    }

    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.shape)
    }

    #[getter]
    fn layout(&self) -> &'static str {
        self.0.layout.name()
    }

    #[getter]
    fn scale<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.scale)
    }

    #[getter]
    fn offset<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.offset)
    }

    #[getter]
    fn missing(&self) -> Option<i128> {
        self.0.missing
    }

    fn __repr__(&self) -> String {
        let (layout, dtype) = (self.0.layout.name(), self.0.dtype.name());
        format!(
            "ArraySpec({:?}, {dtype}, {:?}, {layout})",
            self.0.name, self.0.shape
        )
    }
}

/// What a plan gives out of an array.
#[pyclass(frozen, module = "rust_integration")]
pub struct Output(spec::Output);

#[pymethods]
impl Output {
    #[new]
    #[pyo3(signature = (name, dtype = None, mean = vec![], std = vec![], mask = false))]
    fn new(name: String, dtype: Option<&str>, mean: Vec<f64>, std: Vec<f64>, mask: bool) -> PyResult<Output> {
        let dtype = dtype.map(dtype_named).transpose()?;
        Ok(Output(spec::Output {
            name,
            dtype,
            mean,
            std,
            mask,
        }))
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    fn dtype(&self) -> Option<&'static str> {
        self.0.dtype.map(Dtype::name)
    }

    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.mean)
    }

    #[getter]
    fn std<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.std)
    }

    #[getter]
    fn mask(&self) -> bool {
        self.0.mask
    }

    fn __repr__(&self) -> String {
        let dtype = self.0.dtype.map_or("as stored", Dtype::name);
        format!("Output({:?}, {dtype}, mask={})", self.0.name, self.0.mask)
    }
}

/// An open pack: shards mapped into memory, and the memory that batches are written to.
#[pyclass(frozen, module = "rust_integration")]
pub struct PackReader {
    reader: Arc<Reader>,
    pool: Arc<Pool>,
}

#[pymethods]
impl PackReader {
    #[new]
    fn new(
        py: Python<'_>,
        shards: Vec<(PathBuf, usize)>,
        arrays: Vec<PyRef<'_, ArraySpec>>,
    ) -> PyResult<PackReader> {
        let arrays: Vec<spec::ArraySpec> = arrays.iter().map(|array| array.0.clone()).collect();
        let reader = py.allow_threads(|| Reader::open(&shards, arrays))?;
        Ok(PackReader {
            reader: Arc::new(reader),
            pool: Arc::default(),
        })
    }

    #[pyo3(signature = (outputs, threads = 1, check = true))]
    fn plan(&self, outputs: Vec<PyRef<'_, Output>>, threads: usize, check: bool) -> PyResult<Plan> {
        let outputs: Vec<spec::Output> = outputs.iter().map(|output| output.0.clone()).collect();
        let samples = Samples::new(self.reader.clone(), &outputs, check, threads.max(1))?;
        Plan::start(Source::Samples(Arc::new(samples)), self.pool.clone(), threads)
    }

    #[allow(clippy::too_many_arguments)] // They are Python's keyword arguments.
    #[pyo3(signature = (name, window, stride, dtype = "int64", documents = false, threads = 1, check = true))]
    fn tokens(
        &self,
        name: &str,
        window: usize,
        stride: usize,
        dtype: &str,
        documents: bool,
        threads: usize,
        check: bool,
    ) -> PyResult<Plan> {
        let asked = WindowRequest {
            name,
            window,
            stride,
            dtype: dtype_named(dtype)?,
            documents,
            check,
            threads: threads.max(1),
        };
        let windows = Windows::new(self.reader.clone(), &asked)?;
        Plan::start(Source::Windows(Arc::new(windows)), self.pool.clone(), threads)
    }

    fn __len__(&self) -> usize {
        self.reader.samples()
    }

    fn __repr__(&self) -> String {
        let (samples, shards) = (self.reader.samples(), self.reader.shards.len());
        format!("PackReader({samples} samples in {shards} shards)")
    }
}

/// What a plan takes batches from.
enum Source {
    Samples(Arc<Samples>),
    Windows(Arc<Windows>),
}

/// Outputs of a pack and the threads that make them.
#[pyclass(frozen, module = "rust_integration")]
pub struct Plan {
    source: Source,
    pool: Arc<Pool>,
    threads: Option<Threads>,
    process: u32,
}

impl Plan {
    fn start(source: Source, pool: Arc<Pool>, threads: usize) -> PyResult<Plan> {
        if !(1..=MOST_THREADS).contains(&threads) {
            let text = format!("threads is {threads}, not 1 to {MOST_THREADS}");
            return Err(PyValueError::new_err(text));
        }
        Ok(Plan {
            source,
            pool,
            threads: Some(Threads::start(threads)?),
            process: std::process::id(),
        })
    }

    /// The threads, unless this process is a fork of the one that has them.
    fn threads(&self) -> PyResult<&Threads> {
        check_process(self.process, "plan")?;
        self.threads.as_ref().ok_or_else(|| Error::Closed.into())
    }
}

/// Threads do not follow into a forked process: waiting for them there would last for ever.
fn check_process(process: u32, what: &str) -> PyResult<()> {
    if process == std::process::id() {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(format!(
        "the {what} was made before this process was forked, and its threads are in the parent alone; \
         make a plan in this process"
    )))
}

impl Drop for Plan {
    fn drop(&mut self) {
        let Some(threads) = self.threads.take() else {
            return;
        };
        if self.process == std::process::id() {
            Python::with_gil(|py| py.allow_threads(|| drop(threads)));
        } else {
            std::mem::forget(threads);
        }
    }
}

#[pymethods]
impl Plan {
    fn gather(slf: Bound<'_, Self>, indices: &Bound<'_, PyAny>) -> PyResult<Vec<Buffer>> {
        let ticket = Plan::submit_to(&slf, indices, None)?;
        Ok(ticket.wait(slf.py())?.unwrap_or_default())
    }

    fn gather_into(
        slf: Bound<'_, Self>,
        indices: &Bound<'_, PyAny>,
        out: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let ticket = Plan::submit_to(&slf, indices, Some(out))?;
        ticket.wait(slf.py()).map(|_| ())
    }

    #[pyo3(signature = (indices, out = None))]
    fn submit(
        slf: Bound<'_, Self>,
        indices: &Bound<'_, PyAny>,
        out: Option<Vec<Bound<'_, PyAny>>>,
    ) -> PyResult<Ticket> {
        Plan::submit_to(&slf, indices, out)
    }

    fn shapes<'py>(
        &self,
        py: Python<'py>,
        indices: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let indices = read_indices(indices)?;
        let forms = match &self.source {
            Source::Samples(samples) => samples.batch(&indices)?.forms().to_vec(),
            Source::Windows(windows) => windows.batch(&indices)?.forms().to_vec(),
        };
        forms.iter().map(|form| PyTuple::new(py, &form.shape)).collect()
    }

    #[getter]
    fn dtypes(&self) -> Vec<&'static str> {
        let dtypes = match &self.source {
            Source::Samples(samples) => samples.dtypes(),
            Source::Windows(windows) => windows.dtypes(),
        };
        dtypes.into_iter().map(Dtype::name).collect()
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let threads = self.threads()?;
        py.allow_threads(|| threads.close());
        Ok(())
    }

    fn __len__(&self) -> usize {
        match &self.source {
            Source::Samples(samples) => samples.reader.samples(),
            Source::Windows(windows) => windows.count(),
        }
    }
}

impl Plan {
    fn submit_to(
        slf: &Bound<'_, Self>,
        indices: &Bound<'_, PyAny>,
        out: Option<Vec<Bound<'_, PyAny>>>,
    ) -> PyResult<Ticket> {
        let indices = read_indices(indices)?;
        match &slf.get().source {
            Source::Samples(samples) => Plan::hand_in(slf, samples.batch(&indices)?, out),
            Source::Windows(windows) => Plan::hand_in(slf, windows.batch(&indices)?, out),
        }
    }

    fn hand_in<B: Batch>(
        slf: &Bound<'_, Self>,
        mut batch: B,
        out: Option<Vec<Bound<'_, PyAny>>>,
    ) -> PyResult<Ticket> {
        let (py, plan) = (slf.py(), slf.get());
        let threads = plan.threads()?;
        let memory = match out {
            None => Memory::Pooled(pooled(py, &plan.pool, batch.forms())?),
            Some(out) => Memory::Foreign(foreign(&out, batch.forms())?),
        };
        batch.aim(memory.targets());
        let submitted = py.allow_threads(|| {
            batch.read_ahead();
            threads.submit(Box::new(batch))
        });
        Ok(Ticket {
            batch: Some(submitted?),
            memory: Mutex::new(Some(memory)),
            process: plan.process,
            _plan: slf.clone().unbind(),
        })
    }
}

/// A batch of either kind of plan.
trait Batch: Job + 'static {
    fn forms(&self) -> &[Form];
    fn aim(&mut self, targets: Vec<Target>);
    fn read_ahead(&self);
}

macro_rules! batches {
    ($($type:ty),*) => {$(
        impl Batch for $type {
            fn forms(&self) -> &[Form] {
                <$type>::forms(self)
            }
            fn aim(&mut self, targets: Vec<Target>) {
                <$type>::aim(self, targets);
            }
            fn read_ahead(&self) {
                <$type>::read_ahead(self);
            }
        }
    )*};
}
batches!(super::gather::SampleBatch, super::tokens::WindowBatch);

fn read_indices(indices: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    let wrong = || {
        PyTypeError::new_err(
            "indices are a one-dimensional buffer of int64, as a NumPy array is (of a tensor: its numpy())",
        )
    };
    let buffer = PyBuffer::<i64>::get(indices).map_err(|_| wrong())?;
    if buffer.dimensions() != 1 {
        return Err(wrong());
    }
    buffer.to_vec(indices.py())
}

/// Where a batch is written to: memory of the pool, or of the caller.
enum Memory {
    Pooled(Vec<(Form, Lent)>),
    Foreign(Vec<Foreign>),
}

impl Memory {
    fn targets(&self) -> Vec<Target> {
        let of = |start: *mut u8, bytes: usize| {
            // SAFETY: the ticket keeps the memory until no thread is in the batch. Memory of the pool is
            // the ticket's alone until then; the caller of `gather_into` and `submit` leaves theirs alone.
            unsafe { Target::new(start, bytes) }
        };
        match self {
            Memory::Pooled(lent) => {
                let each = lent.iter();
                each.map(|(form, lent)| of(lent.start(), form.bytes().unwrap_or(0)))
                    .collect()
            }
            Memory::Foreign(foreign) => foreign
                .iter()
                .map(|held| of(held.start(), held.bytes()))
                .collect(),
        }
    }
}

fn pooled(py: Python<'_>, pool: &Arc<Pool>, forms: &[Form]) -> PyResult<Vec<(Form, Lent)>> {
    let lend = |form: &Form| {
        let bytes = form.bytes()?;
        let lent = match pool.lend_kept(bytes) {
            Some(lent) => lent,
            None => pool.lend_new(py.allow_threads(|| Block::new(bytes))?),
        };
        Ok((form.clone(), lent))
    };
    forms.iter().map(lend).collect()
}

fn foreign(out: &[Bound<'_, PyAny>], forms: &[Form]) -> PyResult<Vec<Foreign>> {
    if out.len() != forms.len() {
        let text = format!(
            "out has {} buffers; the plan has {} results",
            out.len(),
            forms.len()
        );
        return Err(PyValueError::new_err(text));
    }
    let mut held: Vec<Foreign> = Vec::with_capacity(out.len());
    for (number, (out, form)) in out.iter().zip(forms).enumerate() {
        let wrong = |what: String| PyValueError::new_err(format!("out[{number}] {what}"));
        let found = Foreign::of(out).map_err(|error| {
            wrong(format!(
                "is no writable, C-contiguous buffer: {}",
                error.value(out.py())
            ))
        })?;
        let (format, item) = found.format();
        if !form.dtype.accepts(format, item) {
            let name = form.dtype.name();
            return Err(wrong(format!(
                "has the format '{format}', and {name} is written to it"
            )));
        }
        if found.bytes() != form.bytes()? {
            let (has, needs, shape) = (found.bytes(), form.bytes()?, &form.shape);
            return Err(wrong(format!("has {has} bytes, not {needs} (shape {shape:?})")));
        }
        if let Some(other) = held.iter().position(|other| other.overlaps(&found)) {
            return Err(wrong(format!("shares memory with out[{other}]")));
        }
        held.push(found);
    }
    Ok(held)
}

/// A buffer of another Python object, held so that its memory stays.
struct Foreign(Box<ffi::Py_buffer>);

// SAFETY: a held buffer is an address and a reference that is given back with Python's lock held.
unsafe impl Send for Foreign {}

impl Foreign {
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Foreign> {
        let mut view = Box::new(ffi::Py_buffer::new());
        let flags = ffi::PyBUF_WRITABLE | ffi::PyBUF_FORMAT | ffi::PyBUF_C_CONTIGUOUS;
        // SAFETY: the object is alive, `view` may be written to, and Python's lock is held.
        let failed = unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), &mut *view, flags) };
        if failed != 0 {
            return Err(PyErr::fetch(object.py()));
        }
        Ok(Foreign(view))
    }

    fn start(&self) -> *mut u8 {
        self.0.buf.cast()
    }

    fn bytes(&self) -> usize {
        self.0.len.unsigned_abs()
    }

    /// Format and size of an item; plain bytes if the object tells no format.
    fn format(&self) -> (&str, usize) {
        let item = self.0.itemsize.unsigned_abs();
        if self.0.format.is_null() {
            return ("B", item);
        }
        // SAFETY: a format is text that ends with 0 and lives as long as the buffer is held.
        let format = unsafe { CStr::from_ptr(self.0.format) };
        (format.to_str().unwrap_or("?"), item)
    }

    fn overlaps(&self, other: &Foreign) -> bool {
        let (one, two) = (self.start() as usize, other.start() as usize);
        one < two + other.bytes() && two < one + self.bytes()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: the buffer was given by `PyObject_GetBuffer` and is given back once, with Python's lock.
        Python::with_gil(|_| unsafe { ffi::PyBuffer_Release(&mut *self.0) });
    }
}

/// A batch in the background.
#[pyclass(frozen, module = "rust_integration")]
pub struct Ticket {
    batch: Option<prefetch::Ticket>,
    /// None once it was handed out.
    memory: Mutex<Option<Memory>>,
    process: u32,
    /// Threads end with their plan.
    _plan: Py<Plan>,
}

#[pymethods]
impl Ticket {
    fn wait(&self, py: Python<'_>) -> PyResult<Option<Vec<Buffer>>> {
        check_process(self.process, "ticket")?;
        let outcome = loop {
            match self
                .batch
                .as_ref()
                .and_then(|batch| py.allow_threads(|| batch.wait(SIGNALS)))
            {
                Some(outcome) => break outcome,
                None => py.check_signals()?,
            }
        };
        outcome?;
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner).take();
        match memory {
            Some(Memory::Pooled(lent)) => Ok(Some(
                lent.into_iter()
                    .map(|(form, lent)| Buffer::new(form, lent))
                    .collect(),
            )),
            Some(Memory::Foreign(_)) => Ok(None),
            None => Err(PyValueError::new_err(
                "the ticket's results were handed out before",
            )),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let (batch, memory) = (self.batch.take(), self.memory.get_mut());
        let memory = memory.unwrap_or_else(PoisonError::into_inner).take();
        if self.process == std::process::id() {
            Python::with_gil(|py| py.allow_threads(|| drop(batch)));
            drop(memory);
        } else {
            // The threads that would end the wait are in the parent.
            std::mem::forget((batch, memory));
        }
    }
}

/// One result of a batch: memory that goes back to the pool when nothing refers to it any more.
#[pyclass(frozen, module = "rust_integration")]
pub struct Buffer {
    form: Form,
    shape: Vec<ffi::Py_ssize_t>,
    strides: Vec<ffi::Py_ssize_t>,
    lent: Lent,
}

impl Buffer {
    fn new(form: Form, lent: Lent) -> Buffer {
        let mut stride = form.dtype.size() as ffi::Py_ssize_t;
        let shape: Vec<_> = form
            .shape
            .iter()
            .map(|&length| length as ffi::Py_ssize_t)
            .collect();
        let mut strides: Vec<_> = shape
            .iter()
            .rev()
            .map(|&length| {
                let own = stride;
                stride *= length.max(1);
                own
            })
            .collect();
        strides.reverse();
        Buffer {
            form,
            shape,
            strides,
            lent,
        }
    }

    fn bytes(&self) -> ffi::Py_ssize_t {
        self.form.bytes().unwrap_or(0) as ffi::Py_ssize_t
    }

    /// Whether columns come first in memory, too.
    fn is_fortran_contiguous(&self) -> bool {
        self.bytes() == 0 || self.shape.iter().filter(|&&length| length > 1).count() < 2
    }
}

#[pymethods]
impl Buffer {
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.form.shape)
    }

    #[getter]
    fn dtype(&self) -> &'static str {
        self.form.dtype.name()
    }

    fn __repr__(&self) -> String {
        format!("Buffer({}, {:?})", self.form.dtype.name(), self.form.shape)
    }

    /// # Safety
    /// Python calls this, with a view that it will release.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("there is no view to fill"));
        }
        let buffer = slf.get();
        let asks = |flag: c_int| flags & flag == flag;
        if asks(ffi::PyBUF_F_CONTIGUOUS) && !buffer.is_fortran_contiguous() {
            // SAFETY: the view is Python's and may be written to.
            unsafe { (*view).obj = std::ptr::null_mut() };
            return Err(PyBufferError::new_err("the buffer is C-contiguous"));
        }
        let pointer = |asked: bool, sizes: &[ffi::Py_ssize_t]| match asked {
            true => sizes.as_ptr().cast_mut(),
            false => std::ptr::null_mut(),
        };
        let format = buffer.form.dtype.format().as_ptr().cast_mut();
        // SAFETY: the view is Python's and may be written to; what it points to belongs to the buffer,
        // which is frozen and which the view holds a reference to.
        unsafe {
            (*view).buf = buffer.lent.start().cast::<c_void>();
            (*view).len = buffer.bytes();
            (*view).readonly = 0;
            (*view).itemsize = buffer.form.dtype.size() as ffi::Py_ssize_t;
            (*view).format = if asks(ffi::PyBUF_FORMAT) {
                format
            } else {
                std::ptr::null_mut()
            };
            (*view).ndim = buffer.shape.len() as c_int;
            (*view).shape = pointer(asks(ffi::PyBUF_ND), &buffer.shape);
            (*view).strides = pointer(asks(ffi::PyBUF_STRIDES), &buffer.strides);
            (*view).suboffsets = std::ptr::null_mut();
            (*view).internal = std::ptr::null_mut();
            (*view).obj = slf.into_ptr();
        }
        Ok(())
    }
}
