"""Moments of many samples from those of each: what statistics of a pack are made of.

An entry holds five numbers: count of present values, mean, sum of squared deviations from it (M2), least and greatest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

WIDTH = 5


def merge_moments(moments: ArrayLike, chosen: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """Moments of the values of all samples, by field.

    The formula of Chan, Golub & LeVeque 1983, The American Statistician 37, 242 (eq. 2.1) for all samples at once:
    M2 is the sum of the samples' M2 and of count times the squared distance of each mean from the mean of all, taken
    from the data and not from sums of squares, so that nothing cancels.

    Parameters
    ----------
    moments : array_like
        Shape (n, fields, 5), as the native core gives them.
    chosen : array, optional
        Shape (n,), bool: which samples count; all unless given.

    Returns
    -------
    array
        Shape (fields, 5), float64; of no value 0, 0, 0, NaN, NaN.

    >>> merge_moments([[[2, 1.5, 0.5, 1, 2]], [[1, 6, 0, 6, 6]]]).tolist()
    [[3.0, 3.0, 14.0, 1.0, 6.0]]
    """
    rows = np.asarray(moments, dtype=np.float64)
    if chosen is not None:
        rows = rows[chosen]
    count, mean, squares, least, greatest = np.moveaxis(rows, -1, 0)
    total = count.sum(axis=0)
    divisor = np.maximum(total, 1)
    centre = (count * mean).sum(axis=0) / divisor
    # The rounding of a sum of large means is taken out by the sum of their distances.
    centre = centre + (count * (mean - centre)).sum(axis=0) / divisor
    spread = squares.sum(axis=0) + (count * (mean - centre) ** 2).sum(axis=0)
    low, high = (end.reduce(part, axis=0, initial=np.nan) for end, part in ((np.fmin, least), (np.fmax, greatest)))
    return np.stack([total, centre, spread, low, high], axis=-1)


def statistics(moments: NDArray[np.float64]) -> dict[str, float]:
    """Mean, standard deviation and count of one entry (5,); of no value 0.

    >>> statistics(np.array([4.0, 2.5, 5.0, 1.0, 4.0]))
    {'mean': 2.5, 'std': 1.118033988749895, 'count': 4.0}
    """
    count, mean, squares = (float(number) for number in moments[:3])
    return {"mean": mean, "std": float(np.sqrt(squares / count)) if count else 0.0, "count": count}
