//! Rounding to 16 bits, once: shared by what is stored and what is given out.

/// The float32 next to a value whose last bit is odd, unless the value is a float32 itself.
///
/// Rounded to fewer bits afterwards, it gives what the value itself, rounded once, would give (Boldo & Melquiond 2008,
/// IEEE Transactions on Computers 57, 462).
#[inline(always)]
pub fn rounded_to_odd(value: f64) -> f32 {
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
pub fn bfloat16_bits(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    // A NaN keeps its upper bits and is made quiet, so that rounding does not carry it to infinity.
    let quiet = (bits >> 16) | 0x40;
    (if value.is_nan() { quiet } else { rounded }) as u16
}
