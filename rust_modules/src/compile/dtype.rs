//! Types of stored values: their names, sizes, codes in the header of a shard, and formats of Python's buffers.

use std::fmt;

/// A type of stored values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DType {
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

use DType::*;

/// Name, code in a shard's header, bytes, and format of a Python buffer (`bfloat16` has none and shows its bits).
const TABLE: [(DType, &str, &str, usize, &str); 13] = [
    (Float16, "float16", "F16", 2, "e"),
    (BFloat16, "bfloat16", "BF16", 2, "H"),
    (Float32, "float32", "F32", 4, "f"),
    (Float64, "float64", "F64", 8, "d"),
    (Int8, "int8", "I8", 1, "b"),
    (Int16, "int16", "I16", 2, "h"),
    (Int32, "int32", "I32", 4, "i"),
    (Int64, "int64", "I64", 8, "q"),
    (UInt8, "uint8", "U8", 1, "B"),
    (UInt16, "uint16", "U16", 2, "H"),
    (UInt32, "uint32", "U32", 4, "I"),
    (UInt64, "uint64", "U64", 8, "Q"),
    (Bool, "bool", "BOOL", 1, "?"),
];

impl DType {
    fn row(self) -> &'static (DType, &'static str, &'static str, usize, &'static str) {
        &TABLE[self as usize]
    }

    /// The type of a name, as NumPy spells it.
    pub fn from_name(name: &str) -> Option<DType> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The type of a Python buffer's format and item size; `None` if it is none of these, or not in this machine's
    /// byte order.
    pub fn from_format(format: &str, item: usize) -> Option<DType> {
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

    /// As NumPy spells it.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// As a shard's header spells it.
    pub fn code(self) -> &'static str {
        self.row().2
    }

    /// Bytes of a value.
    pub fn size(self) -> usize {
        self.row().3
    }

    /// The format of a Python buffer.
    pub fn format(self) -> &'static str {
        self.row().4
    }

    /// Whether values are floating-point numbers, of which NaN stands for a missing one.
    pub fn is_float(self) -> bool {
        matches!(self, Float16 | BFloat16 | Float32 | Float64)
    }

    /// The least and the greatest integer that is held; `None` for floating-point types.
    pub fn range(self) -> Option<(i128, i128)> {
        let bits = 8 * self.size() as u32;
        match self {
            Int8 | Int16 | Int32 | Int64 => Some((-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1)),
            UInt8 | UInt16 | UInt32 | UInt64 => Some((0, (1i128 << bits) - 1)),
            Bool => Some((0, 1)),
            _ => None,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// `call` with `kind` as the Rust type of an integer type.
macro_rules! for_whole {
    ($dtype:expr, $kind:ident => $call:expr, else $other:expr) => {
        match $dtype {
            $crate::compile::dtype::DType::Int8 => {
                type $kind = i8;
                $call
            }
            $crate::compile::dtype::DType::Int16 => {
                type $kind = i16;
                $call
            }
            $crate::compile::dtype::DType::Int32 => {
                type $kind = i32;
                $call
            }
            $crate::compile::dtype::DType::Int64 => {
                type $kind = i64;
                $call
            }
            $crate::compile::dtype::DType::UInt8 => {
                type $kind = u8;
                $call
            }
            $crate::compile::dtype::DType::UInt16 => {
                type $kind = u16;
                $call
            }
            $crate::compile::dtype::DType::UInt32 => {
                type $kind = u32;
                $call
            }
            $crate::compile::dtype::DType::UInt64 => {
                type $kind = u64;
                $call
            }
            _ => $other,
        }
    };
}
pub(super) use for_whole;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_types() {
        for (number, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, number);
            assert_eq!(DType::from_name(row.1), Some(row.0));
            if row.0 != BFloat16 {
                assert_eq!(DType::from_format(row.4, row.3), Some(row.0));
            }
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
        assert_eq!(DType::from_format(">f", 4), None);
        assert_eq!(DType::from_format("<l", 8), Some(Int64));
        assert_eq!(DType::from_format("2i", 4), None);
    }
}
