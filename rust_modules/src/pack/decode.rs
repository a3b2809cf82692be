//! Conversions: stored bytes of elements become output bytes and, if asked for, a mask.
//!
//! An output is the stored bytes, an integer widened exactly, or `(stored - shift) * gain` in a working
//! type (float32 for stored types of at most 16 bits and float32, else float64), rounded to nearest even
//! into the output type. Elements are worked on in lanes that stay in the first level of cache. What is
//! asked for most, float32 with constants that hold for a run of elements, takes no detour through
//! a scratch array; the rest goes through it in steps: load, arithmetic, mask, store (`lanes`).
//!
//! All of it is written once, portably; on x86-64 it is compiled a second time for AVX2 with F16C and
//! chosen when the processor has both. The two give the same bits, because neither fuses a
//! multiplication with a subtraction.

use super::dtype::Dtype;
use super::error::{Error, Result};
use super::lanes::{widen, Working, LANES};
use super::spec::{ArraySpec, Output};

/// Fields shorter than this get constants an element rather than a loop a field.
const SHORTEST_RUN: usize = 64;

/// How to make one output of an array's stored elements.
#[derive(Clone, Debug)]
pub struct Conversion {
    pub stored: Dtype,
    pub output: Dtype,
    pub mask: bool,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Copy,
    Widen { missing: Option<i128> },
    Real32(Affine<f32>),
    Real64(Affine<f64>),
}

/// `(stored - shift) * gain`, with a code of the stored type for missing values.
#[derive(Clone, Debug)]
struct Affine<W> {
    constants: Constants<W>,
    missing: Option<i128>,
}

#[derive(Clone, Debug)]
enum Constants<W> {
    /// (shift, gain) a field; each holds for a run of so many elements.
    Runs { fields: Vec<(W, W)>, run: usize },
    /// Shift and gain an element of a row, for short fields.
    Elements { shift: Vec<W>, gain: Vec<W> },
}

impl Conversion {
    /// The conversion that an output asks of an array; both have been checked.
    pub fn new(spec: &ArraySpec, output: &Output) -> Result<Conversion> {
        let target = output.dtype.unwrap_or(spec.dtype);
        let plain = !spec.is_scaled() && output.mean.is_empty() && output.std.is_empty();
        let how = if plain && !output.mask && target == spec.dtype {
            How::Copy
        } else if !target.is_float() {
            How::Widen {
                missing: spec.missing,
            }
        } else if spec.dtype.works_in_float64() {
            How::Real64(Affine::new(spec, output)?)
        } else {
            How::Real32(Affine::new(spec, output)?)
        };
        Ok(Conversion {
            stored: spec.dtype,
            output: target,
            mask: output.mask,
            how,
        })
    }

    /// The conversion of an integer type into another that holds all its values, as of tokens.
    pub fn widening(stored: Dtype, output: Dtype) -> Conversion {
        Conversion {
            stored,
            output,
            mask: false,
            how: How::Widen { missing: None },
        }
    }

    /// Converts elements of a sample, from its `first` on and as many as `from` holds. `to`, and `mask`
    /// (one byte an element, if the conversion has one), have the lengths that follow.
    pub fn convert(&self, first: usize, from: &[u8], to: &mut [u8], mask: Option<&mut [u8]>) {
        let elements = from.len() / self.stored.size();
        assert_eq!(from.len(), elements * self.stored.size());
        assert_eq!(to.len(), elements * self.output.size());
        assert_eq!(
            mask.as_ref().map(|mask| mask.len()),
            self.mask.then_some(elements)
        );
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c") {
            // SAFETY: the processor has the features that the function is compiled for.
            unsafe { self.convert_avx2(first, from, to, mask) };
            return;
        }
        self.convert_portable(first, from, to, mask);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn convert_avx2(&self, first: usize, from: &[u8], to: &mut [u8], mask: Option<&mut [u8]>) {
        self.convert_portable(first, from, to, mask);
    }

    #[inline(always)]
    fn convert_portable(&self, first: usize, from: &[u8], to: &mut [u8], mask: Option<&mut [u8]>) {
        let types = (self.stored, self.output);
        match &self.how {
            How::Copy => to.copy_from_slice(from),
            How::Widen { missing } => widen(types, *missing, from, to, mask),
            How::Real32(affine) => affine.convert(types, first, from, to, mask),
            How::Real64(affine) => affine.convert(types, first, from, to, mask),
        }
    }
}

impl<W: Working> Affine<W> {
    fn new(spec: &ArraySpec, output: &Output) -> Result<Affine<W>> {
        let each = [&spec.scale, &spec.offset, &output.mean, &output.std];
        let by_field = each.iter().any(|constants| constants.len() > 1);
        let fields = if by_field { spec.fields() } else { 1 };
        let pairs: Result<Vec<(W, W)>> = (0..fields)
            .map(|field| constants_of(spec, output, field))
            .collect();
        Ok(Affine {
            constants: Constants::new(pairs?, spec),
            missing: spec.missing,
        })
    }

