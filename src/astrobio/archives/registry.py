"""The sources, by name. A new one is a module of this package and a line here."""

from __future__ import annotations

from difflib import get_close_matches

from astrobio.archives import (
    ads,
    arxiv,
    bigg,
    cmip,
    earth_climate,
    exomol,
    exoplanet_eu,
    exoplasim,
    gaia,
    gtdb,
    irtf_spex,
    jwst_published,
    kegg,
    mast,
    metanetx,
    microbial_traits,
    modelseed,
    nasa_exoplanet_archive,
    ncbi_assemblies,
    open_exoplanet_catalogue,
    phl_hwc,
    planet_runs,
    published_networks,
    rhea,
    simbad,
    thousandworlds,
    uniprot,
    vizier,
)
from astrobio.archives.source import Product, Source
from astrobio.core.errors import RefusedInput
from astrobio.core.provenance import Provenance
from astrobio.verify.verdict import Verdict

SOURCES: dict[str, Source] = {
    module.SOURCE.name: module.SOURCE
    for module in (
        planet_runs,
        nasa_exoplanet_archive,
        exoplanet_eu,
        open_exoplanet_catalogue,
        phl_hwc,
        jwst_published,
        irtf_spex,
        mast,
        cmip,
        earth_climate,
        exoplasim,
        thousandworlds,
        arxiv,
        gaia,
        simbad,
        vizier,
        exomol,
        ncbi_assemblies,
        gtdb,
        uniprot,
        ads,
        published_networks,
        modelseed,
        microbial_traits,
        kegg,
        bigg,
        rhea,
        metanetx,
    )
}


def source(name: str) -> Source:
    """The source of a name.

    Raises
    ------
    RefusedInput
        If there is none: what cannot be verified is not admitted.

    >>> source("planet_runs").title
    'VPLanet planet runs'
    """
    if name not in SOURCES:
        near = get_close_matches(name.lower(), SOURCES, cutoff=0.5)
        known = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(SOURCES)}"
        raise RefusedInput(f"source {name!r} has no gates; {known}", fix="astrobio sources")
    return SOURCES[name]


def product_of(provenance: Provenance) -> Product:
    """The product that an object is of: the one that its provenance names, or its source's only one.

    Raises
    ------
    RefusedInput
        If the source or the product is not known.
    """
    found = source(provenance.source)
    name = provenance.detail.get("product")
    if name is None and len(found.products) == 1:
        return found.products[0]
    for product in found.products:
        if product.name == name:
            return product
    raise RefusedInput(f"{provenance.source} has no product {name!r}, as {provenance.key} claims to be of")


def verify(content: bytes, provenance: Provenance) -> Verdict:
    """Let ``content`` pass the gates of its product; see :func:`product_of`."""
    return product_of(provenance).judge(content, provenance)


def group(content: bytes, provenance: Provenance) -> str:
    """What must stay on one side of a split together with an object."""
    return product_of(provenance).group(content, provenance)
