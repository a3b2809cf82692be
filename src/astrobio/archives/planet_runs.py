"""Planet runs: climates of the energy-balance model VPLanet POISE, made here or imported as a bundle."""

from __future__ import annotations

from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.core.provenance import Provenance
from astrobio.verify.planet_runs import planet_group, verify_planet_run


def _group(content: bytes, _provenance: Provenance) -> str:
    return planet_group(content)


SOURCE = Source(
    name="planet_runs",
    title="VPLanet planet runs",
    holds="seasonal climates of planets over nine parameters, from warm and cold starts",
    homepage="https://github.com/VirtualPlanetaryLaboratory/vplanet",
    licence=Licence(
        name="CC0 1.0",
        url="https://creativecommons.org/publicdomain/zero/1.0/",
        duties="none; cite VPLanet where you publish",
        redistributable=True,
    ),
    citations=(
        Citation(
            "Barnes2020",
            ("Barnes, Rory", "Luger, Rodrigo", "Deitrick, Russell", "others"),
            "VPLanet: The Virtual Planet Simulator",
            2020,
            "Publications of the Astronomical Society of the Pacific",
            volume="132",
            number="1008",
            pages="024502",
            doi="10.1088/1538-3873/ab3ce8",
            eprint="1905.06367",
        ),
        Citation(
            "Deitrick2018",
            ("Deitrick, Russell", "Barnes, Rory", "Bitz, Cecilia", "others"),
            "Exo-Milankovitch Cycles II: Climates of G-dwarf Planets in Dynamically Hot Systems",
            2018,
            eprint="1805.00283",
        ),
    ),
    products=(
        Product(
            name="planet_runs",
            holds="one run a record: parameters, fields over season and latitude, diagnostics",
            kind="simulation",
            counted="runs",
            gates=verify_planet_run,
            saved_as=("*.bundle",),
            least=450,
            group=_group,
            isolated=False,
        ),
    ),
    simulator="VPLanet POISE",
    unconfirmed=("The journal's reference of Deitrick et al. 2018 was not seen; its number at arXiv was.",),
    notes=("Made by 'astrobio simulate vplanet'; those that ship are admitted by 'astrobio import shipped'.",),
)
