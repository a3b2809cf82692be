//! Values into the bytes that are stored, a block at a time, and back into what a reader will get.
//!
//! A block goes through at most two steps, each a loop without branches over memory in the first cache: into float64
//! (or int64, where integers stay integers), and into the stored type. Whether every value of the block fits is
//! known after the second; only where one does not are its values looked at one by one, to name the first and why.

use super::conversion::{self, Transform, Whole};
use super::moments::{Moments, BLOCK};
use crate::dtype::{for_whole, Dtype};
use bytemuck::{cast_slice, cast_slice_mut, Pod};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use std::fmt;

/// How values become stored bytes.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    pub source: Dtype,
    pub stored: Dtype,
    /// The integer that stands for a missing value.
    pub missing: Option<i128>,
}

/// Why a value cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    Infinite,
    OutOfRange,
    NotExact,
    NoMissingCode,
    IsMissingCode,
}

/// A value that cannot be stored.
#[derive(Clone, Debug)]
pub struct Misfit {
    pub value: Number,
    pub reason: Reason,
}

/// A value of a source, whichever its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Integer(i128),
    Real(f64),
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Integer(value) => write!(formatter, "{value}"),
            Number::Real(value) => write!(formatter, "{value}"),
        }
    }
}

/// Memory for the steps between, one for each thread.
pub struct Bench {
    real: Vec<f64>,
    single: Vec<f32>,
    integer: Vec<i64>,
}

impl Bench {
    pub fn new() -> Bench {
        Bench {
            real: vec![0.0; BLOCK],
            single: vec![0.0; BLOCK],
            integer: vec![0; BLOCK],
        }
    }
}

impl Encoding {
    /// Whether a value without scale and offset is stored with the bits that it has.
    pub fn keeps_bits(&self) -> bool {
        self.source == self.stored && self.stored != Dtype::Bool
    }

    /// Encode a block of at most [`BLOCK`] values; both slices hold whole values and are aligned.
    ///
    /// # Errors
    /// The first value that cannot be stored.
    pub fn encode(
        &self,
        source: &[u8],
        stored: &mut [u8],
        transform: Option<Transform>,
        bench: &mut Bench,
    ) -> Result<(), Misfit> {
        let count = source.len() / self.source.size();
        let fits = match transform {
            None if self.keeps_bits() => {
                stored.copy_from_slice(source);
                true
            }
            None if self.source.is_float() && self.stored.is_float() => {
                self.narrow(source, stored, bench);
                true
            }
            None if !self.source.is_float() => {
                let integers = &mut bench.integer[..count];
                conversion::load_integers(self.source, source, integers)
                    && conversion::store_integers(self.stored, integers, stored, &mut bench.single)
            }
            _ => {
                let reals = &mut bench.real[..count];
                conversion::load_reals(self.source, source, reals, &mut bench.single);
                let exact = match transform {
                    Some(transform) => {
                        conversion::scale(reals, transform, !self.stored.is_float());
                        true
                    }
                    None => conversion::are_whole(reals),
                };
                exact && conversion::store_reals(self.stored, reals, stored, self.missing, &mut bench.single)
            }
        };
        if fits {
            return Ok(());
        }
        Err(self.first_misfit(source, transform))
    }

    /// Floating-point numbers into a floating-point type, rounded once.
    fn narrow(&self, source: &[u8], stored: &mut [u8], bench: &mut Bench) {
        match (self.source, self.stored) {
            (Dtype::Float32, Dtype::Float16) => {
                cast_slice_mut::<u8, f16>(stored).convert_from_f32_slice(cast_slice(source));
            }
            (Dtype::Float32, Dtype::BFloat16) => {
                conversion::singles_to_bfloat16(cast_slice(source), cast_slice_mut(stored));
            }
            _ => {
                let reals = &mut bench.real[..source.len() / self.source.size()];
                conversion::load_reals(self.source, source, reals, &mut bench.single);
                conversion::store_floats(self.stored, reals, stored, &mut bench.single);
            }
        }
    }

    /// Moments of a stored block's present values, before scale and offset; `None` if one is infinite.
    ///
    /// `guess` is a number near their mean.
    pub fn moments(&self, stored: &[u8], guess: f64, bench: &mut Bench) -> Option<Moments> {
        if let Some(found) = self.whole_block(stored, guess, &mut bench.single) {
            return Some(found);
        }
        let present = self.present(stored, bench);
        match Moments::of(present, guess) {
            // Squares beyond float64 are no fault of the values.
            None if present.iter().all(|value| value.is_finite()) => Some(Moments::of_wide(present)),
            found => found,
        }
    }

