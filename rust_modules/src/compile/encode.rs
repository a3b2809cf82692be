//! Values into the bytes that are stored, a block at a time, and back into what a reader will get.
//!
//! A block goes through at most two steps, each a loop without branches over memory in the first cache: into float64
//! (or int64, where integers stay integers), and into the stored type. Whether every value of the block fits is
//! known after the second; only where one does not are its values looked at one by one, to name the first and why.

use super::dtype::DType;
use super::moments::{Moments, Real, BLOCK};
use bytemuck::{cast_slice, cast_slice_mut, Pod};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use std::fmt;

/// `call` with `kind` as the Rust type of an integer type.
macro_rules! for_whole {
    ($dtype:expr, $kind:ident => $call:expr, else $other:expr) => {
        match $dtype {
            DType::Int8 => {
                type $kind = i8;
                $call
            }
            DType::Int16 => {
                type $kind = i16;
                $call
            }
            DType::Int32 => {
                type $kind = i32;
                $call
            }
            DType::Int64 => {
                type $kind = i64;
                $call
            }
            DType::UInt8 => {
                type $kind = u8;
                $call
            }
            DType::UInt16 => {
                type $kind = u16;
                $call
            }
            DType::UInt32 => {
                type $kind = u32;
                $call
            }
            DType::UInt64 => {
                type $kind = u64;
                $call
            }
            _ => $other,
        }
    };
}

/// value = stored * scale + offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    pub scale: f64,
    pub offset: f64,
}

impl Transform {
    const NONE: Transform = Transform {
        scale: 1.0,
        offset: 0.0,
    };
}

/// How values become stored bytes.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    pub source: DType,
    pub stored: DType,
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
        self.source == self.stored && self.stored != DType::Bool
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
                load_integers(self.source, source, integers)
                    && store_integers(self.stored, integers, stored, &mut bench.single)
            }
            _ => {
                let reals = &mut bench.real[..count];
                load_reals(self.source, source, reals, &mut bench.single);
                let exact = match transform {
                    Some(transform) => {
                        scale(reals, transform, !self.stored.is_float());
                        true
                    }
                    None => are_whole(reals),
                };
                exact && store_reals(self.stored, reals, stored, self.missing, &mut bench.single)
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
            (DType::Float32, DType::Float16) => {
                cast_slice_mut::<u8, f16>(stored).convert_from_f32_slice(cast_slice(source));
            }
            (DType::Float32, DType::BFloat16) => {
                singles_to_bfloat16(cast_slice(source), cast_slice_mut(stored));
            }
            _ => {
                let reals = &mut bench.real[..source.len() / self.source.size()];
                load_reals(self.source, source, reals, &mut bench.single);
                store_floats(self.stored, reals, stored, &mut bench.single);
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
            DType::Float16 => {
                cast_slice::<u8, f16>(stored).convert_to_f32_slice(single);
                Moments::of(single, guess)
            }
            DType::BFloat16 => {
                bfloat16_to_singles(cast_slice(stored), single);
                Moments::of(single, guess)
            }
            DType::Float32 => Moments::of(cast_slice::<u8, f32>(stored), guess),
            DType::Float64 => Moments::of(cast_slice::<u8, f64>(stored), guess),
            DType::Bool => Moments::of(stored, guess),
            _ => for_whole!(self.stored, T => {
                let values = cast_slice::<u8, T>(stored);
                match self.missing {
                    Some(code) if holds(values, T::from_code(code)) => None,
                    _ => Moments::of(values, guess),
                }
            }, else unreachable!()),
        }
    }

    /// The stored values of a block that are not missing.
    fn present<'bench>(&self, stored: &[u8], bench: &'bench mut Bench) -> &'bench [f64] {
        let count = stored.len() / self.stored.size();
        let present = &mut bench.real[..count];
        load_reals(self.stored, stored, present, &mut bench.single);
        if let Some(code) = self.missing {
            // 64-bit integers may share a float64 with the code, so that the stored ones decide.
            for_whole!(self.stored, T => mark(cast_slice::<u8, T>(stored), T::from_code(code), present), else {});
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
                let stored = rounded_to(self.stored, real);
                if stored.is_infinite() {
                    return Some(Reason::OutOfRange);
                }
                (stored as i128 != value).then_some(Reason::NotExact)
            }
            (None, _, _) => rounded_to(self.stored, scaled)
                .is_infinite()
                .then_some(Reason::OutOfRange),
        }
    }
}

impl Transform {
    pub fn stored(&self, value: f64) -> f64 {
        (value - self.offset) / self.scale
    }
}

