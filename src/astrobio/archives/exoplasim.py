"""ExoPlaSim: climates of rocky planets from a three-dimensional model, each run a NetCDF file and its description.

The runs were made for this project at parameters of ThousandWorlds. ExoPlaSim is run as a program and is no part of
this package. None of the runs at hand is in balance: their records say by how much.
"""

from __future__ import annotations

from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.core.provenance import Provenance
from astrobio.formats.exoplasim import group_of_description, group_of_fields, read_run
from astrobio.verify.climate import Rules, check_climate, read_climate
from astrobio.verify.exoplasim import check_description, check_fields
from astrobio.verify.gates import gates

OWN_UNITS = ("timesteps", "nondimensional")
"""Units of ExoPlaSim's time, counted in steps of the model, and of its levels, shares of the surface pressure."""


def _by_fields(content: bytes, provenance: Provenance) -> str:
    return f"{provenance.source}/{group_of_fields(content)}"


def _by_description(content: bytes, provenance: Provenance) -> str:
    return f"{provenance.source}/{group_of_description(content)}"


SOURCE = Source(
    name="exoplasim",
    title="ExoPlaSim runs",
    holds="monthly fields of tidally locked aquaplanets on 32 latitudes, 64 longitudes and 10 levels",
    homepage="https://github.com/alphaparrot/ExoPlaSim",
    licence=Licence(
        name="CC0 1.0",
        url="https://creativecommons.org/publicdomain/zero/1.0/",
        duties="none; cite ExoPlaSim where you publish",
        redistributable=True,
    ),
    citations=(
        Citation(
            "Paradise2022",
            ("Paradise, A.", "Macdonald, E.", "Menou, K.", "Lee, C.", "Fan, B. L."),
            "ExoPlaSim: Extending the Planet Simulator for exoplanets",
            2022,
            "Monthly Notices of the Royal Astronomical Society",
            volume="511",
            number="3",
            pages="3272-3303",
            doi="10.1093/mnras/stac172",
            eprint="2107.07685",
        ),
    ),
    products=(
        Product(
            name="fields",
            holds="monthly means of the last model year",
            kind="simulation",
            counted="runs",
            gates=gates(read_climate, check_climate(Rules("planet", OWN_UNITS)), check_fields),
            saved_as=("exoplasim/*.nc",),
            expected_bytes=12_867_812,
            least=4,
            group=_by_fields,
        ),
        Product(
            name="descriptions",
            holds="configuration, namelists, and global means of each year",
            kind="simulation",
            counted="run descriptions",
            gates=gates(read_run, check_description),
            saved_as=("exoplasim/*.json",),
            expected_bytes=18_690,
            least=4,
            group=_by_description,
        ),
    ),
    notes=(
        "A run that gains or loses more than 1 W m-2 is labelled unbalanced, with its imbalance and drift.",
        "In two of the four runs the model used 300 ppm of carbon dioxide where their configuration says none: "
        "noted beside them.",
    ),
)
