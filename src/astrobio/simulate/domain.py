"""What the energy-balance runs do not represent, said of a planet that is asked about."""

from __future__ import annotations

from astrobio.core.errors import UsageError
from astrobio.core.orbit import semi_major_axis, tidal_locking_distance

YEAR = 365.256
"""Days; every run has the Earth's year."""


def outside_domain(stellar_mass: float, orbital_period: float) -> list[str]:
    """Reasons why a planet lies outside the domain of the energy-balance model; none if it lies inside.

    Parameters
    ----------
    stellar_mass : float
        Solar masses.
    orbital_period : float
        Days.

    Raises
    ------
    UsageError
        If either is not above 0.

    >>> outside_domain(1.0, 365.256)
    []
    >>> outside_domain(0.0898, 6.1)[0]  # TRAPPIST-1 e
    'at 0.029 au the planet is likely locked to its star (within 0.21 au), and the model has no permanent day side'
    """
    for name, value in (("stellar mass", stellar_mass), ("orbital period", orbital_period)):
        if not 0 < value < float("inf"):
            raise UsageError(f"{name} is {value:g}; it must be above 0")
    reasons = []
    distance, locked = semi_major_axis(orbital_period, stellar_mass), tidal_locking_distance(stellar_mass)
    if distance < locked:
        reasons.append(
            f"at {distance:.3f} au the planet is likely locked to its star (within {locked:.2f} au), and the model has "
            "no permanent day side"
        )
    if not 0.5 * YEAR <= orbital_period <= 2 * YEAR:
        reasons.append(f"its year has {orbital_period:g} days, and every run has the Earth's: seasons will differ")
    return reasons
