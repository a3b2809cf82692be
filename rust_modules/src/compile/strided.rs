//! Strided samples into contiguous memory: any order of axes, in blocks, at the speed of memory.
//!
//! A plain loop in the order of the output reads one element of a cache line and comes back for the next when
//! the line is gone. Here both sides are walked in tiles of one cache line by one cache line, which are turned
//! over in registers where elements have 4 bytes on x86-64.

use std::mem::size_of;

/// Bytes of a cache line: the edge of a tile.
const LINE: usize = 64;
/// Bytes of source that are gone through again and again: about half of a first cache.
const PANEL: usize = 24 << 10;

/// How the elements of one sample lie in memory, axes in the order of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Bytes of an element: 1, 2, 4 or 8.
    item: usize,
    /// Length and stride in bytes of each axis, without axes of length 1, neighbours merged where they can be.
    axes: Vec<(usize, isize)>,
    /// Number of elements.
    count: usize,
}

impl Layout {
    /// The layout of a sample of `shape` with `strides` in bytes, both in the order of the output.
    pub fn new(item: usize, shape: &[usize], strides: &[isize]) -> Layout {
        let mut axes: Vec<(usize, isize)> = Vec::with_capacity(shape.len());
        for (&length, &stride) in shape.iter().zip(strides) {
            match axes.last_mut() {
                _ if length == 1 => {}
                Some(last) if last.1 == stride * length as isize => *last = (last.0 * length, stride),
                _ => axes.push((length, stride)),
            }
        }
        Layout {
            item,
            axes,
            count: shape.iter().product(),
        }
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether the elements lie one after another already.
    pub fn is_contiguous(&self) -> bool {
        self.count <= 1 || self.axes == [(self.count, self.item as isize)]
    }

    /// Copy the elements from `source` to `out`, one after another.
    ///
    /// # Safety
    /// Every element that the layout reaches from `source` must be readable.
    pub unsafe fn copy(&self, source: *const u8, out: &mut [u8]) {
        assert_eq!(out.len(), self.count * self.item);
        // SAFETY: passed on to the caller; the size of `out` is checked above, and each element size is that of
        // the type.
        unsafe {
            match self.item {
                1 => self.copy_as::<u8>(source, out),
                2 => self.copy_as::<u16>(source, out),
                4 => self.copy_as::<u32>(source, out),
                8 => self.copy_as::<u64>(source, out),
                other => unreachable!("elements have 1, 2, 4 or 8 bytes, not {other}"),
            }
        }
    }

    unsafe fn copy_as<T: Copy>(&self, source: *const u8, out: &mut [u8]) {
        let target = out.as_mut_ptr().cast::<T>();
        if self.count == 0 {
            return;
        }
        let Some((&(length, stride), outer)) = self.axes.split_last() else {
            // SAFETY: one element, readable by the caller's word; `out` holds one.
            unsafe { target.write_unaligned(source.cast::<T>().read_unaligned()) };
            return;
        };
        let row = |source: *const u8, at: usize| {
            // SAFETY: the walk visits elements of the layout alone; `at` and what follows it lie in `out`.
            unsafe { copy_row(source, stride, target.add(at), length) }
        };
        if stride == size_of::<T>() as isize || outer.is_empty() {
            walk(outer, length, source, row);
            return;
        }
        // The axis along which the source is densest, and the output's last axis, make the plane of the tiles.
        let Some((place, &(rows, step))) = outer
            .iter()
            .enumerate()
            .filter(|(_, axis)| axis.1.unsigned_abs() < stride.unsigned_abs())
            .min_by_key(|(_, axis)| axis.1.unsigned_abs())
        else {
            walk(outer, length, source, row);
            return;
        };
        let (head, tail) = (&outer[..place], &outer[place + 1..]);
        let distance = length * tail.iter().map(|axis| axis.0).product::<usize>();
        let plane = Plane {
            rows,
            step,
            distance,
            length,
            stride,
        };
        walk(head, rows * distance, source, |source, at| {
            walk(tail, length, source, |source, inner| {
                // SAFETY: as above, for the whole plane.
                unsafe { plane.copy::<T>(source, target.add(at + inner)) }
            });
        });
    }
}

/// Call `visit` with the place in the source and in the output of each combination of `axes`; the output moves on
/// by `unit` elements a call.
fn walk(axes: &[(usize, isize)], unit: usize, source: *const u8, mut visit: impl FnMut(*const u8, usize)) {
    let total: usize = axes.iter().map(|axis| axis.0).product();
    let mut index = vec![0usize; axes.len()];
    let mut place = 0isize;
    for number in 0..total {
        visit(source.wrapping_offset(place), number * unit);
        for (count, &(length, stride)) in index.iter_mut().zip(axes).rev() {
            *count += 1;
            place += stride;
            if *count < length {
                break;
            }
            place -= stride * length as isize;
            *count = 0;
        }
    }
}

/// # Safety
/// `length` elements `stride` bytes apart must be readable from `source`, and as many writable at `target`.
unsafe fn copy_row<T: Copy>(source: *const u8, stride: isize, target: *mut T, length: usize) {
    // SAFETY: by the caller's word; the regions differ, since the output is memory of its own.
    unsafe {
        if stride == size_of::<T>() as isize {
            std::ptr::copy_nonoverlapping(source, target.cast::<u8>(), length * size_of::<T>());
            return;
        }
        for column in 0..length {
            let value = source
                .offset(column as isize * stride)
                .cast::<T>()
                .read_unaligned();
            target.add(column).write_unaligned(value);
        }
    }
}

/// Two axes of a sample, turned over: `rows` lie `step` bytes apart in the source and `distance` elements apart in
/// the output, `length` columns lie `stride` bytes apart in the source and one after another in the output.
struct Plane {
    rows: usize,
    step: isize,
    distance: usize,
    length: usize,
    stride: isize,
}

impl Plane {
    /// # Safety
    /// Every element of the plane must be readable from `source` and writable at `target`.
    unsafe fn copy<T: Copy>(&self, source: *const u8, target: *mut T) {
        #[cfg(target_arch = "x86_64")]
        if size_of::<T>() == 4
            && self.step == 4
            && self.rows >= WORDS
            && self.length >= LINE / 4
            && is_x86_feature_detected!("avx")
        {
            // SAFETY: AVX is there; elements have 4 bytes, lie side by side along the rows' axis, and suffice for
            // whole squares.
            unsafe { self.copy_words(source, target.cast::<u32>()) };
            return;
        }
        let edge = LINE / size_of::<T>();
        let panel = self.panel(edge);
        for first in (0..self.length).step_by(panel) {
            for row in (0..self.rows).step_by(edge) {
                for column in (first..self.length.min(first + panel)).step_by(edge) {
                    let (columns, rows) = (edge.min(self.length - column), edge.min(self.rows - row));
                    // SAFETY: the tile lies in the plane.
                    unsafe {
                        let from = source.offset(column as isize * self.stride + row as isize * self.step);
                        self.tile(from, target.add(row * self.distance + column), rows, columns);
                    }
                }
            }
        }
    }

