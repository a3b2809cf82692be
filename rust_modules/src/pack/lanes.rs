//! Elements of the stored types, and the loops over them that compilers turn into vector instructions.

use half::f16;

#[cfg(target_arch = "x86_64")]
use super::f16c;
use crate::dtype::Dtype;
use crate::rounding::{bfloat16_bits, rounded_to_odd};

/// Elements that are worked on at a time.
pub const LANES: usize = 512;

/// A stored element.
trait Element: Copy + PartialEq {
    const SIZE: usize;
    fn read(bytes: &[u8]) -> Self;
    /// The element that an integer code stands for; the code is a value of the type.
    fn code(code: i128) -> Self;
    fn real32(self) -> f32;
    fn real64(self) -> f64;
    /// The 64 bits of an integer, its sign extended; only integers and bools are asked.
    fn bits(self) -> i64;
}

macro_rules! elements {
    ($($type:ty),*) => {$(
        impl Element for $type {
            const SIZE: usize = size_of::<$type>();
            #[inline(always)]
            fn read(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<$type>()];
                own.copy_from_slice(bytes);
                <$type>::from_le_bytes(own)
            }
            #[inline(always)]
            fn code(code: i128) -> Self {
                code as $type
            }
            #[inline(always)]
            fn real32(self) -> f32 {
                self as f32
            }
            #[inline(always)]
            fn real64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn bits(self) -> i64 {
                self as i64
            }
        }
    )*};
}
elements!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);

/// A stored bool: any byte but 0 is true.
#[derive(Clone, Copy, PartialEq)]
struct Truth(u8);

/// A stored bfloat16: the upper half of a float32.
#[derive(Clone, Copy, PartialEq)]
struct Brain(u16);

impl Element for Truth {
    const SIZE: usize = 1;
    #[inline(always)]
    fn read(bytes: &[u8]) -> Self {
        Truth(u8::from(bytes[0] != 0))
    }
    #[inline(always)]
    fn code(code: i128) -> Self {
        Truth(code as u8)
    }
    #[inline(always)]
    fn real32(self) -> f32 {
        self.0.into()
    }
    #[inline(always)]
    fn real64(self) -> f64 {
        self.0.into()
    }
    #[inline(always)]
    fn bits(self) -> i64 {
        self.0.into()
    }
}

impl Element for Brain {
    const SIZE: usize = 2;
    #[inline(always)]
    fn read(bytes: &[u8]) -> Self {
        Brain(u16::read(bytes))
    }
    #[inline(always)]
    fn code(code: i128) -> Self {
        Brain(code as u16)
    }
    #[inline(always)]
    fn real32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
    #[inline(always)]
    fn real64(self) -> f64 {
        self.real32().into()
    }
    #[inline(always)]
    fn bits(self) -> i64 {
        self.0.into()
    }
}

/// Runs an expression with a name for the element type of a stored dtype; float16 has none of its own.
macro_rules! with_element {
    ($dtype:expr, $element:ident => $run:expr, half => $half:expr) => {
        match $dtype {
            Dtype::Float16 => $half,
            Dtype::BFloat16 => with_element!(@ $element, Brain, $run),
            Dtype::Float32 => with_element!(@ $element, f32, $run),
            Dtype::Float64 => with_element!(@ $element, f64, $run),
            Dtype::Int8 => with_element!(@ $element, i8, $run),
            Dtype::Int16 => with_element!(@ $element, i16, $run),
            Dtype::Int32 => with_element!(@ $element, i32, $run),
            Dtype::Int64 => with_element!(@ $element, i64, $run),
            Dtype::UInt8 => with_element!(@ $element, u8, $run),
            Dtype::UInt16 => with_element!(@ $element, u16, $run),
            Dtype::UInt32 => with_element!(@ $element, u32, $run),
            Dtype::UInt64 => with_element!(@ $element, u64, $run),
            Dtype::Bool => with_element!(@ $element, Truth, $run),
        }
    };
    (@ $element:ident, $type:ty, $run:expr) => {{
        type $element = $type;
        $run
    }};
}

