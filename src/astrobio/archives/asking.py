"""How an archive is asked: one small type for each protocol. The fetcher holds the client of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class StaticFile:
    """A file at a fixed address.

    Attributes
    ----------
    url : str
    name : str
        Under which it is kept.
    content_types : tuple of str
        Media types that it may have.
    signatures : tuple of bytes
        How it may begin.
    sha256 : str, optional
        Of a release that never changes.
    """

    url: str
    name: str
    content_types: tuple[str, ...] = ()
    signatures: tuple[bytes, ...] = ()
    sha256: str | None = None


@dataclass(frozen=True)
class StaticFiles:
    """Several files at fixed addresses."""

    files: tuple[StaticFile, ...]


@dataclass(frozen=True)
class ListedFiles:
    """Files that an index names: a directory page, or a table with one file a row.

    Attributes
    ----------
    index : str
        Address of the index.
    pattern : str
        Regular expression whose first group is a file's address or name in the index.
    base : str
        Address that relative names belong to.
    """

    index: str
    pattern: str
    base: str = ""
    content_types: tuple[str, ...] = ()
    signatures: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class TapQuery:
    """A query in ADQL to a TAP service (IVOA, Table Access Protocol 1.1).

    Attributes
    ----------
    service : str
        Base address; ``/sync`` and ``/async`` lie below.
    adql : str
        The query.
    name : str
        Under which its answer is kept.
    format : str
        ``csv`` or ``votable``.
    count : str, optional
        A query that counts the same rows; its answer is compared with what came.
    synchronous : bool
        Whether the service answers at once; else a job is made and waited for.
    most_rows : int
        ``MAXREC``: as many rows are asked for; an answer with so many has been cut.
    """

    service: str
    adql: str
    name: str
    format: str = "csv"
    count: str | None = None
    synchronous: bool = True
    most_rows: int = 1_000_000


@dataclass(frozen=True)
class OaiRecords:
    """Records of a set, harvested page by page (OAI-PMH 2.0).

    Attributes
    ----------
    base : str
    set : str
    prefix : str
        Metadata format.
    begin, end : str
        Of the dates to harvest, ``YYYY-MM-DD``; the end empty for now.
    """

    base: str
    set: str
    prefix: str
    begin: str = ""
    end: str = ""


@dataclass(frozen=True)
class Entries:
    """Entries by identifier, which a list names; each is one file.

    Attributes
    ----------
    listing : str
        Address of the list.
    pattern : str
        Regular expression whose first group is an identifier in the list.
    entry : str
        Address of an entry, ``{id}`` standing for its identifier.
    name : str
        Under which it is kept, in the same way.
    """

    listing: str
    pattern: str
    entry: str
    name: str
    content_types: tuple[str, ...] = ()
    signatures: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Pages:
    """A REST service that hands out its answer page by page.

    Attributes
    ----------
    first : str
        Address of the first page.
    name : str
        Under which page ``{page}`` is kept.
    follow : str
        Where the address of the next page is: ``link`` for the Link header (RFC 8288), ``offset`` for a parameter
        that counts on.
    total_header : str
        Header that says how many results there are; empty where none does.
    parameter, step : str, int
        The parameter that counts, and by how much a page.
    headers : mapping
        Sent with every request.
    """

    first: str
    name: str
    follow: str = "link"
    total_header: str = ""
    parameter: str = ""
    step: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


Ask = StaticFile | StaticFiles | ListedFiles | TapQuery | OaiRecords | Entries | Pages
