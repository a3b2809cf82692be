//! What a caller says of a pack's arrays and asks for: stored arrays and outputs, checked on their own.

use super::error::{Error, Result};
use crate::dtype::Dtype;

/// How the samples of an array lie in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One block of the same shape a sample.
    Dense,
    /// A number of rows of the same shape a sample, bounded by offsets.
    Ragged,
    /// One stream of token numbers, cut into documents.
    Tokens,
}

impl Layout {
    pub fn named(name: &str) -> Option<Layout> {
        [Layout::Dense, Layout::Ragged, Layout::Tokens]
            .into_iter()
            .find(|layout| layout.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Layout::Dense => "dense",
            Layout::Ragged => "ragged",
            Layout::Tokens => "tokens",
        }
    }
}

/// An array as it is stored: value = stored * scale + offset.
#[derive(Clone, Debug, PartialEq)]
pub struct ArraySpec {
    pub name: String,
    pub dtype: Dtype,
    /// Shape of a sample (dense) or of a row of a sample (ragged).
    pub shape: Vec<usize>,
    pub layout: Layout,
    /// One for all fields, or one a field (first axis of the shape).
    pub scale: Vec<f64>,
    pub offset: Vec<f64>,
    /// The stored number that marks a missing value; integer types only, NaN does so in floating types.
    pub missing: Option<i128>,
}

impl ArraySpec {
    /// Whether the description is consistent in itself.
    pub fn check(&self) -> Result<()> {
        let name = &self.name;
        if self.row_bytes().is_none() {
            return Error::request(format!("array '{name}': a sample is too large"));
        }
        self.check_constants("scale", &self.scale)?;
        self.check_constants("offset", &self.offset)?;
        if self.scale.contains(&0.0) {
            return Error::request(format!("array '{name}': a scale is 0"));
        }
        self.check_missing()?;
        if self.layout == Layout::Tokens {
            self.check_tokens()?;
        }
        Ok(())
    }

    /// Whether constants are finite, and one or one a field.
    pub fn check_constants(&self, which: &str, constants: &[f64]) -> Result<()> {
        let (name, fields) = (&self.name, self.fields());
        if constants.len() != 1 && constants.len() != fields {
            return Error::request(format!(
                "array '{name}': {} values of {which}, not 1 or {fields} (one a field)",
                constants.len()
            ));
        }
        if constants.iter().all(|value| value.is_finite()) {
            return Ok(());
        }
        Error::request(format!("array '{name}': a value of {which} is not finite"))
    }

    fn check_missing(&self) -> Result<()> {
        let (name, dtype) = (&self.name, self.dtype.name());
        match (self.missing, self.dtype.integer_range()) {
            (None, _) => Ok(()),
            (Some(_), None) => {
                Error::request(format!("array '{name}': {dtype} has no code for missing values"))
            }
            (Some(code), Some((low, high))) if (low..=high).contains(&code) => Ok(()),
            (Some(code), Some(_)) => {
                Error::request(format!("array '{name}': missing code {code} is no {dtype}"))
            }
        }
    }

    fn check_tokens(&self) -> Result<()> {
        let name = &self.name;
        if !matches!(self.dtype, Dtype::UInt16 | Dtype::UInt32) {
            return Error::request(format!(
                "array '{name}': tokens are uint16 or uint32, not {}",
                self.dtype.name()
            ));
        }
        if !self.shape.is_empty() || self.is_scaled() || self.missing.is_some() {
            return Error::request(format!(
                "array '{name}': tokens have no shape, scale, offset or missing code"
            ));
        }
        Ok(())
    }

    /// Whether values differ from what is stored.
    pub fn is_scaled(&self) -> bool {
        self.scale.iter().any(|&scale| scale != 1.0) || self.offset.iter().any(|&offset| offset != 0.0)
    }

