//! SHA-256 of one stream, and of two at once on one core.
//!
//! The rounds of one message follow from one another, so that a processor with instructions for them waits for most of
//! its time. Two messages that are gone through side by side fill the waiting: that is what many files allow, and one
//! file does not.

use sha2::digest::generic_array::{typenum::U64, GenericArray};

/// Bytes of a block.
pub const BLOCK: usize = 64;
const START: [u32; 8] = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

/// The state of a hash between blocks.
#[derive(Clone, Debug)]
pub struct State([u32; 8]);

impl State {
    pub fn new() -> State {
        State(START)
    }

    /// Go through whole blocks.
    pub fn update(&mut self, blocks: &[u8]) {
        #[cfg(target_arch = "x86_64")]
        if x86::has_instructions() {
            // SAFETY: the processor has the instructions.
            unsafe { x86::update([self], [blocks]) };
            return;
        }
        for block in blocks.chunks_exact(BLOCK) {
            let block: &GenericArray<u8, U64> = GenericArray::from_slice(block);
            sha2::compress256(&mut self.0, std::slice::from_ref(block));
        }
    }

    /// The digest as hexadecimal text.
    pub fn hexadecimal(&self) -> String {
        self.0.iter().map(|word| format!("{word:08x}")).collect()
    }
}

/// Go through as many whole blocks of two streams.
pub fn update_both(states: [&mut State; 2], blocks: [&[u8]; 2]) {
    assert_eq!(blocks[0].len(), blocks[1].len());
    #[cfg(target_arch = "x86_64")]
    if x86::has_instructions() {
        // SAFETY: the processor has the instructions.
        unsafe { x86::update(states, blocks) };
        return;
    }
    for (state, blocks) in states.into_iter().zip(blocks) {
        state.update(blocks);
    }
}

/// What follows a message of `length` bytes: a one, zeros up to a whole block, and the length in bits.
pub fn padding(length: u64) -> Vec<u8> {
    let zeros = (BLOCK as u64 + 55 - length % BLOCK as u64) % BLOCK as u64;
    let mut padding = vec![0; 1 + zeros as usize];
    padding[0] = 0x80;
    padding.extend((8 * length).to_be_bytes());
    padding
}

/// A message that comes in pieces of any length.
#[derive(Clone, Debug)]
pub struct Message {
    state: State,
    /// Bytes after the last whole block.
    rest: Vec<u8>,
    length: u64,
}

impl Message {
    pub fn new() -> Message {
        Message {
            state: State::new(),
            rest: Vec::with_capacity(BLOCK),
            length: 0,
        }
    }