    #[inline(always)]
    fn convert(
        &self,
        types: (Dtype, Dtype),
        first: usize,
        from: &[u8],
        to: &mut [u8],
        mut mask: Option<&mut [u8]>,
    ) {
        let (read, written) = (types.0.size(), types.1.size());
        let elements = from.len() / read;
        let plain = mask.is_none() && self.missing.is_none();
        let mut done = 0;
        while done < elements {
            let (pair, count) = self.constants.at(first + done, elements - done);
            let source = &from[done * read..(done + count) * read];
            let target = &mut to[done * written..(done + count) * written];
            let direct = plain && pair.is_some_and(|pair| W::direct(types, pair, source, target));
            if !direct {
                let mask = mask.as_deref_mut().map(|mask| &mut mask[done..done + count]);
                self.in_steps(types, first + done, source, target, mask);
            }
            done += count;
        }
    }

    /// Elements of one run, or any elements where there are constants an element.
    #[inline(always)]
    fn in_steps(
        &self,
        types: (Dtype, Dtype),
        first: usize,
        from: &[u8],
        to: &mut [u8],
        mut mask: Option<&mut [u8]>,
    ) {
        let (read, written) = (types.0.size(), types.1.size());
        let elements = from.len() / read;
        let mut scratch = [W::ZERO; LANES];
        for done in (0..elements).step_by(LANES) {
            let count = LANES.min(elements - done);
            let lanes = &mut scratch[..count];
            W::load(types.0, self.missing, &from[done * read..][..count * read], lanes);
            self.constants.apply(first + done, lanes);
            if let Some(mask) = mask.as_deref_mut() {
                split_missing(lanes, &mut mask[done..done + count]);
            }
            W::store(types.1, lanes, &mut to[done * written..][..count * written]);
        }
    }
}

/// Shift and gain of a field, made in float64 and rounded once.
fn constants_of<W: Working>(spec: &ArraySpec, output: &Output, field: usize) -> Result<(W, W)> {
    let pick = |constants: &[f64], default: f64| match constants {
        [] => default,
        [one] => *one,
        several => several[field],
    };
    let (scale, offset) = (pick(&spec.scale, 1.0), pick(&spec.offset, 0.0));
    let (mean, std) = (pick(&output.mean, 0.0), pick(&output.std, 1.0));
    let (shift, gain) = ((mean - offset) / scale, scale / std);
    let pair = (W::rounded(shift), W::rounded(gain));
    if pair.0.is_finite() && pair.1.is_finite() && pair.1 != W::ZERO {
        return Ok(pair);
    }
    Error::request(format!(
        "output '{}', field {field}: shift {shift:e} or gain {gain:e} is beyond the working type",
        output.name
    ))
}

impl<W: Working> Constants<W> {
    fn new(fields: Vec<(W, W)>, spec: &ArraySpec) -> Constants<W> {
        let inner = spec.inner();
        if fields.len() == 1 || inner >= SHORTEST_RUN {
            let run = if fields.len() == 1 { usize::MAX } else { inner };
            return Constants::Runs { fields, run };
        }
        let spread = |of: fn(&(W, W)) -> W| {
            let each = fields.iter().map(of);
            each.flat_map(|constant| std::iter::repeat_n(constant, inner))
                .collect()
        };
        Constants::Elements {
            shift: spread(|pair| pair.0),
            gain: spread(|pair| pair.1),
        }
    }

    /// The constants of an element, if they hold for a run, and how many of the `most` elements from it
    /// on can be worked on together.
    #[inline(always)]
    fn at(&self, element: usize, most: usize) -> (Option<(W, W)>, usize) {
        match self {
            Constants::Runs { fields, run } => {
                let field = (element / run) % fields.len();
                (Some(fields[field]), most.min(run - element % run))
            }
            Constants::Elements { .. } => (None, most),
        }
    }

    /// `(value - shift) * gain` in place.
    #[inline(always)]
    fn apply(&self, first: usize, lanes: &mut [W]) {
        match self {
            Constants::Runs { fields, run } => {
                let (shift, gain) = fields[(first / run) % fields.len()];
                for value in lanes {
                    *value = value.affine(shift, gain);
                }
            }
            Constants::Elements { shift, gain } => {
                let mut at = first % shift.len();
                let mut left = lanes;
                while !left.is_empty() {
                    let count = left.len().min(shift.len() - at);
                    let (now, later) = left.split_at_mut(count);
                    let constants = shift[at..at + count].iter().zip(&gain[at..at + count]);
                    for (value, (shift, gain)) in now.iter_mut().zip(constants) {
                        *value = value.affine(*shift, *gain);
                    }
                    (left, at) = (later, 0);
                }
            }
        }
    }
}

/// Missing values become 0, and absent in the mask.
#[inline(always)]
fn split_missing<W: Working>(lanes: &mut [W], mask: &mut [u8]) {
    for (value, present) in lanes.iter_mut().zip(mask) {
        let missing = value.is_missing();
        *present = u8::from(!missing);
        *value = if missing { W::ZERO } else { *value };
    }
}