fn outside(value: i128, (low, high): (i128, i128)) -> Option<Reason> {
    (value < low || value > high).then_some(Reason::OutOfRange)
}

/// A value of a floating-point type, rounded to nearest even.
fn rounded_to(dtype: DType, value: f64) -> f64 {
    match dtype {
        DType::Float16 => f16::from_f32(rounded_to_odd(value)).to_f64(),
        DType::BFloat16 => bf16::from_bits(bfloat16_bits(rounded_to_odd(value))).to_f64(),
        DType::Float32 => f64::from(value as f32),
        _ => value,
    }
}

fn number(dtype: DType, bytes: &[u8]) -> Number {
    fn one<T: Pod>(bytes: &[u8]) -> T {
        bytemuck::pod_read_unaligned(bytes)
    }
    match dtype {
        DType::Float16 => Number::Real(one::<f16>(bytes).to_f64()),
        DType::BFloat16 => Number::Real(one::<bf16>(bytes).to_f64()),
        DType::Float32 => Number::Real(one::<f32>(bytes).into()),
        DType::Float64 => Number::Real(one(bytes)),
        DType::Int8 => Number::Integer(one::<i8>(bytes).into()),
        DType::Int16 => Number::Integer(one::<i16>(bytes).into()),
        DType::Int32 => Number::Integer(one::<i32>(bytes).into()),
        DType::Int64 => Number::Integer(one::<i64>(bytes).into()),
        DType::UInt8 => Number::Integer(one::<u8>(bytes).into()),
        DType::UInt16 => Number::Integer(one::<u16>(bytes).into()),
        DType::UInt32 => Number::Integer(one::<u32>(bytes).into()),
        DType::UInt64 => Number::Integer(one::<u64>(bytes).into()),
        DType::Bool => Number::Integer((one::<u8>(bytes) != 0).into()),
    }
}

// -- into float64 and int64 ---------------------------------------------------------------------------------------

