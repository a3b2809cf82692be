"""ThousandWorlds: 1,760 simulated climates of rocky planets from five models, with official splits.

The layout of its archive is known from its documentation, its parameters from its repository; the archive itself was
not seen here. Only the bytes of release v1.0.0, by their digest, are admitted.
"""

from __future__ import annotations

from astrobio.archives.asking import StaticFile
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.verify.thousandworlds import DIGEST, thousandworlds_gates

SOURCE = Source(
    name="thousandworlds",
    title="ThousandWorlds",
    holds="time means of temperature, humidity, cloud, wind and radiation of 1,760 simulated planets",
    homepage="https://huggingface.co/datasets/es833/ThousandWorlds",
    licence=Licence(
        name="CC BY 4.0",
        url="https://creativecommons.org/licenses/by/4.0/",
        duties="cite the paper",
        redistributable=True,
    ),
    citations=(
        Citation(
            "Stevenson2026",
            (
                "Stevenson, Edward T.",
                "Mak, Mei Ting",
                "Wolf, Eric",
                "Sergeev, Denis E.",
                "Hammond, Tobi",
                "Mayne, N. J.",
                "Cranmer, Miles",
            ),
            "ThousandWorlds: A benchmark for climate emulation of potentially habitable exoplanets",
            2026,
            eprint="2606.18338",
            doi="10.48550/arXiv.2606.18338",
        ),
    ),
    products=(
        Product(
            name="dataset",
            holds="parameters, splits, and 53 fields of each simulation on 32 latitudes and 64 longitudes",
            kind="simulation",
            counted="simulations",
            gates=thousandworlds_gates(),
            ask=StaticFile(
                "https://huggingface.co/datasets/es833/ThousandWorlds/resolve/v1.0.0/archives/dataset.tar.gz",
                "dataset.tar.gz",
                signatures=(b"\x1f\x8b",),
                sha256=DIGEST,
            ),
            saved_as=("thousandworlds/dataset.tar.gz",),
            least=1_760,
            default=False,
        ),
    ),
    unconfirmed=("How large the packed archive is, is not documented.",),
    notes=(
        "Large, and fetched by name only: its fields are 1.4 GB once unpacked.",
        "No genuine copy was seen here: what its gates check follows its documentation.",
    ),
)