    /// Add a piece.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if !self.rest.is_empty() {
            let (missing, after) = bytes.split_at(bytes.len().min(BLOCK - self.rest.len()));
            self.rest.extend(missing);
            bytes = after;
            if self.rest.len() < BLOCK {
                return;
            }
            self.state.update(&self.rest);
            self.rest.clear();
        }
        let (whole, rest) = bytes.split_at(bytes.len() / BLOCK * BLOCK);
        self.state.update(whole);
        self.rest.extend(rest);
    }

    /// The digest as hexadecimal text.
    pub fn finish(mut self) -> String {
        let padding = padding(self.length);
        self.update(&padding);
        self.state.hexadecimal()
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{State, BLOCK};
    use std::arch::x86_64::*;

    /// Round constants (FIPS 180-4, 4.2.2).
    #[rustfmt::skip]
    static ROUNDS: [u32; 64] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    pub fn has_instructions() -> bool {
        is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse4.1")
            && is_x86_feature_detected!("ssse3")
    }

    /// Go through as many whole blocks of each stream.
    ///
    /// # Safety
    /// The processor has what [`has_instructions`] asks for; all slices hold as many whole blocks.
    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    pub unsafe fn update<const STREAMS: usize>(states: [&mut State; STREAMS], blocks: [&[u8]; STREAMS]) {
        let mut now: [[__m128i; 2]; STREAMS] = std::array::from_fn(|stream| pack(&states[stream].0));
        for number in 0..blocks[0].len() / BLOCK {
            let before = now;
            let mut words = [[_mm_setzero_si128(); 4]; STREAMS];
            for (words, blocks) in words.iter_mut().zip(blocks) {
                // SAFETY: block `number` lies in the slice.
                *words = unsafe { load(blocks.as_ptr().add(number * BLOCK)) };
            }
            // Written out, so that the sixteen words of each message stay in registers.
            macro_rules! four_rounds {
                ($group:expr) => {
                    // SAFETY: four of the 64 constants.
                    let constants = unsafe { _mm_loadu_si128(ROUNDS.as_ptr().add(4 * $group).cast()) };
                    let mut sums = [constants; STREAMS];
                    for stream in 0..STREAMS {
                        sums[stream] = _mm_add_epi32(words[stream][$group % 4], constants);
                        now[stream][1] = _mm_sha256rnds2_epu32(now[stream][1], now[stream][0], sums[stream]);
                    }
                    for stream in 0..STREAMS {
                        let upper = _mm_shuffle_epi32(sums[stream], 0x0e);
                        now[stream][0] = _mm_sha256rnds2_epu32(now[stream][0], now[stream][1], upper);
                    }
                };
                ($($group:expr),*; extended) => {$(
                    for words in &mut words {
                        words[$group % 4] = extend(words, $group);
                    }
                    four_rounds!($group);
                )*};
            }
            four_rounds!(0);
            four_rounds!(1);
            four_rounds!(2);
            four_rounds!(3);
            four_rounds!(4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15; extended);
            for (now, before) in now.iter_mut().zip(before) {
                *now = [_mm_add_epi32(now[0], before[0]), _mm_add_epi32(now[1], before[1])];
            }
        }
        for (state, now) in states.into_iter().zip(now) {
            state.0 = unpack(now);
        }
    }

    /// The state as the instructions want it: words A, B, E, F and C, D, G, H.
    #[target_feature(enable = "sse2")]
    #[inline]
    unsafe fn pack(state: &[u32; 8]) -> [__m128i; 2] {
        let [a, b, c, d, e, f, g, h] = state.map(|word| word as i32);
        [_mm_set_epi32(a, b, e, f), _mm_set_epi32(c, d, g, h)]
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    unsafe fn unpack(state: [__m128i; 2]) -> [u32; 8] {
        let mut words = [[0u32; 4]; 2];
        for (words, half) in words.iter_mut().zip(state) {
            // SAFETY: sixteen bytes are written to sixteen.
            unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), half) };
        }
        let [[f, e, b, a], [h, g, d, c]] = words;
        [a, b, c, d, e, f, g, h]
    }

    /// Sixteen big-endian words of a block.
    #[target_feature(enable = "ssse3")]
    #[inline]
    unsafe fn load(block: *const u8) -> [__m128i; 4] {
        let order = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
        let mut words = [order; 4];
        for (number, word) in words.iter_mut().enumerate() {
            // SAFETY: a block has 64 bytes.
            *word = _mm_shuffle_epi8(unsafe { _mm_loadu_si128(block.add(16 * number).cast()) }, order);
        }
        words
    }

    /// The next four words of the message schedule, after the sixteen that are kept, of which the oldest stand at
    /// `group % 4`.
    #[target_feature(enable = "sha,ssse3")]
    #[inline]
    unsafe fn extend(words: &[__m128i; 4], group: usize) -> __m128i {
        let [oldest, older, newer, newest] = [
            words[group % 4],
            words[(group + 1) % 4],
            words[(group + 2) % 4],
            words[(group + 3) % 4],
        ];
        let partial = _mm_add_epi32(
            _mm_sha256msg1_epu32(oldest, older),
            _mm_alignr_epi8(newest, newer, 4),
        );
        _mm_sha256msg2_epu32(partial, newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn digest(message: &[u8]) -> String {
        Sha256::digest(message)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    fn padded(message: &[u8]) -> Vec<u8> {
        [message, &padding(message.len() as u64)].concat()
    }

    #[test]
    fn one_stream_and_two_side_by_side_give_the_digests_of_the_sha2_crate() {
        for length in (0..300).chain([4096, 100_003]) {
            let one: Vec<u8> = (0..length).map(|n| (n * 7 + 1) as u8).collect();
            let other: Vec<u8> = (0..length).map(|n| (n * 13 + 5) as u8).collect();
            let mut states = [State::new(), State::new()];
            let [a, b] = &mut states;
            update_both([a, b], [&padded(&one), &padded(&other)]);
            let mut alone = State::new();
            alone.update(&padded(&one));
            assert_eq!(alone.hexadecimal(), digest(&one), "{length}");
            assert_eq!(
                states.map(|state| state.hexadecimal()),
                [digest(&one), digest(&other)],
                "{length}"
            );
        }
    }

    #[test]
    fn pieces_of_any_length_make_the_message() {
        let message: Vec<u8> = (0..1000).map(|n| (n * 11) as u8).collect();
        for piece in [1, 7, 63, 64, 65, 128, 999, 1000] {
            let mut found = Message::new();
            message.chunks(piece).for_each(|piece| found.update(piece));
            found.update(&[]);
            assert_eq!(found.finish(), digest(&message), "{piece}");
        }
        assert_eq!(Message::new().finish(), digest(b""));
    }
}