/// A type that arithmetic is done in.
pub trait Working: Copy + PartialEq {
    const ZERO: Self;
    const NAN: Self;
    fn rounded(value: f64) -> Self;
    fn is_finite(self) -> bool;
    fn is_missing(self) -> bool;
    /// `(self - shift) * gain`, each operation rounded.
    fn affine(self, shift: Self, gain: Self) -> Self;
    /// Stored elements as numbers, those of the missing code as NaN.
    fn load(stored: Dtype, missing: Option<i128>, from: &[u8], to: &mut [Self]);
    /// Numbers rounded to nearest even into a floating output type; at most `LANES` of them.
    fn store(output: Dtype, from: &[Self], to: &mut [u8]);
    /// Load, arithmetic with one pair of constants and store in one pass. False: not for these types.
    fn direct(types: (Dtype, Dtype), pair: (Self, Self), from: &[u8], to: &mut [u8]) -> bool;
}

/// Loads elements by `make`, with NaN for those that hold the code of missing ones.
#[inline(always)]
fn load<E: Element, W: Working>(missing: Option<i128>, from: &[u8], to: &mut [W], make: impl Fn(E) -> W) {
    let elements = from.chunks_exact(E::SIZE).map(E::read);
    match missing.map(E::code) {
        None => {
            for (to, element) in to.iter_mut().zip(elements) {
                *to = make(element);
            }
        }
        Some(code) => {
            for (to, element) in to.iter_mut().zip(elements) {
                *to = if element == code { W::NAN } else { make(element) };
            }
        }
    }
}

/// Numbers out of float16.
#[inline(always)]
fn load_half(from: &[u8], to: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if has_f16c() {
        // SAFETY: the processor has the features that the function is compiled for.
        unsafe { f16c::load(from, to) };
        return;
    }
    for (to, bytes) in to.iter_mut().zip(from.chunks_exact(2)) {
        *to = f16::from_bits(u16::read(bytes)).to_f32();
    }
}

/// Numbers as float16.
#[inline(always)]
fn store_half(from: &[f32], to: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if has_f16c() {
        // SAFETY: the processor has the features that the function is compiled for.
        unsafe { f16c::store(from, to) };
        return;
    }
    store(from, to, |value| f16::from_f32(value).to_le_bytes());
}

