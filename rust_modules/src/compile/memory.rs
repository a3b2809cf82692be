//! Memory for what is compiled: zeroed, aligned to a cache line, in huge pages where the system has them.

/// Alignment of the first byte.
const ALIGNMENT: usize = 64;

/// Bytes that start at a multiple of 64.
#[derive(Debug)]
pub struct Memory {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

impl Memory {
    /// `length` zero bytes. The system's fresh pages are zero already, so that large ones cost nothing before use.
    pub fn zeroed(length: usize) -> Memory {
        let bytes = vec![0u8; length + ALIGNMENT];
        let start = bytes.as_ptr().align_offset(ALIGNMENT);
        let memory = Memory { bytes, start, length };
        memory.ask_for_huge_pages();
        memory
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.length]
    }

    /// The bytes, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.length]
    }

    /// A fault for each 4 kB costs more than what is written there; the kernel is free to refuse.
    #[cfg(target_os = "linux")]
    fn ask_for_huge_pages(&self) {
        const HUGE: usize = 2 << 20;
        let begin = (self.bytes.as_ptr() as usize).next_multiple_of(HUGE);
        let end = (self.bytes.as_ptr() as usize + self.bytes.len()) / HUGE * HUGE;
        if begin < end {
            // SAFETY: whole pages within memory that this value owns; the advice changes no byte of it.
            unsafe { libc::madvise(begin as *mut libc::c_void, end - begin, libc::MADV_HUGEPAGE) };
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn ask_for_huge_pages(&self) {}
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn bytes_are_zero_and_aligned() {
        for length in [0, 1, 63, 64, 5 << 20] {
            let mut memory = Memory::zeroed(length);
            assert_eq!(memory.bytes().len(), length);
            assert_eq!(memory.bytes_mut().as_ptr() as usize % 64, 0);
            assert!(memory.bytes().iter().all(|&byte| byte == 0));
        }
    }
}
