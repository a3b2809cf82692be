"""What is said of a source, in words, the same in commands and documentation; and what citing sources takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, MethodType
from typing import Any

from astrobio.archives import asking
from astrobio.archives.asking import Ask, address
from astrobio.archives.citing import Citation
from astrobio.archives.genuine import verified_on_genuine_bytes
from astrobio.archives.source import Product, Source
from astrobio.core.errors import UsageError
from astrobio.formats.schema import Column

NOT_RUN = "not yet run"
SEPARATED_BY_TABS = "\t"
PROTOCOLS: dict[type, str] = {
    asking.StaticFile: "one file by HTTP",
    asking.StaticFiles: "files by HTTP",
    asking.ListedFiles: "files that an index names, by HTTP",
    asking.PublicObjects: "objects of a public bucket (Amazon S3), by HTTP",
    asking.TapQuery: "a query to a TAP service",
    asking.OaiRecords: "a harvest by OAI-PMH",
    asking.Entries: "entries that a list names, by HTTP",
    asking.Pages: "pages of a REST service",
    asking.MastProducts: "files that MAST's API lists",
}

READERS = {
    "planet_runs.verify_planet_run": "safetensors",
    "spectra_ipac.read_ipac_spectrum": "IPAC table",
    "spectra_text.read_text_spectrum": "text in columns",
    "spectra_fits.read_spex": "FITS, one image of three rows: wavelength, flux, error",
    "spectra_fits.read_x1d": "FITS, binary tables",
    "climate.read_climate": "NetCDF",
    "exoplasim.read_run": "JSON",
    "thousandworlds.thousandworlds_gates": "a packed tar (gzip) of CSV and of npz, 32 x 64 points a field",
    "papers.read_abstracts": "JSON lines, packed by gzip",
    "oai.read_oai": "XML, OAI-PMH 2.0",
    "exomol.read_master": "JSON",
    "sbml.read_sbml": "SBML level 3 with the package fbc; packed by gzip or not",
    "model_key.read_model_key": "Markdown, a table",
    "kgml.read_kgml": "KGML, XML",
    "open_exoplanet_catalogue.read": "a packed tar (gzip) of XML",
}
"""What reads a file, and the format that it reads."""
TABLES = {
    "TableFormat": "", "AssemblySummary": ", under comment lines", "PackedTable": ", packed by gzip or not",
    "JsonTable": "JSON",
}  # fmt: skip


def verified(source: Source) -> str:
    """Whether its declaration was tried on genuine bytes: when, on how many files, and the digest of the first.

    >>> from astrobio.archives.registry import source
    >>> verified(source("gaia")), verified(source("planet_runs"))
    ('not yet run', 'made here, by VPLanet POISE')
    """
    files = verified_on_genuine_bytes(source.name)
    if source.simulator:
        return f"made here, by {source.simulator}"
    if not files:
        return NOT_RUN
    noun = "file" if len(files) == 1 else "files"
    return f"{max(file.verified for file in files)}, {len(files)} {noun}, {files[0].sha256[:12]}"


def tried(source: Source, product: Product) -> str:
    """The same of one product.

    >>> from astrobio.archives.registry import source
    >>> arxiv = source("arxiv")
    >>> [tried(arxiv, product) for product in arxiv.products]
    ['1 file', 'not yet run']
    """
    if source.simulator:
        return "made here"
    count = sum(file.product == product.name for file in verified_on_genuine_bytes(source.name))
    return f"{count} file{'s' if count > 1 else ''}" if count else NOT_RUN


def asked_by(ask: Ask | None) -> str:
    """The protocol, in words.

    >>> asked_by(None)
    'imported only'
    """
    if ask is None:
        return "imported only"
    if isinstance(ask, asking.TapQuery):
        return f"{PROTOCOLS[asking.TapQuery]}, {'at once' if ask.synchronous else 'as a job'}"
    return PROTOCOLS[type(ask)]


def endpoint(ask: Ask | None) -> str:
    """Where it is asked first; empty where nothing is asked."""
    return address(ask) if ask is not None else ""


def size(count: int) -> str:
    """About how many bytes, for people.

    >>> size(0), size(20_000), size(1_300_000), size(91_000_000)
    ('not known', '0.02 MB', '1.3 MB', '91 MB')
    """
    if not count:
        return "not known"
    megabytes = count / 1e6
    return f"{megabytes:,.0f} MB" if megabytes >= 10 else f"{megabytes:.2g} MB"


def expected(product: Product) -> str:
    """What a whole product holds at least.

    >>> from astrobio.archives.registry import source
    >>> expected(source("kegg").product("pathways"))
    '500 pathways'
    """
    return f"{product.least:,} {product.counted}"


def requests(source: Source) -> str:
    """How its hosts are asked.

    >>> from astrobio.archives.registry import source
    >>> requests(source("arxiv"))
    'one at a time, at least 3 s apart'
    """
    if not any(product.ask for product in source.products):
        return "none"
    many = "one at a time" if source.connections == 1 else f"at most {source.connections} at once"
    apart = f", at least {source.interval:g} s apart" if source.interval else ""
    return f"{many}{apart}"


def token(source: Source) -> str:
    """The environment variable that holds a user's token, and whether it must."""
    if source.token is None:
        return "none"
    return f"{source.token}, {'needed' if source.token_needed else 'for what is not public'}"


