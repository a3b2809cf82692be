//! Count, mean, sum of squared deviations, least and greatest of values, in one pass over memory and in float64.
//!
//! Deviations are taken from a guess of the mean, that of the block before, so that nothing cancels, whatever the mean
//! is; a block for which the guess was bad, which its own sums tell, is gone through once more, from its mean. Blocks
//! are merged by the pairwise formula. Both are those of Chan, Golub & LeVeque 1983, The American Statistician 37, 242
//! (shifted data, eq. 1.8; pairs, eq. 2.1). Sums run on a fixed number of lanes, so that every processor gives the
//! same bits.

/// Numbers of an entry: count, mean, M2, least, greatest.
pub const WIDTH: usize = 5;
/// Values to be given to [`Moments::of`] at a time: 16 kB of them.
pub const BLOCK: usize = 2048;
const LANES: usize = 8;
/// How much more than M2 the shift of the mean may hold of the sum of squares: three digits are lost at most.
const LOSS: f64 = 1e3;

/// Moments of some values; of none, the mean and M2 are 0, and the least and the greatest NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    pub count: f64,
    /// The mean is `pivot + rest`: the differences of means that are merged keep the digits that their sums have not.
    pub pivot: f64,
    pub rest: f64,
    pub m2: f64,
    pub least: f64,
    pub greatest: f64,
}

impl Moments {
    pub const NONE: Moments = Moments {
        count: 0.0,
        pivot: 0.0,
        rest: 0.0,
        m2: 0.0,
        least: f64::NAN,
        greatest: f64::NAN,
    };

    /// Moments of a block of values; `None` if one is NaN or infinite.
    ///
    /// `guess` is a number near their mean; a bad one costs a second pass.
    pub fn of<T: Real>(values: &[T], guess: f64) -> Option<Moments> {
        let Some(first) = values.first() else {
            return Some(Moments::NONE);
        };
        let count = values.len() as f64;
        let mut pivot = guess;
        // A pivot that was far off gives a mean near the true one, and that its own rounding at most.
        for last in [false, false, true] {
            let sums = sums(values, pivot, *first);
            if !sums.square.is_finite() {
                return None;
            }
            let rest = sums.sum / count;
            let shift = sums.sum * rest;
            let m2 = (sums.square - shift).max(0.0);
            if last || shift <= LOSS * m2 || pivot + rest == pivot {
                let (least, greatest) = (sums.least.real(), sums.greatest.real());
                return Some(Moments {
                    count,
                    pivot,
                    rest,
                    m2,
                    least,
                    greatest,
                });
            }
            pivot += rest;
        }
        unreachable!("the last pass returns")
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.pivot + self.rest
    }

    /// Moments of finite values whose squares are beyond float64: M2 is infinite.
    pub fn of_wide(values: &[f64]) -> Moments {
        let mut found = Moments::NONE;
        for &value in values {
            found.merge(&Moments {
                count: 1.0,
                pivot: value,
                rest: 0.0,
                m2: 0.0,
                least: value,
                greatest: value,
            });
        }
        found
    }

    /// The moments of value * scale + offset.
    pub fn scaled(&self, scale: f64, offset: f64) -> Moments {
        let ends = (self.least * scale + offset, self.greatest * scale + offset);
        let (least, greatest) = if scale < 0.0 { (ends.1, ends.0) } else { ends };
        if self.count == 0.0 {
            return Moments::NONE;
        }
        Moments {
            count: self.count,
            pivot: self.pivot * scale + offset,
            rest: self.rest * scale,
            m2: self.m2 * scale * scale,
            least,
            greatest,
        }
    }

    /// Add the moments of other values.
    pub fn merge(&mut self, other: &Moments) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = *other;
            return;
        }
        let count = self.count + other.count;
        let delta = (other.pivot - self.pivot) + (other.rest - self.rest);
        self.rest += delta * (other.count / count);
        self.m2 += other.m2 + delta * delta * (self.count * (other.count / count));
        self.count = count;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    /// The entry as it is handed out.
    pub fn row(&self) -> [f64; WIDTH] {
        [self.count, self.mean(), self.m2, self.least, self.greatest]
    }
}

/// Numbers that become float64.
pub trait Real: bytemuck::Pod + PartialOrd {
    fn real(self) -> f64;
}

/// Sum and sum of squares of the deviations from a pivot, least and greatest value.
struct Sums<T> {
    sum: f64,
    square: f64,
    least: T,
    greatest: T,
}

/// The same, of every value whose number has the same remainder.
struct Lanes<T> {
    sum: [f64; LANES],
    square: [f64; LANES],
    least: [T; LANES],
    greatest: [T; LANES],
}