    /// Moments of a stored block in which nothing is missing or infinite.
    fn whole_block(&self, stored: &[u8], guess: f64, single: &mut [f32]) -> Option<Moments> {
        let single = &mut single[..stored.len() / self.stored.size()];
        match self.stored {
            Dtype::Float16 => {
                cast_slice::<u8, f16>(stored).convert_to_f32_slice(single);
                Moments::of(single, guess)
            }
            Dtype::BFloat16 => {
                conversion::bfloat16_to_singles(cast_slice(stored), single);
                Moments::of(single, guess)
            }
            Dtype::Float32 => Moments::of(cast_slice::<u8, f32>(stored), guess),
            Dtype::Float64 => Moments::of(cast_slice::<u8, f64>(stored), guess),
            Dtype::Bool => Moments::of(stored, guess),
            _ => for_whole!(self.stored, T => {
                let values = cast_slice::<u8, T>(stored);
                match self.missing {
                    Some(code) if conversion::holds(values, T::from_code(code)) => None,
                    _ => Moments::of(values, guess),
                }
            }, else unreachable!()),
        }
    }

    /// The stored values of a block that are not missing.
    fn present<'bench>(&self, stored: &[u8], bench: &'bench mut Bench) -> &'bench [f64] {
        let count = stored.len() / self.stored.size();
        let present = &mut bench.real[..count];
        conversion::load_reals(self.stored, stored, present, &mut bench.single);
        if let Some(code) = self.missing {
            // 64-bit integers may share a float64 with the code, so that the stored ones decide.
            for_whole!(self.stored, T => conversion::mark(cast_slice::<u8, T>(stored), T::from_code(code), present), else {});
        }
        let mut kept = 0;
        for place in 0..count {
            present[kept] = present[place];
            kept += usize::from(!present[place].is_nan());
        }
        &present[..kept]
    }

    /// Look at the values one by one.
    pub fn first_misfit(&self, source: &[u8], transform: Option<Transform>) -> Misfit {
        let mut values = source
            .chunks_exact(self.source.size())
            .map(|bytes| number(self.source, bytes));
        let first = values.clone().next().unwrap_or(Number::Integer(0));
        values
            .find_map(|value| {
                self.reason(value, transform)
                    .map(|reason| Misfit { value, reason })
            })
            // What is stored can be within range while what a reader gets is not: at the edge of float64.
            .unwrap_or(Misfit {
                value: first,
                reason: Reason::OutOfRange,
            })
    }

    /// Why a value cannot be stored, if it cannot.
    fn reason(&self, value: Number, transform: Option<Transform>) -> Option<Reason> {
        let real = match value {
            Number::Integer(value) => value as f64,
            Number::Real(value) => value,
        };
        if real.is_nan() {
            return (!self.stored.is_float() && self.missing.is_none()).then_some(Reason::NoMissingCode);
        }
        if real.is_infinite() {
            return Some(Reason::Infinite);
        }
        let scaled = transform.unwrap_or(Transform::NONE).stored(real);
        match (self.stored.range(), transform, value) {
            (Some(range), None, Number::Integer(value)) => outside(value, range),
            (Some(_), None, Number::Real(value)) if value.fract() != 0.0 => Some(Reason::NotExact),
            (Some(range), _, _) => {
                let rounded = scaled.round_ties_even();
                // `as` saturates at the ends of i128, which lie outside every range.
                outside(rounded as i128, range)
                    .or((self.missing == Some(rounded as i128)).then_some(Reason::IsMissingCode))
            }
            (None, None, Number::Integer(value)) => {
                let stored = conversion::rounded_to(self.stored, real);
                if stored.is_infinite() {
                    return Some(Reason::OutOfRange);
                }
                (stored as i128 != value).then_some(Reason::NotExact)
            }
            (None, _, _) => conversion::rounded_to(self.stored, scaled)
                .is_infinite()
                .then_some(Reason::OutOfRange),
        }
    }
}

fn outside(value: i128, (low, high): (i128, i128)) -> Option<Reason> {
    (value < low || value > high).then_some(Reason::OutOfRange)
}

