//! Native core of Astrobio: what must run at the speed of the machine, as a thin list of modules.

mod compile;
mod dtype;
mod folder;
mod hashing;
mod pack;
mod parallel;
mod rounding;
mod transfer;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(hashing::hash_files, module)?)?;
    transfer::register(module)?;
    pack::python::register(module)?;
    compile::python::register(module)?;
    Ok(())
}
