//! The types of elements that packs store and that plans give out: names, sizes, codes, formats of buffers.

use std::ffi::CStr;
use std::fmt;
use std::os::raw::{c_long, c_ulong};

/// The type of an element, stored or given out; always little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    Float16,
    BFloat16,
    Float32,
    Float64,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Bool,
}

use Dtype::*;

impl Dtype {
    pub const ALL: [Dtype; 13] = [
        Float16, BFloat16, Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Bool,
    ];

    /// The type of that name, as NumPy and PyTorch spell it.
    pub fn named(name: &str) -> Option<Dtype> {
        Dtype::ALL.into_iter().find(|dtype| dtype.name() == name)
    }

    /// The type of a Python buffer's format and item size; `None` if it is none of these, or not in this machine's
    /// byte order.
    pub fn from_format(format: &str, item: usize) -> Option<Dtype> {
        let kind = match format.as_bytes() {
            [kind] | [b'@' | b'=', kind] => kind,
            [b'<', kind] if cfg!(target_endian = "little") => kind,
            _ => return None,
        };
        match (kind, item) {
            (b'e', 2) => Some(Float16),
            (b'f', 4) => Some(Float32),
            (b'd', 8) => Some(Float64),
            (b'?', 1) => Some(Bool),
            (b'b' | b'h' | b'i' | b'l' | b'q' | b'n', 1) => Some(Int8),
            (b'h' | b'i' | b'l' | b'q' | b'n', 2) => Some(Int16),
            (b'i' | b'l' | b'q' | b'n', 4) => Some(Int32),
            (b'l' | b'q' | b'n', 8) => Some(Int64),
            (b'B' | b'H' | b'I' | b'L' | b'Q' | b'N', 1) => Some(UInt8),
            (b'H' | b'I' | b'L' | b'Q' | b'N', 2) => Some(UInt16),
            (b'I' | b'L' | b'Q' | b'N', 4) => Some(UInt32),
            (b'L' | b'Q' | b'N', 8) => Some(UInt64),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Float16 => "float16",
            BFloat16 => "bfloat16",
            Float32 => "float32",
            Float64 => "float64",
            Int8 => "int8",
            Int16 => "int16",
            Int32 => "int32",
            Int64 => "int64",
            UInt8 => "uint8",
            UInt16 => "uint16",
            UInt32 => "uint32",
            UInt64 => "uint64",
            Bool => "bool",
        }
    }

    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            Int8 | UInt8 | Bool => 1,
            Float16 | BFloat16 | Int16 | UInt16 => 2,
            Float32 | Int32 | UInt32 => 4,
            Float64 | Int64 | UInt64 => 8,
        }
    }

    pub fn is_float(self) -> bool {
        matches!(self, Float16 | BFloat16 | Float32 | Float64)
    }

    pub fn is_signed(self) -> bool {
        matches!(self, Int8 | Int16 | Int32 | Int64)
    }

    /// Whether arithmetic on stored values of this type is done in float64 rather than float32.
    pub fn works_in_float64(self) -> bool {
        matches!(self, Int32 | Int64 | UInt32 | UInt64 | Float64)
    }

    /// The smallest and largest value of an integer type.
    pub fn integer_range(self) -> Option<(i128, i128)> {
        match self {
            Int8 => Some((i8::MIN.into(), i8::MAX.into())),
            Int16 => Some((i16::MIN.into(), i16::MAX.into())),
            Int32 => Some((i32::MIN.into(), i32::MAX.into())),
            Int64 => Some((i64::MIN.into(), i64::MAX.into())),
            UInt8 => Some((0, u8::MAX.into())),
            UInt16 => Some((0, u16::MAX.into())),
            UInt32 => Some((0, u32::MAX.into())),
            UInt64 => Some((0, u64::MAX.into())),
            Float16 | BFloat16 | Float32 | Float64 | Bool => None,
        }
    }

    /// The least and greatest number that is held, of bool too; `None` for floating-point types.
    pub fn range(self) -> Option<(i128, i128)> {
        match self {
            Bool => Some((0, 1)),
            _ => self.integer_range(),
        }
    }

    /// Whether each value of this integer or bool type is a value of the integer type `wider`, too.
    pub fn widens_exactly_to(self, wider: Dtype) -> bool {
        match (self.range(), wider.integer_range()) {
            (Some((low, high)), Some((lowest, highest))) => lowest <= low && high <= highest,
            _ => false,
        }
    }

    /// The type in the header of a safetensors file.
    pub fn in_safetensors(self) -> safetensors::Dtype {
        match self {
            Float16 => safetensors::Dtype::F16,
            BFloat16 => safetensors::Dtype::BF16,
            Float32 => safetensors::Dtype::F32,
            Float64 => safetensors::Dtype::F64,
            Int8 => safetensors::Dtype::I8,
            Int16 => safetensors::Dtype::I16,
            Int32 => safetensors::Dtype::I32,
            Int64 => safetensors::Dtype::I64,
            UInt8 => safetensors::Dtype::U8,
            UInt16 => safetensors::Dtype::U16,
            UInt32 => safetensors::Dtype::U32,
            UInt64 => safetensors::Dtype::U64,
            Bool => safetensors::Dtype::BOOL,
        }
    }

    /// As the header of a safetensors file spells it.
    pub fn code(self) -> &'static str {
        match self {
            Float16 => "F16",
            BFloat16 => "BF16",
            Float32 => "F32",
            Float64 => "F64",
            Int8 => "I8",
            Int16 => "I16",
            Int32 => "I32",
            Int64 => "I64",
            UInt8 => "U8",
            UInt16 => "U16",
            UInt32 => "U32",
            UInt64 => "U64",
            Bool => "BOOL",
        }
    }

    /// The format of Python's buffer protocol; bfloat16, which it does not know, as its bits, 'H'.
    pub fn format(self) -> &'static CStr {
        match self {
            Float16 => c"e",
            Float32 => c"f",
            Float64 => c"d",
            Int8 => c"b",
            Int16 => c"h",
            Int32 => c"i",
            // NumPy calls int64 by the C type `long` where that has 64 bits, and so does this.
            Int64 if size_of::<c_long>() == 8 => c"l",
            Int64 => c"q",
            UInt8 => c"B",
            BFloat16 | UInt16 => c"H",
            UInt32 => c"I",
            UInt64 if size_of::<c_ulong>() == 8 => c"L",
            UInt64 => c"Q",
            Bool => c"?",
        }
    }

    /// Whether memory that Python describes by this format and size of an item can hold the type:
    /// the same kind of number in the machine's order, plain bytes, or for bfloat16 any 16 bits.
    pub fn accepts(self, format: &str, item: usize) -> bool {
        let code = format.trim_start_matches(['@', '=', '<']);
        if code == "B" && item == 1 {
            return true;
        }
        if item != self.size() {
            return false;
        }
        match self {
            Float16 => code == "e",
            BFloat16 => matches!(code, "H" | "h" | "e" | "E"),
            Float32 => code == "f",
            Float64 => code == "d",
            Bool => code == "?",
            _ if self.is_signed() => matches!(code, "b" | "h" | "i" | "l" | "q"),
            _ => matches!(code, "B" | "H" | "I" | "L" | "Q"),
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// `call` with `kind` as the Rust type of an integer type.
macro_rules! for_whole {
    ($dtype:expr, $kind:ident => $call:expr, else $other:expr) => {
        match $dtype {
            $crate::dtype::Dtype::Int8 => {
                type $kind = i8;
                $call
            }
            $crate::dtype::Dtype::Int16 => {
                type $kind = i16;
                $call
            }
            $crate::dtype::Dtype::Int32 => {
                type $kind = i32;
                $call
            }
            $crate::dtype::Dtype::Int64 => {
                type $kind = i64;
                $call
            }
            $crate::dtype::Dtype::UInt8 => {
                type $kind = u8;
                $call
            }
            $crate::dtype::Dtype::UInt16 => {
                type $kind = u16;
                $call
            }
            $crate::dtype::Dtype::UInt32 => {
                type $kind = u32;
                $call
            }
            $crate::dtype::Dtype::UInt64 => {
                type $kind = u64;
                $call
            }
            _ => $other,
        }
    };
}
pub(crate) use for_whole;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_name() {
        for dtype in Dtype::ALL {
            assert_eq!(Dtype::named(dtype.name()), Some(dtype));
        }
        assert_eq!(Dtype::named("complex64"), None);
    }

    #[test]
    fn a_widening_is_exact_only_where_every_value_fits() {
        assert!(UInt8.widens_exactly_to(Int16));
        assert!(UInt32.widens_exactly_to(Int64));
        assert!(Int64.widens_exactly_to(Int64));
        assert!(Bool.widens_exactly_to(Int8));
        assert!(!Int8.widens_exactly_to(UInt64));
        assert!(!UInt64.widens_exactly_to(Int64));
        assert!(!Float16.widens_exactly_to(Int64));
        assert!(!Int8.widens_exactly_to(Float64));
    }

    #[test]
    fn foreign_memory_holds_a_type_of_the_same_kind_and_size_alone() {
        assert!(Int64.accepts("l", 8) && Int64.accepts("<q", 8) && Int64.accepts("B", 1));
        assert!(BFloat16.accepts("H", 2) && BFloat16.accepts("h", 2));
        assert!(!Int64.accepts("d", 8) && !Float32.accepts("i", 4) && !Float32.accepts("d", 8));
        assert!(!Float32.accepts(">f", 4));
    }

    #[test]
    fn every_type_is_found_by_its_format_and_its_code_is_that_of_safetensors() {
        for dtype in Dtype::ALL {
            let format = dtype.format().to_str().unwrap();
            let found = if dtype == BFloat16 { UInt16 } else { dtype };
            assert_eq!(Dtype::from_format(format, dtype.size()), Some(found));
            assert_eq!(format!("{:?}", dtype.in_safetensors()), dtype.code());
        }
    }

    #[test]
    fn ranges_are_those_of_the_integers() {
        assert_eq!(Int16.range(), Some((i16::MIN.into(), i16::MAX.into())));
        assert_eq!(UInt64.range(), Some((0, u64::MAX.into())));
        assert_eq!(Float16.range(), None);
    }

    #[test]
    fn another_byte_order_is_no_type_of_ours() {
        assert_eq!(Dtype::from_format(">f", 4), None);
        assert_eq!(Dtype::from_format("<l", 8), Some(Int64));
        assert_eq!(Dtype::from_format("2i", 4), None);
    }
}