    /// Fields of a row: the length of the first axis, 1 without axes.
    pub fn fields(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Elements of a field.
    pub fn inner(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// Elements of a row.
    pub fn elements(&self) -> usize {
        self.fields() * self.inner()
    }

    /// Bytes of a row as stored; none if they are beyond what memory can hold, zero-sized axes aside.
    pub fn row_bytes(&self) -> Option<usize> {
        let nonzero = self.shape.iter().filter(|&&length| length > 0);
        let bytes = nonzero.copied().try_fold(8usize, usize::checked_mul)?;
        (bytes <= isize::MAX as usize).then(|| self.elements() * self.dtype.size())
    }
}

/// What a plan gives out of an array.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    pub name: String,
    /// The type of the values; none: the bytes as stored.
    pub dtype: Option<Dtype>,
    /// Subtracted from the values; empty: nothing. One for all, or one a field.
    pub mean: Vec<f64>,
    /// What the difference is divided by; empty: 1.
    pub std: Vec<f64>,
    /// Whether a second output says which values are present.
    pub mask: bool,
}

impl Output {
    /// Whether the request makes sense for that array.
    pub fn check(&self, spec: &ArraySpec) -> Result<()> {
        if !self.mean.is_empty() {
            spec.check_constants("mean", &self.mean)?;
        }
        if !self.std.is_empty() {
            spec.check_constants("std", &self.std)?;
        }
        if self.std.iter().any(|&std| std <= 0.0) {
            return Error::request(format!("array '{}': a std is not above 0", self.name));
        }
        match self.dtype {
            None => self.check_unconverted(spec),
            Some(dtype) if dtype.is_float() => Ok(()),
            Some(dtype) => self.check_integer(spec, dtype),
        }
    }

    fn is_normalised(&self) -> bool {
        !self.mean.is_empty() || !self.std.is_empty()
    }

    fn check_unconverted(&self, spec: &ArraySpec) -> Result<()> {
        let name = &self.name;
        if self.is_normalised() || spec.is_scaled() || self.mask {
            return Error::request(format!(
                "output '{name}': without a dtype it is the stored bytes, which have no mean, std, scale, \
                 offset or mask"
            ));
        }
        self.check_codes(spec)
    }

    fn check_integer(&self, spec: &ArraySpec, dtype: Dtype) -> Result<()> {
        let (name, from, to) = (&self.name, spec.dtype.name(), dtype.name());
        if self.is_normalised() || spec.is_scaled() {
            return Error::request(format!(
                "output '{name}': {to} values have no mean, std, scale or offset; ask for a floating dtype"
            ));
        }
        if dtype != spec.dtype && !spec.dtype.widens_exactly_to(dtype) {
            return Error::request(format!("output '{name}': {to} does not hold every {from}"));
        }
        self.check_codes(spec)
    }

    /// A missing value never comes out as a number.
    fn check_codes(&self, spec: &ArraySpec) -> Result<()> {
        if spec.missing.is_none() || self.mask {
            return Ok(());
        }
        Error::request(format!(
            "output '{}': a missing code would come out as a number; ask for a mask or a floating dtype",
            self.name
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn spec(dtype: Dtype, shape: &[usize]) -> ArraySpec {
        ArraySpec {
            name: "x".into(),
            dtype,
            shape: shape.to_vec(),
            layout: Layout::Dense,
            scale: vec![1.0],
            offset: vec![0.0],
            missing: None,
        }
    }

    #[test]
    fn a_shape_that_memory_cannot_hold_is_refused() {
        assert!(spec(Dtype::Int8, &[usize::MAX, 2]).check().is_err());
        assert!(spec(Dtype::Int8, &[0, usize::MAX, 2]).check().is_err());
        assert!(spec(Dtype::Int8, &[0, 3]).check().is_ok());
    }

    #[test]
    fn constants_are_one_or_one_a_field_and_finite() {
        let mut found = spec(Dtype::Int8, &[3, 2]);
        found.scale = vec![1.0, 2.0, 3.0];
        assert!(found.check().is_ok());
        found.scale = vec![1.0, 2.0];
        assert!(found.check().is_err());
        found.scale = vec![f64::NAN];
        assert!(found.check().is_err());
        found.scale = vec![0.0];
        assert!(found.check().is_err());
    }

    #[test]
    fn a_missing_code_is_a_value_of_the_integer_type() {
        let mut found = spec(Dtype::UInt8, &[]);
        found.missing = Some(255);
        assert!(found.check().is_ok());
        found.missing = Some(-1);
        assert!(found.check().is_err());
        found.dtype = Dtype::Float32;
        found.missing = Some(0);
        assert!(found.check().is_err());
    }
}
