//! The loops of encoding: values into float64 or int64, and these into the stored type.
//!
//! Each is without branches over memory in the first cache, and tells at its end whether all values fitted.

use super::moments::{Real, BLOCK};
use crate::dtype::{for_whole, Dtype};
use crate::rounding::{bfloat16_bits, rounded_to_odd};
use bytemuck::{cast_slice, cast_slice_mut};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

/// value = stored * scale + offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    pub scale: f64,
    pub offset: f64,
}

impl Transform {
    pub const NONE: Transform = Transform {
        scale: 1.0,
        offset: 0.0,
    };

    /// What stands for a value, before it is rounded.
    pub fn stored(&self, value: f64) -> f64 {
        (value - self.offset) / self.scale
    }
}

// -- into float64 and int64 ---------------------------------------------------------------------------------------

/// Primitive integers.
pub trait Whole: Real {
    /// The integer as int64, and whether it is one.
    fn whole(self) -> (i64, bool);
    fn from_real(value: f64) -> Self;
    fn from_whole(value: i64) -> Self;
    /// As float64: the least and the greatest value within range, where that is a float64 (else the next inside).
    fn bounds() -> (f64, f64);
    fn from_code(code: i128) -> Self;
}

impl Real for f32 {
    #[inline(always)]
    fn real(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    #[inline(always)]
    fn real(self) -> f64 {
        self
    }
}

macro_rules! whole {
    ($($kind:ty: $through:ty),*) => {$(
        impl Real for $kind {
            #[inline(always)]
            fn real(self) -> f64 {
                self as f64
            }
        }

        impl Whole for $kind {
            #[inline(always)]
            fn whole(self) -> (i64, bool) {
                (self as i64, self as i64 as i128 == self as i128)
            }

            #[inline(always)]
            fn from_real(value: f64) -> Self {
                let (low, high) = Self::bounds();
                let inside = if value >= low { value } else { low };
                let inside = if inside <= high { inside } else { high };
                // SAFETY: between the bounds, which lie within the type that is gone through; NaN became `low`.
                unsafe { inside.to_int_unchecked::<$through>() as $kind }
            }

            #[inline(always)]
            fn from_whole(value: i64) -> Self {
                value as $kind
            }

            #[inline(always)]
            fn bounds() -> (f64, f64) {
                // The greatest 64-bit integers are no float64; the greatest float64 below them is 2^63 - 1024 or
                // 2^64 - 2048.
                let high = match size_of::<$kind>() {
                    8 if <$kind>::MIN == 0 => 18_446_744_073_709_549_568.0,
                    8 => 9_223_372_036_854_774_784.0,
                    _ => <$kind>::MAX as f64,
                };
                (<$kind>::MIN as f64, high)
            }

            #[inline(always)]
            fn from_code(code: i128) -> Self {
                code as $kind
            }
        }
    )*};
}

// Conversions by way of int32 have an instruction for many values at once.
whole!(i8: i32, i16: i32, i32: i32, i64: i64, u8: i32, u16: i32, u32: i64, u64: u64);

pub fn load_reals(dtype: Dtype, source: &[u8], out: &mut [f64], single: &mut [f32]) {
    let single = &mut single[..out.len()];
    match dtype {
        Dtype::Float16 => {
            cast_slice::<u8, f16>(source).convert_to_f32_slice(single);
            reals(single, out);
        }
        Dtype::BFloat16 => {
            bfloat16_to_singles(cast_slice(source), single);
            reals(single, out);
        }
        Dtype::Float32 => reals(cast_slice::<u8, f32>(source), out),
        Dtype::Float64 => out.copy_from_slice(cast_slice(source)),
        Dtype::Bool => flags_to_reals(source, out),
        _ => for_whole!(dtype, T => reals(cast_slice::<u8, T>(source), out), else unreachable!()),
    }
}

/// Integers as int64; false if one is beyond it.
pub fn load_integers(dtype: Dtype, source: &[u8], out: &mut [i64]) -> bool {
    for_whole!(dtype, T => wholes(cast_slice::<u8, T>(source), out), else {
        for (value, &flag) in out.iter_mut().zip(source) {
            *value = i64::from(flag != 0);
        }
        true
    })
}

accelerated! {
    fn reals<T: Real>(source: &[T], out: &mut [f64]) {
        for (value, &given) in out.iter_mut().zip(source) {
            *value = given.real();
        }
    }
}

accelerated! {
    fn wholes<T: Whole>(source: &[T], out: &mut [i64]) -> bool {
        let mut good = true;
        for (value, &given) in out.iter_mut().zip(source) {
            let (whole, inside) = given.whole();
            *value = whole;
            good &= inside;
        }
        good
    }
}

accelerated! {
    fn flags_to_reals(source: &[u8], out: &mut [f64]) {
        for (value, &flag) in out.iter_mut().zip(source) {
            *value = f64::from(u8::from(flag != 0));
        }
    }
}

accelerated! {
    pub fn bfloat16_to_singles(source: &[u16], out: &mut [f32]) {
        for (value, &bits) in out.iter_mut().zip(source) {
            *value = f32::from_bits(u32::from(bits) << 16);
        }
    }
}

accelerated! {
    pub fn holds<T: Whole>(values: &[T], code: T) -> bool {
        let mut found = false;
        for &value in values {
            found |= value == code;
        }
        found
    }
}

/// Put NaN where the stored integer is the code of a missing value.
pub fn mark<T: Whole>(stored: &[T], code: T, values: &mut [f64]) {
    for (value, &stored) in values.iter_mut().zip(stored) {
        if stored == code {
            *value = f64::NAN;
        }
    }
}

// -- into the stored type -------------------------------------------------------------------------------------------

accelerated! {
    /// (value - offset) / scale, rounded to the nearest even integer if asked.
    pub fn scale(values: &mut [f64], transform: Transform, round: bool) {
        if round {
            for value in values {
                *value = transform.stored(*value).round_ties_even();
            }
        } else {
            for value in values {
                *value = transform.stored(*value);
            }
        }
    }
}

accelerated! {
    /// Whether each value is an integer, or NaN.
    pub fn are_whole(values: &[f64]) -> bool {
        let mut good = true;
        for &value in values {
            good &= (value.round_ties_even() == value) | value.is_nan();
        }
        good
    }
}

/// Whole or real numbers into the stored type; false if an integer type does not hold one of them.
pub fn store_reals(
    dtype: Dtype,
    values: &[f64],
    stored: &mut [u8],
    missing: Option<i128>,
    single: &mut [f32],
) -> bool {
    if dtype.is_float() {
        store_floats(dtype, values, stored, single);
        return true;
    }
    for_whole!(dtype, T => match missing {
        None => store_whole(values, cast_slice_mut::<u8, T>(stored)),
        Some(code) if code as f64 as i128 == code => {
            store_whole_or_code(values, cast_slice_mut::<u8, T>(stored), code as f64)
        }
        Some(code) => store_whole_or_far_code(values, cast_slice_mut::<u8, T>(stored), T::from_code(code)),
    }, else store_flags(values, stored))
}

/// Integers into the stored type, exactly; false if it does not hold one of them.
pub fn store_integers(dtype: Dtype, values: &[i64], stored: &mut [u8], single: &mut [f32]) -> bool {
    if dtype.is_float() {
        return store_integers_as_floats(dtype, values, stored, single);
    }
    for_whole!(dtype, T => cast_whole(values, cast_slice_mut::<u8, T>(stored)), else {
        for (flag, &value) in stored.iter_mut().zip(values) {
            *flag = u8::from(value != 0);
        }
        values.iter().all(|value| (0..2).contains(value))
    })
}

// Whether values fit is gathered in 64 bits a value, as wide as the values are, which saves regrouping them.

accelerated! {
    fn store_whole<T: Whole>(values: &[f64], stored: &mut [T]) -> bool {
        let (low, high) = T::bounds();
        let mut bad = 0u64;
        for (stored, &value) in stored.iter_mut().zip(values) {
            bad |= u64::from(!((value >= low) & (value <= high)));
            *stored = T::from_real(value);
        }
        bad == 0
    }
}

accelerated! {
    /// `code` is a float64, so that a value can be it.
    fn store_whole_or_code<T: Whole>(values: &[f64], stored: &mut [T], code: f64) -> bool {
        let (low, high) = T::bounds();
        let mut bad = 0u64;
        for (stored, &value) in stored.iter_mut().zip(values) {
            bad |= u64::from((value < low) | (value > high) | (value == code));
            *stored = T::from_real(if value.is_nan() { code } else { value });
        }
        bad == 0
    }
}

accelerated! {
    /// `code` is a 64-bit integer that no float64 is.
    fn store_whole_or_far_code<T: Whole>(values: &[f64], stored: &mut [T], code: T) -> bool {
        let (low, high) = T::bounds();
        let mut bad = 0u64;
        for (stored, &value) in stored.iter_mut().zip(values) {
            bad |= u64::from((value < low) | (value > high));
            *stored = if value.is_nan() { code } else { T::from_real(value) };
        }
        bad == 0
    }
}

accelerated! {
    fn cast_whole<T: Whole>(values: &[i64], stored: &mut [T]) -> bool {
        let mut good = true;
        for (stored, &value) in stored.iter_mut().zip(values) {
            let whole = T::from_whole(value);
            // An unsigned 64-bit integer comes back as the negative number that it was, and is caught by its sign.
            good &= (whole.whole().0 == value) & whole.whole().1;
            *stored = whole;
        }
        good
    }
}

fn store_flags(values: &[f64], stored: &mut [u8]) -> bool {
    for (flag, &value) in stored.iter_mut().zip(values) {
        *flag = u8::from(value == 1.0);
    }
    values.iter().all(|&value| value == 0.0 || value == 1.0)
}

pub fn store_floats(dtype: Dtype, values: &[f64], stored: &mut [u8], single: &mut [f32]) {
    let single = &mut single[..values.len()];
    match dtype {
        Dtype::Float16 => {
            to_odd_singles(values, single);
            cast_slice_mut::<u8, f16>(stored).convert_from_f32_slice(single);
        }
        Dtype::BFloat16 => {
            to_odd_singles(values, single);
            singles_to_bfloat16(single, cast_slice_mut(stored));
        }
        Dtype::Float32 => to_singles(values, cast_slice_mut(stored)),
        _ => cast_slice_mut::<u8, f64>(stored).copy_from_slice(values),
    }
}

fn store_integers_as_floats(dtype: Dtype, values: &[i64], stored: &mut [u8], single: &mut [f32]) -> bool {
    let mut reals = [0.0; BLOCK];
    let reals = &mut reals[..values.len()];
    for (real, &value) in reals.iter_mut().zip(values) {
        *real = value as f64;
    }
    store_floats(dtype, reals, stored, single);
    load_reals(dtype, stored, reals, single);
    values
        .iter()
        .zip(reals)
        .all(|(&value, real)| *real as i128 == i128::from(value))
}

accelerated! {
    fn to_singles(values: &[f64], out: &mut [f32]) {
        for (single, &value) in out.iter_mut().zip(values) {
            *single = value as f32;
        }
    }
}

accelerated! {
    fn to_odd_singles(values: &[f64], out: &mut [f32]) {
        for (single, &value) in out.iter_mut().zip(values) {
            *single = rounded_to_odd(value);
        }
    }
}

accelerated! {
    pub fn singles_to_bfloat16(values: &[f32], out: &mut [u16]) {
        for (bits, &value) in out.iter_mut().zip(values) {
            *bits = bfloat16_bits(value);
        }
    }
}

/// A value of a floating-point type, rounded to nearest even.
pub fn rounded_to(dtype: Dtype, value: f64) -> f64 {
    match dtype {
        Dtype::Float16 => f16::from_f32(rounded_to_odd(value)).to_f64(),
        Dtype::BFloat16 => bf16::from_bits(bfloat16_bits(rounded_to_odd(value))).to_f64(),
        Dtype::Float32 => f64::from(value as f32),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bfloat16_agrees_with_the_half_crate() {
        for bits in (0..=u32::MAX).step_by(65_521) {
            let value = f32::from_bits(bits);
            assert_eq!(bfloat16_bits(value), bf16::from_f32(value).to_bits(), "{value}");
        }
    }
}