accelerated! {
    /// Add whole chunks of values to the lanes.
    fn add_chunks<T: Real>(values: &[T], pivot: f64, lanes: &mut Lanes<T>) {
        let Lanes { mut sum, mut square, mut least, mut greatest } = *lanes;
        for chunk in values.chunks_exact(LANES) {
            for lane in 0..LANES {
                let delta = chunk[lane].real() - pivot;
                sum[lane] += delta;
                square[lane] += delta * delta;
            }
            for lane in 0..LANES {
                least[lane] = if chunk[lane] < least[lane] { chunk[lane] } else { least[lane] };
                greatest[lane] = if chunk[lane] > greatest[lane] { chunk[lane] } else { greatest[lane] };
            }
        }
        *lanes = Lanes { sum, square, least, greatest };
    }
}

/// `first` is one of the values.
fn sums<T: Real>(values: &[T], pivot: f64, first: T) -> Sums<T> {
    let mut lanes = Lanes {
        sum: [0.0; LANES],
        square: [0.0; LANES],
        least: [first; LANES],
        greatest: [first; LANES],
    };
    let (whole, rest) = values.split_at(values.len() / LANES * LANES);
    add_chunks(whole, pivot, &mut lanes);
    for (lane, &value) in rest.iter().enumerate() {
        let delta = value.real() - pivot;
        lanes.sum[lane] += delta;
        lanes.square[lane] += delta * delta;
        lanes.least[lane] = lesser(value, lanes.least[lane]);
        lanes.greatest[lane] = greater(value, lanes.greatest[lane]);
    }
    Sums {
        sum: total(lanes.sum),
        square: total(lanes.square),
        least: lanes.least.into_iter().fold(first, lesser),
        greatest: lanes.greatest.into_iter().fold(first, greater),
    }
}

fn lesser<T: PartialOrd>(one: T, other: T) -> T {
    if one < other {
        one
    } else {
        other
    }
}

fn greater<T: PartialOrd>(one: T, other: T) -> T {
    if one > other {
        one
    } else {
        other
    }
}

/// Sum over the lanes, in pairs.
fn total(mut lanes: [f64; LANES]) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(values: &[f64], block: usize) -> Moments {
        let mut found = Moments::NONE;
        for part in values.chunks(block) {
            found.merge(&Moments::of(part, found.pivot).unwrap());
        }
        found
    }

    #[test]
    fn small_cases_are_exact() {
        let found = Moments::of(&[1.0, 2.0, 3.0, 4.0], 2.0).unwrap();
        assert_eq!(found.row(), [4.0, 2.5, 5.0, 1.0, 4.0]);
        assert_eq!(Moments::of(&[7.0], 0.0).unwrap().row(), [1.0, 7.0, 0.0, 7.0, 7.0]);
        let of_integers = Moments::of(&[-3i16; 100], 1e9).unwrap();
        assert_eq!(of_integers.row(), [100.0, -3.0, 0.0, -3.0, -3.0]);
        assert!(Moments::of::<f32>(&[], 0.0).unwrap().least.is_nan());
    }

    #[test]
    fn small_spreads_about_large_means_keep_their_digits() {
        let values: Vec<f64> = (0..100_000)
            .map(|n| 288.0 + 1e-3 * ((n % 7) as f64 - 3.0))
            .collect();
        let mean = values.iter().map(|value| value - 288.0).sum::<f64>() / values.len() as f64;
        let m2: f64 = values.iter().map(|value| (value - 288.0 - mean).powi(2)).sum();
        for block in [512, 2048] {
            let found = merged(&values, block);
            assert_eq!(found.count, 1e5);
            assert!((found.mean() - 288.0 - mean).abs() < 1e-12, "{block}: {found:?}");
            assert!((found.m2 / m2 - 1.0).abs() < 1e-12, "{block}: {found:?} {m2}");
        }
    }

    #[test]
    fn a_bad_guess_of_the_mean_costs_no_digits() {
        let values: Vec<f64> = (0..2048).map(|n| 1.0 + 1e-6 * f64::from(n % 3 - 1)).collect();
        let good = Moments::of(&values, 1.0).unwrap();
        for guess in [0.0, -1e3, 1e6, 1e9] {
            let found = Moments::of(&values, guess).unwrap();
            assert!(
                (found.m2 / good.m2 - 1.0).abs() < 1e-9,
                "{guess}: {found:?} {good:?}"
            );
            assert!((found.mean() - good.mean()).abs() < 1e-15);
        }
    }

    #[test]
    fn values_that_are_not_finite_are_left_to_others() {
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut values = [1.0f32; 100];
            values[77] = wrong;
            assert!(Moments::of(&values, 1.0).is_none());
        }
    }

    #[test]
    fn scaling_moments_is_scaling_values() {
        let found = Moments::of(&[1.0, 2.0, 6.0], 0.0).unwrap().scaled(-2.0, 10.0);
        assert_eq!(found.row(), Moments::of(&[8.0, 6.0, -2.0], 0.0).unwrap().row());
    }

    #[test]
    fn merging_nothing_changes_nothing() {
        let mut found = Moments::of(&[1.0, 5.0], 0.0).unwrap();
        let before = found;
        found.merge(&Moments::NONE);
        assert_eq!(found, before);
        let mut none = Moments::NONE;
        none.merge(&before);
        assert_eq!(none, before);
    }
}