def allowed(source: Source) -> str:
    """What its licence lets one do, in a line.

    >>> from astrobio.archives.registry import source
    >>> allowed(source("gtdb"))
    'may be passed on; what is derived carries the same licence'
    """
    licence = source.licence
    said = ["may be passed on" if licence.redistributable else "may not be passed on, as far as is known"]
    said += ["what is derived carries the same licence"] if licence.share_alike else []
    said += ["academic or scientific use only"] if licence.academic_only else []
    return "; ".join(said)


def columns(product: Product) -> tuple[Column, ...]:
    """Its columns, where it is a table."""
    return product.table.schema.columns if product.table is not None else ()


def commands(source: Source) -> list[str]:
    """The commands for it, in the order in which they are needed."""
    asked = [product for product in source.products if product.ask is not None]
    terms = f" --accept-terms {source.name}" if source.licence.to_accept else ""
    found = [f"astrobio sources {source.name}"]
    if any(product.default for product in asked):
        found.append(f"astrobio fetch {source.name}{terms}")
    found += [f"astrobio fetch {source.name}/{product.name}{terms}" for product in asked if not product.default]
    several = len(source.products) > 1
    if any(product.isolated for product in source.products):
        found += [f"astrobio import {source.name} FILE{f' --product {product.name}' if several else ''}"
                  for product in source.products]  # fmt: skip
    return found


def written(product: Product) -> str:
    """The format of its files.

    >>> from astrobio.archives.registry import source
    >>> written(source("rhea").product("ec")), written(source("cmip").product("monthly"))
    ('tab-separated text', 'NetCDF')
    """
    for reader in judged_by(product):
        if reader in READERS:
            return READERS[reader]
    table = product.table
    if table is None:
        return "not told"
    how = TABLES[type(table).__name__]
    if how == "JSON":
        return how
    return f"{'tab' if table.dialect.separator == SEPARATED_BY_TABS else 'comma'}-separated text{how}"


def judged_by(product: Product) -> set[str]:
    """The functions that judge its bytes, as ``spectra.check_star``: module and name.

    They are found by following what each gate was made of.

    >>> from astrobio.archives.registry import source
    >>> sorted(judged_by(source("exomol").product("master")))
    ['exomol.read_master', 'gates.gates', 'line_lists.check_master']
    """
    return {f"{one.__module__.rpartition('.')[2]}.{one.__qualname__.partition('.<locals>')[0]}"
            for one in _made_of(product.gates, set())}  # fmt: skip


def _made_of(one: Any, seen: set[int]) -> Iterator[FunctionType]:
    """A function, and those that its closure holds."""
    if isinstance(one, tuple | list):
        for part in one:
            yield from _made_of(part, seen)
    function: Callable[..., Any] = one.__func__ if isinstance(one, MethodType) else one
    if not isinstance(function, FunctionType) or id(function) in seen:
        return
    seen.add(id(function))
    yield function
    for cell in function.__closure__ or ():
        yield from _made_of(cell.cell_contents, seen)


def bibtex(sources: Iterable[Source]) -> str:
    """The works that sources ask to be cited with, each once, in the order of their keys.

    Parameters
    ----------
    sources : iterable of Source

    Returns
    -------
    str
        A BibTeX file, in ASCII; empty where there is nothing to cite.

    Raises
    ------
    UsageError
        If two works have one key.

    >>> from astrobio.archives.registry import source
    >>> bibtex([source("kegg")]).splitlines()[0]
    '@article{Kanehisa2000,'
    """
    found: dict[str, Citation] = {}
    for one in sources:
        for citation in one.citations:
            if found.setdefault(citation.key, citation) != citation:
                raise UsageError(f"two works have the key {citation.key}", fix=f"rename that of {one.name}")
    return "\n\n".join(found[key].bibtex for key in sorted(found)) + "\n" if found else ""


def acknowledgements(sources: Iterable[Source]) -> dict[str, str]:
    """The sentences that archives ask a publication to carry, by the archive's title; those that ask for none left out.

    >>> from astrobio.archives.registry import source
    >>> acknowledgements([source("arxiv"), source("rhea")])
    {'arXiv abstracts': 'Thank you to arXiv for use of its open access interoperability.'}
    """
    return {one.title: one.acknowledgement for one in sources if one.acknowledgement}