    /// Columns that are gone through together, a multiple of `edge`: the source of so many stays in the first cache
    /// while it is read once for each group of rows, and each row is written in a run, which the processor's
    /// prefetching follows.
    fn panel(&self, edge: usize) -> usize {
        let column = (self.rows * self.step.unsigned_abs()).max(LINE);
        (PANEL / column / edge).max(1) * edge
    }

    /// # Safety
    /// As for [`Plane::copy`], for a tile of `rows` by `columns`.
    unsafe fn tile<T: Copy>(&self, source: *const u8, target: *mut T, rows: usize, columns: usize) {
        for row in 0..rows {
            for column in 0..columns {
                // SAFETY: by the caller's word.
                unsafe {
                    let place = source.offset(row as isize * self.step + column as isize * self.stride);
                    target
                        .add(row * self.distance + column)
                        .write_unaligned(place.cast::<T>().read_unaligned());
                }
            }
        }
    }

    /// Squares of eight words are turned over in registers, two beside each other, so that a line of the output is
    /// written at once. What does not divide is covered by squares that overlap the last whole ones.
    ///
    /// # Safety
    /// As for [`Plane::copy`]; the processor has AVX, `step` is 4, and there are [`WORDS`] rows and 16 columns.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx")]
    unsafe fn copy_words(&self, source: *const u8, target: *mut u32) {
        const COLUMNS: usize = LINE / 4;
        let panel = self.panel(COLUMNS);
        for first in (0..self.length).step_by(panel) {
            for row in (0..self.rows)
                .step_by(WORDS)
                .map(|row| row.min(self.rows - WORDS))
            {
                for column in (first..self.length.min(first + panel)).step_by(COLUMNS) {
                    let column = column.min(self.length - COLUMNS);
                    // SAFETY: eight rows by sixteen columns of the plane.
                    unsafe {
                        let from = source.offset(row as isize * 4 + column as isize * self.stride);
                        let to = target.add(row * self.distance + column);
                        turn_words(from, self.stride, to, self.distance);
                        turn_words(
                            from.offset(8 * self.stride),
                            self.stride,
                            to.add(8),
                            self.distance,
                        );
                    }
                }
            }
        }
    }
}

/// Edge of the square of words that registers hold.
#[cfg(target_arch = "x86_64")]
const WORDS: usize = 8;

/// Turn over eight by eight words: eight runs of eight words, `stride` bytes apart, become the columns of eight rows,
/// `distance` words apart.
///
/// # Safety
/// The processor has AVX; eight runs of 32 bytes are readable from `source`, eight writable at `target`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
#[inline]
unsafe fn turn_words(source: *const u8, stride: isize, target: *mut u32, distance: usize) {
    use std::arch::x86_64::*;
    // SAFETY: by the caller's word; loads and stores need no alignment.
    unsafe {
        let mut halves = [[_mm256_setzero_ps(); 4]; 2];
        for number in 0..4 {
            // Runs four apart share a register, one in each half: this saves the exchange of halves at the end.
            let near = source.offset(number as isize * stride).cast::<f32>();
            let far = source.offset((number as isize + 4) * stride).cast::<f32>();
            for (half, words) in halves.iter_mut().enumerate() {
                let low = _mm256_castps128_ps256(_mm_loadu_ps(near.add(4 * half)));
                words[number] = _mm256_insertf128_ps(low, _mm_loadu_ps(far.add(4 * half)), 1);
            }
        }
        for (half, &[a, b, c, d]) in halves.iter().enumerate() {
            let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
            let rows = [
                _mm256_shuffle_ps(ab_low, cd_low, 0b01_00_01_00),
                _mm256_shuffle_ps(ab_low, cd_low, 0b11_10_11_10),
                _mm256_shuffle_ps(ab_high, cd_high, 0b01_00_01_00),
                _mm256_shuffle_ps(ab_high, cd_high, 0b11_10_11_10),
            ];
            for (number, row) in rows.into_iter().enumerate() {
                _mm256_storeu_ps(target.add((4 * half + number) * distance).cast::<f32>(), row);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;

    /// Numbers of the elements of a C-contiguous array of `shape` in the order of `axes`.
    fn numbers(shape: &[usize], axes: &[usize]) -> Vec<u64> {
        let mut strides = vec![1usize; shape.len()];
        for place in (0..shape.len().saturating_sub(1)).rev() {
            strides[place] = strides[place + 1] * shape[place + 1];
        }
        let total: usize = shape.iter().product();
        (0..total)
            .map(|mut number| {
                let mut place = 0;
                for &axis in axes.iter().rev() {
                    place += number % shape[axis] * strides[axis];
                    number /= shape[axis];
                }
                place as u64
            })
            .collect()
    }

    fn check(shape: &[usize], axes: &[usize]) {
        for item in [1usize, 2, 4, 8] {
            let total: usize = shape.iter().product();
            let source: Vec<u8> = (0..total as u64)
                .flat_map(|number| number.to_le_bytes()[..item].to_vec())
                .collect();
            let mut strides = vec![item as isize; shape.len()];
            for place in (0..shape.len().saturating_sub(1)).rev() {
                strides[place] = strides[place + 1] * shape[place + 1] as isize;
            }
            let turned: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
            let steps: Vec<isize> = axes.iter().map(|&axis| strides[axis]).collect();
            let mut out = vec![0u8; source.len()];
            // SAFETY: the strides are those of `source`.
            unsafe { Layout::new(item, &turned, &steps).copy(source.as_ptr(), &mut out) };
            let wanted: Vec<u8> = numbers(shape, axes)
                .iter()
                .flat_map(|number| number.to_le_bytes()[..item].to_vec())
                .collect();
            assert_eq!(out, wanted, "{shape:?} {axes:?} {item}");
        }
    }

    #[test]
    fn every_order_of_axes_gives_the_elements_in_that_order() {
        check(&[], &[]);
        check(&[5], &[0]);
        for axes in [[0, 1], [1, 0]] {
            for shape in [[7, 9], [64, 64], [1, 33], [130, 67], [0, 3]] {
                check(&shape, &axes);
            }
        }
        for axes in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for shape in [[32, 64, 53], [5, 1, 18], [3, 17, 2], [16, 16, 16]] {
                check(&shape, &axes);
            }
        }
        check(&[3, 5, 18, 19], &[3, 1, 0, 2]);
        check(&[3, 5, 18, 19], &[1, 3, 2, 0]);
    }

    #[test]
    fn neighbouring_axes_become_one_and_contiguous_memory_is_seen() {
        assert!(Layout::new(4, &[3, 1, 5], &[20, 7, 4]).is_contiguous());
        assert!(!Layout::new(4, &[3, 5], &[4, 12]).is_contiguous());
        assert_eq!(Layout::new(4, &[6, 3, 5], &[4, 120, 24]).axes, [(6, 4), (15, 24)]);
    }

    #[test]
    fn strides_may_be_negative_or_zero() {
        let source: Vec<u8> = (0..40).collect();
        let mut out = [0u8; 8];
        // SAFETY: from the last element backwards by tens, and along the line: elements 30.., 20.., 10.., 0..
        unsafe { Layout::new(1, &[4, 2], &[-10, 1]).copy(source[30..].as_ptr(), &mut out) };
        assert_eq!(out, [30, 31, 20, 21, 10, 11, 0, 1]);
        // SAFETY: elements 3 and 4, again and again.
        unsafe { Layout::new(1, &[4, 2], &[0, 1]).copy(source[3..].as_ptr(), &mut out) };
        assert_eq!(out, [3, 4, 3, 4, 3, 4, 3, 4]);
    }
}
