"""What is known of planets and their stars: quantities, each in one unit, and from which difference on two values of
one disagree where no uncertainties tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Of = Literal["planet", "star"]


@dataclass(frozen=True)
class Quantity:
    """A quantity.

    Attributes
    ----------
    name : str
        As column of the table.
    unit : str
        Of its numbers; ``1`` where it has none, empty where it is told in words.
    meaning : str
    of : str
        ``planet`` or ``star``.
    apart : float, optional
        From which difference on two values disagree, where not both have uncertainties: as share of the smaller one,
        or in its unit where ``share`` is false. None where values are not compared. It is five times the median of
        the uncertainties that the catalogues give, as measured in those of 2023 to 2026; for periods, whose median is
        0.000006, nine in ten are below it; of years of discovery, one on either side of New Year.
    share : bool
    plain : bool
        Whether it has neither uncertainties nor limits.
    """

    name: str
    unit: str
    meaning: str
    of: Of = "planet"
    apart: float | None = None
    share: bool = True

    plain: bool = False

    @property
    def words(self) -> bool:
        """Whether it is told in words."""
        return not self.unit


QUANTITIES: tuple[Quantity, ...] = (
    Quantity("orbital_period", "d", "time of one orbit", apart=0.001),
    Quantity("semi_major_axis", "au", "of the orbit", apart=0.09),
    Quantity("semi_major_axis_or_separation", "au", "of the orbit, or the separation seen in projection: the catalogue "
             "does not say which", apart=1.1),
    Quantity("eccentricity", "1", "of the orbit", apart=0.25, share=False),
    Quantity("inclination", "deg", "of the orbit to the plane of the sky", apart=2.5, share=False),
    Quantity("radius", "R_earth", "of the planet, in the Earth's nominal equatorial radius", apart=0.61),
    Quantity("mass", "M_earth", "of the planet, in the Earth's nominal mass", apart=0.76),
    Quantity("minimum_mass", "M_earth", "mass times the sine of the inclination", apart=0.49),
    Quantity("mass_or_minimum_mass", "M_earth", "mass, or mass times the sine of the inclination: the catalogue does "
             "not say which", apart=0.63),
    Quantity("equilibrium_temperature", "K", "of a black body that is heated by the star only", apart=0.10),
    Quantity("measured_temperature", "K", "that the planet's measured light tells", apart=0.24),
    Quantity("temperature_of_any_kind", "K", "at the surface, or in equilibrium: the catalogue does not say which",
             apart=0.48),
    Quantity("insolation", "S_earth", "flux of the star at the planet, in the Earth's", apart=1.0),
    Quantity("discovery_year", "yr", "year of discovery", apart=1.0, share=False, plain=True),
    Quantity("discovery_method", "", "how the planet was found, in the words of the NASA Exoplanet Archive",
             plain=True),
    Quantity("effective_temperature", "K", "of the star", "star", 0.09),
    Quantity("stellar_radius", "R_sun", "of the star, in the Sun's nominal radius", "star", 0.47),
    Quantity("stellar_mass", "M_sun", "of the star, in the Sun's nominal mass", "star", 0.29),
    Quantity("metallicity", "dex", "of the star, iron or all metals to hydrogen as the note says, by the Sun's",
             "star", 0.5, share=False),
    Quantity("surface_gravity", "log10(cm s-2)", "of the star", "star", 0.4, share=False),
    Quantity("age", "Gyr", "of the star", "star", 2.5),
    Quantity("spectral_type", "", "of the star, as the catalogue writes it", "star", plain=True),
    Quantity("distance", "pc", "of the star from the Sun", "star", 0.063),
    Quantity("v_magnitude", "mag", "of the star, Johnson V", "star", 0.3, share=False),
    Quantity("k_magnitude", "mag", "of the star, K or Ks", "star", 0.12, share=False),
    Quantity("right_ascension", "deg", "of the star, as the catalogue places it", "star", plain=True),
    Quantity("declination", "deg", "of the star, as the catalogue places it", "star", plain=True),
)  # fmt: skip
BY_NAME: dict[str, Quantity] = {quantity.name: quantity for quantity in QUANTITIES}
