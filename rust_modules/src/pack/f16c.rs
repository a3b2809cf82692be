//! float16 by the instructions of x86-64 processors with F16C: eight numbers at a time.

use std::arch::x86_64::{
    _mm256_cvtph_ps, _mm256_cvtps_ph, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_storeu_ps,
    _mm256_sub_ps, _mm_loadu_si128, _mm_storeu_si128, _MM_FROUND_TO_NEAREST_INT,
};

use half::f16;

/// Numbers that one instruction converts.
const WIDTH: usize = 8;

/// `(number - shift) * gain` of float16, as float32; as many as `from` holds.
#[target_feature(enable = "avx,f16c")]
pub unsafe fn affine((shift, gain): (f32, f32), from: &[u8], to: &mut [u8]) {
    assert_eq!(2 * from.len(), to.len());
    let (shifts, gains) = (_mm256_set1_ps(shift), _mm256_set1_ps(gain));
    let (mut sources, mut targets) = (from.chunks_exact(2 * WIDTH), to.chunks_exact_mut(4 * WIDTH));
    for (source, target) in (&mut sources).zip(&mut targets) {
        // SAFETY: the source has 16 bytes and the target 32; neither need be aligned.
        unsafe {
            let numbers = _mm256_cvtph_ps(_mm_loadu_si128(source.as_ptr().cast()));
            let numbers = _mm256_mul_ps(_mm256_sub_ps(numbers, shifts), gains);
            _mm256_storeu_ps(target.as_mut_ptr().cast(), numbers);
        }
    }
    let rest = targets.into_remainder().chunks_exact_mut(4);
    for (target, source) in rest.zip(sources.remainder().chunks_exact(2)) {
        let number = f16::from_le_bytes([source[0], source[1]]).to_f32();
        target.copy_from_slice(&((number - shift) * gain).to_le_bytes());
    }
}

/// float16 as float32; as many as `to` holds.
#[target_feature(enable = "avx,f16c")]
pub unsafe fn load(from: &[u8], to: &mut [f32]) {
    assert_eq!(from.len(), 2 * to.len());
    let (mut sources, mut targets) = (from.chunks_exact(2 * WIDTH), to.chunks_exact_mut(WIDTH));
    for (source, target) in (&mut sources).zip(&mut targets) {
        // SAFETY: the source has 16 bytes and the target 8 numbers; neither need be aligned.
        unsafe {
            let numbers = _mm256_cvtph_ps(_mm_loadu_si128(source.as_ptr().cast()));
            _mm256_storeu_ps(target.as_mut_ptr(), numbers);
        }
    }
    let rest = targets.into_remainder().iter_mut();
    for (target, source) in rest.zip(sources.remainder().chunks_exact(2)) {
        *target = f16::from_le_bytes([source[0], source[1]]).to_f32();
    }
}

/// float32 as the nearest float16, the even one of two; as many as `from` holds.
#[target_feature(enable = "avx,f16c")]
pub unsafe fn store(from: &[f32], to: &mut [u8]) {
    assert_eq!(2 * from.len(), to.len());
    let (mut sources, mut targets) = (from.chunks_exact(WIDTH), to.chunks_exact_mut(2 * WIDTH));
    for (source, target) in (&mut sources).zip(&mut targets) {
        // SAFETY: the source has 8 numbers and the target 16 bytes; neither need be aligned.
        unsafe {
            let numbers = _mm256_loadu_ps(source.as_ptr());
            let halves = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(numbers);
            _mm_storeu_si128(target.as_mut_ptr().cast(), halves);
        }
    }
    let rest = targets.into_remainder().chunks_exact_mut(2);
    for (target, source) in rest.zip(sources.remainder()) {
        target.copy_from_slice(&f16::from_f32(*source).to_le_bytes());
    }
}