/// Primitive integers.
trait Whole: Real {
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

fn load_reals(dtype: DType, source: &[u8], out: &mut [f64], single: &mut [f32]) {
    let single = &mut single[..out.len()];
    match dtype {
        DType::Float16 => {
            cast_slice::<u8, f16>(source).convert_to_f32_slice(single);
            reals(single, out);
        }
        DType::BFloat16 => {
            bfloat16_to_singles(cast_slice(source), single);
            reals(single, out);
        }
        DType::Float32 => reals(cast_slice::<u8, f32>(source), out),
        DType::Float64 => out.copy_from_slice(cast_slice(source)),
        DType::Bool => flags_to_reals(source, out),
        _ => for_whole!(dtype, T => reals(cast_slice::<u8, T>(source), out), else unreachable!()),
    }
}

/// Integers as int64; false if one is beyond it.
fn load_integers(dtype: DType, source: &[u8], out: &mut [i64]) -> bool {
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
    fn bfloat16_to_singles(source: &[u16], out: &mut [f32]) {
        for (value, &bits) in out.iter_mut().zip(source) {
            *value = f32::from_bits(u32::from(bits) << 16);
        }
    }
}

accelerated! {
    fn holds<T: Whole>(values: &[T], code: T) -> bool {
        let mut found = false;
        for &value in values {
            found |= value == code;
        }
        found
    }
}

/// Put NaN where the stored integer is the code of a missing value.
fn mark<T: Whole>(stored: &[T], code: T, values: &mut [f64]) {
    for (value, &stored) in values.iter_mut().zip(stored) {
        if stored == code {
            *value = f64::NAN;
        }
    }
}

// -- into the stored type -------------------------------------------------------------------------------------------

accelerated! {
    /// (value - offset) / scale, rounded to the nearest even integer if asked.
    fn scale(values: &mut [f64], transform: Transform, round: bool) {
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
    fn are_whole(values: &[f64]) -> bool {
        let mut good = true;
        for &value in values {
            good &= (value.round_ties_even() == value) | value.is_nan();
        }
        good
    }
}

/// Whole or real numbers into the stored type; false if an integer type does not hold one of them.
fn store_reals(
    dtype: DType,
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
fn store_integers(dtype: DType, values: &[i64], stored: &mut [u8], single: &mut [f32]) -> bool {
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

fn store_floats(dtype: DType, values: &[f64], stored: &mut [u8], single: &mut [f32]) {
    let single = &mut single[..values.len()];
    match dtype {
        DType::Float16 => {
            to_odd_singles(values, single);
            cast_slice_mut::<u8, f16>(stored).convert_from_f32_slice(single);
        }
        DType::BFloat16 => {
            to_odd_singles(values, single);
            singles_to_bfloat16(single, cast_slice_mut(stored));
        }
        DType::Float32 => to_singles(values, cast_slice_mut(stored)),
        _ => cast_slice_mut::<u8, f64>(stored).copy_from_slice(values),
    }
}

fn store_integers_as_floats(dtype: DType, values: &[i64], stored: &mut [u8], single: &mut [f32]) -> bool {
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

/// The float32 next to a value whose last bit is odd, unless the value is a float32 itself.
///
/// Rounded to fewer bits afterwards, it gives what the value itself, rounded once, would give (Boldo & Melquiond 2008,
/// IEEE Transactions on Computers 57, 462).
#[inline(always)]
fn rounded_to_odd(value: f64) -> f32 {
    let single = value as f32;
    let (bits, back) = (single.to_bits(), f64::from(single));
    let inexact = (back != value) & !value.is_nan();
    let even = bits & 1 == 0;
    let away = back.abs() > value.abs();
    let odd = if away {
        bits.wrapping_sub(1)
    } else {
        bits.wrapping_add(1)
    };
    f32::from_bits(if inexact & even { odd } else { bits })
}

/// Bits of the bfloat16 nearest to a float32, ties to even.
#[inline(always)]
fn bfloat16_bits(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    // A NaN keeps its upper bits and is made quiet, so that rounding does not carry it to infinity.
    let quiet = (bits >> 16) | 0x40;
    (if value.is_nan() { quiet } else { rounded }) as u16
}

accelerated! {
    fn singles_to_bfloat16(values: &[f32], out: &mut [u16]) {
        for (bits, &value) in out.iter_mut().zip(values) {
            *bits = bfloat16_bits(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode<S: Pod>(
        source: DType,
        values: &[S],
        stored: DType,
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
        let stored = encode(DType::Float64, &[above, -above], DType::Float16, None, None).unwrap();
        assert_eq!(cast_slice::<u8, u16>(&stored), [0x3c01, 0xbc01]);
        let above = 1.0 + 2f64.powi(-8) + 2f64.powi(-40);
        let stored = encode(DType::Float64, &[above, f64::NAN], DType::BFloat16, None, None).unwrap();
        assert_eq!(cast_slice::<u8, u16>(&stored)[0], 0x3f81);
        assert!(f32::from_bits(u32::from(cast_slice::<u8, u16>(&stored)[1]) << 16).is_nan());
    }

    #[test]
    fn bfloat16_agrees_with_the_half_crate() {
        for bits in (0..=u32::MAX).step_by(65_521) {
            let value = f32::from_bits(bits);
            assert_eq!(bfloat16_bits(value), bf16::from_f32(value).to_bits(), "{value}");
        }
    }

    #[test]
    fn ties_go_to_the_even_integer_and_nan_to_the_code() {
        let transform = Some(Transform {
            scale: 0.5,
            offset: 1.0,
        });
        let values = [1.25f32, 1.75, f32::NAN, -15.0];
        let stored = encode(DType::Float32, &values, DType::Int8, transform, Some(-128)).unwrap();
        assert_eq!(cast_slice::<u8, i8>(&stored), [0, 2, -128, -32]);
    }

    #[test]
    fn codes_that_no_float_is_are_kept() {
        let code = i128::from(i64::MAX);
        let stored = encode(DType::Float64, &[f64::NAN, 5.0], DType::Int64, None, Some(code)).unwrap();
        assert_eq!(cast_slice::<u8, i64>(&stored), [i64::MAX, 5]);
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_reason() {
        let reason = |value: f64, stored, missing| {
            encode(DType::Float64, &[1.0, value], stored, None, missing)
                .unwrap_err()
                .reason
        };
        assert_eq!(reason(2.5, DType::Int32, None), Reason::NotExact);
        assert_eq!(reason(128.0, DType::Int8, None), Reason::OutOfRange);
        assert_eq!(reason(f64::NAN, DType::Int8, None), Reason::NoMissingCode);
        assert_eq!(reason(7.0, DType::Int8, Some(7)), Reason::IsMissingCode);
        assert_eq!(reason(f64::INFINITY, DType::Int64, Some(7)), Reason::Infinite);
        assert_eq!(reason(2f64.powi(63), DType::Int64, None), Reason::OutOfRange);
        assert_eq!(reason(2.0, DType::Bool, None), Reason::OutOfRange);
        let wide = encode(DType::UInt64, &[u64::MAX], DType::Int64, None, None).unwrap_err();
        assert_eq!(wide.reason, Reason::OutOfRange);
        let odd = encode(DType::Int64, &[(1i64 << 53) + 1], DType::Float64, None, None).unwrap_err();
        assert_eq!(odd.reason, Reason::NotExact);
    }
}
