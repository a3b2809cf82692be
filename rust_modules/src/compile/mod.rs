//! The compiling half of packs: samples in any order of axes into checked, encoded, checksummed shards.
//!
//! - [`strided`] brings the axes of a sample into the stored order;
//! - [`encode`] turns values into stored bytes, by the loops of [`conversion`], and says which value does not fit;
//! - [`moments`] takes count, mean, deviations and extremes of what was stored;
//! - [`samples`] does all of this for many samples on all cores, with a CRC-32 of each;
//! - [`shard`] writes safetensors files that are whole or not there;
//! - [`python`] is its face.

#[cfg(target_endian = "big")]
compile_error!("shards are little-endian, and their bytes are written as they lie in memory");

/// A function in two versions: as it stands, and with AVX2, which is taken where the processor has it.
///
/// Both give the same bits: multiplications and additions are not fused.
macro_rules! accelerated {
    (
        $(#[$note:meta])*
        $visible:vis fn $name:ident $(<$kind:ident: $bound:ident $(+ $more:ident)?>)? ($($argument:ident: $type:ty),* $(,)?)
            $(-> $result:ty)? $body:block
    ) => {
        $(#[$note])*
        $visible fn $name $(<$kind: $bound $(+ $more)?>)? ($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn portable $(<$kind: $bound $(+ $more)?>)? ($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                unsafe fn wide $(<$kind: $bound $(+ $more)?>)? ($($argument: $type),*) $(-> $result)? {
                    portable($($argument),*)
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2, which is all that `wide` asks for.
                    return unsafe { wide($($argument),*) };
                }
            }
            portable($($argument),*)
        }
    };
}

mod conversion;
mod encode;
mod memory;
mod moments;
pub mod python;
mod samples;
mod shard;
mod strided;
