"""Quantities of climate files: their units, what is possible on Earth and on other planets, and how rough they are.

A variable is known by its CF standard name (https://cfconventions.org/Data/cf-standard-names/current/build/
cf-standard-name-table.html), else by the name that its model gives it. Bounds are those of what is possible, not of
what is usual: records in air at the ground are those of the WMO World Weather & Climate Extremes Archive
(https://wmo.int/activities/world-weather-climate-extremes-archive), others follow from physics, as each row says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

World = Literal["earth", "planet"]
Range = tuple[float, float]


@dataclass(frozen=True)
class Quantity:
    """One quantity.

    Attributes
    ----------
    name : str
    unit : str
        In which the bounds are.
    earth, planet : (float, float)
        Values outside are impossible.
    reason : str
        Of the bounds.
    rough : bool
        Whether neighbours may differ much, as where there are clouds or rain.
    even : bool
        Whether it may be the same everywhere, or the same at all times, as ice of a snowball is.
    formula : bool
        Whether it follows a formula of latitude, longitude and time, as insolation does.
    names : tuple of str
        Standard names, long names and names of variables under which it is known.
    other_units : dict of str to float
        Units of another dimension in which it is given, and by how much a value in them is multiplied.
    """

    name: str
    unit: str
    earth: Range
    planet: Range
    reason: str
    rough: bool = False
    even: bool = False
    formula: bool = False
    names: tuple[str, ...] = ()
    other_units: dict[str, float] = field(default_factory=dict)

    def limits(self, world: World) -> Range:
        """What is possible."""
        return self.earth if world == "earth" else self.planet


_FRACTION = (-0.001, 1.001)
_FLUX_REASON = "from nothing to what a star gives at the substellar point, 5,000 W m-2 on planets at most"
_WATER = {"m s-1": 1000.0}
"""A depth of liquid water, of 1000 kg m-3."""

QUANTITIES: tuple[Quantity, ...] = (
    Quantity("surface temperature", "K", (150, 360), (30, 1000),
             "the ground is by tens of kelvins colder and warmer than air ever was, 184 to 330 K",
             names=("surface_temperature", "sea_surface_temperature", "ts")),
    Quantity("air temperature", "K", (110, 350), (30, 1000),
             "from the mesopause in summer to 20 K above the warmest air ever measured at the ground",
             names=("air_temperature", "air_temperature_2m", "ta", "tas")),
    Quantity("potential temperature", "K", (180, 6000), (30, 20000),
             "air at the ground to air of 300 K at 0.01 hPa brought down without heat (Poisson's equation)",
             names=("air_potential_temperature",)),
    Quantity("surface air pressure", "Pa", (3e4, 1.1e5), (1, 1e8),
             "the top of Mount Everest to the highest pressure measured, 1084 hPa",
             names=("surface_air_pressure", "air_pressure_at_mean_sea_level", "ps")),
    Quantity("precipitation", "kg m-2 s-1", (-1e-7, 0.05), (-1e-7, 0.5),
             "none, but for rounding, to twice the wettest day, 1.8 m of water",
             rough=True, even=True, other_units=_WATER,
             names=("precipitation_flux", "rainfall_flux", "total_precipitation", "pr")),
    Quantity("evaporation", "kg m-2 s-1", (-0.01, 0.01), (-0.05, 0.05),
             "the latent heat of 1361 W m-2 is 5e-4 kg m-2 s-1; the sign is the model's",
             even=True, other_units=_WATER,
             names=("water_evaporation_flux", "lwe_of_water_evaporation", "evap", "evspsbl")),
    Quantity("downward or net short-wave flux", "W m-2", (-1500, 1500), (-5000, 5000), _FLUX_REASON,
             names=("toa_net_shortwave_flux", "toa_outgoing_shortwave_flux", "surface_net_shortwave_flux",
                    "surface_downwelling_shortwave_flux_in_air", "rst", "rsut", "rsds", "rss")),
    Quantity("insolation", "W m-2", (0, 1500), (0, 5000), _FLUX_REASON, even=True, formula=True,
             names=("toa_incoming_shortwave_flux", "rsdt")),
    Quantity("long-wave flux", "W m-2", (-750, 750), (-6000, 6000),
             "a black body of 340 K gives 758 W m-2 (Stefan-Boltzmann law), one of 570 K 5,986; either sign",
             names=("surface_downwelling_longwave_flux_in_air", "surface_upwelling_longwave_flux_in_air",
                    "toa_outgoing_longwave_flux", "toa_net_longwave_flux", "surface_net_longwave_flux", "rlds",
                    "rlus", "rlut", "rls")),
    Quantity("net radiation at the top", "W m-2", (-750, 1500), (-6000, 5000),
             "what is absorbed less what is given off, each within its own bounds",
             names=("net_top_radiation", "ntr")),
    Quantity("turbulent heat flux", "W m-2", (-3000, 3000), (-10000, 10000),
             "several times the insolation, as in cold air that breaks out over a warm sea", even=True,
             names=("surface_sensible_heat_flux", "surface_latent_heat_flux",
                    "surface_upward_sensible_heat_flux", "surface_upward_latent_heat_flux", "hfss", "hfls")),
    Quantity("cloud fraction", "1", _FRACTION, _FRACTION, "none to all; rounding to three digits reaches 1.0005",
             rough=True, even=True,
             names=("cloud_area_fraction", "cloud_area_fraction_in_atmosphere_layer", "cloud_area_fraction_in_layer",
                    "clt", "cl")),
    Quantity("ice cover", "1", _FRACTION, _FRACTION, "none to all", rough=True, even=True,
             names=("sea_ice_area_fraction", "sea_ice_cover", "sic", "siconc")),
    Quantity("albedo", "1", _FRACTION, _FRACTION, "nothing to all is given back", rough=True, even=True,
             names=("surface_albedo", "planetary_albedo", "alb")),
    Quantity("thickness of ice or snow", "m", (-0.01, 5000), (-0.01, 20000),
             "none to the thickest ice sheet, 4.8 km", rough=True, even=True,
             names=("sea_ice_thickness", "surface_snow_thickness", "sit", "snd")),
    Quantity("water vapour of the column", "kg m-2", (-0.1, 120), (-0.1, 1e5),
             "saturated tropical air holds about 80 kg m-2", even=True,
             names=("atmosphere_water_vapor_content", "atmosphere_mass_content_of_water_vapor", "prw")),
    Quantity("specific humidity", "1", (-1e-4, 0.06), (-1e-4, 1.0),
             "dry air to air saturated at 315 K, 0.06 kg of vapour in each", even=True,
             names=("specific_humidity", "hus", "huss")),
    Quantity("cloud water", "1", (-1e-6, 0.05), (-1e-6, 0.5), "a share of the air, far below its vapour", rough=True,
             even=True, names=("liquid_water_content", "mass_fraction_of_cloud_liquid_water_in_air", "clw")),
    Quantity("wind", "m s-1", (-250, 250), (-1500, 1500),
             "twice the fastest jet streams of Earth; on planets faster than sound", names=(
                 "eastward_wind", "northward_wind", "x_wind", "y_wind", "wind_speed", "ua", "va", "u", "v")),
    Quantity("vertical velocity", "Pa s-1", (-100, 100), (-1000, 1000),
             "10 m s-1 of rising air near the ground", rough=True,
             names=("lagrangian_tendency_of_air_pressure", "vertical_air_velocity", "wap", "omega")),
    Quantity("geopotential", "m2 s-2", (-1e4, 1e6), (-1e5, 1e8),
             "1 km below sea level to 100 km above it, times 9.8 m s-2", names=("geopotential", "z")),
    Quantity("altitude of the ground", "m", (-12000, 9000), (-3e4, 3e4), "the deepest trench to the highest mountain",
             rough=True, even=True, names=("surface_altitude", "orog")),
    Quantity("ozone", "mol mol-1", (0, 3e-5), (0, 1e-2), "the ozone layer holds 1e-5 at most", names=(
        "mole_fraction_of_ozone_in_air", "o3")),
    Quantity("carbon dioxide of the column", "kg m-2", (2, 20), (0, 1e7),
             "280 to 2,000 ppm of the 1.03e4 kg m-2 of air that lie on each square metre", names=(
                 "atmosphere_mass_content_of_carbon_dioxide", "tcco2")),
)  # fmt: skip

COLUMN_CO2 = "carbon dioxide of the column"
CO2_MOLE_FRACTION: Range = (200.0, 2000.0)
"""ppm. ECMWF's ``tcco2`` has been given in them under the unit kg m**-2: a saved file of 2006 holds 374 to 402, and no
air on Earth has 60 times the carbon dioxide that there is. Such values are noted, not refused."""

_BY_NAME = {name: quantity for quantity in QUANTITIES for name in quantity.names}


def quantity_of(standard_name: str, long_name: str, name: str) -> Quantity | None:
    """The quantity of a variable, by its standard name, else by its long name or its own; none if it is not known.

    >>> quantity_of("air_temperature", "", "x").unit
    'K'
    >>> quantity_of("", "", "x") is None
    True
    """
    if standard_name:
        return _BY_NAME.get(standard_name)
    return _BY_NAME.get(long_name) or _BY_NAME.get(name)