/// `(number - shift) * gain` of float16.
#[inline(always)]
fn direct_half(pair: (f32, f32), from: &[u8], to: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if has_f16c() {
        // SAFETY: the processor has the features that the function is compiled for.
        unsafe { f16c::affine(pair, from, to) };
        return;
    }
    for (to, bytes) in to.chunks_exact_mut(4).zip(from.chunks_exact(2)) {
        let number = f16::from_bits(u16::read(bytes)).to_f32();
        to.copy_from_slice(&number.affine(pair.0, pair.1).to_le_bytes());
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn has_f16c() -> bool {
    is_x86_feature_detected!("avx") && is_x86_feature_detected!("f16c")
}

/// Stores each number by `make`.
#[inline(always)]
fn store<W: Copy, const SIZE: usize>(from: &[W], to: &mut [u8], make: impl Fn(W) -> [u8; SIZE]) {
    for (to, value) in to.chunks_exact_mut(SIZE).zip(from) {
        to.copy_from_slice(&make(*value));
    }
}

impl Working for f32 {
    const ZERO: f32 = 0.0;
    const NAN: f32 = f32::NAN;

    #[inline(always)]
    fn rounded(value: f64) -> f32 {
        value as f32
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
    #[inline(always)]
    fn is_missing(self) -> bool {
        self.is_nan()
    }
    #[inline(always)]
    fn affine(self, shift: f32, gain: f32) -> f32 {
        (self - shift) * gain
    }

    #[inline(always)]
    fn load(stored: Dtype, missing: Option<i128>, from: &[u8], to: &mut [f32]) {
        with_element!(stored, E => load::<E, f32>(missing, from, to, E::real32),
            half => load_half(from, to));
    }

    #[inline(always)]
    fn store(output: Dtype, from: &[f32], to: &mut [u8]) {
        match output {
            Dtype::Float16 => store_half(from, to),
            Dtype::BFloat16 => store(from, to, |value| bfloat16_bits(value).to_le_bytes()),
            Dtype::Float64 => store(from, to, |value| f64::from(value).to_le_bytes()),
            _ => store(from, to, f32::to_le_bytes),
        }
    }

    #[inline(always)]
    fn direct(types: (Dtype, Dtype), pair: (f32, f32), from: &[u8], to: &mut [u8]) -> bool {
        if types.1 != Dtype::Float32 {
            return false;
        }
        with_element!(types.0, E => direct32::<E>(pair, from, to), half => direct_half(pair, from, to));
        true
    }
}

#[inline(always)]
fn direct32<E: Element>((shift, gain): (f32, f32), from: &[u8], to: &mut [u8]) {
    let elements = from.chunks_exact(E::SIZE).map(E::read);
    for (to, element) in to.chunks_exact_mut(4).zip(elements) {
        to.copy_from_slice(&element.real32().affine(shift, gain).to_le_bytes());
    }
}

impl Working for f64 {
    const ZERO: f64 = 0.0;
    const NAN: f64 = f64::NAN;

    #[inline(always)]
    fn rounded(value: f64) -> f64 {
        value
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }
    #[inline(always)]
    fn is_missing(self) -> bool {
        self.is_nan()
    }
    #[inline(always)]
    fn affine(self, shift: f64, gain: f64) -> f64 {
        (self - shift) * gain
    }

    #[inline(always)]
    fn load(stored: Dtype, missing: Option<i128>, from: &[u8], to: &mut [f64]) {
        with_element!(stored, E => load::<E, f64>(missing, from, to, E::real64),
            half => unreachable!("float16 is worked on in float32"));
    }

    #[inline(always)]
    fn store(output: Dtype, from: &[f64], to: &mut [u8]) {
        match output {
            Dtype::Float16 => {
                let mut narrower = [0f32; LANES];
                for (narrow, value) in narrower.iter_mut().zip(from) {
                    *narrow = rounded_to_odd(*value);
                }
                store_half(&narrower[..from.len()], to);
            }
            Dtype::BFloat16 => {
                store(from, to, |value| {
                    bfloat16_bits(rounded_to_odd(value)).to_le_bytes()
                });
            }
            Dtype::Float32 => store(from, to, |value| (value as f32).to_le_bytes()),
            _ => store(from, to, f64::to_le_bytes),
        }
    }

    #[inline(always)]
    fn direct(_: (Dtype, Dtype), _: (f64, f64), _: &[u8], _: &mut [u8]) -> bool {
        false
    }
}

/// Integers (or bools) as a type that holds all their values; those of the missing code as 0, absent in
/// the mask.
#[inline(always)]
pub fn widen(
    types: (Dtype, Dtype),
    missing: Option<i128>,
    from: &[u8],
    to: &mut [u8],
    mask: Option<&mut [u8]>,
) {
    with_element!(types.0, E => widen_from::<E>(types.1, missing, from, to, mask),
        half => unreachable!("float16 is no integer"));
}

#[inline(always)]
fn widen_from<E: Element>(
    output: Dtype,
    missing: Option<i128>,
    from: &[u8],
    to: &mut [u8],
    mask: Option<&mut [u8]>,
) {
    let missing = missing.map(E::code);
    match output.size() {
        1 => widen_to::<E, 1>(missing, from, to, |bits| (bits as i8).to_le_bytes()),
        2 => widen_to::<E, 2>(missing, from, to, |bits| (bits as i16).to_le_bytes()),
        4 => widen_to::<E, 4>(missing, from, to, |bits| (bits as i32).to_le_bytes()),
        _ => widen_to::<E, 8>(missing, from, to, i64::to_le_bytes),
    }
    if let Some(mask) = mask {
        let elements = from.chunks_exact(E::SIZE).map(E::read);
        for (present, element) in mask.iter_mut().zip(elements) {
            *present = u8::from(missing != Some(element));
        }
    }
}

#[inline(always)]
fn widen_to<E: Element, const SIZE: usize>(
    missing: Option<E>,
    from: &[u8],
    to: &mut [u8],
    make: impl Fn(i64) -> [u8; SIZE],
) {
    let elements = from.chunks_exact(E::SIZE).map(E::read);
    for (to, element) in to.chunks_exact_mut(SIZE).zip(elements) {
        let bits = if missing == Some(element) {
            0
        } else {
            element.bits()
        };
        to.copy_from_slice(&make(bits));
    }
}
