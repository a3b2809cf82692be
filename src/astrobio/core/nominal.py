"""Nominal masses and radii, to convert between the units of catalogues.

IAU 2015 Resolution B3 (Prsa et al. 2016, Astron. J. 152, 41) fixes nominal values, not measured ones: of radii at the
equator, and of GM instead of M, since their ratios are known far better than masses in kg.
"""

from __future__ import annotations

EARTH_GM, JUPITER_GM, SUN_GM = 3.986004e14, 1.2668653e17, 1.3271244e20
"""m3 s-2."""
EARTH_RADIUS_KM, JUPITER_RADIUS_KM, SUN_RADIUS_KM = 6378.1, 71492.0, 695_700.0
"""At the equator, in km."""
JUPITER_MASS = JUPITER_GM / EARTH_GM
"""In the Earth's: 317.83."""
JUPITER_RADIUS = JUPITER_RADIUS_KM / EARTH_RADIUS_KM
"""In the Earth's: 11.209."""
ASTRONOMICAL_UNIT_KM = 149_597_870.7
"""IAU 2012 Resolution B2."""
