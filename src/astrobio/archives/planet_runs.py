"""Planet runs: climates of the energy-balance model VPLanet POISE, made here or imported as a bundle."""

from __future__ import annotations

from astrobio.archives.source import Citation, Licence, Product, Source
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
            """@article{Barnes2020,
  title = {{VPLanet}: The Virtual Planet Simulator},
  author = {Barnes, Rory and Luger, Rodrigo and Deitrick, Russell and others},
  journal = {Publications of the Astronomical Society of the Pacific},
  volume = {132},
  number = {1008},
  pages = {024502},
  year = {2020},
  doi = {10.1088/1538-3873/ab3ce8}
}""",
        ),
        Citation(
            "Deitrick2018",
            """@article{Deitrick2018,
  title = {Exo-{Milankovitch} Cycles. {II}. Climates of {G}-dwarf Planets in Dynamically Hot Systems},
  author = {Deitrick, Russell and Barnes, Rory and Quinn, Thomas R. and others},
  journal = {The Astronomical Journal},
  volume = {155},
  number = {6},
  pages = {266},
  year = {2018},
  doi = {10.3847/1538-3881/aac214}
}""",
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
    notes=("Made by 'astrobio simulate vplanet'; those that ship are admitted by 'astrobio import shipped'.",),
)
