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

    Each is kept under the last part of its address.

    Attributes
    ----------
    index : str
        Address of the index.
    pattern : str
        Regular expression whose first group is a file's address or name in the index.
    base : str
        Address that relative names belong to; the index's unless given.
    most : int
        More files than that are not asked for: the index is not what it was.
    """

    index: str
    pattern: str
    base: str = ""
    content_types: tuple[str, ...] = ()
    signatures: tuple[bytes, ...] = ()
    most: int = 10_000


@dataclass(frozen=True)
class PublicObjects:
    """Objects of a public bucket, as its listing names them (Amazon S3, ListObjectsV2, without a signature).

    Each is kept under the last part of its key.

    Attributes
    ----------
    bucket : str
        Address of the bucket.
    prefix : str
        How the keys begin.
    pattern : str
        Regular expression that a key matches as a whole.
    most : int
        More objects than that are not asked for.
    """

    bucket: str
    prefix: str
    pattern: str = ".*"
    content_types: tuple[str, ...] = ()
    signatures: tuple[bytes, ...] = ()
    most: int = 10_000


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
    longest : float
        How long a job is waited for, in s.
    """

    service: str
    adql: str
    name: str
    format: str = "csv"
    count: str | None = None
    synchronous: bool = True
    most_rows: int = 1_000_000
    longest: float = 7200.0


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
    most_pages : int
        A harvest of more pages is given up.
    """

    base: str
    set: str
    prefix: str
    begin: str = ""
    end: str = ""
    most_pages: int = 10_000


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
    most : int
        More entries than that are not asked for.
    """

    listing: str
    pattern: str
    entry: str
    name: str
    content_types: tuple[str, ...] = ()
    signatures: tuple[bytes, ...] = ()
    most: int = 10_000


@dataclass(frozen=True)
class Pages:
    """A REST service that hands out its answer page by page.

    Attributes
    ----------
    first : str
        Address of the first page.
    name : str
        Under which page ``{page}`` is kept, ``{page:04d}`` with zeros before it.
    follow : str
        Where the address of the next page is: ``link`` for the Link header (RFC 8288), ``offset`` for a parameter
        that counts on.
    total_header : str
        Header that says how many results there are; empty where none does.
    total_field : str
        The same in a JSON body, as ``response.numFound``.
    items : str
        What is counted on a page: ``lines`` for those below a header line, else where a JSON body has its list, as
        ``response.docs``; empty where nothing is compared.
    parameter, step : str, int
        The parameter that counts, and by how much a page.
    headers : mapping
        Sent with every request.
    most_pages : int
        An answer of more pages is given up.
    """

    first: str
    name: str
    follow: str = "link"
    total_header: str = ""
    total_field: str = ""
    items: str = ""
    parameter: str = ""
    step: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    content_types: tuple[str, ...] = ()
    most_pages: int = 10_000


@dataclass(frozen=True)
class MastProducts:
    """Files of observations at MAST, which its API lists (https://mast.stsci.edu/api/v0/).

    Attributes
    ----------
    service : str
        Address of the API, ``.../invoke``.
    download : str
        Address of a file, ``{uri}`` standing for its ``dataURI``.
    filters : tuple of (str, tuple of str)
        Columns of the observations, and the values that they may have.
    pattern : str
        Regular expression that a product's file name matches as a whole.
    together : int
        Observations whose products are asked for at once.
    most : int
        More files than that are not asked for.
    """

    service: str
    download: str
    filters: tuple[tuple[str, tuple[str, ...]], ...]
    pattern: str
    content_types: tuple[str, ...] = ()
    signatures: tuple[bytes, ...] = ()
    together: int = 50
    most: int = 20_000


Ask = StaticFile | StaticFiles | ListedFiles | PublicObjects | TapQuery | OaiRecords | Entries | Pages | MastProducts


def address(ask: Ask) -> str:
    """Where an archive is asked first; its credentials belong to this host only.

    >>> address(Entries("https://rest.kegg.jp/list/pathway", "", "", ""))
    'https://rest.kegg.jp/list/pathway'
    """
    match ask:
        case StaticFile():
            return ask.url
        case StaticFiles():
            return ask.files[0].url
        case ListedFiles():
            return ask.index
        case PublicObjects():
            return ask.bucket
        case TapQuery() | MastProducts():
            return ask.service
        case OaiRecords():
            return ask.base
        case Entries():
            return ask.listing
        case Pages():
            return ask.first


def is_single(ask: Ask | None) -> bool:
    """Whether the answer is one file, so that every further file is another release of it.

    >>> is_single(TapQuery("https://gea.esac.esa.int/tap-server/tap", "select 1", "one.csv"))
    True
    """
    return isinstance(ask, StaticFile | TapQuery)