fn number(dtype: Dtype, bytes: &[u8]) -> Number {
    fn one<T: Pod>(bytes: &[u8]) -> T {
        bytemuck::pod_read_unaligned(bytes)
    }
    match dtype {
        Dtype::Float16 => Number::Real(one::<f16>(bytes).to_f64()),
        Dtype::BFloat16 => Number::Real(one::<bf16>(bytes).to_f64()),
        Dtype::Float32 => Number::Real(one::<f32>(bytes).into()),
        Dtype::Float64 => Number::Real(one(bytes)),
        Dtype::Int8 => Number::Integer(one::<i8>(bytes).into()),
        Dtype::Int16 => Number::Integer(one::<i16>(bytes).into()),
        Dtype::Int32 => Number::Integer(one::<i32>(bytes).into()),
        Dtype::Int64 => Number::Integer(one::<i64>(bytes).into()),
        Dtype::UInt8 => Number::Integer(one::<u8>(bytes).into()),
        Dtype::UInt16 => Number::Integer(one::<u16>(bytes).into()),
        Dtype::UInt32 => Number::Integer(one::<u32>(bytes).into()),
        Dtype::UInt64 => Number::Integer(one::<u64>(bytes).into()),
        Dtype::Bool => Number::Integer((one::<u8>(bytes) != 0).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode<S: Pod>(
        source: Dtype,
        values: &[S],
        stored: Dtype,
        transform: Option<Transform>,
        missing: Option<i128>,
    ) -> Result<Vec<u8>, Misfit> {
        let encoding = Encoding {
            source,
            stored,
            missing,
        };
        let mut memory = vec![0u64; values.len()];
        let out = &mut cast_slice_mut::<u64, u8>(&mut memory)[..values.len() * stored.size()];
        encoding.encode(cast_slice(values), out, transform, &mut Bench::new())?;
        Ok(out.to_vec())
    }

    #[test]
    fn a_value_is_rounded_once_on_its_way_into_sixteen_bits() {
        // Just above the middle of two neighbours, which float32 takes for the middle itself.
        let above = 1.0 + 2f64.powi(-11) + 2f64.powi(-40);
        let stored = encode(Dtype::Float64, &[above, -above], Dtype::Float16, None, None).unwrap();
        assert_eq!(cast_slice::<u8, u16>(&stored), [0x3c01, 0xbc01]);
        let above = 1.0 + 2f64.powi(-8) + 2f64.powi(-40);
        let stored = encode(Dtype::Float64, &[above, f64::NAN], Dtype::BFloat16, None, None).unwrap();
        assert_eq!(cast_slice::<u8, u16>(&stored)[0], 0x3f81);
        assert!(f32::from_bits(u32::from(cast_slice::<u8, u16>(&stored)[1]) << 16).is_nan());
    }

    #[test]
    fn ties_go_to_the_even_integer_and_nan_to_the_code() {
        let transform = Some(Transform {
            scale: 0.5,
            offset: 1.0,
        });
        let values = [1.25f32, 1.75, f32::NAN, -15.0];
        let stored = encode(Dtype::Float32, &values, Dtype::Int8, transform, Some(-128)).unwrap();
        assert_eq!(cast_slice::<u8, i8>(&stored), [0, 2, -128, -32]);
    }

    #[test]
    fn codes_that_no_float_is_are_kept() {
        let code = i128::from(i64::MAX);
        let stored = encode(Dtype::Float64, &[f64::NAN, 5.0], Dtype::Int64, None, Some(code)).unwrap();
        assert_eq!(cast_slice::<u8, i64>(&stored), [i64::MAX, 5]);
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_reason() {
        let reason = |value: f64, stored, missing| {
            encode(Dtype::Float64, &[1.0, value], stored, None, missing)
                .unwrap_err()
                .reason
        };
        assert_eq!(reason(2.5, Dtype::Int32, None), Reason::NotExact);
        assert_eq!(reason(128.0, Dtype::Int8, None), Reason::OutOfRange);
        assert_eq!(reason(f64::NAN, Dtype::Int8, None), Reason::NoMissingCode);
        assert_eq!(reason(7.0, Dtype::Int8, Some(7)), Reason::IsMissingCode);
        assert_eq!(reason(f64::INFINITY, Dtype::Int64, Some(7)), Reason::Infinite);
        assert_eq!(reason(2f64.powi(63), Dtype::Int64, None), Reason::OutOfRange);
        assert_eq!(reason(2.0, Dtype::Bool, None), Reason::OutOfRange);
        let wide = encode(Dtype::UInt64, &[u64::MAX], Dtype::Int64, None, None).unwrap_err();
        assert_eq!(wide.reason, Reason::OutOfRange);
        let odd = encode(Dtype::Int64, &[(1i64 << 53) + 1], Dtype::Float64, None, None).unwrap_err();
        assert_eq!(odd.reason, Reason::NotExact);
    }
}
